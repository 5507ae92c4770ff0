"""The shortcuts on a message: it is added to an incident's timeline, or an incident is declared from it.

The note is the one that 📌 makes: one message, one note, which stands as long as one full member holds it up. Whoever
adds it by the shortcut holds it up until they retract it there; their 📌 is the same hold. A form that arrives twice
counts once. It refuses to ask Slack: a shortcut brings the message along.
"""

from __future__ import annotations

from functools import partial

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.incident import Incident, here_first
from bot.domain.note import Brought, Note, Noting
from bot.domain.severity import Severity
from bot.policy import approvers as approver_policy
from bot.storage import incidents, notes
from bot.storage.db import Lane, Tx
from bot.workflow import pinning, requests
from bot.workflow.context import Context

ASKED = "add a message to a timeline"
RETRACTING = "retract a message from a timeline"
UNDO = "“Add to incident timeline” on it again retracts it."
NONE_OPEN = "A message is added to an incident's timeline, and no incident is open. Nothing was noted."
NOT_HELD = "You don't hold that message in a timeline any more, so nothing was retracted."


async def look(ctx: Context, principal: Principal, brought: Brought) -> Noting | Answer:
    """What the form offers for a message; an answer where nothing can be noted, which is audited."""
    return await ctx.store.transact(_look, ctx, principal, brought, lane=Lane.PRESS)


def _look(tx: Tx, ctx: Context, principal: Principal, brought: Brought) -> Noting | Answer:
    if refusal := _refusal(tx, ctx, principal, brought):
        return refusal
    known = notes.standing(tx, brought.channel, brought.ts)
    if known is not None:
        mine = notes.holds(tx, brought.channel, brought.ts, principal.id) == known.id
        return Noting((incidents.get(tx, known.incident_id),), likely=True, standing=known.incident_id, mine=mine)
    found = here_first(incidents.list_open(tx, pinning.COUNTED), brought.channel)
    number = pinning.told_by(tx, brought.channel, brought.seen.thread_ts)
    if number:
        others = [one for one in found if one.id != number]
        return Noting((incidents.get(tx, number), *others), likely=True)
    if not found:
        return requests.refuse(tx, ctx, principal, ASKED, NONE_OPEN)
    return Noting(tuple(found), likely=sum(one.channel == brought.channel for one in found) == 1)


def _refusal(tx: Tx, ctx: Context, principal: Principal, brought: Brought) -> Answer | None:
    """Why this person, or this message, is refused; audited."""
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return requests.refuse(tx, ctx, principal, ASKED, outsider.sentence)
    about = pinning.told_by(tx, brought.channel, brought.ts)
    if brought.seen.own or about:
        return requests.refuse(tx, ctx, principal, ASKED, pinning.OUR_OWN, about)
    return None


async def note(ctx: Context, principal: Principal, incident_id: int, brought: Brought) -> Answer:
    """The form was sent: the message stands in that incident's timeline, and this person holds it up."""
    return await ctx.store.transact(_note, ctx, principal, incident_id, brought, lane=Lane.PRESS)


def _note(tx: Tx, ctx: Context, principal: Principal, incident_id: int, brought: Brought) -> Answer:
    if refusal := _refusal(tx, ctx, principal, brought):
        return refusal
    incident = incidents.get(tx, incident_id)
    known = notes.standing(tx, brought.channel, brought.ts)
    if known is not None and known.incident_id != incident_id:
        text = (
            f"The message is in the timeline of INC-{known.incident_id}. Retract it there first, to note it elsewhere."
        )
        return requests.refuse(tx, ctx, principal, ASKED, text, incident_id)
    pin, news = notes.asked(tx, brought, principal.id, ctx.clock())
    if not news:
        return _as_it_is(incident, known)
    if known is None:
        return pinning.add(tx, incident, pin, principal, brought.seen, ctx.clock(), UNDO)
    notes.hold(tx, pin.id, known.id)
    text = f"The message is in the timeline of {incident.ref}; it stays there until nobody holds it there. {UNDO}"
    return Answer(text, incident_id=incident.id)


def _as_it_is(incident: Incident, known: Note | None) -> Answer:
    """For a form that came twice: what the first one did stands, or was taken back since."""
    text = f"Noted in the timeline of {incident.ref}. {UNDO}" if known else "The message was retracted meanwhile."
    return Answer(text, incident_id=incident.id)


async def retract(ctx: Context, principal: Principal, brought: Brought) -> Answer:
    """This person holds the message up no longer; without anybody who does it is out of the timeline."""
    return await ctx.store.transact(_retract, ctx, principal, brought, lane=Lane.PRESS)


def _retract(tx: Tx, ctx: Context, principal: Principal, brought: Brought) -> Answer:
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return requests.refuse(tx, ctx, principal, RETRACTING, outsider.sentence)
    pin, news = notes.asked(tx, brought, principal.id, ctx.clock())
    if not news:
        return Answer("Retracted; the audit keeps that it stood there.")
    if not pin.note_id:
        return requests.refuse(tx, ctx, principal, RETRACTING, NOT_HELD)
    return pinning.let_go(tx, pin, principal, ctx.clock())


async def declare(
    ctx: Context,
    principal: Principal,
    title: str,
    severity: Severity,
    namespace: str,
    service: str,
    brought: Brought,
) -> Answer:
    """An incident declared from a message, which is noted in its timeline in the same transaction."""
    noting = partial(_with_it, ctx=ctx, principal=principal, brought=brought)
    return await requests.declare(ctx, principal, title, severity, namespace, service, brought.form, noting)


def _with_it(tx: Tx, incident: Incident, *, ctx: Context, principal: Principal, brought: Brought) -> str:
    """Notes the message; a sentence about it."""
    if brought.seen.own or pinning.told_by(tx, brought.channel, brought.ts):
        return "The message is Fettle's own, so it wasn't noted."
    known = notes.standing(tx, brought.channel, brought.ts)
    if known is not None:
        return f"The message stays in the timeline of INC-{known.incident_id}."
    pin, _ = notes.asked(tx, brought, principal.id, ctx.clock())
    pinning.add(tx, incident, pin, principal, brought.seen, ctx.clock(), UNDO)
    return "The message is noted in its timeline."
