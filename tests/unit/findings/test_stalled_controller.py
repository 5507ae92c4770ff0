"""The cluster's own parts."""

from __future__ import annotations

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import WorkloadSeen
from tests.unit.findings.recorded import UNCHANGED, alert, event, find, first, pod, snap

BEHIND = WorkloadSeen("Deployment", "shop", "api", 2, 2, 2, 2, 2, generation=9, observed_generation=7)
WHOLE = {**UNCHANGED, "pods": [pod(), pod("api-2")]}


def test_a_generation_that_nobody_took_up_is_told() -> None:
    found = first(snap(alert("KubeDeploymentGenerationMismatch", deployment="api"), workload=BEHIND, **WHOLE))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.STALLED_CONTROLLER, Confidence.HIGH, ())
    assert found.sentence == "No controller has taken up generation 9 of Deployment api; it is at 7."


def test_an_alert_about_the_control_plane_is_told_in_its_words() -> None:
    found = first(snap(alert("KubeControllerManagerDown"), target=None))
    assert (found.cause, found.detail, found.confidence) == (
        Cause.STALLED_CONTROLLER,
        "control plane",
        Confidence.MEDIUM,
    )


def test_pods_that_nobody_makes_are_low() -> None:
    row = WorkloadSeen("Deployment", "shop", "api", 4, 2, 2, 2, 2)
    found = find(Cause.STALLED_CONTROLLER, snap(workload=row, **WHOLE))
    assert found is not None
    assert found.confidence is Confidence.LOW


def test_a_refusal_says_why_they_arent_made_and_a_pause_is_somebodys_will() -> None:
    row = WorkloadSeen("Deployment", "shop", "api", 4, 2, 2, 2, 2)
    told = event(
        "FailedCreate", 'pods "x" is forbidden: exceeded quota: q, requested: cpu=1, used: cpu=4, limited: cpu=4'
    )
    assert find(Cause.STALLED_CONTROLLER, snap(workload=row, **{**WHOLE, "events": [told]})) is None
    paused = WorkloadSeen("Deployment", "shop", "api", 4, 2, 2, 2, 2, paused=True)
    assert find(Cause.STALLED_CONTROLLER, snap(workload=paused, **WHOLE)) is None


def test_a_generation_that_was_taken_up_is_nothing() -> None:
    row = WorkloadSeen("Deployment", "shop", "api", 2, 2, 2, 2, 2, generation=9, observed_generation=9)
    assert (
        find(Cause.STALLED_CONTROLLER, snap(alert("KubeDeploymentGenerationMismatch"), workload=row, **WHOLE)) is None
    )
