"""Looks that build on one another: marks, soak, verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.proposal import TargetState
from bot.domain.verification import CheckState, Measurement, Verdict, Verification, judge
from bot.kube.pods import Pod
from bot.kube.reads import Snapshot
from bot.verification.baseline import baseline, deadline, soak_for
from bot.verification.measure import assess
from tests.unit.cluster_states import MARKED, NOW, OURS, pod, state

SOAK = 120


def begun(**changes: Any) -> Verification:
    first = Verification(
        id=1,
        execution_id=1,
        incident_id=1,
        target=state().target,
        verdict=Verdict.MEASURING,
        current=True,
        started_at=NOW,
        deadline=NOW + timedelta(minutes=13),
        soak=SOAK,
        generation=7,
        execution_uid=OURS,
        baseline=baseline(state()),
    )
    return replace(first, **changes)


def snap(made: TargetState, *pods: Pod) -> Snapshot:
    return Snapshot(replace(made, template_annotations=MARKED), pods or tuple(pod(f"api-{i}") for i in range(6)))


def step(before: Verification, found: Snapshot, seconds: int) -> tuple[Verification, Measurement, Verdict]:
    at = NOW + timedelta(seconds=seconds)
    seen = assess(found, before, at)
    after = replace(before, progress=seen.progress, rolled_out_at=seen.rolled_out_at, checks=seen.checks)
    return after, seen, judge(seen, deadline=before.deadline)


def test_a_good_restart_passes_only_after_the_whole_soak() -> None:
    run, _, verdict = step(begun(), snap(state(observed_generation=6)), 1)
    assert verdict is Verdict.MEASURING
    run, seen, verdict = step(run, snap(state(updated=3)), 5)
    assert (verdict, seen.rolled_out_at, seen.progress["updated"]) == (Verdict.MEASURING, None, 3)
    run, seen, verdict = step(run, snap(state()), 10)
    assert (verdict, seen.rolled_out_at) == (Verdict.MEASURING, NOW + timedelta(seconds=10))
    run, _, verdict = step(run, snap(state()), 10 + SOAK - 1)
    assert verdict is Verdict.MEASURING
    _, seen, verdict = step(run, snap(state()), 10 + SOAK)
    assert verdict is Verdict.PASS
    assert {key: seen.progress[key] for key in ("desired", "updated", "ready", "available", "pods", "restarts")} == {
        "desired": 6, "updated": 6, "ready": 6, "available": 6, "pods": 6, "restarts": 0,
    }  # fmt: skip
    assert seen.progress["restartedAt"] == "2026-11-20T03:14:00Z"


def test_a_crash_in_the_soak_fails_at_once() -> None:
    run, _, _ = step(begun(), snap(state()), 10)
    crashed = snap(state(available=5, ready=5), *[pod(f"api-{i}") for i in range(5)], pod("api-5", restarts=1))
    _, _, verdict = step(run, crashed, 20)
    assert verdict is Verdict.FAIL


def test_a_pod_that_stops_being_ready_without_a_restart_begins_the_soak_anew() -> None:
    run, _, _ = step(begun(), snap(state()), 10)
    run, seen, verdict = step(run, snap(state(available=5)), 100)
    assert (seen.rolled_out_at, verdict) == (None, Verdict.MEASURING)
    run, seen, _ = step(run, snap(state()), 110)
    assert seen.rolled_out_at == NOW + timedelta(seconds=110)
    assert step(run, snap(state()), 110 + SOAK - 1)[2] is Verdict.MEASURING
    assert step(run, snap(state()), 110 + SOAK)[2] is Verdict.PASS


FLICKERS = [
    ("not ready in between", {"ready_since": NOW + timedelta(seconds=50)}, "api-3 wasn't ready in between"),
    ("another pod of the same name", {"uid": "another"}, "api-3 was replaced"),
]


@pytest.mark.parametrize(("odd", "told"), [row[1:] for row in FLICKERS], ids=[row[0] for row in FLICKERS])
def test_what_happened_between_two_looks_begins_the_soak_anew_and_is_said(odd: dict[str, Any], told: str) -> None:
    """No look saw a pod unready and no count grew: the pods' own times and uids tell."""
    run, _, _ = step(begun(), snap(state()), 10)
    since = snap(state(), *[pod(f"api-{i}", **(odd if i == 3 else {})) for i in range(6)])
    run, seen, verdict = step(run, since, 60)
    assert (seen.rolled_out_at, verdict) == (NOW + timedelta(seconds=60), Verdict.MEASURING)
    run, seen, verdict = step(run, since, 10 + SOAK)
    assert (verdict, seen.checks[1].measured) == (Verdict.MEASURING, f"none for 70 s, since {told}")
    assert step(run, since, 60 + SOAK)[2] is Verdict.PASS


