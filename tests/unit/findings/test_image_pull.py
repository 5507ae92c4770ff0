"""Images that can't be pulled: the registry's word, the way back, the nearest image that ran."""

from __future__ import annotations

import pytest

from bot.domain.finding import Cause, Confidence
from bot.findings.case import Case
from bot.findings.image_pull import nearest
from tests.unit.findings.recorded import (
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
