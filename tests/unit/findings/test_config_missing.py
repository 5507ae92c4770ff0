"""Configuration that isn't there, by the kubelet's word."""

from __future__ import annotations

import pytest

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ReferenceSeen
from bot.findings.config_missing import named
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    change,
    crashing,
    event,
    find,
    first,
    pod,
    recorded,
    said,
    snap,
    waiting,
)

OLD = [pod("api-1"), pod("api-2")]


def test_the_recorded_rollout_names_the_secret_and_goes_back() -> None:
    found = first(recorded("rollout-no-secret"))
    assert (found.cause, found.confidence) == (Cause.CONFIG_MISSING, Confidence.HIGH)
    assert "Secret api-secret isn't there" in found.sentence
    assert [one.action for one in found.suggestions] == ["rollback"]


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ('secret "api-secret" not found', "Secret api-secret"),
        ('Error: configmap "api-config" not found', "ConfigMap api-config"),
        ("couldn't find key DB_URL in ConfigMap shop/api-config", "key DB_URL in ConfigMap shop/api-config"),
        ('MountVolume.SetUp failed for volume "c" : references non-existent config key: app.yaml', "key app.yaml"),
        ('MountVolume.SetUp failed for volume "c" : object "shop"/"api-config" not registered',
        "ConfigMap or Secret api-config"),
        ("container has runAsNonRoot and image will run as root", ""),
    ],
)  # fmt: skip
def test_what_the_kubelet_names(message: str, what: str) -> None:
    assert named(message) == what


def test_what_somebody_deleted_has_to_be_made_again() -> None:
    pods = [waiting("CreateContainerConfigError", 'secret "api-secret" not found', hash="old"), *OLD]
    found = first(snap(**{**UNCHANGED, "pods": pods}))
    assert (found.suggestions, found.confidence) == ((), Confidence.HIGH)
    assert found.no_help.startswith("Create Secret api-secret in shop")


def test_a_volume_that_names_a_configmap_is_told_by_its_event() -> None:
    told = event(
        "FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap "api-config" not found', "Pod api-9"
    )
    pods = [waiting("ContainerCreating", "", hash="new"), *OLD]
    rows = {**UNCHANGED, "pods": pods, "events": [told], "changes": [change()], "revisions": REVISIONS}
    found = first(snap(**rows))
    assert (found.cause, found.confidence) == (Cause.CONFIG_MISSING, Confidence.HIGH)


def test_a_reference_that_is_known_to_be_missing_is_medium_without_the_kubelets_word() -> None:
    gone = ReferenceSeen("ConfigMap", "api-config", exists=False)
    pods = [waiting("ContainerCreating", ""), *OLD]
    found = find(Cause.CONFIG_MISSING, snap(**{**UNCHANGED, "pods": pods, "references": [gone]}))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_template_that_is_refused_isnt_missing_anything() -> None:
    pods = [waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"), *OLD]
    found = first(snap(**{**UNCHANGED, "pods": pods}))
    assert (found.cause, found.detail, found.confidence) == (Cause.CONFIG_MISSING, "refused", Confidence.MEDIUM)


def test_a_program_that_crashes_for_a_setting_is_no_missing_object() -> None:
    logs = [said("KeyError: 'DB_URL'")]
    assert find(Cause.CONFIG_MISSING, snap(**{**UNCHANGED, "pods": [crashing()], "logs": logs})) is None


def test_optional_references_and_a_volume_that_hangs_are_none() -> None:
    gone = ReferenceSeen("ConfigMap", "api-config", exists=False, optional=True)
    told = event("FailedMount", 'MountVolume.MountDevice failed for volume "pvc-1": deadline exceeded', "Pod api-9")
    pods = [waiting("ContainerCreating", ""), *OLD]
    rows = {**UNCHANGED, "pods": pods, "events": [told], "references": [gone]}
    assert find(Cause.CONFIG_MISSING, snap(**rows)) is None
