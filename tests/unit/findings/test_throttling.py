"""Throttling: the alert for information, the measure, and what matters more."""

from __future__ import annotations

from typing import Any

from bot.domain.finding import Cause, Confidence
from tests.unit.findings.recorded import UNCHANGED, alert, crashing, find, first, pod, series, snap

THROTTLED = alert("CPUThrottlingHigh", container="api", pod="api-1")


def rows(*values: float, **others: Any) -> dict[str, Any]:
    found = [series("throttling", *values, container="api")] if values else []
    return {**UNCHANGED, "pods": [pod()], "series": found, **others}


def test_measured_and_alerted_it_is_sure_and_nothing_has_to_be_done() -> None:
    found = first(snap(THROTTLED, **rows(0.5, 0.52, 0.5)))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.THROTTLING, Confidence.HIGH, ())
    assert "kubectl -n shop set resources deployment/api -c api --limits=cpu=1500m" in found.no_help


def test_the_alert_alone_is_medium_and_low_beside_another() -> None:
    alone = first(snap(THROTTLED, **{**UNCHANGED, "pods": [pod()]}))
    beside = find(Cause.THROTTLING, snap(THROTTLED, alert("KubePodNotReady"), **{**UNCHANGED, "pods": [pod()]}))
    assert beside is not None
    assert (alone.cause, alone.confidence, beside.confidence) == (Cause.THROTTLING, Confidence.MEDIUM, Confidence.LOW)


def test_a_slow_service_that_is_throttled_by_half_is_medium() -> None:
    found = find(Cause.THROTTLING, snap(alert("HighLatency", service="api"), **rows(0.55, 0.55, 0.55)))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_measure_below_the_bound_clears_it() -> None:
    assert find(Cause.THROTTLING, snap(THROTTLED, **rows(0.05, 0.06, 0.05))) is None
    assert find(Cause.THROTTLING, snap(alert("HighLatency", service="api"), **rows(0.2, 0.2, 0.2))) is None


def test_pods_that_crash_matter_more() -> None:
    found = find(Cause.THROTTLING, snap(THROTTLED, **rows(0.5, 0.5, 0.5, pods=[crashing()])))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM
