"""Quotas and limit ranges: what was refused, what nearly would be."""

from __future__ import annotations

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ConditionSeen, QuotaSeen, WorkloadSeen
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    alert,
    change,
    crashing,
    event,
    find,
    first,
    pod,
    snap,
)

REFUSED = (
    'Error creating: pods "api-x" is forbidden: exceeded quota: compute, requested: requests.cpu=500m, '
    "used: requests.cpu=15900m, limited: requests.cpu=16"
)
RANGE = 'Error creating: pods "api-x" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4Gi'
SHORT = WorkloadSeen("Deployment", "shop", "api", 6, 4, 4, 4, 4)
OLD = [pod(f"api-{number}") for number in range(4)]
FULL = QuotaSeen("compute", "requests.cpu", 15.9, 16.0)


def refused(message: str = REFUSED, **rows: object) -> dict[str, object]:
    return {
        **UNCHANGED,
        "pods": OLD,
        "events": [event("FailedCreate", message, "ReplicaSet api-7d")],
        "quotas": [FULL],
        **rows,
    }


def test_the_refusal_is_told_with_its_numbers_and_left_to_its_owner() -> None:
    found = first(snap(workload=SHORT, **refused()))
    assert (found.cause, found.confidence, found.detail, found.suggestions) == (
        Cause.QUOTA,
        Confidence.HIGH,
        "requests.cpu",
        (),
    )
    assert found.sentence == (
        "2 pods can't be created: quota compute has 15900m of 16 requests.cpu used, 500m more was asked for."
    )


def test_of_several_resources_each_number_has_its_own() -> None:
    both = "requested: cpu=1,memory=2Gi, used: cpu=8,memory=9Gi, limited: cpu=8,memory=10Gi"
    found = first(snap(workload=SHORT, **refused(f'pods "x" is forbidden: exceeded quota: compute, {both}')))
    assert "has cpu=8,memory=9Gi used of cpu=8,memory=10Gi, cpu=1,memory=2Gi was asked for" in found.sentence


def test_the_workloads_own_condition_tells_it_too() -> None:
    failed = ConditionSeen("ReplicaFailure", "True", "FailedCreate", REFUSED.removeprefix("Error creating: "))
    row = WorkloadSeen("Deployment", "shop", "api", 6, 4, 4, 4, 4, conditions=(failed,))
    found = first(snap(workload=row, **refused(events=[])))
    assert (found.cause, found.confidence) == (Cause.QUOTA, Confidence.HIGH)


def test_a_template_that_asks_for_more_goes_back_and_one_that_doesnt_stays() -> None:
    more = refused(changes=[change("resources: cpu request 250m → 500m", resources=True)], revisions=REVISIONS)
    same = refused(changes=[change("env: RATE_LIMIT, request-limits changed")], revisions=REVISIONS)
    assert [one.action for one in first(snap(workload=SHORT, **more)).suggestions] == ["rollback"]
    assert first(snap(workload=SHORT, **same)).suggestions == ()


def test_who_scaled_up_scales_back() -> None:
    scaled = refused(changes=[change("scaled to 6", kind="scale", by="kubectl scale", size=6)])
    assert [(one.action, one.params) for one in first(snap(workload=SHORT, **scaled)).suggestions] == [
        ("scale", {"replicas": 4})
    ]


def test_a_limit_range_refuses_too() -> None:
    found = first(snap(workload=SHORT, **refused(RANGE)))
    assert (found.cause, found.detail) == (Cause.QUOTA, "limit range")
    assert "maximum memory usage per Container is 2Gi" in found.sentence


def test_missing_pods_and_a_full_quota_without_a_word_are_medium() -> None:
    found = find(Cause.QUOTA, snap(workload=SHORT, **refused(events=[])))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_quota_alert_alone_is_high_only_while_nothing_else_fires_and_no_pod_is_ill() -> None:
    rows = {**UNCHANGED, "pods": OLD, "quotas": [FULL]}
    almost = alert("KubeQuotaAlmostFull", resourcequota="compute")
    assert first(snap(almost, **rows)).confidence is Confidence.HIGH
    beside = find(Cause.QUOTA, snap(almost, alert("HighErrorRate", service="api"), **rows))
    ill = find(Cause.QUOTA, snap(almost, **{**rows, "pods": [crashing()]}))
    assert beside is not None
    assert ill is not None
    assert (beside.confidence, ill.confidence) == (Confidence.LOW, Confidence.MEDIUM)


def test_an_overcommitted_cluster_is_told_in_its_alerts_words() -> None:
    found = first(snap(alert("KubeCPUOvercommit"), target=None))
    assert (found.cause, found.detail, found.basis) == (Cause.QUOTA, "overcommit", "the alert")


def test_a_full_quota_that_refuses_nobody_is_nothing() -> None:
    assert find(Cause.QUOTA, snap(**{**UNCHANGED, "pods": OLD, "quotas": [FULL]})) is None


def test_a_webhook_that_forbids_a_pod_is_no_quota() -> None:
    told = 'Error creating: admission webhook "policy.example" denied the request: image not signed'
    assert find(Cause.QUOTA, snap(workload=SHORT, **refused(told, quotas=[]))) is None
