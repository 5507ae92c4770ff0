"""What an alert is and to which incident it belongs, by its labels alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.alert import (
    Alert,
    AlertStatus,
    correlation_key,
    fingerprint_of,
    from_exporter,
    named_workload,
)

GROUP = '{}/{team="shop"}:{alertname="X"}'
labels = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6)


def alert(**found: str) -> Alert:
    return Alert("f", AlertStatus.FIRING, found)


@settings(deadline=None)
@given(labels)
def test_a_fingerprint_does_not_depend_on_the_order_of_labels(found: dict[str, str]) -> None:
    assert fingerprint_of(found) == fingerprint_of(dict(reversed(found.items())))


@settings(deadline=None)
@given(labels, labels)
def test_other_labels_have_another_fingerprint(one: dict[str, str], other: dict[str, str]) -> None:
    same = fingerprint_of(one) == fingerprint_of(other)
    # A zero byte in a key or value could blur the border between two labels; senders can't send one in JSON labels.
    assert same is (one == other) or "\x00" in "".join([*one, *one.values(), *other, *other.values()])


def test_a_computed_fingerprint_is_known_by_its_prefix() -> None:
    assert fingerprint_of({"alertname": "X"}).startswith("s-")
    assert len(fingerprint_of({})) == 18


def test_an_alert_without_a_name_has_a_placeholder() -> None:
    assert alert(namespace="shop").name == "(alert without a name)"
    assert alert(alertname="X", namespace="shop").namespace == "shop"
    assert alert().namespace == ""


@pytest.mark.parametrize(
    ("found", "workload"),
    [
        ({"deployment": "api"}, ("Deployment", "api")),
        ({"statefulset": "db", "pod": "db-0"}, ("StatefulSet", "db")),
        ({"daemonset": "agent"}, ("DaemonSet", "agent")),
        ({"cronjob": "nightly", "job_name": "nightly-1"}, ("CronJob", "nightly")),
        ({"job_name": "nightly-1"}, ("Job", "nightly-1")),
        ({"horizontalpodautoscaler": "api"}, ("HorizontalPodAutoscaler", "api")),
        ({"persistentvolumeclaim": "data"}, ("PersistentVolumeClaim", "data")),
        ({"node": "n1"}, ("Node", "n1")),
        ({"deployment": "", "node": "n1"}, ("Node", "n1")),
        ({"job": "kube-state-metrics"}, None),
        ({"pod": "api-1"}, None),
        ({}, None),
    ],
)
def test_the_workload_that_labels_name(found: dict[str, str], workload: tuple[str, str] | None) -> None:
    assert named_workload(found) == workload


def test_five_pods_of_one_group_are_one_incident() -> None:
    keys = {correlation_key(GROUP, alert(alertname="X", namespace="shop", pod=f"api-{i}")) for i in range(5)}
    assert len(keys) == 1


def test_two_workloads_or_two_namespaces_of_one_group_are_two() -> None:
    keys = {
        correlation_key(GROUP, alert(alertname="X", namespace=namespace, deployment=name))
        for namespace in ("shop", "web")
        for name in ("api", "db")
    }
    assert len(keys) == 4


def test_a_deployment_and_a_stateful_set_of_one_name_are_two() -> None:
    one = correlation_key(GROUP, alert(namespace="shop", deployment="api"))
    other = correlation_key(GROUP, alert(namespace="shop", statefulset="api"))
    assert one != other


def test_without_a_group_key_name_and_namespace_decide() -> None:
    one = correlation_key("", alert(alertname="X", namespace="shop", deployment="api"))
    other = correlation_key("", alert(alertname="X", namespace="shop", deployment="db"))
    assert one == other
    assert one != correlation_key("", alert(alertname="Y", namespace="shop"))
    assert one != correlation_key("", alert(alertname="X", namespace="web"))


@pytest.mark.parametrize(
    ("found", "own"),
    [
        ({"job": "kube-state-metrics"}, True),
        ({"service": "kube-prometheus-stack-kube-state-metrics"}, True),
        ({"job": "monitoring/node-exporter"}, True),
        ({"job": "shop/api"}, False),
        ({}, False),
    ],
)
def test_an_exporters_own_labels_are_known_by_its_job_or_service(found: dict[str, str], own: bool) -> None:
    assert from_exporter(found) is own
