"""The last resort before a restart, and all that takes it away."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.finding import Cause, Confidence
from bot.domain.target import Target
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    alert,
    change,
    crashing,
    find,
    first,
    pod,
    said,
    series,
    snap,
    without,
)

ERRORS = alert("HighErrorRate", 8, service="api")


def calm(**rows: Any) -> dict[str, Any]:
    return {**UNCHANGED, "pods": [pod(), pod("api-2")], "logs": [said("served", previous=False)], **rows}


@pytest.mark.parametrize(
    "name", ["HighErrorRate", "HighLatency", "ApiSlowResponses", "CheckoutP99TooHigh", "UpstreamTimeouts"]
)
def test_a_service_in_trouble_with_nothing_to_explain_it_is_restarted(name: str) -> None:
    found = first(snap(alert(name, 8, service="api"), **calm()))
    assert (found.cause, found.confidence) == (Cause.SERVICE_DEGRADED, Confidence.MEDIUM)
    assert [one.action for one in found.suggestions] == ["restart"]
    assert found.suggestions[0].by_hand == "kubectl -n shop rollout restart deployment/api"


@pytest.mark.parametrize("source", ["pods", "changes", "logs"])
def test_what_wasnt_read_takes_the_restart_away(source: str) -> None:
    found = find(Cause.SERVICE_DEGRADED, without(snap(ERRORS, **calm()), source))
    assert found is not None
    assert (found.confidence, found.suggestions) == (Confidence.LOW, ())


def test_a_load_that_couldnt_be_measured_takes_it_away_but_no_prometheus_doesnt() -> None:
    failed = find(Cause.SERVICE_DEGRADED, without(snap(ERRORS, **calm(series=[])), "metrics"))
    assert failed is not None
    assert failed.suggestions == ()
    assert "takes pods away" in failed.no_help


@pytest.mark.parametrize("minutes", [9, 35])
def test_a_change_of_the_template_less_than_half_an_hour_before_takes_it_away(minutes: float) -> None:
    rows = calm(pods=[pod(minutes=minutes, hash="new")], changes=[change(minutes=minutes)], revisions=REVISIONS)
    found = find(Cause.SERVICE_DEGRADED, snap(ERRORS, **rows))
    assert found is not None
    assert found.suggestions == ()
    assert "change of the pod template" in found.no_help


def test_a_change_long_before_doesnt() -> None:
    found = first(
        snap(ERRORS, **calm(changes=[change(minutes=300)], revisions=REVISIONS, pods=[pod(minutes=299, hash="new")]))
    )
    assert [one.action for one in found.suggestions] == ["restart"]
    assert "the template stood for 4 h before" in found.basis


@pytest.mark.parametrize(
    "line", ["No space left on device", "x509: certificate has expired", "Error: connect ECONNREFUSED 10.3.0.4:6379"]
)
def test_logs_that_accuse_something_take_it_away(line: str) -> None:
    found = find(Cause.SERVICE_DEGRADED, snap(ERRORS, **calm(logs=[said(line, previous=False)])))
    assert found is not None
    assert found.suggestions == ()


def test_a_configuration_that_was_written_before_takes_it_away() -> None:
    written = change("ConfigMap api: changed", 10, "config")
    found = find(Cause.SERVICE_DEGRADED, snap(ERRORS, **calm(changes=[written])))
    assert found is not None
    assert found.suggestions == ()


def test_a_rate_that_came_down_by_itself_is_waited_for() -> None:
    fell = series("errors", *[0.001] * 20, *[0.3] * 4, *[0.001] * 6)
    found = find(Cause.SERVICE_DEGRADED, snap(ERRORS, **calm(series=[fell])))
    assert found is not None
    assert (found.confidence, found.suggestions) == (Confidence.LOW, ())


def test_ill_pods_other_alerts_and_targets_without_a_template_are_none_or_without_it() -> None:
    assert find(Cause.SERVICE_DEGRADED, snap(ERRORS, **calm(pods=[crashing()]))) is None
    assert find(Cause.SERVICE_DEGRADED, snap(alert("KubePodNotReady"), **calm())) is None
    assert find(Cause.SERVICE_DEGRADED, snap(alert("KubeAPIErrorBudgetBurn", service="apiserver"), **calm())) is None
    job = find(Cause.SERVICE_DEGRADED, snap(ERRORS, target=Target("Job", "shop", "x"), **calm()))
    assert job is not None
    assert job.suggestions == ()
