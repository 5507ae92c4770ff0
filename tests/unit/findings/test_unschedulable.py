"""Pods that no node takes: the scheduler's reasons and who asked for too much."""

from __future__ import annotations

import pytest

from bot.domain.evidence import PodRow
from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ConditionSeen, WorkloadSeen
from bot.domain.target import Target
from bot.findings.unschedulable import why
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    alert,
    change,
    event,
    find,
    first,
    pod,
    recorded,
    snap,
    waiting,
    without,
)

TAIL = "preemption: 0/5 nodes are available: 5 No preemption victims found for incoming pod."
CPU = f"0/5 nodes are available: 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}, 4 Insufficient cpu. {TAIL}"  # noqa: E501 - as it is written


def pending(name: str = "api-9", message: str = CPU, *, minutes: float = 8, **changes: object) -> PodRow:
    refused = ConditionSeen("PodScheduled", "False", "Unschedulable", message)
    return waiting("", "", name, minutes=minutes, waiting="Unschedulable", node="", conditions=(refused,), **changes)


OLD = [pod(f"api-{number}") for number in range(4)]


def test_the_recorded_one_names_what_is_short_and_proposes_nothing() -> None:
    found = first(recorded("unschedulable"))
    assert (found.cause, found.detail, found.confidence, found.suggestions) == (
        Cause.UNSCHEDULABLE,
        "cpu",
        Confidence.HIGH,
        (),
    )
    assert found.sentence == "1 pod can't be scheduled on any of 2 nodes: too little free CPU."


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        (CPU, ["cpu", "taint"]),
        (f"0/3 nodes are available: 2 Insufficient memory, 1 Insufficient cpu. {TAIL}", ["memory", "cpu"]),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", ["selector"]),
        ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", ["volume"]),
        ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", ["volume"]),
        ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", ["affinity"]),
        ("0/4 nodes are available: 4 Too many pods.", ["pods"]),
        ("0/2 nodes are available: 2 node(s) were unschedulable.", ["cordoned"]),
        ("0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.", ["ports"]),
        ("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", ["device"]),
        ("", []),
    ],
)
def test_what_the_scheduler_names_with_the_pods_own_wishes_first(message: str, kinds: list[str]) -> None:
    assert why(message) == kinds


def test_a_rollout_that_asks_for_more_goes_back() -> None:
    rows = {
        **UNCHANGED,
        "pods": [pending(hash="new"), *OLD],
        "changes": [change("resources: cpu 250m → 16")],
        "revisions": REVISIONS,
    }
    found = first(snap(**rows))
    assert [one.action for one in found.suggestions] == ["rollback"]
    assert "since the rollout" in found.sentence


def test_who_scaled_up_too_far_scales_back_to_the_pods_that_were_there() -> None:
    scaled = change("scaled to 9", kind="scale", by="kubectl scale", size=9)
    found = first(snap(**{**UNCHANGED, "pods": [pending(), pending("api-8"), *OLD], "changes": [scaled]}))
    assert [(one.action, one.params) for one in found.suggestions] == [("scale", {"replicas": 4})]


def test_what_got_a_place_since_keeps_it() -> None:
    """Of five more that were asked for two are placed and serve: to go back to four would end them."""
    scaled = change("scaled to 9", kind="scale", by="kubectl scale", size=9)
    more = [pod("api-5", minutes=8), pod("api-6", minutes=8)]
    rows = {**UNCHANGED, "pods": [pending(), pending("api-8"), *more, *OLD], "changes": [scaled]}
    found = first(snap(**rows, workload=WorkloadSeen("Deployment", "shop", "api", 9, 9, 9, 6, 6)))
    assert [(one.params, one.reason) for one in found.suggestions] == [
        ({"replicas": 6}, "so many have their place: 6 of 9")
    ]


@pytest.mark.parametrize("by", ["autoscaler api", "an autoscaler"])
def test_what_an_autoscaler_scaled_isnt_scaled_back(by: str) -> None:
    scaled = change("scaled to 9", kind="scale", by=by, size=9, automatic=True)
    assert first(snap(**{**UNCHANGED, "pods": [pending(), *OLD], "changes": [scaled]})).suggestions == ()


def test_nodes_that_are_cordoned_are_for_whoever_cordoned_them() -> None:
    told = "0/2 nodes are available: 2 node(s) were unschedulable."
    rows = {
        **UNCHANGED,
        "pods": [pending(message=told, hash="new"), *OLD],
        "changes": [change()],
        "revisions": REVISIONS,
    }
    found = first(snap(**rows))
    assert (found.detail, found.suggestions) == ("cordoned", ())
    assert "uncordon" in found.no_help


def test_without_pods_events_tell_and_without_a_pending_pod_old_events_dont() -> None:
    told = event("FailedScheduling", CPU, "Pod api-9")
    rows = {**UNCHANGED, "pods": OLD, "events": [told]}
    assert find(Cause.UNSCHEDULABLE, snap(**rows)) is None
    found = find(Cause.UNSCHEDULABLE, without(snap(**rows), "pods"))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_pod_that_waits_for_its_image_is_scheduled() -> None:
    assert find(Cause.UNSCHEDULABLE, snap(**{**UNCHANGED, "pods": [waiting("ImagePullBackOff", "x")]})) is None


def test_a_daemonset_on_nodes_where_it_shouldnt_be_is_the_other_side() -> None:
    row = WorkloadSeen("DaemonSet", "shop", "agent", 4, 4, 4, 4, 4, misscheduled=2)
    target = Target("DaemonSet", "shop", "agent")
    found = first(snap(alert("KubeDaemonSetMisScheduled", daemonset="agent"), target=target, workload=row, pods=OLD))
    assert (found.cause, found.detail) == (Cause.UNSCHEDULABLE, "misscheduled")


def test_nodes_of_other_pools_dont_hide_what_is_short_on_its_own() -> None:
    """In a cluster with pools most nodes never match a pod's selector; where it belongs the CPU is short."""
    pools = f"0/5 nodes are available: 1 Insufficient cpu, 4 node(s) didn't match Pod's node affinity/selector. {TAIL}"
    assert why(pools) == ["cpu"]
    grown = [change("scaled to 6", 9, "scale", by="kubectl scale", size=6)]
    rows = {**UNCHANGED, "changes": grown, "pods": [*OLD, pending(message=pools), pending("api-8", message=pools)]}
    found = first(snap(alert("KubeDeploymentReplicasMismatch", deployment="api"), **rows))
    assert found.sentence == "2 pods can't be scheduled on any of 5 nodes: too little free CPU."
    assert [one.action for one in found.suggestions] == ["scale"]
    assert why(f"0/5 nodes are available: 5 node(s) didn't match Pod's node affinity/selector. {TAIL}") == ["selector"]
