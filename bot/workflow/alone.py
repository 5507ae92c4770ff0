"""Doing without a person what a playbook lets be done so: said in the thread, stopped by anybody, judged once more.

The proposal stays pending all the while, and people may decide it as any other. The delay begins when the message
stands in the thread: where Slack is away nothing is done by itself. Whatever is against it leaves it to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.answer import Answer
from bot.domain.approval import Principal, by_playbook
from bot.domain.audit import AuditNote
from bot.domain.decision import Decision, Rule
from bot.domain.decision import deny as deny_with
from bot.domain.incident import Incident
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.playbooks.schema import Alone
from bot.policy import approvers as approver_policy
from bot.policy import guardrails
from bot.storage import due, incidents, outbox, proposals
from bot.storage.db import Lane, Tx
from bot.workflow import autonomy, chains, concluded, decide, facts, owing
from bot.workflow.context import Context

LOOK = timedelta(seconds=2)
"""Between looks whether the thread was told."""
AGAIN = timedelta(seconds=10)
"""After which a cluster that didn't answer is asked once more."""


def announce(tx: Tx, ctx: Context, incident: Incident, proposal: Proposal, alone: Alone, now: datetime) -> None:
    """Tells the thread, and owes the act; its delay begins when that message stands."""
    playbook = concluded.playbook_of(ctx, incident, concluded.of(tx, incident)).name
    seconds = int(alone.delay.total_seconds())
    params = {"playbook": playbook, "delay": seconds, "told": False}
    due.owe(tx, Stage.ACT_ALONE, proposal.id, now + LOOK, params)
    text = (
        f"{proposal.text.headline}: the playbook {playbook} lets me do this without an approval. I begin {seconds} s "
        "after this message. Stop, on the card, leaves it to people; Approve and Reject count as always."
    )
    owing.thread(tx, incident, _told(proposal), text, now)
    detail = {"playbook": playbook, "delay": seconds, "hourly": alone.hourly, "headline": proposal.text.headline}
    _entry(tx, "proposal:autonomy:announced", SYSTEM, proposal, "announced", detail, now)


async def act(ctx: Context, work: DueWork) -> None:
    """Approves proposal ``work.subject`` in its playbook's name, if it was announced and nothing is against it."""
    proposal = await ctx.store.transact(_ready, ctx, work)
    if proposal is None:
        return
    reading = await facts.gather(ctx, proposal.target, proposal.action)
    await ctx.store.transact(_act, ctx, work, reading, lane=Lane.PRESS)


def _ready(tx: Tx, ctx: Context, work: DueWork) -> Proposal | None:
    """The proposal once its delay is over; None while it isn't, and when it was decided."""
    now = ctx.clock()
    proposal = proposals.get(tx, work.subject)
    if proposal.state is not ProposalState.PENDING:
        due.done(tx, work)
        return None
    if work.params.get("told"):
        return proposal
    incident = incidents.get(tx, proposal.incident_id)
    if outbox.posted(tx, f"thread:{incident.id}:{_told(proposal)}") is None:
        due.later(tx, work, now + LOOK)
        return None
    due.later(tx, work, now + timedelta(seconds=int(work.params["delay"])), params={**work.params, "told": True})
    owing.card(tx, incident, Priority.EXECUTION, now)
    return None


def _act(tx: Tx, ctx: Context, work: DueWork, reading: facts.Reading) -> None:
    now = ctx.clock()
    proposal = proposals.get(tx, work.subject)
    if proposal.state is not ProposalState.PENDING or not due.owed(tx, Stage.ACT_ALONE, proposal.id):
        due.done(tx, work)
        return
    incident = incidents.get(tx, proposal.incident_id)
    name = str(work.params["playbook"])
    decision = facts.check(tx, ctx, reading, incident, proposal.action, guardrails.Point.APPROVE, proposal)
    decision += autonomy.still(tx, ctx, proposal, name, now, reading.state)
    if _silent(decision, reading) and not work.params.get("again"):
        due.later(tx, work, now + AGAIN, params={**work.params, "again": True})
        return
    due.done(tx, work)
    if not decision.allowed:
        _left_to_people(tx, incident, proposal, reading, decision, now)
        return
    limits = {key: work.params[key] for key in ("playbook", "delay")}
    decide.grant(tx, incident, proposal, by_playbook(name), now, limits)


def _silent(decision: Decision, reading: facts.Reading) -> bool:
    """Nothing is against it but that the cluster didn't answer."""
    rules = {reason.rule for reason in decision.reasons}
    return Rule.UNREADABLE in rules and rules <= {Rule.UNREADABLE, *([Rule.RIGHTS] if reading.rights is None else [])}


def _left_to_people(
    tx: Tx, incident: Incident, proposal: Proposal, reading: facts.Reading, decision: Decision, now: datetime
) -> None:
    rules = [str(reason.rule) for reason in decision.reasons]
    detail = {"reason": decision.sentence, "rules": rules}
    _entry(tx, "proposal:autonomy:refused", SYSTEM, proposal, "refused", detail, now)
    rest = "It waits for an approval."
    if decision.has(Rule.EXPIRED):
        decide.expire_now(tx, proposal, now)
        rest = "Nothing was done."
    elif decision.has(Rule.STALE) or decision.has(Rule.GONE):
        decide.withdraw(tx, incident, proposal, reading, now)
        rest = "What fits now comes on the card."
    text = f"Not done without an approval: {decision.sentence} {rest}"
    owing.thread(tx, incident, f"left:{proposal.id}", text, now)
    owing.card(tx, incident, Priority.PRESS, now)


async def stop(ctx: Context, proposal_id: int, principal: Principal) -> Answer:
    """Leaves the proposal to people; any full member of the organisation may."""
    return await ctx.store.transact(_stop, ctx, proposal_id, principal, lane=Lane.PRESS)


def _stop(tx: Tx, ctx: Context, proposal_id: int, principal: Principal) -> Answer:
    now = ctx.clock()
    proposal = proposals.get(tx, proposal_id)
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return decide.refused(tx, proposal, principal, outsider, now)
    if proposal.state is ProposalState.APPROVED and proposal.steps:
        told = chains.stop(tx, proposal, principal, now)
        if isinstance(told, Answer):
            return told
        return decide.refused(tx, proposal, principal, deny_with(Rule.SETTLED, told), now)
    if proposal.state is not ProposalState.PENDING:
        return decide.too_late(tx, ctx, proposal_id, principal)
    if not due.owed(tx, Stage.ACT_ALONE, proposal.id):
        said = "Nothing is done here without an approval: there is nothing to stop."
        return decide.refused(tx, proposal, principal, deny_with(Rule.SETTLED, said), now)
    incident = incidents.get(tx, proposal.incident_id)
    due.forget(tx, Stage.ACT_ALONE, proposal.id)
    autonomy.stop(tx, incident)
    _entry(tx, "proposal:autonomy:stopped", principal.id, proposal, "stopped", {}, now)
    text = f"Stopped. {proposal.text.headline} waits for an approval; in this incident I do nothing without one."
    owing.thread(tx, incident, f"stopped:{proposal.id}", text, now)
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(text, incident_id=incident.id)


def _told(proposal: Proposal) -> str:
    return f"alone:{proposal.id}"


def _entry(
    tx: Tx, tag: str, actor: str, proposal: Proposal, outcome: str, detail: Mapping[str, object], now: datetime
) -> None:
    tx.audit(AuditNote(tag, actor, f"proposal:{proposal.id}", outcome, proposal.incident_id, detail), now)
