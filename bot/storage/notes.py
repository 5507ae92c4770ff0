"""Notes in timelines and the 📌 that hold them up, as stored; a message stands in one incident's timeline at most.

This module refuses to ask Slack, and it audits nothing: the verbs that call it do.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.errors import NotFoundError
from bot.domain.note import Brought, Note, Pin, PinNews
from bot.storage import people
from bot.storage.note_tables import NoteRow, PinRow
from bot.storage.tx import Tx

REMEMBERED = 20
"""Ids of events that are kept for each pin: Slack sends one again for some minutes, and nobody pins that often."""


def heard(tx: Tx, news: PinNews, person: str, now: datetime) -> int:
    """Keeps what an event says; the pin's id, or 0 if this very event was heard before."""
    mine = (PinRow.channel == news.channel, PinRow.ts == news.ts, PinRow.person == person)
    row = tx.one(PinRow.select().where(*mine))
    if row is None:
        made = PinRow.insert(
            channel=news.channel, ts=news.ts, person=person, pinned=news.on, events=[news.event_id], heard_at=now
        )
        return int(tx.one(made.returning(PinRow)).id)
    if news.event_id in row.events:
        return 0
    events = [*row.events, news.event_id][-REMEMBERED:]
    tx.run(PinRow.update(pinned=news.on, events=events, heard_at=now).where(PinRow.id == row.id))
    return int(row.id)


def pin(tx: Tx, pin_id: int) -> Pin:
    """One pin; raises ``NotFoundError``."""
    row = tx.one(PinRow.select().where(PinRow.id == pin_id))
    if row is None:
        raise NotFoundError("Fettle doesn't know of this 📌 any more. Take it off the message and put it on again.")
    slack_id = people.slack_id_of(tx, row.person)
    return Pin(row.id, row.channel, row.ts, row.person, slack_id, row.pinned, row.note_id, row.heard_at)


def asked(tx: Tx, brought: Brought, person: str, now: datetime) -> tuple[Pin, bool]:
    """One person's hold on a message, for a form that they sent about it; whether this very form is news.

    The ids of forms stand beside those of events, so that one that arrives twice counts once.
    """
    mine = (PinRow.channel == brought.channel, PinRow.ts == brought.ts, PinRow.person == person)
    row = tx.one(PinRow.select().where(*mine))
    if row is None:
        made = PinRow.insert(
            channel=brought.channel, ts=brought.ts, person=person, pinned=False, events=[brought.form], heard_at=now
        )
        return pin(tx, int(tx.one(made.returning(PinRow)).id)), True
    if brought.form in row.events:
        return pin(tx, row.id), False
    events = [*row.events, brought.form][-REMEMBERED:]
    tx.run(PinRow.update(events=events, heard_at=now).where(PinRow.id == row.id))
    return pin(tx, row.id), True


def holds(tx: Tx, channel: str, ts: str, person: str) -> int:
    """The note that this person holds up on a message, 0 for none."""
    mine = (PinRow.channel == channel, PinRow.ts == ts, PinRow.person == person)
    row = tx.one(PinRow.select(PinRow.note_id).where(*mine))
    return int(row.note_id) if row is not None else 0


def hold(tx: Tx, pin_id: int, note_id: int) -> None:
    """From now on this pin holds the note up; 0: it holds none."""
    tx.run(PinRow.update(note_id=note_id).where(PinRow.id == pin_id))


def held(tx: Tx, note_id: int) -> bool:
    """Whether a pin holds the note up."""
    return tx.one(PinRow.select(PinRow.id).where(PinRow.note_id == note_id).limit(1)) is not None


def add(
    tx: Tx, incident_id: int, pinned: Pin, *, link: str, text: str, author: str, noted_by: str, now: datetime
) -> Note:
    """A new note that this pin holds up."""
    made = NoteRow.insert(
        incident_id=incident_id, channel=pinned.channel, ts=pinned.ts, link=link, text=text, author=author,
        noted_by=noted_by, noted_at=now,
    )  # fmt: skip
    note = _note(tx.one(made.returning(NoteRow)))
    hold(tx, pinned.id, note.id)
    return note


def get(tx: Tx, note_id: int) -> Note:
    """One note; raises ``NotFoundError``."""
    row = tx.one(NoteRow.select().where(NoteRow.id == note_id))
    if row is None:
        raise NotFoundError(f"There is no note {note_id}.")
    return _note(row)


def standing(tx: Tx, channel: str, ts: str) -> Note | None:
    """The note of a message that isn't retracted."""
    where = (NoteRow.channel == channel, NoteRow.ts == ts, NoteRow.retracted_at.is_null())
    row = tx.one(NoteRow.select().where(*where))
    return _note(row) if row is not None else None


def retract(tx: Tx, note_id: int, principal: str, now: datetime) -> None:
    """The note is out of the timeline; its row stays."""
    standing_one = (NoteRow.id == note_id, NoteRow.retracted_at.is_null())
    tx.run(NoteRow.update(retracted_by=principal, retracted_at=now).where(*standing_one))


def counts(tx: Tx, incident_ids: set[int]) -> dict[int, int]:
    """Incident to its notes that stand; those without any are left out."""
    where = (NoteRow.incident_id.in_(sorted(incident_ids)), NoteRow.retracted_at.is_null())
    found: dict[int, int] = {}
    for row in tx.all(NoteRow.select(NoteRow.incident_id).where(*where)):
        found[row.incident_id] = found.get(row.incident_id, 0) + 1
    return found


def _note(row: NoteRow) -> Note:
    return Note(
        id=row.id, incident_id=row.incident_id, channel=row.channel, ts=row.ts, link=row.link, text=row.text,
        author=row.author, noted_by=row.noted_by, noted_at=row.noted_at, retracted_at=row.retracted_at,
    )  # fmt: skip
