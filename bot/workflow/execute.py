"""The only room that changes the cluster: claim, act, settle; and after a crash, read back instead of acting.

Transaction 1 claims, runs policy on facts at most seconds old, and writes the intent (exact request, preconditions,
execution id) with its audit entry; what can't be audited isn't done. The freeze is read once more, then the stored
request is sent once. It refuses to send anything twice: a running execution is settled by the annotation alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.audit import AuditNote
from bot.domain.decision import Decision, Rule, deny
from bot.domain.errors import (
    BudgetHoldsError,
    FettleError,
    NotFoundError,
    OutcomeUnknownError,
    PartDoneError,
    RejectedError,
    StoppedError,
    UnavailableError,
    WorldChangedError,
)
from bot.domain.execution import (
    ABSENT,
    NOT_APPLIED,
    PARTLY,
    UNANSWERED,
    Execution,
    ExecutionEvent,
    ExecutionState,
    WriteRequest,
)
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.integrations.artifacts import Artifacts
from bot.mitigations import catalog
from bot.mitigations.applied import Applied
from bot.mitigations.verb import Bringing, Brought
from bot.policy import guardrails
from bot.storage import due, executions, incidents, proposals
from bot.storage.db import Lane, Tx
from bot.verification import measure, metrics
from bot.workflow import again, chains, close, entitled, facts, measuring, owing, revert, verify, vouching
from bot.workflow import brought as keeping
from bot.workflow.context import Context
from bot.workflow.intent import intent

ARRIVAL_MARGIN = timedelta(seconds=5)
"""Read back after intent + request timeout + 5 s (definitions, "Crash recovery")."""
SEND_WITHIN = ARRIVAL_MARGIN
"""What is sent later than this after its intent might arrive after it was read back and settled as not applied."""
LOOK_AGAIN = timedelta(seconds=5)
"""Until a cluster that was silent at the claim is asked again."""
HELD_AGAIN = timedelta(seconds=10)
"""Until an eviction that a disruption budget held back is asked for again."""
READ_BACK_FOR = timedelta(minutes=10)
"""How long an unreadable target is asked again before the outcome is called unknown."""
READ_BACK_EVERY = timedelta(seconds=10)


async def execute(ctx: Context, work: DueWork) -> None:
    """Carries out execution ``work.subject``, if it is still pending and policy still says yes."""
    execution = await ctx.store.read(executions.get, work.subject)
    if execution.state is not ExecutionState.PENDING:
        await ctx.store.transact(due.done, work)
        return
    # Before the facts: those may be seconds old at most when the claim judges them.
    checks = await measuring.before(ctx, execution.incident_id, execution.target, execution.baseline)
    reading = await vouching.for_claim(ctx, execution)
    claimed = await ctx.store.transact(_claim, ctx, work, execution.id, reading, checks, lane=Lane.PRESS)
    if claimed is not None and claimed.request is not None:
        await _act(ctx, claimed, claimed.request)


def _load(tx: Tx, execution_id: int) -> tuple[Execution, Proposal, Incident]:
    """The proposal as this execution's step sees it."""
    execution = executions.get(tx, execution_id)
    proposal = proposals.get(tx, execution.proposal_id).at(execution.step)
    return execution, proposal, incidents.get(tx, execution.incident_id)


def _claim(
    tx: Tx,
    ctx: Context,
    work: DueWork,
    execution_id: int,
    reading: facts.Reading,
    checks: Sequence[Mapping[str, Any]] = (),
) -> Execution | None:
    now = ctx.clock()
    execution, proposal, incident = _load(tx, execution_id)
    if execution.state is not ExecutionState.PENDING:
        due.done(tx, work)
        return None
    decision = facts.check(
        tx, ctx, reading, incident, execution.action, guardrails.Point.EXECUTE, proposal, execution.id
    )
    if proposal.state is not ProposalState.APPROVED:
        decision += deny(Rule.SETTLED, f"The proposal is {proposal.state}, not approved.")
    if proposal.stopped:
        decision += deny(Rule.SETTLED, f"Before it began, {proposal.stopped}. Nothing was done.")
    decision += entitled.still_approved(tx, ctx, proposal, execution.approved_by, now, reading)
    decision += vouching.still(tx, ctx, proposal, reading)
    if _passing(decision, reading):
        _look_later(tx, work, execution, decision, now)
        return None
    due.done(tx, work)
    if not decision.allowed or reading.state is None:
        _not_done(tx, execution, proposal, incident, decision, now)
        return None
    mitigation = catalog.CATALOG[Action(execution.action)]
    request = mitigation.request(
        reading.state, approved_at=execution.approved_at, execution_uid=execution.uid, params=proposal.params
    )
    baseline = measure.baseline(reading.state)
    # What was seen when it was proposed decides the soak: between two crashes a pod looks well.
    baseline["crash_looping"] = baseline["crash_looping"] or bool(execution.baseline.get("crash_looping"))
    baseline[metrics.CHECKS] = list(checks)
    baseline[measure.ACTION] = execution.action
    baseline[measure.BEFORE] = reading.state.template_hash
    baseline[measure.RESTARTED] = measure.restarts_at(reading.state, request)
    if binding := mitigation.binding(proposal.params):
        # Where the template after the action is another one, what it is from then on is in the binding.
        baseline |= {measure.BINDING: dict(binding)}
        baseline |= {"template_hash": str(binding["template"])} if "template" in binding else {}
    if measure.PART in execution.baseline:  # what replaced the first of them is new, whenever it is looked at
        baseline = dict(execution.baseline)
    claimed = executions.claim(tx, execution.id, request, baseline, now)
    takes = mitigation.bringing.takes if mitigation.bringing is not None else timedelta(0)
    read_back_at = now + ctx.settings.KUBE_TIMEOUT + ARRIVAL_MARGIN + takes
    due.owe(tx, Stage.RECOVER, execution.id, read_back_at)
    detail = {**intent(execution, proposal, request), **vouching.told_again(tx, proposal, reading)}
    _entry(tx, "execution:intent:committed", claimed, "running", detail, now)
    if not execution.outcome:  # else the card says what it waits for, and it is only asked again
        owing.card(tx, incident, Priority.EXECUTION, now)
    return claimed


