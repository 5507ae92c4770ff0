"""What was meant for a while is offered back after a stated time: a proposal with an approval of its own, never an act.

It is owed when the act is recorded, so that neither a crash nor a restart forgets it. When its time comes it looks
first: what somebody put back already, or changed again, isn't proposed. It joins the open incident on the target, or
opens a SEV4 one. It refuses to change anything itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError, NotFoundError
from bot.domain.execution import Execution
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState, TargetState
from bot.domain.severity import Severity
from bot.kube import reads
from bot.mitigations import catalog
from bot.storage import due, executions, incidents, proposals
from bot.storage.db import Tx
from bot.workflow import again, close, owing
from bot.workflow.context import Context

BUSY = timedelta(minutes=5)
"""Until another look while the cluster is silent, or while something else is proposed or done there."""
TIMES = 3
"""So often it is proposed while nobody puts the bounds back; then the audit says that it is left to people."""


def owe(tx: Tx, ctx: Context, execution: Execution, incident: Incident, now: datetime) -> None:
    """Owes the look, and announces it in the thread; nothing for what isn't meant for a while, and for an undo."""
    proposal = proposals.get(tx, execution.proposal_id).at(execution.step)
    if execution.action != Action.RAISE_AUTOSCALER or again.UNDO_OF in proposal.params:
        return
    after = ctx.settings.BOUNDS_REVERT
    due.owe(tx, Stage.REVERT, execution.id, now + after)
    text = (
        f"The new bounds of autoscaler {proposal.params.get('autoscaler')} are meant for a while: in "
        f"{close.minutes(after)} I propose to put the old ones back (BOUNDS_REVERT)."
    )
    owing.thread(tx, incident, f"revert:{execution.id}", text, now)


async def revert(ctx: Context, work: DueWork) -> None:
    """Proposes the inverse of execution ``work.subject``, if what it did still stands."""
    try:
        execution, proposal = await ctx.store.read(_load, work.subject)
    except NotFoundError:
        await ctx.store.transact(due.done, work)
        return
    state: TargetState | None = None
    try:
        state = await reads.target_state(ctx.cluster, execution.target, now=ctx.clock())
    except NotFoundError:
        pass  # nothing is left that could be put back
    except FettleError as error:
        await ctx.store.transact(due.later, work, ctx.clock() + BUSY, error=str(error))
        return
    await ctx.store.transact(_decide, ctx, work, execution, proposal, state)


def _load(tx: Tx, execution_id: int) -> tuple[Execution, Proposal]:
    execution = executions.get(tx, execution_id)
    return execution, proposals.get(tx, execution.proposal_id).at(execution.step)


def stands(params: Mapping[str, Any], state: TargetState | None) -> bool:
    """Whether the bounds are as the action left them."""
    meant = (params.get("autoscaler"), params.get("least"), params.get("most"))
    return state is not None and state.hpa == meant and state.hpa_uid == params.get("uid")


def _decide(
    tx: Tx, ctx: Context, work: DueWork, execution: Execution, proposal: Proposal, state: TargetState | None
) -> None:
    now = ctx.clock()
    found = catalog.CATALOG[Action(execution.action)].undo(proposal.params)
    if found is None or not stands(proposal.params, state):
        due.done(tx, work)
        _entry(tx, execution, "unneeded", "the bounds aren't the ones that were set", now)
        return
    incident = incidents.open_on_target(tx, execution.target.key)
    busy = executions.in_flight_on(tx, execution.target.key) is not None or _pending(tx, incident)
    if busy:
        due.later(tx, work, now + BUSY)
        return
    incident = incident or _open(tx, ctx, execution, now)
    action, wanted = found
    since = execution.settled_at or execution.created_at
    why = f"The bounds were changed for a while, {close.minutes(now - since)} ago; this puts the old ones back."
    asked = {
        "requested_by": SYSTEM, "action": str(action), "wanted": dict(wanted), again.UNDO_OF: execution.id,
        again.WHY: why,
    }  # fmt: skip
    due.owe(tx, Stage.PROPOSE, incident.id, now, asked)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    times = int(work.params.get("times", 0)) + 1
    _entry(tx, execution, "proposed", f"time {times} of {TIMES}", now)
    if times < TIMES:
        due.later(tx, work, now + ctx.settings.BOUNDS_REVERT, params={"times": times})
    else:
        due.done(tx, work)


def _pending(tx: Tx, incident: Incident | None) -> bool:
    """A person is asked something there already; that question stays."""
    found = proposals.of_incident(tx, incident.id) if incident is not None else []
    return any(one.state is ProposalState.PENDING for one in found)


def _open(tx: Tx, ctx: Context, execution: Execution, now: datetime) -> Incident:
    target = execution.target
    incident = incidents.add(
        tx,
        key=f"{close.REQUEST_KEY}{target.key}",
        title="Autoscaler bounds to put back",
        alertname="",
        namespace=target.namespace,
        severity=Severity.SEV4,
        now=now,
        channel=ctx.channel,
        target=target,
        declared_by=SYSTEM,
    )
    detail = {"title": incident.title, "severity": "SEV4", "target": target.label}
    note = AuditNote("incident:state:declared", SYSTEM, f"incident:{incident.id}", "triggered", incident.id, detail)
    tx.audit(note, now)
    return incident


def _entry(tx: Tx, execution: Execution, outcome: str, why: str, now: datetime) -> None:
    subject = f"execution:{execution.id}"
    detail = {"reason": why}
    tx.audit(AuditNote("execution:revert:looked", SYSTEM, subject, outcome, execution.incident_id, detail), now)
