"""One look at a target after an action: read it, let each check judge the snapshot, keep what the next look needs.

A cluster that doesn't answer makes the checks unmeasured, never good. This module refuses to give the verdict; that
is ``domain.verification.judge``, worst wins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.errors import FettleError, NotFoundError
from bot.domain.measured import Supporting
from bot.domain.mitigation import Action, traits_of
from bot.domain.proposal import TargetState
from bot.domain.verification import Check, CheckState, Measurement, Verification
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import instant
from bot.kube.reads import Snapshot
from bot.verification import (
    alerts,
    claims,
    dumped,
    eviction,
    metrics,
    nodes,
    pausing,
    replicas,
    restarts,
    reverted,
    rollout,
    runs,
    served,
)
from bot.verification.baseline import RESTARTED, baseline, deadline, restarted_at, restarts_at, soak_for
from bot.verification.judged import Judged
from bot.verification.restarts import MARKS, Soak
from bot.verification.rollout import Bound
from bot.verification.thing import TOLD, Seen

NOTHING = Supporting()
ACTION = "action"
"""Key of a baseline: what was done."""
BEFORE = "before"
"""Key of a baseline: the template's hash before the action."""
PART = "part"
"""Key of a baseline: what of it is done already; then the baseline is from before the first of it."""
BINDING = "binding"
"""Key of a baseline: what a mitigation says its pods are known by."""

OWN: Mapping[str, Callable[[Cluster, Verification, datetime], Awaitable[Seen]]] = {
    "rerun_job": runs.ran,
    "delete_failed_job": runs.deleted,
    "expand_volume": claims.expanded,
    "cordon": nodes.cordoned,
    "uncordon": nodes.uncordoned,
}
"""Actions whose effect is no rollout, with the check of each; a test holds that they are those on no workload."""
ALERT_CLEARS = frozenset({"delete_failed_job", "expand_volume"})
"""Of those the ones after which the alert should clear; a node that is cordoned is still ill."""

__all__ = ["RESTARTED", "assess", "baseline", "deadline", "look", "measure", "restarts_at", "soak_for"]


async def measure(
    cluster: Cluster,
    verification: Verification,
    *,
    clock: Callable[[], datetime],
    alerts_firing: tuple[int, int] | None = None,
    supporting: Supporting = NOTHING,
) -> Measurement:
    """One look for a verification; never raises for the cluster's sake.

    Store ``progress`` and ``rolled_out_at`` of the answer: the next look builds on them. ``alerts_firing`` is
    (firing, total) of the incident, shown as a grey row where ``supporting`` doesn't know better.
    """
    action = str(verification.baseline.get(ACTION, ""))
    if traits_of(action).looks:
        binding = verification.baseline.get(BINDING) or {}
        return await dumped.measure(cluster, verification, binding, clock=clock)
    own = OWN.get(action)
    try:
        if own is not None:
            at = clock()  # before the look, and the same for check and verdict: a deadline falls between no two of them
            return _of_thing(await own(cluster, verification, at), verification, at, alerts_firing, supporting)
        detail = verification.baseline.get(ACTION) in JUDGES  # what autoscalers do counts there
        found = await reads.snapshot(cluster, verification.target, detail=detail)
        if not detail and _may_be_scaled(found.state, verification):
            found = await reads.snapshot(cluster, verification.target)
    except NotFoundError:
        at = clock()
        gone = f"{verification.target.label} was deleted after the action"
        return Measurement(at, (), verification.progress, gone, verification.rolled_out_at)
    except FettleError as error:
        return _unread(verification, str(error), clock())
    measured = assess(found, verification, clock(), alerts_firing, supporting)
    if action == Action.PAUSE or not served.due(measured):
        return measured
    behind = await served.check(cluster, verification.target.namespace, found.pods, measured.at)
    return replace(measured, checks=(*measured.checks, *behind))


