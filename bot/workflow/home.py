"""App Home of one person: read in one go, shown to nobody who isn't a living full member. It changes nothing."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.approval import Principal
from bot.domain.home import Home
from bot.policy import approvers as approver_policy
from bot.storage import freeze as switch
from bot.storage import incidents, notes, outbox, proposals, verifications
from bot.storage.db import Tx
from bot.workflow import entitled, facts, freezing, owing
from bot.workflow.context import Context

INCIDENTS, WAITING, VERDICTS = 15, 10, 5
"""How many of each are shown."""
LAST = timedelta(days=7)
"""How long a verdict is news."""
COUNTED = 500


async def home(ctx: Context, principal: Principal) -> Home:
    """What this person sees now."""
    return await ctx.store.read(_home, ctx, principal, await ctx.freeze_file())


def _home(tx: Tx, ctx: Context, principal: Principal, file: bool | None) -> Home:
    now = ctx.clock()
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return Home(now, note=outsider.sentence)
    found = incidents.list_open(tx, COUNTED)
    waiting = [one for one in proposals.pending(tx) if entitled.may_approve(tx, ctx, one, principal, now).allowed]
    given = verifications.since(tx, now - LAST)[:VERDICTS]
    on, by, reason, at = switch.state(tx)
    other = facts.freeze_in(tx, ctx, file)
    shown = {one.id: one for one in found[:INCIDENTS]}
    offered = tuple((incidents.get(tx, one.incident_id), one) for one in waiting[:WAITING])
    ended = tuple((incidents.get(tx, number), verdict, when) for number, verdict, when in given)
    ids = {*shown, *(one.id for one, _ in offered), *(one.id for one, _, _ in ended)}
    posted = {number: outbox.posted(tx, owing.card_key(number)) for number in ids}
    return Home(
        now,
        incidents=tuple(shown.values()),
        more=len(found) - len(shown),
        waiting=offered,
        verdicts=ended,
        links={number: place for number, place in posted.items() if place is not None},
        notes=notes.counts(tx, set(shown)),
        frozen=(freezing.called(tx, by), reason, at) if on else None,
        otherwise_frozen="" if on or other.on is False else other.sentence,
    )
