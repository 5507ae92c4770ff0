"""What the store owes: work for a stage, and messages for Slack. Rows are claimed with a lease and an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Stage(StrEnum):
    """Which worker a due row is for; ``subject`` is the row's id there."""

    INVESTIGATE = "investigate"  # incident
    PROPOSE = "propose"  # incident
    EXECUTE = "execute"  # execution
    RECOVER = "recover"  # execution: read back what a dead process left running
    VERIFY = "verify"  # verification
    EXPIRE = "expire"  # proposal
    NUDGE = "nudge"  # proposal: its approvers are reminded before it expires
    REVERT = "revert"  # execution: what was meant for a while is offered back
    ACT_ALONE = "act_alone"  # proposal: its playbook lets Fettle do it without an approval
    PAGE = "page"  # incident: the pager is told how it stands
    WAKE = "wake"  # incident: quiet hours are over
    SILENCE = "silence"  # silence: set, looked at, ended
    PIN = "pin"  # pin: somebody put 📌 on a message or took it off; the message is looked at in Slack
    LOOK_BACK = "look_back"  # incident: it ended; what people did since the first proposal


@dataclass(frozen=True)
class DueWork:
    """One claimed row. ``epoch`` guards the finish: a row claimed again meanwhile can't be finished by the first."""

    id: int
    stage: Stage
    subject: int
    due_at: datetime
    attempts: int
    epoch: int
    params: Mapping[str, Any] = field(default_factory=dict)


class MessageKind(StrEnum):
    """What is owed to Slack. The body is rendered at delivery from current state; rows hold ids alone."""

    CARD = "card"  # subject: incident; posted once, then edited
    EVIDENCE = "evidence"  # subject: incident; the one evidence message of the thread, edited
    THREAD = "thread"  # subject: incident; a new thread message, params: {"text": ..., "broadcast": bool}
    DIGEST = "digest"  # subject: digest id; the channel's one digest message
    EPHEMERAL = "ephemeral"  # subject: incident or 0; params: {"user":..., "text":...}
    CHART = "chart"  # subject: incident; its charts in the thread, once an episode
    FILE = "file"  # subject: incident; a file in the thread, once; params: {"what": maker, "title": ...}
    POINTER = "pointer"  # subject: incident; one line in another channel, once the card stands
    STATUS = "status"  # a channel-level notice, such as delivery delayed


class Priority(StrEnum):
    """Order in a channel (definitions, "Slack's budget"); stored as its position.

    ``THREAD`` is what nobody waits for: notes, evidence, and edits of a card that only count further.
    """

    PRESS = "press"
    EXECUTION = "execution"
    NEW_CARD = "new_card"
    DIGEST = "digest"
    THREAD = "thread"

    @property
    def rank(self) -> int:
        """0 is first."""
        return _RANKS[self]


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True)
class OutboxRow:
    """One claimed message. ``key`` goes into the message's metadata, so that a second try can find the first.

    ``version`` is the version owed when claimed: an edit owed meanwhile keeps the row due.
    ``posted_ts`` is set when the message exists and this is an edit.
    """

    id: int
    kind: MessageKind
    subject: int
    channel: str
    key: str
    priority: Priority
    owed_at: datetime
    attempts: int
    epoch: int
    version: int
    posted_channel: str = ""
    posted_ts: str = ""
    thread_key: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    uncertain: bool = False
    """An earlier try left without an answer: look for the key before posting."""