def _passing(decision: Decision, reading: facts.Reading) -> bool:
    """Nothing speaks against it but that the cluster didn't answer, or that it has to wait: the approval stands."""
    rules = {reason.rule for reason in decision.reasons}
    # Rights that weren't read are a part of the same silence; rights that are missing are an answer.
    silent = {Rule.UNREADABLE} | ({Rule.RIGHTS} if reading.rights is None else set())
    return bool(rules & {Rule.UNREADABLE, Rule.BUDGET}) and rules <= silent | {Rule.BUDGET}


def _look_later(tx: Tx, work: DueWork, execution: Execution, decision: Decision, now: datetime) -> None:
    """Asked again until the approval's end, which is a reason against like any other; told in the audit once."""
    if not work.params.get("waiting"):
        detail = {"reason": decision.sentence, "execution": execution.uid}
        _entry(tx, "execution:claim:delayed", execution, "delayed", detail, now)
    part = execution.baseline.get(measure.PART)
    said = f"after {part}: {decision.sentence}" if part else decision.sentence
    if decision.has(Rule.BUDGET) and execution.outcome != said:
        executions.note(tx, execution.id, said)
        owing.card(tx, incidents.get(tx, execution.incident_id), Priority.EXECUTION, now)
    due.later(tx, work, now + LOOK_AGAIN, error=decision.sentence, params={"waiting": True})


def _not_done(
    tx: Tx, execution: Execution, proposal: Proposal, incident: Incident, decision: Decision, now: datetime
) -> None:
    """Policy said no at the last moment: nothing was done, and the card says why."""
    outcome = _not_applied(execution, decision.sentence or "the target could not be read")
    if execution.outcome:
        outcome = f"{outcome} What it waited for: {execution.outcome}"
    failed = executions.settle(tx, execution.id, ExecutionEvent.FAIL, now, outcome)
    executions.release(tx, execution.id)
    rules = [str(reason.rule) for reason in decision.reasons]
    _entry(tx, "execution:claim:refused", failed, "refused", {"reason": outcome, "rules": rules}, now)
    chains.halt(tx, incident, proposal, proposal.steps[proposal.step :], outcome, now)
    close.hand_back(tx, incident, outcome, now)
    _propose_again(tx, proposal, now)  # the card shows what stands now: an offer, or the reason against it
    owing.card(tx, incident, Priority.PRESS, now)
    close.alerts_cleared(tx, incident.id, now)


def _not_applied(execution: Execution, why: str | FettleError) -> str:
    """The outcome of what was refused, with what was done of it and stays, and which of several weren't done."""
    part = execution.baseline.get(measure.PART)
    part = why.so_far if isinstance(why, StoppedError) else part
    if not part:
        return f"{NOT_APPLIED}{why}"
    # What refuses the rest says that nothing was done, since it knows of no part.
    return f"{PARTLY}{part}: {why}".replace("Nothing was done", "Nothing more was done")


def _before_sending(tx: Tx, ctx: Context, execution_id: int, file: bool | None) -> tuple[bool, str]:
    """Whether the execution still runs, and why it may not be sent now, both read at once."""
    freeze = facts.freeze_in(tx, ctx, file)
    runs = executions.get(tx, execution_id).state is ExecutionState.RUNNING
    return runs, "" if freeze.on is False else freeze.sentence


