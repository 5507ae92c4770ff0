"""Budgets, quotas, autoscalers, Services, Jobs and claims read from raw objects as rows."""

from __future__ import annotations

from typing import Any

import pytest

from bot.kube.jobs import read_job
from bot.kube.limits import autoscaler_row, budgets_over, of_workload, quota_rows
from bot.kube.services import in_front_of, read_service
from bot.kube.volumes import read_volume

Json = dict[str, Any]


def budget(name: str, selector: Json | None, allowed: int = 0) -> Json:
    spec = {"minAvailable": "50%", **({"selector": selector} if selector is not None else {})}
    status = {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 3}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def test_a_budget_without_selector_selects_nothing_and_an_empty_one_everything() -> None:
    listed = [budget("none", None), budget("all", {}, 3), budget("api", {"matchLabels": {"app": "api"}})]
    rows = budgets_over(listed, {"app": "api"})
    assert [(row.name, row.bound, row.allowed) for row in rows] == [
        ("api", "minAvailable 50%", 0), ("all", "minAvailable 50%", 3),
    ]  # fmt: skip
    assert (rows[0].healthy, rows[0].desired, rows[0].expected) == (1, 2, 3)


def test_quotas_come_fullest_first_in_base_units() -> None:
    quota = {
        "metadata": {"name": "compute"},
        "status": {
            "hard": {"requests.cpu": "4", "pods": "10", "limits.memory": "8Gi", "services.nodeports": "0"},
            "used": {"requests.cpu": "4000m", "pods": "2", "limits.memory": "6Gi"},
        },
    }
    rows = quota_rows([quota, {"metadata": {"name": "fresh"}, "spec": {"hard": {"pods": "5", "odd": "many"}}}])
    assert [(row.resource, row.used, row.hard) for row in rows] == [
        ("requests.cpu", 4.0, 4.0), ("services.nodeports", 0.0, 0.0), ("limits.memory", 6 * 2.0**30, 8 * 2.0**30),
        ("pods", 2.0, 10.0), ("pods", 0.0, 5.0),
    ]  # fmt: skip


