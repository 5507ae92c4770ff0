"""The kill switch as people turn it: by a command in Slack or at the terminal, told to the channel and on every card.

Any full member may freeze, because that takes away and gives nothing; to thaw takes an approver, a process with the
database aside. It refuses to stop what has left already and says how many that were.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.decision import Decision
from bot.domain.owed import MessageKind, Priority
from bot.policy import approvers as approver_policy
from bot.storage import freeze as switch
from bot.storage import incidents, outbox, people
from bot.storage.db import Lane, Tx
from bot.workflow import entitled, facts, owing, requests
from bot.workflow.context import Context

MOST_CARDS = 200
"""Open incidents whose cards are drawn again at once; the rest are with their next change."""


async def freeze(ctx: Context, principal: Principal, reason: str) -> Answer:
    """Turns it on, with a reason; answers how many requests were on their way."""
    return await ctx.store.transact(_freeze, ctx, principal, reason.strip(), lane=Lane.PRESS)


def _freeze(tx: Tx, ctx: Context, principal: Principal, reason: str) -> Answer:
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return requests.refuse(tx, ctx, principal, "freeze", outsider.sentence)
    if not reason:
        text = "Write why, so that whoever reads it at night knows when to thaw: /incident freeze database migration."
        return requests.refuse(tx, ctx, principal, "freeze", text)
    on, by, why, _ = switch.state(tx)
    if on:
        said = f"Writes are frozen already, by {called(tx, by)}: “{why}”. Nothing was changed."
        return requests.refuse(tx, ctx, principal, "freeze", said)
    running = turn(tx, principal.id, reason, ctx.channel, ctx.clock(), on=True)
    return Answer(f"Writes are frozen. {on_their_way(running)} An approver lifts it with /incident thaw.")


async def thaw(ctx: Context, principal: Principal) -> Answer:
    """Turns the stored switch off, by somebody of APPROVERS; says which other switch still freezes."""
    file = await ctx.freeze_file()
    return await ctx.store.transact(_thaw, ctx, principal, file, lane=Lane.PRESS)


def _thaw(tx: Tx, ctx: Context, principal: Principal, file: bool | None) -> Answer:
    may = _may_thaw(tx, ctx, principal)
    if not may.allowed:
        return requests.refuse(tx, ctx, principal, "thaw", may.sentence)
    if not switch.state(tx)[0]:
        left = facts.freeze_in(tx, ctx, file)
        text = "Writes aren't frozen by anybody here." if left.on is False else left.sentence
        return requests.refuse(tx, ctx, principal, "thaw", text)
    turn(tx, principal.id, "", ctx.channel, ctx.clock(), on=False)
    left = facts.freeze_in(tx, ctx, file)
    rest = "" if left.on is False else f" But: {left.sentence}"
    return Answer(f"Thawed: what is approved from now on is carried out again.{rest}")


def _may_thaw(tx: Tx, ctx: Context, principal: Principal) -> Decision:
    return approver_policy.may_approve(
        principal,
        tuple(ctx.settings.APPROVERS),
        entitled.groups_of(tx, ctx.clock()),
        ctx.clock(),
        requested_by="",
        action="thaw",
        self_approve=frozenset(),
        names={group: f"@{name}" for group, name in people.group_names(tx).items()},
    )


def turn(tx: Tx, actor: str, reason: str, channel: str, now: datetime, *, on: bool) -> int:
    """Sets the switch and owes the word of it: to the channel, and on the cards of what is open.

    ``channel`` is empty where it isn't known; then the cards alone say so. How many requests may be on their way.
    """
    running = switch.set_frozen(tx, on, actor, reason, now)
    found = incidents.list_open(tx, MOST_CARDS)
    owing.cards(tx, [(incident, now) for incident in found], Priority.EXECUTION)
    if channel:
        said = f"🧊 Writes are frozen by {called(tx, actor)}: “{reason}”. {on_their_way(running)}"
        thawed = f"Thawed by {called(tx, actor)}: what is approved from now on is carried out again."
        key = f"freeze:{'on' if on else 'off'}:{int(now.timestamp() * 1000)}"
        params = {"text": said if on else thawed}
        outbox.owe(tx, MessageKind.STATUS, 0, channel, Priority.EXECUTION, now, key=key, params=params)
    return running


def on_their_way(running: int) -> str:
    """How many requests had left before, for people."""
    if not running:
        return "No request was on its way."
    return f"{running} {'request' if running == 1 else 'requests'} had left before; the cards say how they end."


def called(tx: Tx, actor: str) -> str:
    """``@li`` of a principal whose name is known, else what acted: ``cli:li``."""
    return f"@{name}" if (name := people.name_of(tx, actor)) else (actor or "somebody")
