"""Disks: claims by measure, complaints by log, and the alert alone."""

from __future__ import annotations

from typing import Any

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import VolumeSeen
from bot.domain.target import Target
from tests.unit.findings.recorded import UNCHANGED, alert, crashing, find, first, pod, said, series, snap

GI = 2.0**30
FILLING = alert("KubePersistentVolumeFillingUp", persistentvolumeclaim="data-api-0")
FULL = VolumeSeen("data-api-0", "Bound", 50 * GI, 49 * GI, "standard", expandable=True, full_in=7200)
NO_SPACE = said("OSError: [Errno 28] No space left on device: '/data/x'")


def rows(**others: Any) -> dict[str, Any]:
    return {**UNCHANGED, "pods": [pod()], "volumes": [FULL], **others}


def test_a_claim_that_fills_up_is_told_with_its_time_and_expanded() -> None:
    found = first(snap(FILLING, **rows()))
    assert (found.cause, found.confidence) == (Cause.DISK, Confidence.HIGH)
    assert found.sentence == "Claim data-api-0 is 98 % full (49 GiB of 50 GiB, full in 2 h at this rate)."
    assert found.suggestions[0].params == {"claim": "data-api-0", "size": "75Gi"}


def test_a_class_that_cant_expand_leaves_it_to_a_person() -> None:
    found = first(
        snap(FILLING, **rows(volumes=[VolumeSeen("data-api-0", "Bound", 50 * GI, 49 * GI, expandable=False)]))
    )
    assert (found.suggestions, bool(found.no_help)) == ((), True)


def test_pods_that_crash_for_lack_of_space_have_their_cause_in_the_claim() -> None:
    found = first(snap(**rows(pods=[crashing(), pod("api-2")], logs=[NO_SPACE])))
    assert (found.cause, found.confidence) == (Cause.DISK, Confidence.HIGH)
    assert "1 pod can't write" in found.sentence


def test_without_a_claims_use_their_words_are_medium() -> None:
    found = first(snap(**rows(pods=[crashing()], logs=[NO_SPACE], volumes=[])))
    assert (found.cause, found.confidence, found.detail) == (Cause.DISK, Confidence.MEDIUM, "logs")


def test_prometheus_tells_the_use_where_the_cluster_doesnt() -> None:
    bare = VolumeSeen("data-api-0", "Bound", 50 * GI, None, "standard", expandable=True)
    used = [series("volume_used", 0.9, 0.97, persistentvolumeclaim="data-api-0")]
    found = first(snap(FILLING, **rows(volumes=[bare], series=used)))
    assert (found.cause, found.confidence) == (Cause.DISK, Confidence.HIGH)
    assert "97 % full" in found.sentence


def test_the_time_until_it_is_full_is_the_line_through_its_course() -> None:
    bare = VolumeSeen("data-api-0", "Bound", 50 * GI, None, "standard", expandable=True)
    used = [series("disk", *[0.86 + 0.001 * minute for minute in range(60)])]
    found = first(snap(FILLING, **rows(volumes=[bare], series=used)))
    assert "full in 81 min at this rate" in found.sentence
    steady = [series("disk", *[0.9] * 60)]
    assert "full in" not in first(snap(FILLING, **rows(volumes=[bare], series=steady))).sentence


def test_a_claim_may_be_the_target_itself() -> None:
    claim = Target("PersistentVolumeClaim", "shop", "data-api-0")
    used = [series("disk", 0.96, 0.97)]
    found = first(snap(alert("DiskSpaceLow"), target=claim, volumes=[], series=used))
    assert (found.cause, found.confidence) == (Cause.DISK, Confidence.HIGH)


def test_a_nodes_filesystem_is_told_by_its_alert_and_measure() -> None:
    full = snap(
        alert("NodeFilesystemAlmostOutOfSpace", instance="node-a:9100"),
        target=None,
        series=[series("node_disk", 0.96, 0.97)],
    )
    found = first(full)
    assert (found.cause, found.confidence) == (Cause.DISK, Confidence.HIGH)
    assert "node-a:9100 (97 % in use)" in found.sentence
    assert found.basis == "measured"


def test_a_full_claim_with_a_service_that_suffers_is_medium_and_one_at_87_percent_nothing() -> None:
    hurt = find(Cause.DISK, snap(alert("HighErrorRate", service="api"), **rows()))
    some = VolumeSeen("data-api-0", "Bound", 50 * GI, 43.5 * GI, "standard")
    assert hurt is not None
    assert hurt.confidence is Confidence.MEDIUM
    assert find(Cause.DISK, snap(alert("HighErrorRate", service="api"), **rows(volumes=[some]))) is None


def test_another_claim_isnt_the_one_of_the_alert() -> None:
    other = VolumeSeen("data-web-0", "Bound", 50 * GI, 50 * GI, "standard")
    found = find(Cause.DISK, snap(FILLING, **rows(volumes=[other])))
    assert found is not None
    assert found.confidence is Confidence.LOW


def test_a_nodes_filesystem_without_room_for_files_isnt_told_as_full_of_bytes() -> None:
    found = first(
        snap(
            alert("NodeFilesystemAlmostOutOfFiles", instance="node-a:9100"),
            target=None,
            series=[series("node_disk", 0.41, 0.42), series("node_inodes", 0.97, 0.98)],
        )
    )
    assert (found.cause, found.confidence, found.detail) == (Cause.DISK, Confidence.HIGH, "inodes")
    assert "node-a:9100 (98 % of its inodes in use) runs out of inodes" in found.sentence


def test_a_claim_without_room_for_files_is_told_so_beside_its_bytes() -> None:
    used = [series("disk", 0.4, 0.41), series("inodes", 0.97, 0.98)]
    bare = VolumeSeen("data-api-0", "Bound", 50 * GI, None, "standard", expandable=True)
    told = alert("KubePersistentVolumeInodesFillingUp", persistentvolumeclaim="data-api-0")
    found = first(snap(told, **rows(volumes=[bare], series=used)))
    assert (found.cause, found.confidence) == (Cause.DISK, Confidence.HIGH)
    assert "runs out of inodes: 98 % are in use, of its space 41 %" in found.sentence
    assert found.suggestions[0].action == "expand_volume"