def _of_thing(
    seen: Seen,
    verification: Verification,
    at: datetime,
    alerts_firing: tuple[int, int] | None,
    supporting: Supporting,
) -> Measurement:
    """A look at a target that is no workload, with the rows that every look has."""
    numbers, kept = _numbers(verification, supporting, seen.since, at)
    clears = str(verification.baseline.get(ACTION)) in ALERT_CLEARS
    row = _alert_row(supporting if clears else NOTHING, alerts_firing, seen.since, at)
    progress = {TOLD: seen.told, **seen.kept, **({metrics.SAMPLES: kept} if kept else {})}
    return Measurement(at, (*seen.checks, *numbers, *row), progress, seen.moved, seen.since)


def _alert_row(
    supporting: Supporting, alerts_firing: tuple[int, int] | None, since: datetime | None, at: datetime
) -> list[Check]:
    if supporting.alerts is not None:
        return [alerts.judged(supporting.alerts, since, at)]
    return [alerts.check(*alerts_firing, at)] if alerts_firing is not None else []


def assess(
    found: Snapshot,
    verification: Verification,
    at: datetime,
    alerts_firing: tuple[int, int] | None = None,
    supporting: Supporting = NOTHING,
) -> Measurement:
    """Judges one snapshot by the checks; pure."""
    if verification.baseline.get(ACTION) == Action.PAUSE:
        return pausing.assess(found, verification, at, alerts_firing, supporting)
    binding: Mapping[str, Any] = verification.baseline.get(BINDING) or {}
    one = JUDGES.get(str(verification.baseline.get(ACTION, "")), _rolled_out)(found, verification, binding, at)
    stored: Mapping[str, Any] = verification.progress.get(MARKS) or {}
    watched = restarts.watching(one.fresh, stored, verification.rolled_out_at, at)
    soak, seen = _soak(one, found.state.replicas, verification, watched, at)
    since = soak.since
    checks = [one.row, restarts.check(one.fresh, seen, soak, at)]
    numbers, kept = _numbers(verification, supporting, since, at)
    checks += [*numbers, *one.more]
    checks += _alert_row(supporting, alerts_firing, since, at)
    progress = {
        **one.progress,
        MARKS: restarts.seen_in(restarts.remembered(one.fresh, seen), watched, since) if one.done else dict(seen),
        restarts.SIZE: found.state.replicas,
        restarts.NEED: _need(one, verification),
        restarts.ANEW: soak.anew,
        **({restarts.UNMADE: soak.unmade.isoformat()} if soak.unmade is not None else {}),
        **({metrics.SAMPLES: kept} if kept else {}),
    }
    return Measurement(at, tuple(checks), progress, one.moved, since)


def _soak(
    one: Judged, size: int, verification: Verification, watched: Mapping[str, datetime], at: datetime
) -> tuple[Soak, Mapping[str, Any]]:
    """Since when all has been well, and the marks to compare with.

    It begins anew when a pod stopped being ready or gave way to another one, seen or between two looks, and with the
    last of as many as have to hold; a restart is growth, and for the check.
    """
    progress = verification.progress
    since, anew = verification.rolled_out_at, str(progress.get(restarts.ANEW, ""))
    seen: Mapping[str, Any] = progress.get(MARKS) or {}
    if one.done and not seen:
        seen = restarts.marks(one.fresh)
    grown = bool(restarts.grown(one.fresh, seen))
    unmade = instant(progress.get(restarts.UNMADE)) if one.done else at
    if one.done and since is None:
        since = at
    elif one.done and not grown:
        odd = restarts.disturbed(one.fresh, seen, max(0, int(progress.get(restarts.SIZE, size)) - size))
        since, anew, unmade = (at, odd, at) if odd else (since, anew, unmade)
        held, name = restarts.last_of(watched, _need(one, verification))
        if held is not None and since is not None and held > since:
            since, anew, unmade = held, f"{name} was added", held
    elif since is not None and not grown:
        since, anew = None, "not all were ready"
    return Soak(since, timedelta(seconds=verification.soak), verification.deadline, anew, unmade), seen


def _need(one: Judged, verification: Verification) -> int:
    """How many pods were wanted as the soak began: so many have to hold through it, as far as they still are wanted."""
    known = verification.progress.get(restarts.NEED) if verification.rolled_out_at is not None else None
    return int(one.progress.get("desired") or 0) if known is None else int(known)


