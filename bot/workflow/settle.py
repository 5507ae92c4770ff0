"""How an execution ends, or waits: transaction 2, with its audit entry and with what follows from it.

Whoever acted or read back says what came of it as an ``Ended``; what is decided by stands in its fields, never in its
words. It refuses to settle anything twice: of two that come with an end the later one is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.audit import AuditNote
from bot.domain.decision import so_far
from bot.domain.errors import FettleError, StoppedError, WorldChangedError
from bot.domain.execution import Execution, ExecutionEvent, ExecutionState, Standing
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, Halt, Proposal
from bot.mitigations import catalog
from bot.mitigations.verb import Brought
from bot.storage import due, executions, incidents, proposals
from bot.storage.db import Lane, Tx
from bot.verification import measure
from bot.workflow import again, brought, chains, close, owing, revert, verify
from bot.workflow.context import Context

HELD_AGAIN = timedelta(seconds=10)
"""Until an eviction that a disruption budget held back is asked for again."""


@dataclass(frozen=True)
class Ended:
    """How one ended. ``anew``: the same is proposed once more; ``generation`` is the target's after our write."""

    event: ExecutionEvent
    outcome: str
    standing: Standing = Standing.PLAIN
    anew: bool = False
    generation: int | None = None
    brought: Brought | None = None


def done(outcome: str, generation: int | None = None, brought: Brought | None = None) -> Ended:
    """It was carried out."""
    return Ended(ExecutionEvent.SUCCEED, outcome, generation=generation, brought=brought)


def untouched(outcome: str) -> Ended:
    """Nothing of it was done, whatever was begun."""
    return Ended(ExecutionEvent.FAIL, outcome, Standing.UNTOUCHED, anew=True)


def partly(part: str, why: str = "") -> Ended:
    """It ended after a part of it, which stays; what refuses the rest says so as if nothing had been done at all."""
    outcome = f"stopped after {part}: {so_far(why)}" if why else f"stopped after {part}"
    return Ended(ExecutionEvent.FAIL, outcome, Standing.PARTLY, anew=True)


def lost(outcome: str) -> Ended:
    """It may have been carried out: a person has to look."""
    return Ended(ExecutionEvent.LOSE, outcome)


def refused(execution: Execution, why: str) -> Ended:
    """It was held up before it was sent, the first time or after a part of it."""
    part = part_of(execution)
    return partly(part, why) if part else untouched(why)


def failed(execution: Execution, error: FettleError) -> Ended:
    """The cluster's no, or another clear end. What only has to be looked at afresh is proposed anew."""
    anew = error.retry or isinstance(error, WorldChangedError)
    ended = partly(error.so_far, str(error)) if isinstance(error, StoppedError) else refused(execution, str(error))
    return Ended(ended.event, ended.outcome, ended.standing, anew=anew)


def part_of(execution: Execution) -> str:
    """What is done of one that is carried out in parts; empty where nothing is."""
    return str(execution.baseline.get(measure.PART) or "")


def load(tx: Tx, execution_id: int) -> tuple[Execution, Proposal, Incident]:
    """The execution, its proposal as this step sees it, its incident."""
    execution = executions.get(tx, execution_id)
    proposal = proposals.get(tx, execution.proposal_id).at(execution.step)
    return execution, proposal, incidents.get(tx, execution.incident_id)


async def settle(ctx: Context, execution: Execution, ended: Ended, by: DueWork | None = None) -> None:
    """Records how a running one ended; nothing where that was recorded before.

    ``by`` is the recovery that read it. Where that is void by now, what was read is of an attempt that was held back
    since: the request of the next one may be on its way.
    """
    await ctx.store.transact(_record, ctx, execution.id, ended, by, lane=Lane.PRESS)


