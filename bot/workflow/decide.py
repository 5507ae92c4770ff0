"""A person's word on a proposal: approve, deny, let it expire, ask again. It owns expiry; ``jobs`` only ticks.

Facts are gathered before the transaction, the decision falls inside it: one UPDATE with the state as its guard, so
of two presses exactly one wins. Every press has an answer and an audit entry. Refusals are returned, never raised.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.answer import Answer
from bot.domain.approval import Principal, Verb, playbook_of
from bot.domain.audit import AuditNote
from bot.domain.decision import Decision, Rule
from bot.domain.decision import deny as deny_with
from bot.domain.execution import ExecutionState
from bot.domain.incident import INCIDENT, Incident, IncidentEvent
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalEvent, ProposalState
from bot.mitigations import catalog
from bot.policy import approvers as approver_policy
from bot.policy import glass, guardrails
from bot.storage import due, executions, incidents, people, proposals
from bot.storage.db import Lane, Tx
from bot.workflow import again, close, entitled, facts, owing, steps, vouching
from bot.workflow.context import Context

AGAIN_STATES = {ProposalState.EXPIRED, ProposalState.DENIED, ProposalState.SUPERSEDED, ProposalState.RECORDED}


async def approve(ctx: Context, proposal_id: int, principal: Principal, reason: str = "") -> Answer:
    """Approves as this person, if policy lets them and the target is what was shown; owes the execution.

    Where a rule wants a reason and there is none, the answer asks for it, and nothing is decided.
    """
    proposal = await ctx.store.read(proposals.get, proposal_id)
    if proposal.state is not ProposalState.PENDING:
        return await ctx.store.transact(too_late, ctx, proposal_id, principal, lane=Lane.PRESS)
    if proposal.text.asks_reason and not reason:  # asked at once: a form opens within three seconds of the press
        return await ctx.store.transact(_ask_why, ctx, proposal_id, principal, lane=Lane.PRESS)
    readings = await vouching.for_press(ctx, proposal, principal)
    return await ctx.store.transact(_approve, ctx, proposal_id, principal, readings, reason, lane=Lane.PRESS)


def _ask_why(tx: Tx, ctx: Context, proposal_id: int, principal: Principal) -> Answer:
    """Only those who may approve are asked, as far as what is stored tells."""
    proposal = proposals.get(tx, proposal_id)
    may = entitled.may_approve(tx, ctx, proposal, principal, ctx.clock())
    return _why(proposal) if may.allowed else refused(tx, proposal, principal, may, ctx.clock())


def _why(proposal: Proposal) -> Answer:
    said = "The policy wants a reason with this approval. Nothing was done yet."
    return Answer(said, ok=False, incident_id=proposal.incident_id, asks_reason=True)


def _approve(
    tx: Tx, ctx: Context, proposal_id: int, principal: Principal, readings: Sequence[facts.Reading], reason: str
) -> Answer:
    now, reading = ctx.clock(), readings[0]
    proposal = proposals.get(tx, proposal_id)
    if proposal.state is not ProposalState.PENDING:
        return too_late(tx, ctx, proposal_id, principal)
    incident = incidents.get(tx, proposal.incident_id)
    may = entitled.may_approve(tx, ctx, proposal, principal, now, reading)
    may = vouching.may(ctx, proposal, reading, principal) if may.allowed else may
    if not may.allowed:
        return refused(tx, proposal, principal, may, now)
    decision = steps.check(tx, ctx, readings, incident, guardrails.Point.APPROVE, proposal)
    if decision.has(Rule.EXPIRED):
        expire_now(tx, proposal, now)
        return refused(tx, proposal, principal, decision, now)
    if decision.has(Rule.STALE) or decision.has(Rule.GONE):
        return _stale(tx, incident, proposal, principal, reading, now)
    if not decision.allowed:
        held = proposal.id if ctx.settings.POLICY.break_glass and glass.gives_way(decision) else 0
        return replace(refused(tx, proposal, principal, decision, now), held=held)
    if any(one.principal == principal.id for one in proposals.approvals(tx, proposal.id)):
        said = f"You approved this already; it needs {proposal.quorum} different people."
        return refused(tx, proposal, principal, deny_with(Rule.SETTLED, said), now)
    rules = entitled.rules_of(tx, ctx, proposal, reading)
    if rules.wants_reason and not reason:
        return _why(proposal)
    proposal = replace(proposal, quorum=max(proposal.quorum, rules.quorum))
    terms: dict[str, object] = {"entitled": entitled.ways(tx, ctx, proposal, principal, now, reading)}
    terms |= {**({"reason": reason} if reason else {}), **vouching.told(reading, principal)}
    broken = glass.Broken.of(proposal.baseline.get(glass.BROKEN))
    terms |= {glass.BROKEN: broken.by} if broken.by else {}
    terms |= {"policies": ", ".join(rules.names)} if rules.names else {}
    return grant(tx, incident, proposal, principal.id, now, terms, reason)


def grant(
    tx: Tx,
    incident: Incident,
    proposal: Proposal,
    principal: str,
    now: datetime,
    terms: Mapping[str, object] | None = None,
    reason: str = "",
) -> Answer:
    """Adds this principal's approval, a person's or a playbook's, and owes the execution once there are enough.

    ``terms`` go to the audit: by what a person was entitled, or a playbook's limits.
    """
    proposals.add_approval(tx, proposal.id, principal, Verb.APPROVED, reason, now)
    names = {one.principal for one in proposals.approvals(tx, proposal.id) if one.verb is Verb.APPROVED}
    given, quorum = len(names), approver_policy.least(proposal.actions, proposal.quorum)
    detail = {"digest": proposal.digest, "approvals": given, "quorum": quorum, **(terms or {})}
    detail |= {"steps": [one.text.headline for one in proposal.steps]} if proposal.steps else {}
    _entry(tx, "proposal:approval:granted", principal, proposal, "approved", detail, now)
    if not approver_policy.enough(proposal.actions, proposal.quorum, names).allowed:
        owing.card(tx, incident, Priority.PRESS, now)
        return Answer(f"Your approval counts: {given} of {quorum}.", incident_id=incident.id)
    approved = proposals.settle(tx, proposal.id, ProposalEvent.APPROVE, now, by=principal)
    if approved is None:  # it expired between the check and the update
        expire_now(tx, proposal, now)
        return Answer("This proposal has expired. Nothing was done.", ok=False, incident_id=incident.id)
    execution = executions.add(tx, uid=uuid.uuid4().hex, proposal=approved.at(0), approved_by=principal, now=now)
    if execution is None:  # the guard above saw none in flight in this very transaction: the index disagrees
        raise RuntimeError(f"proposal {proposal.id}: another execution is in flight on {proposal.target.key}")
    void(tx, proposal.id)
    due.owe(tx, Stage.EXECUTE, execution.id, now)
    if INCIDENT.allows(incident.state, IncidentEvent.EXECUTE):
        incident = incidents.move(tx, incident.id, IncidentEvent.EXECUTE, now)
        owing.page_state(tx, incident, now)
        note = AuditNote(
            "incident:state:mitigating", principal, f"incident:{incident.id}", "mitigating", incident.id,
            {"execution": execution.id},
        )  # fmt: skip
        tx.audit(note, now)
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(f"Approved: {proposal.text.headline}. Progress is on the card.", incident_id=incident.id)


async def deny(ctx: Context, proposal_id: int, principal: Principal, reason: str) -> Answer:
    """Rejects with a reason; whoever may approve may also reject, their own requests included."""
    return await ctx.store.transact(_deny, ctx, proposal_id, principal, reason, lane=Lane.PRESS)


def _deny(tx: Tx, ctx: Context, proposal_id: int, principal: Principal, reason: str) -> Answer:
    now = ctx.clock()
    proposal = proposals.get(tx, proposal_id)
    if proposal.state is not ProposalState.PENDING:
        return too_late(tx, ctx, proposal_id, principal)
    own = proposal.requested_by == principal.id
    may = entitled.may_approve(tx, ctx, proposal, principal, now)
    if not may.allowed and not (own and not may.has(Rule.IDENTITY)):
        return refused(tx, proposal, principal, may, now)
    proposals.add_approval(tx, proposal.id, principal.id, Verb.DENIED, reason, now)
    proposals.settle(tx, proposal.id, ProposalEvent.DENY, now, by=principal.id, reason=reason)
    void(tx, proposal.id)
    _entry(tx, "proposal:approval:denied", principal.id, proposal, "denied", {"reason": reason}, now)
    owing.card(tx, incidents.get(tx, proposal.incident_id), Priority.PRESS, now)
    return Answer(f"Rejected: {proposal.text.headline}. Nothing was done.", incident_id=proposal.incident_id)


async def request_again(ctx: Context, proposal_id: int, principal: Principal) -> Answer:
    """Offers the same action afresh; whoever requested it the first time stays its requester."""
    return await ctx.store.transact(_request_again, ctx, proposal_id, principal, lane=Lane.PRESS)


def _request_again(tx: Tx, ctx: Context, proposal_id: int, principal: Principal) -> Answer:
    now = ctx.clock()
    proposal = proposals.get(tx, proposal_id)
    incident = incidents.get(tx, proposal.incident_id)
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return refused(tx, proposal, principal, outsider, now)
    newest = max(proposals.of_incident(tx, incident.id), key=lambda row: row.id)
    runs = executions.of_incident(tx, incident.id)
    not_applied = [run for run in runs if run.proposal_id == proposal.id and run.state is ExecutionState.FAILED]
    said = ""
    if not incident.open:
        said = f"{incident.ref} is resolved; nothing is proposed for it."
    elif any(run.in_flight for run in runs):
        said = f"{incident.ref} already has an action in flight. Ask again after its verdict."
    elif newest.state is ProposalState.PENDING or not (proposal.state in AGAIN_STATES or not_applied):
        said = "There is a current proposal on the card."
    elif proposal.action not in catalog.CATALOG:
        said = "Nothing was proposed there that could be offered again. The card says why."
    if said:
        return refused(tx, proposal, principal, deny_with(Rule.SETTLED, said), now)
    # Of several steps what was done isn't asked for again.
    left = proposal.at(not_applied[-1].step) if not_applied else proposal
    due.owe(tx, Stage.PROPOSE, incident.id, now, again.params(left))
    _entry(tx, "proposal:state:requested", principal.id, proposal, "requested", {}, now)
    return Answer("A fresh proposal will be on the card in a moment.", incident_id=incident.id)


async def expire(ctx: Context, work: DueWork) -> None:
    """Expires the proposal ``work.subject`` if its time is over."""
    await ctx.store.transact(_expire, ctx, work)


def _expire(tx: Tx, ctx: Context, work: DueWork) -> None:
    now = ctx.clock()
    proposal = proposals.get(tx, work.subject)
    if proposal.state is ProposalState.PENDING and proposal.expires_at is not None:
        if proposal.expires_at > now:
            due.later(tx, work, proposal.expires_at)
            return
        expire_now(tx, proposal, now)
    due.done(tx, work)


def expire_now(tx: Tx, proposal: Proposal, now: datetime) -> None:
    """Moves a pending proposal to expired, with its audit entry and the card's edit."""
    if proposals.settle(tx, proposal.id, ProposalEvent.EXPIRE, now, by=SYSTEM) is None:
        return
    due.forget(tx, Stage.ACT_ALONE, proposal.id)
    _entry(tx, "proposal:state:expired", SYSTEM, proposal, "expired", {}, now)
    owing.card(tx, incidents.get(tx, proposal.incident_id), Priority.NEW_CARD, now)


