"""The only room that changes the cluster: claim, act; how that ended is recorded by ``settle``.

Transaction 1 claims, runs policy on facts at most seconds old, and writes the intent (exact request, preconditions,
execution id) with its audit entry; what can't be audited isn't done. The freeze is read once more, then the stored
request is sent once. It refuses to send anything twice: a running execution is settled by ``recover``, which only
looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.decision import NOTHING_DONE, Decision, Rule, deny
from bot.domain.errors import BudgetHoldsError, FettleError, OutcomeUnknownError, PartDoneError
from bot.domain.execution import Execution, ExecutionState, WriteRequest
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import Halt, Proposal, ProposalState, TargetState
from bot.mitigations import catalog
from bot.mitigations.verb import Mitigation
from bot.policy import guardrails
from bot.storage import due, executions, incidents
from bot.storage.db import Lane, Tx
from bot.verification import measure, metrics
from bot.workflow import brought, chains, close, entitled, facts, measuring, owing, settle, vouching
from bot.workflow.context import Context
from bot.workflow.intent import intent

ARRIVAL_MARGIN = timedelta(seconds=5)
"""Read back after intent + request timeout + 5 s (definitions, "Crash recovery")."""
SEND_WITHIN = ARRIVAL_MARGIN
"""What is sent later than this after its intent might arrive after it was read back and settled as not applied."""
LOOK_AGAIN = timedelta(seconds=5)
"""Until a cluster that was silent at the claim is asked again."""


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


def _claim(
    tx: Tx,
    ctx: Context,
    work: DueWork,
    execution_id: int,
    reading: facts.Reading,
    checks: Sequence[Mapping[str, Any]] = (),
) -> Execution | None:
    now = ctx.clock()
    execution, proposal, incident = settle.load(tx, execution_id)
    if execution.state is not ExecutionState.PENDING:
        due.done(tx, work)
        return None
    decision = facts.check(
        tx, ctx, reading, incident, execution.action, guardrails.Point.EXECUTE, proposal, execution.id
    )
    if proposal.state is not ProposalState.APPROVED:
        decision += deny(Rule.SETTLED, f"The proposal is {proposal.state}, not approved.")
    if proposal.halt:
        decision += deny(Rule.SETTLED, f"Before it began, {proposal.stopped}. {NOTHING_DONE}")
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
    baseline = _baseline(execution, proposal, mitigation, request, reading.state, checks)
    claimed = executions.claim(tx, execution.id, request, baseline, now)
    takes = mitigation.bringing.takes if mitigation.bringing is not None else timedelta(0)
    read_back_at = now + ctx.settings.KUBE_TIMEOUT + ARRIVAL_MARGIN + takes
    due.owe(tx, Stage.RECOVER, execution.id, read_back_at)
    detail = {**intent(execution, proposal, request), **vouching.told_again(tx, proposal, reading)}
    settle.entry(tx, "execution:intent:committed", claimed, "running", detail, now)
    if not execution.waits:  # else the card says what it waits for, and it is only asked again
        owing.card(tx, incident, Priority.EXECUTION, now)
    return claimed


def _baseline(
    execution: Execution,
    proposal: Proposal,
    mitigation: Mitigation,
    request: WriteRequest,
    state: TargetState,
    checks: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What the verification compares to, from here on kept with the execution."""
    if settle.part_of(execution):  # what replaced the first of them is new, whenever it is looked at
        return dict(execution.baseline)
    baseline = measure.baseline(state)
    # What was seen when it was proposed decides the soak: between two crashes a pod looks well.
    baseline["crash_looping"] = baseline["crash_looping"] or bool(execution.baseline.get("crash_looping"))
    baseline[metrics.CHECKS] = list(checks)
    baseline[measure.ACTION] = execution.action
    baseline[measure.BEFORE] = state.template_hash
    baseline[measure.RESTARTED] = measure.restarts_at(state, request)
    if binding := mitigation.binding(proposal.params):
        # Where the template after the action is another one, what it is from then on is in the binding.
        baseline |= {measure.BINDING: dict(binding)}
        baseline |= {"template_hash": str(binding["template"])} if "template" in binding else {}
    return baseline


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
        settle.entry(tx, "execution:claim:delayed", execution, "delayed", detail, now)
    part = settle.part_of(execution)
    said = f"after {part}: {decision.sentence}" if part else decision.sentence
    if decision.has(Rule.BUDGET) and execution.outcome != said:
        executions.note(tx, execution.id, said)
        owing.card(tx, incidents.get(tx, execution.incident_id), Priority.EXECUTION, now)
    due.later(tx, work, now + LOOK_AGAIN, error=decision.sentence, params={"waiting": True})


def _not_done(
    tx: Tx, execution: Execution, proposal: Proposal, incident: Incident, decision: Decision, now: datetime
) -> None:
    """Policy said no at the last moment: nothing was done, and the card says why."""
    ended = settle.refused(execution, decision.sentence or "the target could not be read")
    outcome = f"{ended.outcome} What it waited for: {execution.outcome}" if execution.waits else ended.outcome
    failed = executions.settle(tx, execution.id, ended.event, now, outcome, standing=ended.standing)
    rules = [str(reason.rule) for reason in decision.reasons]
    detail = {"reason": failed.told, "rules": rules}
    settle.entry(tx, "execution:claim:refused", failed, "refused", detail, now)
    chains.halt(tx, incident, proposal, proposal.steps[proposal.step :], Halt.FAILED, failed.told, now)
    close.hand_back(tx, incident, failed.told, now)
    settle.propose_again(tx, proposal, now)  # the card shows what stands now: an offer, or the reason against it
    owing.card(tx, incident, Priority.PRESS, now)
    close.alerts_cleared(tx, incident.id, now)


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
        await settle.settle(ctx, execution, settle.failed(execution, error))
        return
    # I8: no act whose last check follows the freeze's commit.
    runs, against = await ctx.store.read(_before_sending, ctx, execution.id, await ctx.freeze_file())
    if not runs:
        return  # it was settled meanwhile as not applied, and so it must stay
    if not against and (execution.intent_at is None or ctx.clock() - execution.intent_at >= SEND_WITHIN):
        against = f"It could not be sent within {close.minutes(SEND_WITHIN)} of the check. {NOTHING_DONE}"
    if against:
        await settle.settle(ctx, execution, settle.refused(execution, against))
        return
    try:
        ended = await _sent(ctx, mitigation, whole)
    except OutcomeUnknownError as error:
        await settle.unanswered(ctx, execution, str(error))
    except BudgetHoldsError as error:
        # The one answer after which the same may be sent again: the API server says itself that it did nothing.
        await settle.hold(ctx, execution, str(error))
    except PartDoneError as error:
        await settle.hold(ctx, execution, str(error), error.so_far)
    except FettleError as error:
        await settle.settle(ctx, execution, settle.failed(execution, error))
    else:
        await settle.settle(ctx, execution, ended)


async def _sent(ctx: Context, mitigation: Mitigation, whole: WriteRequest) -> settle.Ended:
    """The act itself, once; raises what means that it isn't whole, or that it isn't known."""
    if mitigation.bringing is not None:
        found = await mitigation.bringing.bring(ctx.cluster, brought.store_of(ctx), whole)
        return settle.done(found.words, brought=found)
    return settle.done("applied", await mitigation.apply(ctx.cluster, whole))
