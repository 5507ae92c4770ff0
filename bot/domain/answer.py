"""What a workflow verb answers to the person who asked: one sentence, and rows where there is a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.verification import Check, Verdict


@dataclass(frozen=True)
class Answer:
    """``ok`` is false for a refusal; both are plain text, shown only to the person, and audited by the verb.

    ``incident_id`` is the incident that it concerns (0: none), ``proposal_id`` a proposal that can be asked for again.
    ``checks`` and ``verdict`` belong to /verify. ``asks_reason``: nothing was decided, the approval needs a reason.
    ``held`` is a proposal for which breaking the glass would override all that was against it, 0 for none.
    ``asks_incident``: nothing was done, it has to be said which incident the pin with this id is for, 0 for none.
    ``link`` works for whoever has it: it is drawn, and never logged, stored or said in ``text``.
    """

    text: str
    ok: bool = True
    incident_id: int = 0
    proposal_id: int = 0
    checks: tuple[Check, ...] = ()
    verdict: Verdict | None = None
    asks_reason: bool = False
    held: int = 0
    asks_incident: int = 0
    link: str = field(default="", repr=False)


@dataclass(frozen=True)
class TimelineRow:
    """One line of an incident's story, read from the audit. ``who`` is a display name, ``link`` a message's address.

    ``author`` is the Slack id of whoever wrote what was noted, where ``detail`` doesn't begin with their name.
    """

    at: datetime
    who: str
    what: str
    detail: str = ""
    link: str = ""
    author: str = ""
