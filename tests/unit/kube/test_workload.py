"""Reading recorded objects: what the real API server says, in Fettle's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.kube.objects import selector_text, selects
from bot.kube.pods import read_pod
from bot.kube.workload import Objects, read_state, template_changed_at, template_hash
from tests.unit.cluster_states import recorded


def deployment(name: str) -> Any:
    return read_state("Deployment", Objects(recorded(name)))


def test_zero_counts_are_omitted_by_the_server_and_read_as_zero() -> None:
    zero = deployment("deploy-scaled-zero")
    assert (zero.replicas, zero.updated, zero.ready, zero.available, zero.current) == (0, 0, 0, 0, 0)
    assert not zero.rolling_out


@pytest.mark.parametrize(
    ("name", "rolling"),
    [
        ("deploy-before-restart", False),
        ("deploy-restart-patch-response", True),
        ("deploy-mid-rollout", True),
        ("deploy-after-restart", False),
        ("deploy-stuck-crashloop", True),
        ("deploy-node-dead", False),
    ],
)
def test_rolling_out(name: str, rolling: bool) -> None:
    assert deployment(name).rolling_out is rolling


def test_a_restart_does_not_change_the_template_hash_another_image_does() -> None:
    before = recorded("deploy-before-restart")["spec"]["template"]
    after = recorded("deploy-after-restart")["spec"]["template"]
    other = recorded("deploy-setimage")["spec"]["template"]
    assert template_hash(before) == template_hash(after) != template_hash(other)


def test_a_replica_sets_template_hashes_like_its_deployments() -> None:
    live = next(
        item
        for item in recorded("rs-list-revisions")["items"]
        if item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    )
    assert template_hash(live["spec"]["template"]) == template_hash(
        recorded("deploy-after-restart")["spec"]["template"]
    )


def test_the_template_changed_when_its_first_revision_was_made() -> None:
    obj = recorded("deploy-setimage")
    changed = template_changed_at("Deployment", obj, recorded("rs-list-revisions")["items"])
    assert changed == datetime.fromisoformat("2026-11-20T23:55:02Z")


def test_a_restart_is_no_template_change() -> None:
    older = [item for item in recorded("rs-list-revisions")["items"] if item["metadata"]["name"] != "api-55bbfd8647"]
    changed = template_changed_at("Deployment", recorded("deploy-after-restart"), older)
    assert changed == datetime.fromisoformat("2026-11-20T23:54:50Z")


def test_after_an_undo_the_old_replica_sets_creation_is_not_the_time_of_the_change() -> None:
    changed = template_changed_at("Deployment", recorded("deploy-after-undo"), recorded("rs-list-after-undo")["items"])
    assert changed == datetime.fromisoformat("2026-11-20T23:55:12Z")


def test_without_revisions_the_newest_write_of_the_template_counts() -> None:
    changed = template_changed_at("Deployment", recorded("deploy-after-restart"), [])
    assert changed == datetime.fromisoformat("2026-11-20T23:54:50Z")


def test_who_only_restarted_is_no_manager_of_the_template() -> None:
    assert deployment("deploy-after-restart").managers == ("python-urllib3",)


PODS = [
    ("pod-crashloopbackoff", "CrashLoopBackOff", True, 2, 1),
    ("pod-crash-running-again", "", True, 5, 1),
    ("pod-crash-terminated", "", True, 0, 1),
    ("pod-oomkilled-running", "", False, 6, 137),
    ("pod-imagepullbackoff", "ImagePullBackOff", False, 0, None),
    ("pod-createcontainerconfigerror", "CreateContainerConfigError", False, 0, None),
    ("pod-evicted", "Evicted", False, 0, 137),
]


@pytest.mark.parametrize(("name", "waiting", "crashing", "restarts", "code"), PODS, ids=[row[0] for row in PODS])
def test_recorded_pods(name: str, waiting: str, crashing: bool, restarts: int, code: int | None) -> None:
    read = read_pod(recorded(name))
    row = read.row
    assert (row.waiting, read.crash_looping(), row.restarts, row.exit_code) == (waiting, crashing, restarts, code)


@pytest.mark.parametrize(("minutes", "looping"), [(9, True), (11, False)])
def test_a_pod_that_is_up_between_two_crashes_is_in_a_loop_for_ten_minutes(minutes: int, looping: bool) -> None:
    killed = read_pod(recorded("pod-oomkilled-running"))
    assert killed.finished_at is not None
    assert killed.row.ready
    assert killed.crash_looping(killed.finished_at + timedelta(minutes=minutes)) is looping


def test_a_pod_that_cannot_be_scheduled_says_so() -> None:
    (item,) = recorded("pod-unschedulable-list")["items"]
    assert read_pod(item).row.waiting == "Unschedulable"


def test_a_pod_on_a_dead_node_still_says_running_but_is_not_ready() -> None:
    pods = [read_pod(item) for item in recorded("pods-on-dead-node")["items"]]
    assert {(pod.row.phase, pod.row.ready) for pod in pods} == {("Running", False)}


def test_an_object_with_nothing_in_it_is_read_and_not_tripped_over() -> None:
    assert read_pod({}).row.phase == "Unknown"
    assert read_state("Deployment", Objects({})).replicas == 1


BUDGETS = [
    {
        "metadata": {"name": name},
        "spec": {"selector": selector, "minAvailable": "50%"},
        "status": {"disruptionsAllowed": allowed} if allowed else {},
    }
    for name, selector, allowed in (
        ("wide", {}, 3),
        ("tight", {"matchLabels": {"app": "api"}}, 0),
        ("other", {"matchLabels": {"app": "web"}}, 0),
        ("none", None, 0),
    )
]


def test_the_tightest_budget_over_the_pods_counts_and_an_absent_selector_selects_none() -> None:
    read = read_state("Deployment", Objects(recorded("deploy-before-restart"), budgets=BUDGETS))
    assert read.budget == ("tight", "minAvailable 50%", 0)


def test_an_autoscaler_counts_only_for_its_own_target() -> None:
    def scaler(kind: str, name: str) -> dict[str, Any]:
        return {"metadata": {"name": "h"}, "spec": {"scaleTargetRef": {"kind": kind, "name": name}, "maxReplicas": 9}}

    def hpa(*scalers: dict[str, Any]) -> object:
        return read_state("Deployment", Objects(recorded("deploy-before-restart"), autoscalers=scalers)).hpa

    assert hpa(scaler("StatefulSet", "api"), scaler("Deployment", "web")) is None
    assert hpa(scaler("Deployment", "api")) == ("h", 1, 9)


EXPRESSIONS = {
    "matchLabels": {"app": "api"},
    "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "track", "operator": "NotIn", "values": ["canary"]},
        {"key": "app", "operator": "Exists"},
        {"key": "old", "operator": "DoesNotExist"},
    ],
}


def test_selectors_with_expressions() -> None:
    assert selector_text(EXPRESSIONS) == "app=api,tier in (a,b),track notin (canary),app,!old"
    assert selects(EXPRESSIONS, {"app": "api", "tier": "b"})
    for labels in ({"app": "api"}, {"app": "api", "tier": "b", "track": "canary"}, {"app": "x", "tier": "b"}):
        assert not selects(EXPRESSIONS, labels)
    assert not selects({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}, {"a": "2"})
