"""📌 on a message notes it in an incident's timeline, and taking it off retracts it; the audit keeps both.

An event only says that there is something to look at: it is kept before Slack is told that it arrived, and what counts
is the message as Slack shows it afterwards. So it doesn't matter how often an event comes, or in which order. One
message is one note, which stands as long as one full member holds it up, by 📌 or by the shortcut (``noting``). It
refuses to ask Slack: ``commands`` does, and hands in what it saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.incident import Incident
from bot.domain.note import Note, Pin, PinNews, Seen
from bot.domain.owed import DueWork, MessageKind, Stage
from bot.policy import approvers as approver_policy
from bot.storage import due, incidents, notes, outbox, people
from bot.storage.db import Lane, Tx
from bot.workflow import requests
from bot.workflow.context import Context

OF_INCIDENT = frozenset({MessageKind.CARD, MessageKind.EVIDENCE, MessageKind.THREAD})
"""Fettle's messages that are about one incident; a reply below them is, too."""
COUNTED = 500
"""Open incidents that are looked at for one of this channel."""
ASKED_AGAIN = timedelta(minutes=2)
"""Until whoever wasn't asked, because the process ended first, is asked anew."""
ASKED = "note a message by 📌"
TAKEN_OFF = "take 📌 off a message"
NONE_OPEN = "📌 notes a message in an incident's timeline, and no incident is open. Nothing was noted."
OUR_OWN = "This message is Fettle's own: what it tells is in the timeline already. Nothing was noted."
UNPINNING = "Taking 📌 off retracts it."
GONE = "You took 📌 off that message meanwhile, so nothing was noted."


async def heard(ctx: Context, news: PinNews) -> None:
    """Keeps one event; whoever calls acknowledges it to Slack afterwards, and not at all if this raises."""
    await ctx.store.transact(_heard, ctx, news, lane=Lane.PRESS)


def _heard(tx: Tx, ctx: Context, news: PinNews) -> None:
    now = ctx.clock()
    person = people.person_for(tx, news.slack_id, "", now)
    number = notes.heard(tx, news, person, now)
    if number:
        due.owe(tx, Stage.PIN, number, now)


async def put_off(ctx: Context, work: DueWork, wait: float, error: str) -> None:
    """Slack can't be asked now; it is looked at again after ``wait`` seconds."""
    again = ctx.clock() + timedelta(seconds=wait)
    await ctx.store.transact(due.later, work, again, error=error[:500])


async def settle(ctx: Context, work: DueWork, principal: Principal, seen: Seen) -> Answer | None:
    """What becomes of a pin that was looked at; None where nobody has to be told anything."""
    return await ctx.store.transact(_settle, ctx, work, principal, seen, lane=Lane.PRESS)


def _settle(tx: Tx, ctx: Context, work: DueWork, principal: Principal, seen: Seen) -> Answer | None:
    if not due.done(tx, work):
        return None  # heard of again meanwhile, or another process has it: the later look counts
    pin = notes.pin(tx, work.subject)
    if seen.on == bool(pin.note_id):
        return None  # as it is already: told again, or put on and taken off at once
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        why = outsider.sentence if principal.slack_id else seen.problem or outsider.sentence
        return requests.refuse(tx, ctx, principal, ASKED if seen.on else TAKEN_OFF, why)
    return _on(tx, ctx, pin, principal, seen) if seen.on else let_go(tx, pin, principal, ctx.clock())


def _on(tx: Tx, ctx: Context, pin: Pin, principal: Principal, seen: Seen) -> Answer:
    known = notes.standing(tx, pin.channel, pin.ts)
    if known is not None:
        return _join(tx, pin, known)
    if seen.problem:
        return requests.refuse(tx, ctx, principal, ASKED, seen.problem)
    about = told_by(tx, pin.channel, pin.ts)
    if seen.own or about:
        return requests.refuse(tx, ctx, principal, ASKED, OUR_OWN, about)
    number = told_by(tx, pin.channel, seen.thread_ts)
    if number:
        return add(tx, incidents.get(tx, number), pin, principal, seen, ctx.clock())
    found = incidents.list_open(tx, COUNTED)
    here = [one for one in found if one.channel == pin.channel]
    if len(here) == 1:
        return add(tx, here[0], pin, principal, seen, ctx.clock())
    if not found:
        return requests.refuse(tx, ctx, principal, ASKED, NONE_OPEN)
    due.owe(tx, Stage.PIN, pin.id, ctx.clock() + ASKED_AGAIN)
    return Answer("In which incident's timeline shall the message be noted?", asks_incident=pin.id)