async def _act(ctx: Context, execution: Execution, request: WriteRequest) -> None:
    mitigation = catalog.CATALOG[Action(execution.action)].reaching(ctx.sources)
    try:
        # Reads alone: before the last checks, so that nothing stands between those and the act.
        whole = await mitigation.ready(ctx.cluster, request)
    except FettleError as error:
        anew = error.retry or isinstance(error, WorldChangedError)
        await _settle(ctx, execution, ExecutionEvent.FAIL, _not_applied(execution, error), anew=anew)
        return
    # I8: no act whose last check follows the freeze's commit.
    runs, against = await ctx.store.read(_before_sending, ctx, execution.id, await ctx.freeze_file())
    if not runs:
        return  # it was settled meanwhile as not applied, and so it must stay
    if not against and (execution.intent_at is None or ctx.clock() - execution.intent_at >= SEND_WITHIN):
        against = f"It could not be sent within {close.minutes(SEND_WITHIN)} of the check. Nothing was done."
    if against:
        await _settle(ctx, execution, ExecutionEvent.FAIL, _not_applied(execution, against), anew=True)
        return
    generation: int | None = None
    brought: Brought | None = None
    try:
        if mitigation.bringing is not None:
            brought = await mitigation.bringing.bring(ctx.cluster, _dumps(ctx), whole)
        else:
            generation = await mitigation.apply(ctx.cluster, whole)
    except OutcomeUnknownError as error:
        # The recovery row is committed already: it reads back when the request can no longer arrive.
        await ctx.store.transact(_waiting, ctx, execution.id, str(error))
        return
    except BudgetHoldsError as error:
        # The one answer after which the same may be sent again: the API server says itself that it did nothing.
        await ctx.store.transact(_held, ctx, execution.id, str(error), lane=Lane.PRESS)
        return
    except PartDoneError as error:
        await ctx.store.transact(_held, ctx, execution.id, str(error), error.so_far, lane=Lane.PRESS)
        return
    except FettleError as error:
        anew = error.retry or isinstance(error, WorldChangedError)
        await _settle(ctx, execution, ExecutionEvent.FAIL, _not_applied(execution, error), anew=anew)
        return
    outcome = brought.words if brought is not None else "applied"
    await _settle(ctx, execution, ExecutionEvent.SUCCEED, outcome, generation=generation, brought=brought)


def _dumps(ctx: Context) -> Artifacts:
    """The store of dumps; there always is one, if only a folder."""
    if ctx.sources.artifacts is None:
        raise RejectedError("No store of dumps is set up.", "artifacts")
    return ctx.sources.artifacts


async def _settle(
    ctx: Context,
    execution: Execution,
    event: ExecutionEvent,
    outcome: str,
    *,
    generation: int | None = None,
    anew: bool = False,
    brought: Brought | None = None,
) -> None:
    await ctx.store.transact(_record, ctx, execution.id, event, outcome, generation, anew, brought, lane=Lane.PRESS)


def _record(
    tx: Tx, ctx: Context, execution_id: int, event: ExecutionEvent, outcome: str, generation: int | None, anew: bool,
    brought: Brought | None,
) -> None:  # fmt: skip
    """Transaction 2: the outcome, its audit entry, and what follows from it."""
    now = ctx.clock()
    execution, proposal, incident = _load(tx, execution_id)
    if execution.state is not ExecutionState.RUNNING:
        due.forget(tx, Stage.RECOVER, execution_id)
        return
    settled = executions.settle(tx, execution_id, event, now, outcome, generation)
    due.forget(tx, Stage.RECOVER, execution_id)
    detail = {"outcome": outcome, "generation": generation, "execution": execution.uid}
    _entry(tx, f"execution:state:{settled.state}", settled, str(settled.state), detail, now)
    if settled.state is ExecutionState.SUCCEEDED:
        bringing = catalog.CATALOG[Action(settled.action)].bringing
        if brought is not None and bringing is not None:
            keeping.record(tx, ctx, settled, incident, bringing, brought, now)
        verify.start(tx, ctx, settled, now)
        revert.owe(tx, ctx, settled, incident, now)
    else:
        executions.release(tx, execution_id)
        why = chains.failed(settled)
        untouched = settled.state is ExecutionState.FAILED and not outcome.startswith(PARTLY)
        undone = proposal.steps[proposal.step :] if untouched else proposal.left
        chains.halt(tx, incident, proposal, undone, why, now)
        close.hand_back(tx, incident, outcome, now)
        if anew and incident.open:
            _propose_again(tx, proposal, now)
        elif incident.open:
            again.owe_rest(tx, proposal, chains.without(why), now)
        if settled.state is ExecutionState.FAILED:  # nothing was done; what is unknown waits for a person
            close.alerts_cleared(tx, incident.id, now)
    owing.card(tx, incident, Priority.EXECUTION, now)


