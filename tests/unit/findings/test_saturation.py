"""Load beyond what the pods carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import AutoscalerSeen, WorkloadSeen
from bot.domain.target import Target
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    alert,
    change,
    find,
    first,
    part,
    pod,
    series,
    snap,
    without,
)

SLOW = alert("HighLatency", 8, service="api")
ROW = WorkloadSeen("Deployment", "shop", "api", 2, 2, 2, 2, 2)
BUSY = [series("cpu", *[0.4] * 20, *[0.95] * 8, unit="cores", pod=name, container="api") for name in ("api-1", "api-2")]
GROWN = series("traffic", *[100.0] * 20, *[230.0] * 8, unit="per_second")


def busy(**rows: Any) -> dict[str, Any]:
    return {**UNCHANGED, "pods": [pod(), pod("api-2")], "series": [*BUSY, GROWN], **rows}


def test_busy_pods_and_grown_traffic_are_shared_among_more() -> None:
    found = first(snap(SLOW, workload=ROW, **busy()))
    assert (found.cause, found.confidence) == (Cause.SATURATION, Confidence.HIGH)
    assert found.sentence == "Both pods use 95 % of the CPU allowed, and the traffic has grown."
    assert found.suggestions[0].params == {"replicas": 3}


def test_an_autoscaler_owns_the_number_and_so_do_unread_ones() -> None:
    owned = AutoscalerSeen("api", 2, 9, 2, 2, ("cpu 79 % of 80 %",), above=False)
    found = find(Cause.SATURATION, snap(SLOW, workload=ROW, **busy(autoscalers=[owned])))
    unread = find(Cause.SATURATION, without(snap(SLOW, workload=ROW, **busy()), "autoscalers"))
    assert found is not None
    assert unread is not None
    assert (found.suggestions, unread.suggestions) == ((), ())


def test_why_no_more_replicas_are_proposed_is_said_as_it_is() -> None:
    owned = AutoscalerSeen("api", 2, 9, 2, 2, ("cpu 79 % of 80 %",))
    told = {
        "sets the number of replicas": snap(SLOW, workload=ROW, **busy(autoscalers=[owned])),
        "wasn't read": without(snap(SLOW, workload=ROW, **busy()), "autoscalers"),
        "A DaemonSet isn't made larger": replace(
            snap(SLOW, workload=ROW, **busy()), target=Target("DaemonSet", "shop", "api")
        ),
    }
    for words, seen in told.items():
        found = find(Cause.SATURATION, seen)
        assert found is not None
        assert found.suggestions == ()
        assert words in found.no_help


def test_traffic_that_isnt_known_or_a_change_before_leaves_it_medium() -> None:
    mute = find(Cause.SATURATION, snap(SLOW, workload=ROW, **busy(series=BUSY)))
    pods = [pod(minutes=8.5, hash="new"), pod("api-2", minutes=8.5, hash="new")]
    changed = find(
        Cause.SATURATION, snap(SLOW, workload=ROW, **busy(pods=pods, changes=[change()], revisions=REVISIONS))
    )
    assert mute is not None
    assert changed is not None
    assert (mute.confidence, changed.confidence) == (Confidence.MEDIUM, Confidence.MEDIUM)


def test_a_busy_pod_without_a_service_that_suffers_is_at_work() -> None:
    assert find(Cause.SATURATION, snap(alert("KubePodNotReady"), workload=ROW, **busy())) is None


def test_pods_at_half_of_what_they_may_arent_saturated() -> None:
    half = [series("cpu", *[0.5] * 28, unit="cores", pod=name) for name in ("api-1", "api-2")]
    assert find(Cause.SATURATION, snap(SLOW, workload=ROW, **busy(series=[*half, GROWN]))) is None


def test_an_autoscaler_at_its_bound_has_the_word() -> None:
    full = AutoscalerSeen("api", 1, 2, 2, 2, ("cpu 142 % of 80 %",), above=True)
    assert first(snap(SLOW, workload=ROW, **busy(autoscalers=[full]))).cause is Cause.AUTOSCALER_BOUND


def test_a_request_without_a_limit_binds_nobody_unless_the_traffic_has_grown() -> None:
    """A pod that uses twice what it asks for may simply use what is free."""
    asks = [pod(name, part(cpu_limit=None, cpu_request=0.4)) for name in ("api-1", "api-2")]
    steady = series("traffic", *[100.0] * 28, unit="per_second")
    assert find(Cause.SATURATION, snap(SLOW, workload=ROW, **busy(pods=asks, series=[*BUSY, steady]))) is None
    assert find(Cause.SATURATION, snap(SLOW, workload=ROW, **busy(pods=asks, series=BUSY))) is None
    grown = find(Cause.SATURATION, snap(SLOW, workload=ROW, **busy(pods=asks)))
    assert grown is not None
    assert "of the CPU they ask for, and the traffic has grown" in grown.sentence