def test_an_autoscaler_may_take_pods_away_in_the_soak_and_a_pod_lost_beside_it_may_not_go() -> None:
    run, _, _ = step(begun(), snap(state()), 10)
    fewer = state(replicas=4, updated=4, ready=4, available=4, current=4, generation=8, observed_generation=8,
                  hpa=("api", 2, 9))  # fmt: skip
    left = [pod(f"api-{i}") for i in range(4)]
    kept, seen, _ = step(run, snap(fewer, *left), 60)
    assert seen.rolled_out_at == NOW + timedelta(seconds=10)
    assert step(kept, snap(fewer, *left), 10 + SOAK)[2] is Verdict.PASS
    _, seen, _ = step(run, snap(fewer, *left[:3], pod("api-9")), 60)
    assert seen.rolled_out_at == NOW + timedelta(seconds=60)


def test_a_rollout_that_does_not_end_fails_at_the_deadline() -> None:
    run, _, verdict = step(begun(), snap(state(updated=3)), 779)
    assert verdict is Verdict.MEASURING
    assert step(run, snap(state(updated=3)), 780)[2] is Verdict.FAIL


def test_on_delete_is_inconclusive_and_says_so() -> None:
    _, seen, verdict = step(begun(), snap(state("DaemonSet", strategy="OnDelete")), 781)
    assert verdict is Verdict.INCONCLUSIVE
    assert "OnDelete" in seen.checks[0].measured
    assert seen.checks[1].state is not CheckState.GOOD


def test_a_newer_change_supersedes_whatever_the_checks_say() -> None:
    assert step(begun(), snap(state(generation=8, observed_generation=8)), 10)[2] is Verdict.SUPERSEDED


def test_first_seen_after_the_deadline_is_no_failure() -> None:
    """The process was down: complete now, ready too short to know."""
    late = snap(state(), *[pod(f"api-{i}", ready_since=NOW + timedelta(seconds=780)) for i in range(6)])
    assert step(begun(), late, 800)[2] is Verdict.INCONCLUSIVE


def test_the_alerts_row_never_changes_the_verdict() -> None:
    run, _, _ = step(begun(), snap(state()), 10)
    seen = assess(snap(state()), run, NOW + timedelta(seconds=10 + SOAK), (2, 2))
    assert judge(seen, deadline=run.deadline) is Verdict.PASS
    assert seen.checks[-1].measured == "2 of 2 still firing"


def test_soak_and_deadline_follow_the_target() -> None:
    before = baseline(state(min_ready_seconds=90, progress_deadline=300))
    soak = soak_for(before, timedelta(seconds=120))
    assert soak == timedelta(seconds=180)
    assert soak_for({}, timedelta(seconds=120)) == timedelta(seconds=120)
    assert deadline(before, soak, NOW) == datetime.fromisoformat("2026-11-20T03:24:00Z")
    assert deadline({}, timedelta(0), NOW) == NOW + timedelta(seconds=660)


def test_the_deadline_that_passed_before_a_rollback_is_no_failure_of_it() -> None:
    """An old ReplicaSet is used again, and the condition of the rollout before stays until pods move."""
    exceeded = {"Progressing": "ProgressDeadlineExceeded"}
    old = [pod(f"api-{i}", hash="old", execution="") for i in range(6)]
    left = snap(replace(state(current=7, conditions=exceeded), marker=OURS), *old)
    bound = {**baseline(state(conditions=exceeded)), "binding": {"pods": "old", "template": "hash-1"}}
    run, seen, verdict = step(begun(baseline=bound), left, 1)
    assert (verdict, seen.checks[0].state) == (Verdict.MEASURING, CheckState.WAITING)
    _, _, verdict = step(run, left, 13 * 60)
    assert verdict is Verdict.FAIL, "it never moved"
    fresh = {**baseline(state()), "binding": bound["binding"]}
    assert step(begun(baseline=fresh), left, 1)[2] is Verdict.FAIL, "its own deadline passed"
