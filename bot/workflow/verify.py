"""Measures until there is a verdict, with an absolute deadline that survives restarts of this process.

Absence of data is never a pass: a cluster that doesn't answer until the deadline gives inconclusive. It refuses to
judge anything but the generation that our own write made; what is newer supersedes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.execution import Execution, ExecutionState
from bot.domain.mitigation import traits_of
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, TargetState
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, Measurement, Verdict, VerdictEvent, Verification, judge
from bot.kube import reads
from bot.policy import approvers as approver_policy
from bot.storage import artifacts, due, executions, incidents, proposals, silences, verifications
from bot.storage.db import Lane, Tx
from bot.verification import dumped, measure, reverted
from bot.workflow import again, brought, chains, close, measuring, owing, silence_watch
from bot.workflow.context import Context

EVENTS = {
    Verdict.PASS: VerdictEvent.PASS,
    Verdict.FAIL: VerdictEvent.FAIL,
    Verdict.INCONCLUSIVE: VerdictEvent.GIVE_UP,
    Verdict.SUPERSEDED: VerdictEvent.SUPERSEDE,
}
FIRST_LOOK = timedelta(seconds=1)


def start(tx: Tx, ctx: Context, execution: Execution, now: datetime) -> Verification:
    """Starts the current verification of a succeeded execution; soak and deadline are fixed here."""
    settings = ctx.settings
    crashed = bool(execution.baseline.get("crash_looping"))
    setting = settings.VERIFY_SOAK_CRASHLOOP if crashed else settings.VERIFY_SOAK
    soak = measure.soak_for(execution.baseline, setting)
    kept = artifacts.of_execution(tx, execution.id)
    words = {dumped.KEPT: brought.row(kept)} if kept is not None else {}
    verification = verifications.start(
        tx,
        execution=execution,
        incident_id=execution.incident_id,
        target=execution.target,
        deadline=measure.deadline(execution.baseline, soak, now),
        soak=int(soak.total_seconds()),
        now=now,
        generation=execution.generation,
        execution_uid=execution.uid,
        baseline={**execution.baseline, **words, "applied_at": (execution.settled_at or now).isoformat()},
    )
    due.owe(tx, Stage.VERIFY, verification.id, now + FIRST_LOOK)
    detail = {"soak_seconds": verification.soak, "deadline": verification.deadline.isoformat()}
    _entry(tx, "verification:state:started", SYSTEM, verification, "measuring", detail, now)
    return verification


async def verify(ctx: Context, work: DueWork) -> None:
    """One look for verification ``work.subject``; settles it, or owes the next look."""
    verification = await ctx.store.read(verifications.get, work.subject)
    if verification.verdict is not Verdict.MEASURING:
        await ctx.store.transact(due.done, work)
        return
    incident = await ctx.store.read(incidents.get, verification.incident_id)
    firing = (incident.alerts_firing, incident.alerts_total) if incident.alerts_total else None
    supporting = await measuring.read(ctx, verification, incident)
    measured = await measure.measure(
        ctx.cluster, verification, clock=ctx.clock, alerts_firing=firing, supporting=supporting
    )
    verdict = judge(measured, deadline=verification.deadline)
    if verdict is Verdict.MEASURING:
        await ctx.store.transact(_progress, ctx, work, measured)
    else:
        await ctx.store.transact(_settle, ctx, work, measured, verdict, lane=Lane.PRESS)


def _progress(tx: Tx, ctx: Context, work: DueWork, measured: Measurement) -> None:
    now = ctx.clock()
    before = verifications.get(tx, work.subject)
    verifications.measure(tx, work.subject, measured.checks, measured.progress, measured.rolled_out_at, now)
    if dict(before.progress) != dict(measured.progress) or before.rolled_out_at != measured.rolled_out_at:
        owing.progress(tx, incidents.get(tx, before.incident_id), now)
    due.later(tx, work, min(now + _pause(before), max(before.deadline, now + FIRST_LOOK)))


def _pause(verification: Verification) -> timedelta:
    """Between looks: a sixth of the soak, at least 1 s and at most 5 s."""
    return timedelta(seconds=min(5.0, max(1.0, verification.soak / 6)))


def _settle(tx: Tx, ctx: Context, work: DueWork, measured: Measurement, verdict: Verdict) -> None:
    now = ctx.clock()
    due.done(tx, work)
    before = verifications.get(tx, work.subject)
    if before.verdict is not Verdict.MEASURING:
        return
    note = measured.superseded_by
    settled = verifications.settle(tx, before.id, EVENTS[verdict], measured.checks, measured.progress, now, note=note)
    detail = {
        "verdict": str(verdict),
        "note": note,
        "progress": dict(measured.progress),
        "checks": [_row(check) for check in measured.checks],
    }
    _entry(tx, "verification:verdict:given", SYSTEM, settled, str(verdict), detail, now)
    executions.release(tx, settled.execution_id)
    execution = executions.get(tx, settled.execution_id)
    goes_on = chains.go_on(tx, execution, verdict, now)
    if not goes_on:
        _follow(tx, settled, execution, measured, verdict, now)
    incident = incidents.get(tx, settled.incident_id)
    owing.thread(tx, incident, f"verdict:{settled.id}", _sentence(settled, verdict), now)
    # The verdict is what whoever pressed waits for: it must not stand behind the pace of progress edits.
    owing.card(tx, incident, Priority.PRESS, now)


def _follow(
    tx: Tx, settled: Verification, execution: Execution, measured: Measurement, verdict: Verdict, now: datetime
) -> None:
    """What comes of a verdict after which no further step begins."""
    helps = not traits_of(execution.action).looks
    left = proposals.get(tx, execution.proposal_id).at(execution.step).left
    close.after_verdict(tx, settled.incident_id, verdict, now, helps=helps, whole=not left)
    taken_back = any(check.name == reverted.NAME for check in measured.checks)
    if verdict is Verdict.FAIL and not taken_back and incidents.get(tx, settled.incident_id).open:
        again.owe_undo(tx, execution, now)
    offered = chains.ended(tx, execution, verdict, now)
    incident = incidents.get(tx, settled.incident_id)
    if not offered and not helps and incident.open and incident.alerts_firing:
        due.owe(tx, Stage.PROPOSE, incident.id, now)  # what helps comes next, with an approval of its own


def _row(check: Check) -> dict[str, str]:
    return {
        "check": check.name, "state": str(check.state), "expected": check.expected, "measured": check.measured,
        "at": check.at.isoformat(),
    }  # fmt: skip


def _sentence(verification: Verification, verdict: Verdict) -> str:
    bad = [check for check in verification.checks if check.state not in {CheckState.GOOD, CheckState.ABSENT}]
    rows = "; ".join(f"{check.name}: {check.measured} (expected {check.expected})" for check in bad)
    if verdict is Verdict.PASS:
        rows = "; ".join(f"{check.name}: {check.measured}" for check in verification.checks if check.required)
    what = verification.note or rows
    return f"Verification {str(verdict).upper()} for {verification.target.ref}: {what}."


async def measure_again(ctx: Context, incident_id: int, principal: Principal) -> Answer:
    """Appends a new verification to the incident's last execution and supersedes the one before."""
    return await ctx.store.transact(_again, ctx, incident_id, principal, lane=Lane.PRESS)


