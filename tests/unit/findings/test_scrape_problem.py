"""A scrape that fails while the target serves."""

from __future__ import annotations

from typing import Any

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ServiceSeen
from tests.unit.findings.recorded import (
    UNCHANGED,
    alert,
    crashing,
    find,
    first,
    pod,
    series,
    snap,
    unready,
    without,
)

DOWN = alert("TargetDown", job="api", service="api")
SERVED = ServiceSeen("api", 2, 0, ("http",))


def served(**rows: Any) -> dict[str, Any]:
    return {
        **UNCHANGED,
        "pods": [pod(), pod("api-2")],
        "services": [SERVED],
        "series": [series("up", 1, 0, 0, pod="api-1")],
        **rows,
    }


def test_ready_pods_with_endpoints_are_no_outage() -> None:
    found = first(snap(DOWN, **served()))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.SCRAPE_PROBLEM, Confidence.HIGH, ())
    assert found.sentence == "Prometheus can't scrape it, while 2 pods are ready and api has endpoints."


def test_a_pod_that_isnt_ready_or_crashes_makes_it_an_outage() -> None:
    for pods in ([pod(), unready("api-2")], [pod(), crashing("api-2")]):
        assert find(Cause.SCRAPE_PROBLEM, snap(DOWN, **served(pods=pods))) is None


def test_without_endpoints_it_is_doubtful_and_unread_ones_forbid_certainty() -> None:
    empty = find(Cause.SCRAPE_PROBLEM, snap(DOWN, **served(services=[ServiceSeen("api", 0, 0)])))
    unread = find(Cause.SCRAPE_PROBLEM, without(snap(DOWN, **served()), "endpoints"))
    assert empty is not None
    assert unread is not None
    assert (empty.confidence, unread.confidence) == (Confidence.MEDIUM, Confidence.MEDIUM)


def test_a_target_that_is_scraped_again_has_no_problem() -> None:
    assert find(Cause.SCRAPE_PROBLEM, snap(DOWN, **served(series=[series("up", 0, 0, 1, 1, 1, pod="api-1")]))) is None


def test_unread_pods_say_nothing() -> None:
    assert find(Cause.SCRAPE_PROBLEM, without(snap(DOWN, **served()), "pods")) is None


def test_other_alerts_are_no_scrape_problem() -> None:
    assert find(Cause.SCRAPE_PROBLEM, snap(alert("HighErrorRate", service="api"), **served())) is None


def test_what_measures_the_cluster_is_told_as_such_and_not_as_the_control_plane() -> None:
    found = first(snap(alert("KubeStateMetricsListErrors"), target=None))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.SCRAPE_PROBLEM, Confidence.MEDIUM, ())
    assert "may be missing or wrong" in found.sentence
    assert "kube-state-metrics" in found.no_help
