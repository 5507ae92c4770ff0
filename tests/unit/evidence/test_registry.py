"""What is asked of registries: for images that containers wait for; and how the answer is put in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.evidence import PodRow
from bot.domain.observed import ContainerSeen, ImageSeen
from bot.evidence.registry import told, waited_for

NOW = datetime(2026, 11, 25, 23, tzinfo=UTC)
PLACE = "registry.example.com/shop/api"
NEAR = {
    "repository": True, "exists": False, "nearest": "1.4.2", "rule": "the newest stable one of 1.4 at or below it",
    "digest": "sha256:" + "ab12" * 16, "made_at": "2026-11-22T20:00:00Z",
}  # fmt: skip
ABOUT = "(sha256:ab12ab12ab12, 3 days old)"


def pod(*parts: ContainerSeen) -> PodRow:
    return PodRow("api-1", "Pending", ready=False, restarts=0, containers=parts)


def part(image: str, reason: str = "ErrImagePull", state: str = "waiting") -> ContainerSeen:
    return ContainerSeen("api", image, state=state, reason=reason)


def test_only_images_that_a_container_waits_for_are_asked_for_the_commonest_first() -> None:
    assert waited_for([]) == []
    assert waited_for([pod(part("a:1", "CrashLoopBackOff")), pod(part("b:1", "", "running"), part("", "x"))]) == []
    rows = [
        pod(part("a:1", "InvalidImageName"), part("b:1", "ImagePullBackOff")),
        pod(part("b:1"), part("c:1", "ErrImageNeverPull")),
        pod(part("d:1", "ContainerCreating")),
    ]
    assert waited_for(rows) == ["b:1", "a:1"], "an image that mustn't be pulled is in no registry's hands"


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (NEAR, f"tag 1.4.3 isn't in {PLACE}; nearest: 1.4.2 {ABOUT}, {NEAR['rule']}"),
        ({**NEAR, "digest": "", "made_at": ""}, f"tag 1.4.3 isn't in {PLACE}; nearest: 1.4.2, {NEAR['rule']}"),
        ({**NEAR, "exists": True}, f"tag 1.4.3 is in {PLACE} {ABOUT}"),
        ({**NEAR, "exists": None, "nearest": "", "rule": "none is near"},
        f"tag 1.4.3 isn't among those read of {PLACE}; none is near"),
        ({"repository": True, "exists": False, "rule": "none is near"}, f"tag 1.4.3 isn't in {PLACE}; none is near"),
        ({"repository": False, "exists": False}, f"there is no repository {PLACE}"),
        ({"problem": "Registry x didn't answer."}, "Registry x didn't answer"),
    ],
)  # fmt: skip
def test_the_line_for_the_card(row: dict[str, object], line: str) -> None:
    assert told(ImageSeen(f"{PLACE}:1.4.3", PLACE, "1.4.3", **row), NOW) == line  # type: ignore[arg-type]
