"""When an alert leads to a restart: the rule of the design, one law a test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.evidence import PodRow
from bot.policy.proposing import Advice, propose_restart
from tests.unit.cluster_states import NOW, state

RUNNING = [PodRow("api-1", "Running", ready=False, restarts=4, waiting="CrashLoopBackOff")]


def ask(labels: dict[str, str], pods: list[PodRow] | None = None, **changes: object) -> Advice:
    since = changes.pop("failing_since", None)
    return propose_restart([labels], state(**changes), RUNNING if pods is None else pods, now=NOW, failing_since=since)


@pytest.mark.parametrize("name", ["KubePodCrashLooping", "KubePodNotReady", "KubeDeploymentReplicasMismatch"])
def test_the_named_alerts_propose(name: str) -> None:
    advice = ask({"alertname": name}, template_changed_at=NOW - timedelta(hours=6))
    assert advice.propose
    assert advice.rationale.startswith(f"{name}: 1 pod runs, its template unchanged for 6 h.")


@pytest.mark.parametrize(
    "labels",
    [
        {"alertname": "High5xxErrorRate", "service": "api"},
        {"alertname": "HighLatency", "deployment": "api"},
        {"alertname": "ApiSlowResponses", "app": "api"},
        {"alertname": "CheckoutP99TooHigh", "service": "api"},
        {"alertname": "http_errors_high", "service": "api"},
        {"alertname": "UpstreamTimeouts", "pod": "api-1"},
    ],
    ids=lambda labels: labels["alertname"],
)
def test_error_and_latency_alerts_of_a_service_propose(labels: dict[str, str]) -> None:
    assert ask(labels).propose


@pytest.mark.parametrize(
    "labels",
    [
        {"alertname": "HighLatency"},
        {"alertname": "TargetDown", "service": "api"},
        {"alertname": "KubePersistentVolumeFillingUp", "deployment": "api"},
        {"alertname": "KubeAPIErrorBudgetBurn", "service": "apiserver"},
        {"alertname": "NodeNetworkReceiveErrs", "service": "node-exporter"},
        {"alertname": "PrometheusErrorSendingAlerts", "service": "prometheus", "pod": "p-0"},
        {"alertname": "ScrapeErrors", "service": "kube-state-metrics", "pod": "kube-state-metrics-1"},
        {},
    ],
    ids=lambda labels: labels.get("alertname", "none"),
)
def test_everything_else_says_why_nothing_is_proposed(labels: dict[str, str]) -> None:
    advice = ask(labels)
    assert not advice.propose
    assert advice.rationale.endswith(".")


def test_no_workload_no_proposal() -> None:
    crash = {"alertname": "KubePodCrashLooping"}
    assert not propose_restart([crash], None, RUNNING, now=NOW).propose


@pytest.mark.parametrize(
    "pods", [[], [PodRow("api-1", "Pending", ready=False, restarts=0, waiting="ImagePullBackOff")]]
)
def test_pods_that_do_not_run_are_not_started_again(pods: list[PodRow]) -> None:
    assert not ask({"alertname": "KubePodNotReady"}, pods).propose


CHANGED = NOW - timedelta(minutes=29)


@pytest.mark.parametrize(
    ("changes", "proposes"),
    [
        ({"template_changed_at": CHANGED, "first_failure_at": CHANGED + timedelta(seconds=40)}, False),
        ({"template_changed_at": CHANGED, "first_failure_at": CHANGED - timedelta(seconds=40)}, True),
        ({"template_changed_at": CHANGED, "failing_since": CHANGED - timedelta(seconds=1)}, True),
        ({"template_changed_at": CHANGED, "failing_since": CHANGED + timedelta(seconds=1)}, False),
        ({"template_changed_at": CHANGED}, False),
        ({"template_changed_at": NOW - timedelta(minutes=30)}, True),
        ({"template_changed_at": None}, True),
    ],
    ids=["after", "before", "alert before", "alert after", "unknown", "30 min ago", "never seen"],
)
def test_never_when_the_first_failure_follows_a_recent_template_change(
    changes: dict[str, object], proposes: bool
) -> None:
    advice = ask({"alertname": "KubePodCrashLooping"}, **changes)
    assert advice.propose is proposes
    assert proposes or "29 min ago (revision 41)" in advice.rationale