def _record(tx: Tx, ctx: Context, execution_id: int, ended: Ended, by: DueWork | None) -> None:
    if by is not None and not due.claimed(tx, by):
        return
    now = ctx.clock()
    execution, proposal, incident = load(tx, execution_id)
    due.forget(tx, Stage.RECOVER, execution_id)
    if execution.state is not ExecutionState.RUNNING:
        return
    settled = executions.settle(
        tx, execution_id, ended.event, now, ended.outcome, ended.generation, standing=ended.standing
    )
    detail = {"outcome": settled.told, "generation": ended.generation, "execution": execution.uid}
    entry(tx, f"execution:state:{settled.state}", settled, str(settled.state), detail, now)
    if settled.state is ExecutionState.SUCCEEDED:
        _carried_out(tx, ctx, settled, incident, ended.brought, now)
    else:
        _not_carried_out(tx, settled, proposal, incident, now, anew=ended.anew)
    owing.card(tx, incident, Priority.EXECUTION, now)


def _carried_out(
    tx: Tx, ctx: Context, settled: Execution, incident: Incident, found: Brought | None, now: datetime
) -> None:
    bringing = catalog.CATALOG[Action(settled.action)].bringing
    if found is not None and bringing is not None:
        brought.record(tx, ctx, settled, incident, bringing, found, now)
    verify.start(tx, ctx, settled, now)
    revert.owe(tx, ctx, settled, incident, now)


def _not_carried_out(
    tx: Tx, settled: Execution, proposal: Proposal, incident: Incident, now: datetime, *, anew: bool
) -> None:
    """What came after it isn't done either; the same, or what is left, is offered."""
    executions.release(tx, settled.id)
    why = chains.failed(settled)
    untouched = settled.state is ExecutionState.FAILED and settled.standing is not Standing.PARTLY
    undone = proposal.steps[proposal.step :] if untouched else proposal.left
    chains.halt(tx, incident, proposal, undone, Halt.FAILED, why, now)
    close.hand_back(tx, incident, settled.told, now)
    if anew and incident.open:
        propose_again(tx, proposal, now)
    elif incident.open:
        again.owe_rest(tx, proposal, chains.without(why), now)
    if settled.state is ExecutionState.FAILED:  # nothing was done; what is unknown waits for a person
        close.alerts_cleared(tx, incident.id, now)


async def hold(ctx: Context, execution: Execution, why: str, so_far: str = "") -> None:
    """It waits for a disruption budget, or with ``so_far`` for its next part; claimed again with all guards."""
    await ctx.store.transact(_held, ctx, execution.id, why, so_far, lane=Lane.PRESS)


def _held(tx: Tx, ctx: Context, execution_id: int, why: str, so_far: str) -> None:
    now = ctx.clock()
    execution, _, incident = load(tx, execution_id)
    if execution.state is not ExecutionState.RUNNING:
        return  # it was read back meanwhile
    part = {**execution.baseline, measure.PART: so_far} if so_far else execution.baseline
    executions.wait(tx, execution_id, why, part if measure.PART in part else None)
    due.forget(tx, Stage.RECOVER, execution_id)
    due.owe(tx, Stage.EXECUTE, execution_id, now if so_far else now + HELD_AGAIN, {"waiting": True})
    if execution.outcome != why:
        detail = {"reason": why, "execution": execution.uid}
        tag, outcome = ("execution:part:done", "done") if so_far else ("execution:state:waiting", "waiting")
        entry(tx, tag, execution, outcome, detail, now)
        owing.card(tx, incident, Priority.EXECUTION, now)


async def unanswered(ctx: Context, execution: Execution, why: str) -> None:
    """Its request left and got no yes or no. The recovery row is committed already: it is read back in time."""
    await ctx.store.transact(_waiting, ctx, execution.id, why)


def _waiting(tx: Tx, ctx: Context, execution_id: int, why: str) -> None:
    executions.unanswered(tx, execution_id, why)
    incident = incidents.get(tx, executions.get(tx, execution_id).incident_id)
    owing.card(tx, incident, Priority.EXECUTION, ctx.clock())


def propose_again(tx: Tx, proposal: Proposal, now: datetime) -> None:
    """The same afresh, from this step on."""
    due.owe(tx, Stage.PROPOSE, proposal.incident_id, now, again.params(proposal))


def entry(tx: Tx, tag: str, execution: Execution, outcome: str, detail: Mapping[str, object], now: datetime) -> None:
    """One entry about an execution."""
    tx.audit(AuditNote(tag, SYSTEM, f"execution:{execution.id}", outcome, execution.incident_id, detail), now)
