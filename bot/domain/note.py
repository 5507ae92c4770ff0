"""Notes in an incident's timeline, and the 📌 that puts a message there.

A note is a message that somebody pinned, or added by the shortcut: it stands as long as one full member holds it up,
and is marked as retracted afterwards, never deleted. This module refuses to know how Slack tells of a reaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.incident import Incident

PUSHPIN = "pushpin"
"""The reaction's name at Slack; no other one means anything."""


@dataclass(frozen=True)
class PinNews:
    """One event of Slack's: somebody put 📌 on a message or took it off. The same ``event_id`` may come again."""

    event_id: str
    channel: str
    ts: str
    slack_id: str
    on: bool


@dataclass(frozen=True)
class Pin:
    """One person's hold on one message; ``on`` is their 📌 as last heard, ``note_id`` the note held up, 0 for none.

    Whoever added it by the shortcut holds it up without 📌; taking 📌 off and *Retract* both end the one hold.
    ``slack_id`` is empty once the person was erased.
    """

    id: int
    channel: str
    ts: str
    person: str
    slack_id: str
    on: bool
    note_id: int
    heard_at: datetime


@dataclass(frozen=True)
class Seen:
    """What Slack says of a pinned message now. ``on``: the person's 📌 is there; it counts, whatever an event said.

    ``thread_ts`` is the root of its thread, ``author`` a Slack id, ``own`` whether Fettle wrote it.
    ``problem`` is a sentence where the message couldn't be looked at; then ``on`` is what the newest event said.
    """

    on: bool
    text: str = ""
    thread_ts: str = ""
    author: str = ""
    link: str = ""
    own: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Brought:
    """A message that a shortcut brought along; ``form`` is the id of the form that was sent about it, if one was."""

    channel: str
    ts: str
    seen: Seen
    form: str = ""


@dataclass(frozen=True)
class Noting:
    """What the form *Add to incident timeline* offers for a message.

    ``standing`` is the incident in whose timeline it stands, 0 for none; ``mine``: this person holds it up there.
    ``offered`` are the incidents to choose from, the likeliest first; ``likely`` whether that one is preselected.
    """

    offered: tuple[Incident, ...] = ()
    likely: bool = False
    standing: int = 0
    mine: bool = False


@dataclass(frozen=True)
class Note:
    """One message in an incident's timeline; ``text`` is as it was when it was pinned, redacted."""

    id: int
    incident_id: int
    channel: str
    ts: str
    link: str
    text: str
    author: str
    noted_by: str
    noted_at: datetime
    retracted_at: datetime | None = None