def _again(tx: Tx, ctx: Context, incident_id: int, principal: Principal) -> Answer:
    now = ctx.clock()
    incident = incidents.get(tx, incident_id)
    outsider = approver_policy.identity(principal)
    done = [run for run in executions.of_incident(tx, incident_id) if run.state is ExecutionState.SUCCEEDED]
    current = verifications.current_of(tx, done[-1].id) if done else None
    silence = silences.in_force(tx, incident_id)
    unsure = silence if silence is not None and silence.unsure else None
    measured = current is not None and current.verdict not in {Verdict.INCONCLUSIVE, Verdict.FAIL}
    text = ""
    if not outsider.allowed:
        text = outsider.sentence
    elif unsure is not None and (not done or measured):
        silence_watch.measure_again(tx, unsure, principal.id, now)
        owing.card(tx, incident, Priority.PRESS, now)
        said = "Looking at Alertmanager again; whether it is silenced comes on the card."
        return Answer(said, incident_id=incident_id)
    elif not done:
        text = f"{incident.ref} has no execution that could be measured. Use /verify to look at a workload."
    elif executions.in_flight_of(tx, incident_id) and not (current and current.verdict is Verdict.MEASURING):
        text = "Something else is being done right now; its verdict comes on the card."
    elif current is not None and current.verdict is Verdict.MEASURING:
        text = "It is being measured right now; the verdict comes on the card."
    if text:
        note = AuditNote(
            "command:request:refused", principal.id, f"incident:{incident_id}", "refused", incident_id,
            {"asked": "measure again", "reason": text},
        )  # fmt: skip
        tx.audit(note, now)
        return Answer(text, ok=False, incident_id=incident_id)
    if unsure is not None:
        silence_watch.measure_again(tx, unsure, principal.id, now)
    verification = start(tx, ctx, done[-1], now)
    if current is not None:
        superseded = {"by": f"verification:{verification.id}", "verdict": str(current.verdict)}
        _entry(tx, "verification:state:superseded", principal.id, current, "superseded", superseded, now)
    _entry(tx, "verification:state:requested", principal.id, verification, "requested", {}, now)
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer("Measuring again; the verdict comes on the card.", incident_id=incident_id)


async def look(ctx: Context, target: Target, principal: Principal) -> Answer:
    """Measures a workload now, without an execution; changes nothing, and is audited. Raises what a read raises."""
    state = await reads.target_state(ctx.cluster, target)
    measured = await measure.look(ctx.cluster, state, clock=ctx.clock)
    verdict = judge(measured, deadline=measured.at)
    said = str(verdict)
    if verdict is Verdict.FAIL and _under_way(state, measured):
        # Nothing is bad: one look can't tell a rollout that will end well from one that won't.
        verdict = Verdict.INCONCLUSIVE
        said = f"{verdict}, still rolling out; look again when it ended"
    await ctx.store.transact(_looked, ctx, state.target, principal, verdict, measured)
    return Answer(f"{state.target.label}: {said}", checks=measured.checks, verdict=verdict)


def _under_way(state: TargetState, measured: Measurement) -> bool:
    """A check only waits, none is bad. A Deployment whose rollout had ended before isn't rolling out: its pods fail."""
    states = {check.state for check in measured.checks}
    ended = state.conditions.get("Progressing") == "NewReplicaSetAvailable" and not state.rolling_out
    return CheckState.WAITING in states and CheckState.BAD not in states and not ended


def _looked(
    tx: Tx, ctx: Context, target: Target, principal: Principal, verdict: Verdict, measured: Measurement
) -> None:
    detail: Mapping[str, Any] = {"verdict": str(verdict), "checks": [_row(check) for check in measured.checks]}
    subject = f"target:{target.ref}"[:64]
    tx.audit(AuditNote("verification:look:taken", principal.id, subject, str(verdict), 0, detail), ctx.clock())


def _entry(
    tx: Tx, tag: str, actor: str, verification: Verification, outcome: str, detail: Mapping[str, Any], now: datetime
) -> None:
    subject = f"verification:{verification.id}"
    tx.audit(AuditNote(tag, actor, subject, outcome, verification.incident_id, detail), now)
