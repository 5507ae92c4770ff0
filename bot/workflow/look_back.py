"""After an incident: one more look at its target, and what people did there since Fettle's first proposal.

It costs three calls in the slow lane, once an episode, and only where something was proposed. What it sees is an entry
in the audit; ``fettle shadow report`` adds those up. It refuses to change anything, and to be owed for ever.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from bot.domain import aftermath
from bot.domain.aftermath import Act, Before, Outcome
from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError, NotFoundError
from bot.domain.execution import ExecutionState
from bot.domain.incident import Incident
from bot.domain.owed import DueWork
from bot.domain.proposal import SYSTEM, Proposal
from bot.domain.target import RESTARTABLE
from bot.kube import aftermath as seen
from bot.kube import reads
from bot.mitigations import catalog
from bot.storage import due, executions, incidents, proposals
from bot.storage.db import Tx
from bot.workflow.context import Context

RANK = 20
"""Behind all evidence: nobody waits for it."""
AGAIN, TRIES = timedelta(minutes=1), 5


def first_proposal(tx: Tx, incident: Incident) -> Proposal | None:
    """What Fettle itself proposed first in this episode, shown or pending; what people asked for is theirs."""
    for one in proposals.of_incident(tx, incident.id):
        if one.requested_by == SYSTEM and one.action in catalog.CATALOG and one.created_at >= incident.episode_at:
            return one
    return None


async def look_back(ctx: Context, work: DueWork) -> None:
    """Looks at the target of the incident ``work.subject`` and writes down what was done to it."""
    incident, proposal, executed = await ctx.store.read(_load, work.subject)
    before = aftermath.read(proposal.baseline) if proposal is not None else None
    if incident.open or proposal is None or before is None or proposal.target.kind not in RESTARTABLE:
        await ctx.store.transact(due.done, work)
        return
    try:
        acts = await _acts(ctx, proposal, before)
    except FettleError as error:
        if work.attempts < TRIES:
            await ctx.store.transact(due.later, work, ctx.clock() + AGAIN, error=str(error))
            return
        await ctx.store.transact(_look_back, work, proposal, Outcome.UNREAD, (), str(error), ctx.clock())
        return
    found = aftermath.outcome(proposal.actions[-1], acts, executed=executed)
    await ctx.store.transact(_look_back, work, proposal, found, acts, "", ctx.clock())


def _load(tx: Tx, incident_id: int) -> tuple[Incident, Proposal | None, bool]:
    incident = incidents.get(tx, incident_id)
    runs = executions.of_incident(tx, incident_id)
    acted = {ExecutionState.SUCCEEDED, ExecutionState.UNKNOWN}
    executed = any(run.state in acted and run.approved_at >= incident.episode_at for run in runs)
    return incident, first_proposal(tx, incident), executed


async def _acts(ctx: Context, proposal: Proposal, before: Before) -> tuple[Act, ...]:
    try:
        # An answer that a look got seconds ago may be from before what people did.
        parts = await reads.parts(ctx.cluster.slow_lane(RANK, shares=False), proposal.target)
    except NotFoundError:
        return (Act("delete", f"{proposal.target.label} was deleted"),)
    return seen.acts(proposal.target.kind, parts.obj, parts.revisions, parts.pods, before, proposal.created_at)


def _look_back(
    tx: Tx, work: DueWork, proposal: Proposal, found: Outcome, acts: tuple[Act, ...], problem: str, now: datetime
) -> None:
    if not due.done(tx, work) or incidents.get(tx, work.subject).open:
        return  # somebody else looked, or it was reopened meanwhile: its next end is looked back at
    detail = {
        "proposal": proposal.id,
        "proposed": proposal.actions[-1],
        "did": [asdict(act) for act in acts],
        "reason": problem or "; ".join(f"{act.what}{f' by {act.by}' if act.by else ''}" for act in acts),
    }
    note = AuditNote(
        "incident:aftermath:seen", SYSTEM, f"incident:{work.subject}", str(found), proposal.incident_id, detail
    )
    tx.audit(note, now)
