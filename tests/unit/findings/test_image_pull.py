"""Images that can't be pulled: the registry's word, the way back, the nearest image that ran."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence
from bot.domain.observed import ImageSeen
from bot.domain.snapshot import Snapshot
from bot.evidence.answer import answered
from bot.findings.case import Case
from bot.findings.image_pull import nearest
from tests.unit.findings.recorded import (
    NOW,
    REVISIONS,
    UNCHANGED,
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

IMAGE = "registry.example.com/shop/api:1.4.2"
RESOLVE = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": '


def pulled(message: str, reason: str = "ErrImagePull", **rows: object) -> dict[str, object]:
    pods = [waiting(reason, message, hash="new"), *[pod(f"api-{number}") for number in range(4)]]
    return {**UNCHANGED, "pods": pods, "changes": [change()], "revisions": REVISIONS, **rows}


def test_the_recorded_rollout_to_a_tag_that_isnt_there_goes_back() -> None:
    found = first(recorded("rollout-no-image"))
    assert (found.cause, found.confidence, found.detail) == (Cause.IMAGE_PULL, Confidence.HIGH, "absent")
    assert [one.action for one in found.suggestions] == ["rollback", "set_image"]
    assert found.suggestions[1].params["image"] == "nginx:1.25"
    assert "“docker.io/library/nginx:missing: not found”" in found.sentence


def test_the_recorded_first_error_says_the_same_as_the_back_off() -> None:
    found = first(recorded("image-first-error"))
    assert (found.cause, found.detail) == (Cause.IMAGE_PULL, "absent")
    assert (found.suggestions, bool(found.no_help)) == ((), True), "no image of that name is known to have run"


@pytest.mark.parametrize(
    ("message", "kind", "actions"),
    [
        (RESOLVE + f"{IMAGE}: not found", "absent", ["rollback", "set_image"]),
        (RESOLVE + "no match for platform in manifest: not found", "platform", ["rollback", "set_image"]),
        (RESOLVE + "pull access denied, repository does not exist or may require authorization", "refused", []),
        (RESOLVE + "unexpected status from HEAD request: 401 Unauthorized", "refused", []),
        (RESOLVE + "429 Too Many Requests - Server message: toomanyrequests: rate limit", "limit", []),
        (RESOLVE + 'failed to do request: Head "https://x/v2/": dial tcp 203.0.113.9:443: i/o timeout', "unreachable",
        []),
        ("failed to extract layer: write /var/lib/x: no space left on device", "disk", []),
    ],
)  # fmt: skip
def test_only_an_error_of_the_name_is_cured_by_another_image(message: str, kind: str, actions: list[str]) -> None:
    found = first(snap(**pulled(message)))
    assert (found.cause, found.detail) == (Cause.IMAGE_PULL, kind)
    assert [one.action for one in found.suggestions] == actions
    assert bool(found.no_help) is not bool(actions)


@pytest.mark.parametrize(
    "image",
    [
        "127.0.0.1:50247/shop/api:1.4.2", "registry.example.com:5030/shop/api:1.4.2",
        "registry.example.com/shop/api:1.4.500",
        "registry.example.com/access-denied/forbidden:1", f"registry.example.com/shop/api@sha256:{'5029' * 16}",
    ],
)  # fmt: skip
def test_numbers_and_words_of_the_image_s_name_say_nothing_of_the_registry(image: str) -> None:
    words = f'failed to resolve reference "{image}": {image}: not found'
    rows = pulled(words)
    [one] = waiting("ErrImagePull", words).containers
    rows["pods"] = [pod("api-9", replace(one, image=image), phase="Pending", hash="new")]
    assert first(snap(**rows)).detail == "absent"
    told = event("Failed", f'Failed to pull image "{image}": {image}: not found')
    found = find(Cause.IMAGE_PULL, without(snap(**pulled("", events=[told])), "pods"))
    assert found is not None
    assert found.detail == "absent"


def test_numbers_of_an_address_say_nothing_of_the_registry_and_its_status_does() -> None:
    asked = 'failed to do request: Head "https://registry.example.com:50333/v2/shop/api/manifests/1.4.2": '
    assert first(snap(**pulled(RESOLVE + asked + "not found"))).detail == "absent"
    assert first(snap(**pulled(RESOLVE + asked + "unexpected status: 503"))).detail == "unreachable"


def test_an_old_template_whose_tag_went_isnt_rolled_back() -> None:
    rows = pulled(RESOLVE + f"{IMAGE}: not found", changes=[change(minutes=9000)])
    rows["pods"] = [waiting("ErrImagePull", RESOLVE + f"{IMAGE}: not found", hash="new"), pod("api-1", hash="new")]
    found = first(snap(**rows))
    assert [one.action for one in found.suggestions] == ["set_image"]
    assert found.suggestions[0].params["image"].endswith(":1.4.1")


def test_an_older_kubelet_hides_the_error_behind_its_back_off_and_that_is_a_doubt() -> None:
    found = first(snap(**pulled(f'Back-off pulling image "{IMAGE}"', "ImagePullBackOff")))
    assert (found.confidence, found.detail) == (Confidence.HIGH, "")
    assert "error isn't told" in found.doubt


def test_without_pods_an_event_tells_but_not_surely() -> None:
    told = event("Failed", f'Failed to pull image "{IMAGE}": {IMAGE}: not found')
    found = find(Cause.IMAGE_PULL, without(snap(**pulled("", events=[told])), "pods"))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM
    assert "api:1.4.2" in found.sentence


def test_an_event_of_a_pull_that_went_well_since_is_nothing() -> None:
    told = event("Failed", f'Failed to pull image "{IMAGE}": i/o timeout', minutes=20)
    assert find(Cause.IMAGE_PULL, snap(**{**UNCHANGED, "pods": [pod()], "events": [told]})) is None


def test_the_nearest_image_is_of_the_same_repository_and_ran() -> None:
    case = Case(snap(**pulled("")))
    assert nearest(case, "registry.example.com/shop/api:1.4.22") == "registry.example.com/shop/api:1.4.2"
    assert nearest(case, "registry.example.com/shop/web:1.4.2") == ""


PLACE = "registry.example.com/shop/api"
DIGEST = "sha256:" + "ab12" * 16
NEAR = {
    "repository": True, "exists": False, "nearest": "1.4.1", "rule": "the newest stable one of 1.4 at or below it",
    "digest": DIGEST, "made_at": "2026-01-01T00:00:00Z", "tags": 12,
}  # fmt: skip


def told(message: str, reason: str = "ErrImagePull", **row: Any) -> Snapshot:
    """The registry told of it, as the collector puts it down."""
    bare = snap(**pulled(message, reason))
    rows = {"images": [ImageSeen(IMAGE, PLACE, "1.4.2", **row)]}
    return replace(bare, evidence={**bare.evidence, "registry": answered("registry", NOW, "", rows)})


def test_the_tag_that_exists_is_named_with_digest_and_age_and_proposed() -> None:
    made = (NOW.replace(microsecond=0)).isoformat()
    found = first(told(RESOLVE + f"{IMAGE}: not found", **{**NEAR, "made_at": made}))
    assert found.sentence.startswith(
        f"1 pod can't pull api:1.4.2: tag 1.4.2 does not exist in {PLACE}; nearest existing: 1.4.1 "
        "(sha256:ab12ab12ab12, 0 s old), since the rollout of"
    )
    assert (found.confidence, found.detail, found.doubt) == (Confidence.HIGH, "absent", "")
    assert [one.action for one in found.suggestions] == ["set_image", "rollback"]
    proposed = found.suggestions[0]
    assert proposed.params == {"container": "api", "image": f"{PLACE}:1.4.1"}
    assert proposed.by_hand == f"kubectl -n shop set image deployment/api api={PLACE}:1.4.1"
    assert proposed.reason.endswith("exists: the newest stable one of 1.4 at or below it")
    assert next(one.text for one in found.cites if one.source == "registry").startswith(f"12 tags in {PLACE}: 1.4.1 (")


def test_where_the_kubelet_hides_the_error_the_registry_tells_it() -> None:
    found = first(told(f'Back-off pulling image "{IMAGE}"', "ImagePullBackOff", **NEAR))
    assert (found.detail, found.doubt) == ("absent", "")
    assert "tag 1.4.2 does not exist" in found.sentence


def test_a_newer_version_than_the_wanted_one_comes_after_the_way_back() -> None:
    above = {**NEAR, "nearest": "1.4.9", "rule": "the oldest of 1.4, newer than the wanted one", "newer": True}
    found = first(told(RESOLVE + f"{IMAGE}: not found", **above))
    assert [one.action for one in found.suggestions] == ["rollback", "set_image"]


def test_without_a_near_tag_it_says_so_and_goes_back() -> None:
    none = {**NEAR, "nearest": "", "rule": "no stable tag is near 1.4.2 by its version", "digest": "", "made_at": ""}
    found = first(told(RESOLVE + f"{IMAGE}: not found", **none))
    assert f"does not exist in {PLACE}, and none near it: no stable tag is near 1.4.2" in found.sentence
    assert found.suggestions[0].action == "rollback"
    gone = first(told(RESOLVE + "not found", repository=False, exists=False, rule="no such repository"))
    assert f"the repository {PLACE} does not exist" in gone.sentence


def test_a_tag_that_was_pushed_since_needs_nothing() -> None:
    there = {**NEAR, "exists": True, "nearest": "1.4.2", "rule": "it exists"}
    found = first(told(RESOLVE + f"{IMAGE}: not found", **there))
    assert (found.confidence, found.suggestions) == (Confidence.MEDIUM, ())
    assert found.doubt == "the registry has it now"
    assert found.no_help == "The registry has the tag now: the kubelet tries again by itself, within five minutes."


@pytest.mark.parametrize(
    ("message", "row", "doubt"),
    [
        ("not found", {"problem": "Registry x didn't answer within 3 s."}, "Registry x didn't answer within 3 s"),
        ("401 Unauthorized", {"problem": "Registry x didn't answer within 3 s."}, ""),
        ("401 Unauthorized", {**NEAR, "exists": True}, "the registry has it now"),
        ("401 Unauthorized", NEAR, "the registry hasn't got it either"),
        ("i/o timeout", {**NEAR, "exists": None}, ""),
    ],
)
def test_what_the_registry_leaves_open_is_a_doubt(message: str, row: dict[str, Any], doubt: str) -> None:
    found = first(told(RESOLVE + message, **row))
    assert doubt in found.doubt
    assert bool(found.doubt) is bool(doubt)
    if "401" in message or "timeout" in message:
        assert found.suggestions == (), "another tag cures no missing right"


def test_a_registry_that_failed_or_tells_of_another_image_changes_nothing() -> None:
    plain = first(snap(**pulled(RESOLVE + f"{IMAGE}: not found")))
    bare = snap(**pulled(RESOLVE + f"{IMAGE}: not found"))
    failed = Evidence("registry", EvidenceStatus.FAILED, "", NOW, {}, "Registry x didn't answer.")
    assert first(replace(bare, evidence={**bare.evidence, "registry": failed})) == plain
    other = {"images": [ImageSeen("registry.example.com/shop/web:1", PLACE, "1", **NEAR)]}
    rows = answered("registry", NOW, "", other)
    assert first(replace(bare, evidence={**bare.evidence, "registry": rows})) == plain
    odd = Evidence("registry", EvidenceStatus.OK, "", NOW, {"images": [{"image": IMAGE, "tags": "many"}, 7]})
    assert first(replace(bare, evidence={**bare.evidence, "registry": odd})) == plain
