"""Nothing wrong: only when enough was looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import AutoscalerSeen, ConditionSeen, NodeSeen, WorkloadSeen
from tests.unit.findings.recorded import (
    UNCHANGED,
    ago,
    alert,
    crashing,
    event,
    find,
    first,
    part,
    pod,
    series,
    snap,
    unready,
    without,
)

WHOLE = WorkloadSeen("Deployment", "shop", "api", 2, 2, 2, 2, 2)


def calm(**rows: Any) -> dict[str, Any]:
    return {"workload": WHOLE, **UNCHANGED, "pods": [pod(), pod("api-2")], **rows}


def test_quiet_pods_that_are_all_there_are_sure() -> None:
    found = first(snap(alert("KubePodCrashLooping"), **calm()))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.NOTHING_WRONG, Confidence.HIGH, ())
    assert found.sentence.startswith("Both pods are ready, none crashed within 30 min")


def test_where_no_alert_fires_nothing_is_said_of_one() -> None:
    snapshot = replace(snap(**calm()), alerts=())
    found = find(Cause.NOTHING_WRONG, snapshot)
    assert found is not None
    assert "alert" not in found.sentence + found.no_help
    assert "alert" in first(snap(alert("KubePodCrashLooping"), **calm())).sentence


@pytest.mark.parametrize("source", ["events", "workload"])
def test_what_wasnt_read_leaves_it_medium(source: str) -> None:
    found = find(Cause.NOTHING_WRONG, without(snap(**calm()), source))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    "rows",
    [
        {"pods": [pod(), unready("api-2")]},
        {"pods": [pod(), crashing("api-2")]},
        {"pods": [pod(), pod("api-2", part(restarts=3, last_exit=1, last_reason="Error", last_finished_at=ago(4)))]},
        {"pods": []},
        {"workload": WorkloadSeen("Deployment", "shop", "api", 4, 2, 2, 2, 2)},
        {"workload": WorkloadSeen("Deployment", "shop", "api", 2, 2, 2, 2, 2, generation=3, observed_generation=2)},
        {"nodes": [NodeSeen("node-a", ready=False, conditions=(ConditionSeen("Ready", "Unknown"),))]},
        {"autoscalers": [AutoscalerSeen("api", 1, 2, 2, 2, ("cpu 140 % of 80 %",), above=True)]},
    ],
)
def test_anything_amiss_takes_it_away(rows: dict[str, Any]) -> None:
    assert find(Cause.NOTHING_WRONG, snap(**calm(**rows))) is None


def test_a_warning_of_this_minute_makes_it_doubtful() -> None:
    found = find(Cause.NOTHING_WRONG, snap(**calm(events=[event("Unhealthy", "Readiness probe failed: 503")])))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    "name", ["KubeHpaMaxedOut", "CPUThrottlingHigh", "KubeQuotaAlmostFull", "KubePersistentVolumeFillingUp"]
)
def test_alerts_about_something_else_arent_answered_by_quiet_pods(name: str) -> None:
    assert find(Cause.NOTHING_WRONG, snap(alert(name), **calm())) is None


def test_a_service_alert_is_over_only_when_its_measure_came_down() -> None:
    errors = alert("HighErrorRate", 8, service="api")
    fell = series("errors", *[0.001] * 20, *[0.3] * 4, *[0.001] * 6)
    high = series("errors", *[0.001] * 20, *[0.3] * 10)
    over = first(snap(errors, **calm(series=[fell])))
    assert (over.cause, over.confidence) == (Cause.NOTHING_WRONG, Confidence.MEDIUM)
    assert find(Cause.NOTHING_WRONG, snap(errors, **calm(series=[high]))) is None
    assert find(Cause.NOTHING_WRONG, snap(errors, **calm())) is None
