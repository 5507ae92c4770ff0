"""Autoscalers at their maximum, and those that can't read their metric."""

from __future__ import annotations

from typing import Any

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import AutoscalerSeen, ConditionSeen
from tests.unit.findings.recorded import (
    UNCHANGED,
    alert,
    crashing,
    find,
    first,
    pod,
    said,
    snap,
    without,
)

LIMITED = ConditionSeen("ScalingLimited", "True", "TooManyReplicas")
FULL = AutoscalerSeen("api", 2, 6, 6, 6, ("cpu 142 % of 80 %",), (LIMITED,), above=True)
MAXED = alert("KubeHpaMaxedOut", horizontalpodautoscaler="api")


def scaled(row: AutoscalerSeen = FULL, **rows: Any) -> dict[str, Any]:
    return {**UNCHANGED, "pods": [pod()], "autoscalers": [row], **rows}


def test_at_the_maximum_with_its_metric_above_it_is_raised_by_half() -> None:
    found = first(snap(MAXED, **scaled()))
    assert (found.cause, found.confidence) == (Cause.AUTOSCALER_BOUND, Confidence.HIGH)
    assert found.suggestions[0].params == {"autoscaler": "api", "most": 9}
    assert "cpu 142 % of 80 %" in found.sentence


def test_a_service_that_suffers_will_do_instead_of_the_alert() -> None:
    found = first(snap(alert("HighLatency", service="api"), **scaled()))
    assert (found.cause, found.confidence) == (Cause.AUTOSCALER_BOUND, Confidence.HIGH)


def test_at_the_maximum_while_nothing_hurts_is_low_and_stays_so() -> None:
    found = find(Cause.AUTOSCALER_BOUND, snap(alert("KubePodNotReady"), **scaled()))
    assert found is not None
    assert (found.confidence, found.suggestions) == (Confidence.LOW, ())


def test_ill_pods_and_a_metric_that_isnt_told_make_it_doubtful() -> None:
    ill = find(Cause.AUTOSCALER_BOUND, snap(MAXED, **scaled(pods=[crashing()])))
    mute = find(Cause.AUTOSCALER_BOUND, snap(MAXED, **scaled(AutoscalerSeen("api", 2, 6, 6, 6, (), (LIMITED,)))))
    assert ill is not None
    assert mute is not None
    assert (ill.confidence, mute.confidence) == (Confidence.MEDIUM, Confidence.MEDIUM)


def test_a_dependency_in_the_logs_isnt_answered_by_more_pods() -> None:
    down = [said("Error: connect ECONNREFUSED 10.3.0.4:6379", previous=False)]
    found = find(Cause.AUTOSCALER_BOUND, snap(alert("HighLatency", service="api"), **scaled(logs=down)))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_one_that_may_have_more_isnt_at_its_bound() -> None:
    assert (
        find(
            Cause.AUTOSCALER_BOUND,
            snap(MAXED, **scaled(AutoscalerSeen("api", 2, 9, 6, 6, ("cpu 142 % of 80 %",), above=True))),
        )
        is None
    )


def test_one_that_cant_read_its_metric_is_told_and_left_alone() -> None:
    blind = ConditionSeen("ScalingActive", "False", "FailedGetResourceMetric", "unable to get metrics for resource cpu")
    found = first(
        snap(
            alert("KubeHpaReplicasMismatch", horizontalpodautoscaler="api"),
            **scaled(AutoscalerSeen("api", 1, 6, 2, 2, (), (blind,))),
        )
    )
    assert (found.cause, found.detail, found.suggestions) == (Cause.AUTOSCALER_BOUND, "blind", ())


def test_unread_it_is_the_alerts_word_alone() -> None:
    found = first(without(snap(MAXED, **scaled()), "autoscalers"))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.AUTOSCALER_BOUND, Confidence.MEDIUM, ())
