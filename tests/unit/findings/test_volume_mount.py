"""Volumes that hang or can't be mounted."""

from __future__ import annotations

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import VolumeSeen
from tests.unit.findings.recorded import UNCHANGED, alert, event, find, first, pod, snap, waiting, without

WAITS = waiting("ContainerCreating", "", "api-0", minutes=9)
HANGS = event(
    "FailedAttachVolume",
    'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node',
    "Pod api-0",
)


def test_a_volume_that_hangs_elsewhere_is_told_and_left_to_a_person() -> None:
    found = first(snap(**{**UNCHANGED, "pods": [WAITS], "events": [HANGS]}))
    assert (found.cause, found.confidence, found.detail) == (Cause.VOLUME_MOUNT, Confidence.HIGH, "attached elsewhere")
    assert (found.suggestions, "can cost data" in found.no_help) == ((), True)


def test_a_mount_that_fails_is_told_in_the_kubelets_words() -> None:
    told = event("FailedMount", 'MountVolume.MountDevice failed for volume "pvc-1" : deadline exceeded', "Pod api-0")
    assert "deadline exceeded" in first(snap(**{**UNCHANGED, "pods": [WAITS], "events": [told]})).sentence


def test_a_claim_that_isnt_bound_is_medium() -> None:
    claim = VolumeSeen("data-api-0", "Pending", message="no class")
    found = first(snap(**{**UNCHANGED, "pods": [WAITS], "volumes": [claim]}))
    assert (found.cause, found.confidence, found.detail) == (Cause.VOLUME_MOUNT, Confidence.MEDIUM, "claim")


def test_a_pod_that_starts_for_no_told_reason_is_low_and_one_of_a_minute_none() -> None:
    bare = first(without(snap(**{**UNCHANGED, "pods": [WAITS]}), "events"))
    assert (bare.cause, bare.confidence) == (Cause.VOLUME_MOUNT, Confidence.LOW)
    young = waiting("ContainerCreating", "", minutes=1)
    assert find(Cause.VOLUME_MOUNT, snap(**{**UNCHANGED, "pods": [young]})) is None


def test_a_missing_configmap_isnt_a_volumes_trouble() -> None:
    told = event("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap "api" not found', "Pod api-0")
    assert first(snap(**{**UNCHANGED, "pods": [WAITS], "events": [told]})).cause is Cause.CONFIG_MISSING


def test_an_alert_about_volumes_finds_the_claim_that_is_lost() -> None:
    lost = VolumeSeen("data-api-0", "Lost")
    found = first(snap(alert("KubePersistentVolumeErrors"), **{**UNCHANGED, "pods": [pod()], "volumes": [lost]}))
    assert (found.cause, found.confidence) == (Cause.VOLUME_MOUNT, Confidence.HIGH)


def test_an_event_of_a_pod_that_runs_by_now_is_nothing() -> None:
    assert find(Cause.VOLUME_MOUNT, snap(**{**UNCHANGED, "pods": [pod()], "events": [HANGS]})) is None


def test_a_volume_that_the_alert_names_without_its_claim_is_named() -> None:
    told = alert("KubePersistentVolumeErrors", persistentvolume="pvc-1", phase="Failed")
    found = first(snap(told, target=None))
    assert (found.cause, found.confidence) == (Cause.VOLUME_MOUNT, Confidence.LOW)
    assert found.sentence == "Volume pvc-1 is Failed, nothing more is known of it."
    assert found.basis == "the alert alone", "no kubelet said so"