AUTOSCALER: Json = {
    "metadata": {"name": "api"},
    "spec": {
        "scaleTargetRef": {"kind": "Deployment", "name": "api"},
        "maxReplicas": 10,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            },
            {
                "type": "Pods",
                "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "100"}},
            },
            {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "30"}}},
        ],
    },
    "status": {
        "currentReplicas": 10,
        "desiredReplicas": 10,
        "currentMetrics": [
            {"type": "Pods", "pods": {"metric": {"name": "rps"}, "current": {"averageValue": "250"}}},
            {
                "type": "Resource",
                "resource": {"name": "cpu", "current": {"averageUtilization": 95, "averageValue": "1"}},
            },
        ],
        "conditions": [{"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}],
    },
}


def test_an_autoscalers_metrics_are_matched_by_name_and_what_is_not_measured_says_so() -> None:
    row = autoscaler_row(AUTOSCALER)
    assert row.metrics == ("cpu 95 % of 80 %", "rps 250 of 100", "queue not known of 30")
    assert (row.least, row.most, row.current, row.desired) == (1, 10, 10, 10)
    assert row.conditions[0].reason == "TooManyReplicas"
    assert autoscaler_row({"status": {"currentMetrics": None}}).metrics == ()
    assert of_workload("Deployment", "api", [AUTOSCALER]) == [AUTOSCALER]
    assert of_workload("StatefulSet", "api", [AUTOSCALER]) == []


def endpoint(uid: str, *, ready: bool | None) -> Json:
    return {
        "addresses": [f"10.0.0.{uid}"],
        "conditions": {} if ready is None else {"ready": ready},
        "targetRef": {"uid": uid},
    }


def test_endpoints_of_several_slices_count_once_and_no_condition_means_ready() -> None:
    service = {
        "metadata": {"name": "api"},
        "spec": {
            "selector": {"app": "api"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"port": 9, "targetPort": 9}],
        },
    }
    label = {"kubernetes.io/service-name": "api"}
    slices = [
        {"metadata": {"labels": label}, "endpoints": [endpoint("1", ready=True), endpoint("2", ready=False)]},
        {"metadata": {"labels": label}, "endpoints": [endpoint("1", ready=True), endpoint("3", ready=None)]},
        {"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "endpoints": [endpoint("9", ready=True)]},
        {"metadata": {"labels": label}, "endpoints": None},
    ]
    row = read_service(service, slices)
    assert (row.ready, row.not_ready, row.ports) == (2, 1, ("http 80 → 8080", "9"))
    assert in_front_of([service, {"spec": {}}], {"app": "api", "x": "y"}) == [service]


ENDS = [
    (
        {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "t2"}], "completionTime": "t1"},
        "complete",
        "t1",
    ),
    ({"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "t2"}]}, "failed", "t2"),
    ({"conditions": [{"type": "FailureTarget", "status": "True", "lastTransitionTime": "t2"}]}, "failed", "t2"),
    ({"conditions": [{"type": "Suspended", "status": "True"}]}, "", ""),
    ({"conditions": [{"type": "Failed", "status": "False"}], "active": 1}, "", ""),
    ({}, "", ""),
]


@pytest.mark.parametrize(("status", "result", "finished"), ENDS)
def test_a_job_ends_by_its_conditions(status: Json, result: str, finished: str) -> None:
    row = read_job({"metadata": {"name": "j"}, "status": status})
    assert (row.result, row.finished_at, row.backoff_limit) == (result, finished, None)


def test_a_job_knows_the_cronjob_above_it() -> None:
    owner = {"kind": "CronJob", "name": "nightly", "uid": "u", "controller": True}
    cron = {"spec": {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin", "suspend": True}}
    row = read_job({"metadata": {"name": "n-1", "ownerReferences": [owner]}, "spec": {"backoffLimit": 0}}, cron)
    assert (row.cronjob, row.schedule, row.suspended, row.backoff_limit) == (
        "nightly", "0 3 * * * (Europe/Berlin)", True, 0,
    )  # fmt: skip


def test_a_claim_tells_its_size_its_class_and_what_it_waits_for() -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "20Gi"}}},
        "status": {
            "phase": "Bound", "capacity": {"storage": "10Gi"},
            "conditions": [{"type": "FileSystemResizePending", "status": "True", "message": "restart the pod"}],
        },
    }  # fmt: skip
    row = read_volume(claim, {"fast": True}, ())
    assert (row.phase, row.capacity, row.expandable) == ("Bound", 10 * 2.0**30, True)
    assert row.message == "FileSystemResizePending: restart the pod"
    unknown = read_volume({"metadata": {"name": "data"}, "spec": {"storageClassName": "slow"}}, {}, ())
    assert (unknown.expandable, unknown.capacity) == (None, None)


@pytest.mark.parametrize(
    ("key", "now", "target", "told"),
    [
        ("averageUtilization", 142, 80, True), ("averageUtilization", 79, 80, False),
        ("averageValue", "500m", "1", False), ("averageValue", "1500m", "1", True),
        ("averageValue", "2Gi", "512Mi", True), ("value", "30", "30", False),
        ("averageUtilization", None, 80, None), ("value", "many", "30", None),
    ],
)  # fmt: skip
def test_a_metric_is_compared_in_its_units(key: str, now: object, target: object, told: bool | None) -> None:
    """Of what the target is given in: the status tells a value in both ways."""
    metric = {"type": "Resource", "resource": {"name": "cpu"}}
    current = {"averageUtilization": 95, "averageValue": "9", "value": "9", key: now}
    row = autoscaler_row({
        "spec": {"metrics": [metric | {"resource": {"name": "cpu", "target": {key: target}}}]},
        "status": {"currentMetrics": [metric | {"resource": {"name": "cpu", "current": current}}]},
    })  # fmt: skip
    assert row.above is told
    assert autoscaler_row({}).above is None
