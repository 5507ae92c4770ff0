"""Breaking the glass: what a freeze window or a rate holds up is proposed all the same, for one person with a reason.

Loud: the card's thread and the channel are told who, what and why. Single use: it is good for one proposal, which needs
its approval as any other, and the person who broke the glass counts as its requester. It refuses to override anything
beyond what ``policy.glass`` says gives way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.decision import Decision, Reason, Rule, deny
from bot.domain.incident import Incident
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalEvent, ProposalState
from bot.mitigations import catalog
from bot.policy import glass
from bot.storage import due, executions, incidents, people, proposals
from bot.storage.db import Lane, Tx
from bot.workflow import again, decide, entitled, facts, owing, ruled, steps, vouching
from bot.workflow.context import Context

GLASS = "glass"
"""Key in what is owed to ``propose``: who broke the glass, for which proposal, and what gave way."""
HELD = {ProposalState.RECORDED, ProposalState.PENDING}


def by(tx: Tx, ctx: Context, params: Mapping[str, Any], now: datetime) -> glass.Broken:
    """Who broke the glass for what is owed; nobody where that is longer ago than an approval may take.

    The time is the proposal's, which moves with a clock that is set.
    """
    found = params.get(GLASS)
    if not found:
        return glass.NOBODY
    broken_at = proposals.get(tx, int(found["for"])).decided_at
    counts = broken_at is not None and now < broken_at + ctx.settings.APPROVAL_TTL
    return glass.Broken.of(found) if counts else glass.NOBODY


async def break_glass(ctx: Context, proposal_id: int, principal: Principal, reason: str) -> Answer:
    """Overrides what holds proposal ``proposal_id`` up, if this person may and nothing else is against it."""
    proposal = await ctx.store.read(proposals.get, proposal_id)
    if proposal.state not in HELD or proposal.action not in catalog.CATALOG:
        return await ctx.store.transact(_refused, ctx, proposal_id, principal, _over(proposal), lane=Lane.PRESS)
    readings = await vouching.for_press(ctx, proposal, principal)
    return await ctx.store.transact(_break, ctx, proposal_id, principal, reason.strip(), readings, lane=Lane.PRESS)


def _break(
    tx: Tx, ctx: Context, proposal_id: int, principal: Principal, reason: str, readings: Sequence[facts.Reading]
) -> Answer:
    now = ctx.clock()
    proposal = proposals.get(tx, proposal_id)
    incident = incidents.get(tx, proposal.incident_id)
    against = _against(tx, ctx, proposal, incident, principal, reason, now)
    against = vouching.may(ctx, proposal, readings[0], principal) if against.allowed else against
    if not against.allowed:
        return _refused(tx, ctx, proposal_id, principal, against)
    asked_before = replace(facts.Asked.of(proposal), glass=glass.NOBODY)  # each time somebody says so anew
    decision = steps.anew(tx, ctx, readings, incident, proposal, asked_before)
    held = _held(decision)
    if not held.allowed:
        return _refused(tx, ctx, proposal_id, principal, held)
    proposals.settle(tx, proposal.id, ProposalEvent.SUPERSEDE, now, by=SYSTEM, reason="the glass was broken for it")
    decide.void(tx, proposal.id)
    if incident.digest_id is not None:  # loud: it gets a card and a thread
        incident = incidents.update(tx, incident.id, now, digest_id=None)
    rules = tuple(dict.fromkeys(str(one.rule) for one in decision.reasons))
    broken = {"for": proposal.id, **glass.Broken(principal.id, rules).kept()}
    asked = {"requested_by": principal.id, "action": proposal.action, **again.wished(proposal), GLASS: broken}
    due.owe(tx, Stage.PROPOSE, incident.id, now, asked)
    _tell(tx, ctx, incident, proposal, principal, reason, decision, now)
    return Answer(
        f"The glass is broken for {proposal.text.headline}, and the channel knows. The proposal comes on the card of "
        f"{incident.ref} in a moment; it needs its approval.",
        incident_id=incident.id,
    )


def _against(
    tx: Tx, ctx: Context, proposal: Proposal, incident: Incident, principal: Principal, reason: str, now: datetime
) -> Decision:
    """Why this person may not, or not for this proposal."""
    named, groups = ctx.settings.POLICY.break_glass, entitled.groups_of(tx, now)
    members = {one for group in named if group in groups for one in groups[group].members}
    may = glass.may_break(principal, named, groups, now, people.called(tx, {*named, *members}))
    if not may.allowed:
        return may
    newest = max(proposals.of_incident(tx, incident.id), key=lambda row: row.id)
    if proposal.state not in HELD or newest.id != proposal.id or not incident.open:
        return _over(proposal)
    if any(run.in_flight for run in executions.of_incident(tx, incident.id)):
        return deny(Rule.IN_FLIGHT, f"{incident.ref} already has an action in flight. Ask again after its verdict.")
    if not reason:
        said = "Write why: whoever reads it in the channel has to understand it. Nothing was done."
        return deny(Rule.POLICY, said)
    return Decision()


def _over(proposal: Proposal) -> Decision:
    said = f"{proposal.text.headline} isn't held up any more, or something newer is on the card. Nothing was done."
    return deny(Rule.SETTLED, said)


def _held(decision: Decision) -> Decision:
    """Allowed where the glass helps: something is against it, and all of that gives way."""
    if decision.allowed:
        return deny(Rule.SETTLED, "Nothing holds this up now: no glass has to be broken. Nothing was done.")
    left = glass.without(decision)
    if left.allowed:
        return Decision()
    first, *rest = left.reasons
    said = f"Breaking the glass doesn't override this: {first.sentence}"
    return Decision((Reason(first.rule, said), *rest))


def _tell(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    proposal: Proposal,
    principal: Principal,
    reason: str,
    decision: Decision,
    now: datetime,
) -> None:
    """The audit's entry, and the message in the thread that the channel sees too."""
    how = ruled.by_whom(tx, ctx)
    held = " ".join(one.sentence.removesuffix(how).rstrip() for one in decision.reasons)
    rules = list(dict.fromkeys(str(one.rule) for one in decision.reasons))
    detail = {"reason": reason, "overrides": held, "rules": rules, "headline": proposal.text.headline}
    _entry(tx, "proposal:glass:broken", principal, proposal, "broken", detail, now)
    text = (
        f"broke the glass for: {proposal.text.headline}. Reason: “{reason}”. It overrides: {held} "
        "It needs its approval as any other."
    )
    owing.card(tx, incident, Priority.PRESS, now)
    mentions = [principal.slack_id]
    owing.thread(tx, incident, f"glass:{proposal.id}", text, now, broadcast=True, mentions=mentions)


def _refused(tx: Tx, ctx: Context, proposal_id: int, principal: Principal, why: Decision) -> Answer:
    proposal = proposals.get(tx, proposal_id)
    detail = {"reason": why.sentence, "rules": list(dict.fromkeys(str(reason.rule) for reason in why.reasons))}
    _entry(tx, "proposal:glass:refused", principal, proposal, "refused", detail, ctx.clock())
    return Answer(why.sentence, ok=False, incident_id=proposal.incident_id)


def _entry(
    tx: Tx,
    tag: str,
    principal: Principal,
    proposal: Proposal,
    outcome: str,
    detail: Mapping[str, object],
    now: datetime,
) -> None:
    tx.audit(AuditNote(tag, principal.id, f"proposal:{proposal.id}", outcome, proposal.incident_id, detail), now)