async def asked(ctx: Context, pin_id: int) -> None:
    """Whoever pinned was asked which incident is meant: the question isn't owed any more."""
    await ctx.store.transact(due.spare, Stage.PIN, pin_id, ctx.clock())


def told_by(tx: Tx, channel: str, ts: str) -> int:
    """The incident that a message of Fettle's is about, 0 for none."""
    row = outbox.by_message(tx, channel, ts) if ts else None
    return row.subject if row is not None and row.kind in OF_INCIDENT else 0


async def choose(ctx: Context, pin_id: int, incident_id: int, principal: Principal, seen: Seen) -> Answer:
    """The person said which incident is meant."""
    return await ctx.store.transact(_choose, ctx, pin_id, incident_id, principal, seen, lane=Lane.PRESS)


def _choose(tx: Tx, ctx: Context, pin_id: int, incident_id: int, principal: Principal, seen: Seen) -> Answer:
    pin, incident = notes.pin(tx, pin_id), incidents.get(tx, incident_id)
    outsider = approver_policy.identity(principal)
    known = notes.standing(tx, pin.channel, pin.ts)
    reasons = (
        (not outsider.allowed, outsider.sentence),
        (pin.person != principal.id, "Only whoever put 📌 on the message chooses its incident."),
        (bool(seen.problem), seen.problem),
        (not seen.on, GONE),
        (known is not None and known.incident_id != incident.id, _elsewhere(known)),
    )
    against = next((said for applies, said in reasons if applies), "")
    if against:
        return requests.refuse(tx, ctx, principal, ASKED, against, incident.id)
    # Between the look and now 📌 may have gone, which settled nothing then: the message is looked at once more.
    due.owe(tx, Stage.PIN, pin.id, ctx.clock())
    if known is not None:
        return _join(tx, pin, known)
    return add(tx, incident, pin, principal, seen, ctx.clock())


def _elsewhere(known: Note | None) -> str:
    number = known.incident_id if known is not None else 0
    return f"The message is in the timeline of INC-{number}. Take 📌 off it first, to note it elsewhere."


def _join(tx: Tx, pin: Pin, known: Note) -> Answer:
    notes.hold(tx, pin.id, known.id)
    text = f"The message is in the timeline of INC-{known.incident_id}; it stays there until nobody holds it there."
    return Answer(text, incident_id=known.incident_id)


def add(
    tx: Tx, incident: Incident, pin: Pin, principal: Principal, seen: Seen, now: datetime, undo: str = UNPINNING
) -> Answer:
    """A new note that this person holds up; ``undo`` says how they take it back."""
    author = people.person_for(tx, seen.author, "", now) if seen.author else ""
    note = notes.add(
        tx, incident.id, pin, link=seen.link, text=seen.text, author=author, noted_by=principal.id, now=now
    )
    _entry(tx, "incident:note:added", note, principal, now, {"text": seen.text, "link": seen.link, "author": author})
    return Answer(f"Noted in the timeline of {incident.ref}. {undo}", incident_id=incident.id)


def let_go(tx: Tx, pin: Pin, principal: Principal, now: datetime) -> Answer:
    """This person holds the note up no longer; without anybody who does it is retracted."""
    note = notes.get(tx, pin.note_id)
    notes.hold(tx, pin.id, 0)
    if notes.held(tx, note.id):
        text = f"The message stays in the timeline of INC-{note.incident_id}: somebody else holds it there."
        return Answer(text, incident_id=note.incident_id)
    notes.retract(tx, note.id, principal.id, now)
    _entry(tx, "incident:note:retracted", replace(note, retracted_at=now), principal, now, {"link": note.link})
    text = f"Retracted from the timeline of INC-{note.incident_id}; the audit keeps that it stood there."
    return Answer(text, incident_id=note.incident_id)


def _entry(tx: Tx, tag: str, note: Note, principal: Principal, now: datetime, detail: Mapping[str, Any]) -> None:
    outcome = "retracted" if note.retracted_at else "noted"
    tx.audit(AuditNote(tag, principal.id, f"note:{note.id}", outcome, note.incident_id, dict(detail)), now)