def _held(tx: Tx, ctx: Context, execution_id: int, why: str, so_far: str = "") -> None:
    """A disruption budget holds it back, or a part is done: claimed again with all guards, until the approval's end."""
    now = ctx.clock()
    execution, _, incident = _load(tx, execution_id)
    if execution.state is not ExecutionState.RUNNING:
        return  # it was read back meanwhile
    part = {**execution.baseline, measure.PART: so_far} if so_far else execution.baseline
    executions.wait(tx, execution_id, why, part if measure.PART in part else None)
    due.forget(tx, Stage.RECOVER, execution_id)
    due.owe(tx, Stage.EXECUTE, execution_id, now if so_far else now + HELD_AGAIN, {"waiting": True})
    if execution.outcome != why:
        detail = {"reason": why, "execution": execution.uid}
        tag, outcome = ("execution:part:done", "done") if so_far else ("execution:state:waiting", "waiting")
        _entry(tx, tag, execution, outcome, detail, now)
        owing.card(tx, incident, Priority.EXECUTION, now)


def _waiting(tx: Tx, ctx: Context, execution_id: int, why: str) -> None:
    executions.unanswered(tx, execution_id, f"{UNANSWERED}{why}")
    incident = incidents.get(tx, executions.get(tx, execution_id).incident_id)
    owing.card(tx, incident, Priority.EXECUTION, ctx.clock())


def _propose_again(tx: Tx, proposal: Proposal, now: datetime) -> None:
    due.owe(tx, Stage.PROPOSE, proposal.incident_id, now, again.params(proposal))


async def recover(ctx: Context, work: DueWork) -> None:
    """Settles a running execution whose process died or whose answer was lost, by what the cluster shows."""
    execution = await ctx.store.read(executions.get, work.subject)
    if execution.state is not ExecutionState.RUNNING:
        await ctx.store.transact(due.done, work)
        return
    mitigation = catalog.CATALOG[Action(execution.action)]
    try:
        if mitigation.bringing is not None:
            await _recall(ctx, execution, mitigation.bringing)
            return
        found = await mitigation.read_back(ctx.cluster, execution.target, execution.uid, stored=execution.request)
    except NotFoundError as error:
        await _settle(ctx, execution, ExecutionEvent.LOSE, f"the target is gone, the outcome can't be read: {error}")
        return
    except UnavailableError as error:
        await _read_later(ctx, work, execution, str(error))
        return
    except FettleError as error:
        await _settle(ctx, execution, ExecutionEvent.LOSE, f"the outcome can't be read back: {error}")
        return
    if found.state is Applied.APPLIED:
        await _settle(ctx, execution, ExecutionEvent.SUCCEED, "applied (read back)", generation=found.generation)
    elif found.state is Applied.CHANGED:
        await _settle(ctx, execution, ExecutionEvent.LOSE, f"{found.sentence} A person has to look.")
    elif found.state is Applied.PART:
        await _settle(ctx, execution, ExecutionEvent.FAIL, f"{PARTLY}{found.sentence}", anew=True)
    else:
        await _settle(ctx, execution, ExecutionEvent.FAIL, ABSENT, anew=True)


async def _recall(ctx: Context, execution: Execution, bringing: Bringing) -> None:
    """What was to be brought is in the store, or it isn't: it is never begun again by itself."""
    if execution.request is None:
        await _settle(ctx, execution, ExecutionEvent.FAIL, f"{NOT_APPLIED}nothing was sent.", anew=True)
        return
    found = await bringing.recall(_dumps(ctx), execution.request)
    if isinstance(found, str):
        await _settle(ctx, execution, ExecutionEvent.LOSE, found)
    else:
        await _settle(ctx, execution, ExecutionEvent.SUCCEED, found.words, brought=found)


async def _read_later(ctx: Context, work: DueWork, execution: Execution, why: str) -> None:
    now = ctx.clock()
    bringing = catalog.CATALOG[Action(execution.action)].bringing
    patience = READ_BACK_FOR + (bringing.takes if bringing is not None else timedelta(0))
    if execution.intent_at is not None and now - execution.intent_at > patience:
        sentence = f"the outcome could not be read for {close.minutes(READ_BACK_FOR)}: {why}"
        await _settle(ctx, execution, ExecutionEvent.LOSE, sentence)
        return
    await ctx.store.transact(due.later, work, now + READ_BACK_EVERY, error=why)


def _entry(tx: Tx, tag: str, execution: Execution, outcome: str, detail: Mapping[str, object], now: datetime) -> None:
    tx.audit(AuditNote(tag, SYSTEM, f"execution:{execution.id}", outcome, execution.incident_id, detail), now)
