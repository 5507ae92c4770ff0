"""Nodes: silent, under pressure, or merely named by an alert."""

from __future__ import annotations

import pytest

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ConditionSeen, NodeSeen
from bot.domain.target import Target
from tests.unit.findings.recorded import (
    UNCHANGED,
    ago,
    alert,
    crashing,
    find,
    first,
    part,
    pod,
    recorded,
    series,
    snap,
    without,
)

SILENT = NodeSeen(
    "node-a",
    ready=False,
    conditions=(ConditionSeen("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting."),),
)
WELL = NodeSeen("node-b", ready=True, conditions=(ConditionSeen("Ready", "True"),))
LOST = pod("api-1", part(), ready=False)


def test_the_recorded_silent_nodes_are_told_and_cordoned() -> None:
    found = first(recorded("node-silent"))
    assert (found.cause, found.confidence, found.detail) == (Cause.NODE_TROUBLE, Confidence.HIGH, "silent")
    assert found.suggestions[0].by_hand == "kubectl cordon sim-node-2"
    assert "3 ill pods are there" in found.sentence


def test_the_recorded_eviction_tells_of_pressure_without_the_node_but_not_surely() -> None:
    found = first(recorded("evicted"))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.NODE_TROUBLE, Confidence.MEDIUM, ())


def test_pods_out_of_reach_tell_of_it_when_nodes_werent_read() -> None:
    found = first(without(snap(**{**UNCHANGED, "pods": [LOST], "nodes": [SILENT]}), "nodes"))
    assert (found.cause, found.confidence) == (Cause.NODE_TROUBLE, Confidence.MEDIUM)
    assert found.suggestions == ()


def test_the_kubelets_full_stop_ends_no_sentence_in_the_middle() -> None:
    told = ConditionSeen("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", ago(9))
    node = NodeSeen("node-a", ready=False, conditions=(told,))
    found = first(snap(alert("KubeNodeNotReady", node="node-a"), **{**UNCHANGED, "pods": [LOST], "nodes": [node]}))
    assert "(Kubelet stopped posting node status); 1 ill pod is there." in found.sentence


def test_an_alert_about_no_node_in_particular_sends_nobody_to_one() -> None:
    assert "No node is named" in first(snap(alert("KubeletDown"), target=None)).no_help


def test_pressure_is_left_to_the_kubelet() -> None:
    node = NodeSeen(
        "node-a", ready=True, conditions=(ConditionSeen("Ready", "True"), ConditionSeen("MemoryPressure", "True"))
    )
    found = first(snap(alert("KubeNodePressure", node="node-a"), **{**UNCHANGED, "pods": [pod()], "nodes": [node]}))
    assert (found.cause, found.detail, found.suggestions) == (Cause.NODE_TROUBLE, "MemoryPressure", ())


def test_a_node_that_is_cordoned_already_needs_no_cordon() -> None:
    node = NodeSeen("node-a", ready=False, unschedulable=True, conditions=SILENT.conditions)
    assert first(snap(**{**UNCHANGED, "pods": [LOST], "nodes": [node]})).suggestions == ()


def test_crashes_elsewhere_arent_the_nodes_doing() -> None:
    pods = [crashing("api-1", node="node-b"), crashing("api-2", node="node-b"), LOST]
    found = first(snap(**{**UNCHANGED, "pods": pods, "nodes": [SILENT, WELL]}))
    assert found.cause is Cause.CRASH_LOOP


def test_pods_that_crash_on_a_bad_node_leave_it_doubtful() -> None:
    found = find(Cause.NODE_TROUBLE, snap(**{**UNCHANGED, "pods": [crashing("api-1")], "nodes": [SILENT]}))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_silent_node_without_a_pod_of_ours_that_is_ill_is_nobodys_cause() -> None:
    assert find(Cause.NODE_TROUBLE, snap(**{**UNCHANGED, "pods": [pod()], "nodes": [SILENT]})) is None


@pytest.mark.parametrize(
    "name", ["NodeClockSkewDetected", "NodeNetworkReceiveErrs", "NodeMemoryHighUtilization", "NodeSystemdServiceFailed"]
)
def test_what_the_node_exporter_measures_is_told_in_its_alerts_words(name: str) -> None:
    measured = [series("node_memory", 0.9, 0.93)]
    found = first(snap(alert(name, instance="node-a:9100"), target=None, nodes=[WELL], series=measured))
    assert (found.cause, found.detail, found.confidence) == (Cause.NODE_TROUBLE, "alert", Confidence.MEDIUM)
    assert f"{name} about node node-a: {name} fires; node_memory 93 %" in found.sentence


def test_a_nodes_disk_is_for_disk_and_an_alert_without_more_is_low() -> None:
    assert (
        find(Cause.NODE_TROUBLE, snap(alert("NodeFilesystemAlmostOutOfSpace", instance="node-a:9100"), target=None))
        is None
    )
    bare = alert("KubeNodeNotReady", node="node-z")
    found = find(Cause.NODE_TROUBLE, snap(type(bare)(bare.labels, {}, bare.starts_at), target=None))
    assert found is not None
    assert found.confidence is Confidence.LOW


@pytest.mark.parametrize(
    "name",
    [
        "KubeletPlegDurationHigh", "KubeletPodStartUpLatencyHigh", "KubeletTooManyPods", "KubeNodeEviction",
        "KubeNodeReadinessFlapping", "KubeletServerCertificateExpiration", "KubeletClientCertificateRenewalErrors",
    ],
)  # fmt: skip
def test_what_a_ready_nodes_conditions_dont_tell_is_told_in_the_alerts_words(name: str) -> None:
    node = Target("Node", "", "node-b", "uid-node-b")
    found = first(snap(alert(name, node="node-b"), target=node, pods=[], events=[], nodes=[WELL]))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.NODE_TROUBLE, Confidence.MEDIUM, ())
    assert found.sentence == f"{name} about node node-b: {name} fires."


@pytest.mark.parametrize("name", ["KubeNodeNotReady", "KubeNodeUnreachable", "KubeNodePressure"])
def test_what_the_conditions_of_a_ready_node_contradict_is_over(name: str) -> None:
    assert find(Cause.NODE_TROUBLE, snap(alert(name, node="node-b"), target=None, nodes=[WELL])) is None


def test_an_alert_that_names_no_node_says_so_in_its_evidence_alone() -> None:
    found = first(snap(alert("KubeletDown", job="kubelet"), target=None))
    assert found.sentence == "KubeletDown: KubeletDown fires."
    assert found.cites[0].text == "KubeletDown: no node is named"