def _rolled_out(found: Snapshot, verification: Verification, binding: Mapping[str, Any], at: datetime) -> Judged:
    """After whatever makes a rollout, which is most of what there is."""
    state = found.state
    pods, newest = str(binding.get("pods", "")), bool(binding.get("newest"))
    bound = Bound(
        uid=verification.target.uid,
        generation=verification.generation,
        execution=verification.execution_uid,
        template_hash=str(verification.baseline.get("template_hash", "")),
        pods=pods,
        # A template that is new gets a ReplicaSet and a condition of its own, before its generation counts as seen.
        stuck=bool((pods or newest) and verification.baseline.get("stuck")),
        newest=newest,
        restarted_at=restarted_at(verification),
        strategy=str(verification.baseline.get("strategy", "")),
    )
    taken_back = reverted.check(state, bound, str(verification.baseline.get(BEFORE, "")), at)
    fresh = rollout.new_pods(state, found.pods, bound)
    return Judged(
        "" if taken_back is not None else rollout.superseded(state, bound),
        fresh,
        state.strategy != "OnDelete" and rollout.complete(state, fresh, bound),
        rollout.check(state, fresh, bound, at),
        rollout.progress(state, fresh),
        () if taken_back is None else (taken_back,),
    )


JUDGES: Mapping[str, Callable[[Snapshot, Verification, Mapping[str, Any], datetime], Judged]] = {
    Action.SCALE: replicas.scaled,
    Action.RAISE_AUTOSCALER: replicas.bounded,
    Action.EVICT: eviction.evicted,
}
"""What judges an action whose effect is no rollout of the whole workload."""


def _numbers(
    verification: Verification, supporting: Supporting, since: datetime | None, at: datetime
) -> tuple[list[Check], dict[str, Any]]:
    """The rows of the playbook's numbers, and what the next look needs of each."""
    before: Mapping[str, Any] = verification.progress.get(metrics.SAMPLES) or {}
    rows, kept = [], {}
    for spec in metrics.planned(verification.baseline):
        row, remembered = metrics.check(spec, supporting.samples.get(spec.name), before.get(spec.name) or {}, since, at)
        rows.append(row)
        if remembered:
            kept[spec.name] = remembered
    return rows, kept


async def look(cluster: Cluster, state: TargetState, *, clock: Callable[[], datetime]) -> Measurement:
    """``/verify``: a workload as it is now, bound to nothing; it can't see growth, so restarts are shown as counts.

    Pass ``deadline=measurement.at`` to the judge: one look decides. Raises what a read raises.
    """
    found = await reads.snapshot(cluster, state.target)
    at = clock()
    bound = Bound()
    fresh = rollout.new_pods(found.state, found.pods, bound)
    return Measurement(
        at,
        (rollout.check(found.state, fresh, bound, at), _standing(found, at)),
        rollout.progress(found.state, fresh),
    )


def _standing(found: Snapshot, at: datetime) -> Check:
    """Restarts at one moment: bad when pods crash now, else shown; a count alone doesn't say when."""
    crashing = [pod for pod in found.pods if pod.crash_looping(at) and not pod.deleting]
    total = sum(pod.row.restarts for pod in found.pods)
    expected = "no pod is crashing"
    if crashing:
        named = ", ".join(f"{pod.row.name} ({pod.row.waiting or pod.row.terminated})" for pod in crashing[:3])
        return Check(restarts.NAME, CheckState.BAD, expected, f"{len(crashing)} crashing: {named}", at)
    return Check(restarts.NAME, CheckState.GOOD, expected, f"none crashing, {total} restarts in all", at)


def _may_be_scaled(state: TargetState, verification: Verification) -> bool:
    """A newer generation: only then is it worth asking whether an autoscaler made it."""
    return verification.generation is not None and state.generation > verification.generation


def _unread(verification: Verification, problem: str, at: datetime) -> Measurement:
    expected = "an answer from the cluster"
    names = ("target",) if str(verification.baseline.get(ACTION, "")) in OWN else (rollout.NAME, restarts.NAME)
    checks = tuple(Check(name, CheckState.UNMEASURED, expected, problem, at) for name in names)
    return Measurement(at, checks, verification.progress, rolled_out_at=verification.rolled_out_at)