def _stale(
    tx: Tx, incident: Incident, proposal: Proposal, principal: Principal, reading: facts.Reading, now: datetime
) -> Answer:
    why = withdraw(tx, incident, proposal, reading, now)
    said = f"{why} Nothing was done. What fits now comes on the card."
    return refused(tx, proposal, principal, deny_with(Rule.STALE, said), now)


def withdraw(tx: Tx, incident: Incident, proposal: Proposal, reading: facts.Reading, now: datetime) -> str:
    """The target isn't what was shown: the proposal is void, a new one is owed; the sentence that says so."""
    if reading.state is None:
        why = f"{proposal.target.label} isn't in the cluster any more."
    else:
        before, after = proposal.baseline.get("revision", ""), reading.state.revision
        moved = f" (rev {before} → {after})" if before and after and before != after else ""
        why = f"The target changed since this was proposed{moved}."
    proposals.settle(tx, proposal.id, ProposalEvent.SUPERSEDE, now, by=SYSTEM, reason=why)
    void(tx, proposal.id)
    _entry(tx, "proposal:state:superseded", SYSTEM, proposal, "superseded", {"reason": why}, now)
    due.owe(tx, Stage.PROPOSE, incident.id, now, again.params(proposal))
    owing.card(tx, incident, Priority.PRESS, now)
    return why


