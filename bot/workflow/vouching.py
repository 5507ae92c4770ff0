"""What the cluster lets people do themselves, asked beside the facts of the target: at a press and at the claim.

Only where REQUIRE_RBAC wants it; without it nothing is asked. The decision is ``policy.cluster_rights``'. It refuses to
raise for the cluster's sake: what couldn't be asked is told, and denies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.approval import Principal, Verb
from bot.domain.cluster_user import Needed, Vouched, without_names
from bot.domain.decision import ALLOWED, NOTHING_DONE, Decision, Rule, deny
from bot.domain.errors import FettleError
from bot.domain.execution import Execution
from bot.domain.mitigation import Action
from bot.domain.proposal import Proposal
from bot.domain.target import Target
from bot.kube.reviews import reviews
from bot.mitigations import catalog
from bot.mitigations.verb import takes
from bot.policy import cluster_rights, glass
from bot.storage import people, proposals
from bot.storage.db import Tx
from bot.workflow import facts
from bot.workflow.context import Context

SCOPE = "users:read.email"
"""What Slack's app needs to tell e-mail addresses."""


@dataclass(frozen=True)
class Person:
    """Somebody on whose word an effect rests: principal id, and what the mapping goes by."""

    id: str
    slack_id: str
    email: str = ""


def needed(action: str, target: Target, params: Mapping[str, Any]) -> tuple[Needed, ...]:
    """Every right that one action on one target takes; of several steps each is asked for by itself."""
    return takes(catalog.CATALOG[Action(action)], target, params) if action in set(Action) else ()


def needed_for(proposal: Proposal) -> tuple[Needed, ...]:
    """The same of every step of a proposal."""
    found = (right for one in proposal.every for right in needed(one.action, one.target, one.params))
    return tuple(dict.fromkeys(found))


def line(ctx: Context, target: Target, steps: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[str, ...]:
    """For the card: what whoever approves needs in the cluster; nothing where that isn't asked."""
    if not ctx.settings.REQUIRE_RBAC:
        return ()
    rights = ", ".join(dict.fromkeys(one.words for action, params in steps for one in needed(action, target, params)))
    return (f"Whoever approves needs the right itself in the cluster: {rights}",)


async def for_press(ctx: Context, proposal: Proposal, principal: Principal) -> tuple[facts.Reading, ...]:
    """The facts of the target for each step, the first with what the cluster says of whoever presses."""
    wanted, (action, *others) = needed_for(proposal), proposal.actions
    target = proposal.target
    first, rest = await asyncio.gather(
        _gather(ctx, target, action, wanted, (_person(principal),)),
        asyncio.gather(*(facts.gather(ctx, target, one) for one in others)),
    )
    return first, *rest


async def for_question(ctx: Context, target: Target, action: str, principal: Principal) -> facts.Reading:
    """The same of what isn't proposed: ``fettle policy explain``."""
    return await _gather(ctx, target, action, needed(action, target, {}), (_person(principal),))


def _person(principal: Principal) -> Person:
    return Person(principal.id, principal.slack_id, principal.email)


async def for_claim(ctx: Context, execution: Execution) -> facts.Reading:
    """The facts for this step, and the same of everybody on whose word it rests."""
    proposal, named = await ctx.store.read(_rests_on, execution.proposal_id)
    return await _gather(ctx, proposal.target, execution.action, needed_for(proposal), named)


async def _gather(
    ctx: Context, target: Target, action: str, wanted: Sequence[Needed], named: Sequence[Person]
) -> facts.Reading:
    if not ctx.settings.REQUIRE_RBAC:
        return await facts.gather(ctx, target, action)
    reading, told = await asyncio.gather(
        facts.gather(ctx, target, action), asyncio.gather(*(vouch(ctx, one, wanted) for one in named))
    )
    return replace(reading, vouched={one.id: answer for one, answer in zip(named, told, strict=True)})


async def vouch(ctx: Context, person: Person, wanted: Sequence[Needed]) -> Vouched:
    """What the cluster says of one person, asked now."""
    at = ctx.clock()
    user = ctx.settings.cluster_user(person.slack_id, person.email)
    if user is None:
        return Vouched(None, at, unmapped=_unmapped(ctx, person))
    try:
        return Vouched(user, at, await reviews(ctx.cluster, user, wanted))
    except FettleError as error:
        return Vouched(user, at, problem=error)


def _unmapped(ctx: Context, person: Person) -> str:
    asked = f"Have your Slack id ({person.slack_id}) named in CLUSTER_USERS, with your user."
    if ctx.settings.wants_emails and not person.email:
        return (
            f"Slack tells me no e-mail address of yours, so I can't tell who you are to the cluster. {asked} Or add "
            f"the scope {SCOPE} to the app and install it again."
        )
    return f"nobody says who you are to the cluster, so this press counts for nothing. {asked}"


def _rests_on(tx: Tx, proposal_id: int) -> tuple[Proposal, tuple[Person, ...]]:
    proposal = proposals.get(tx, proposal_id)
    return proposal, tuple(
        Person(who, people.slack_id_of(tx, who), people.email_of(tx, who)) for who in rests_on(tx, proposal)
    )


def rests_on(tx: Tx, proposal: Proposal) -> tuple[str, ...]:
    """Principal ids of the people who approved it, and of who broke the glass for it."""
    given = [one.principal for one in proposals.approvals(tx, proposal.id) if one.verb is Verb.APPROVED]
    broken = glass.Broken.of(proposal.baseline.get(glass.BROKEN)).by
    return tuple(one for one in dict.fromkeys((*given, broken)) if one.startswith(people.PREFIX))


def may(ctx: Context, proposal: Proposal, reading: facts.Reading, principal: Principal) -> Decision:
    """Whether whoever presses may do it themselves; allowed where nobody wants to know."""
    if not ctx.settings.REQUIRE_RBAC:
        return ALLOWED
    called = f"@{principal.name}" if principal.name else "You"
    vouched = reading.vouched.get(principal.id)
    return cluster_rights.check(vouched, needed_for(proposal), ctx.clock(), called)


def still(tx: Tx, ctx: Context, proposal: Proposal, reading: facts.Reading) -> Decision:
    """The same of everybody on whose word it rests, at the claim, in a sentence without names."""
    if not ctx.settings.REQUIRE_RBAC:
        return ALLOWED
    named = rests_on(tx, proposal)
    wanted, now = needed_for(proposal), ctx.clock()
    if not named:
        return deny(Rule.RBAC, f"No person approved this, and REQUIRE_RBAC wants one who may. {NOTHING_DONE}")
    decisions = (
        cluster_rights.check(reading.vouched.get(one), wanted, now, "Who approved this", named=False) for one in named
    )
    return next((one for one in decisions if not one.allowed), ALLOWED)


def told(reading: facts.Reading, principal: Principal) -> dict[str, object]:
    """For the approval's entry; nothing where nothing was asked."""
    found = reading.vouched.get(principal.id)
    return {"cluster": found.kept()} if found is not None else {}


def told_again(tx: Tx, proposal: Proposal, reading: facts.Reading) -> dict[str, object]:
    """For the intent's entry."""
    return {"cluster": without_names(reading.vouched, rests_on(tx, proposal))} if reading.vouched else {}