def too_late(tx: Tx, ctx: Context, proposal_id: int, principal: Principal) -> Answer:
    """The answer to a press on what was decided before: by whom, and how long ago."""
    now = ctx.clock()
    proposal = proposals.get(tx, proposal_id)
    ago = close.minutes(now - (proposal.decided_at or proposal.created_at))
    by = _mention(tx, proposal.decided_by)
    sentences = {
        ProposalState.APPROVED: f"Already approved by {by} {ago} ago.",
        ProposalState.DENIED: f"Already rejected by {by} {ago} ago.",
        ProposalState.EXPIRED: "This proposal has expired. Press Request again on the card for a fresh one.",
        ProposalState.SUPERSEDED: f"This proposal was withdrawn: {proposal.reason}. The card shows what stands now.",
        ProposalState.RECORDED: "This was only shown; policy does not allow it. The card says why.",
    }
    decision = deny_with(Rule.SETTLED, sentences[proposal.state])
    return refused(tx, proposal, principal, decision, now)


def _mention(tx: Tx, principal_id: str) -> str:
    if name_of_playbook := playbook_of(principal_id):
        return f"the playbook {name_of_playbook}"
    name = people.names(tx, [principal_id]).get(principal_id) if principal_id else None
    return f"@{name[1]}" if name and name[1] else "somebody"


def void(tx: Tx, proposal_id: int) -> None:
    """Nothing is owed any more to a proposal that was decided."""
    for stage in (Stage.EXPIRE, Stage.NUDGE, Stage.ACT_ALONE):
        due.forget(tx, stage, proposal_id)


def refused(tx: Tx, proposal: Proposal, principal: Principal, decision: Decision, now: datetime) -> Answer:
    """The answer to a press that changes nothing, with its entry."""
    rules = [str(reason.rule) for reason in decision.reasons]
    detail = {"reason": decision.sentence, "rules": rules}
    _entry(tx, "proposal:approval:refused", principal.id, proposal, "refused", detail, now)
    offered = proposal.id if decision.has(Rule.EXPIRED) or proposal.state is ProposalState.EXPIRED else 0
    return Answer(decision.sentence, ok=False, incident_id=proposal.incident_id, proposal_id=offered)


def _entry(
    tx: Tx, tag: str, actor: str, proposal: Proposal, outcome: str, detail: Mapping[str, object], now: datetime
) -> None:
    tx.audit(AuditNote(tag, actor, f"proposal:{proposal.id}", outcome, proposal.incident_id, detail), now)
