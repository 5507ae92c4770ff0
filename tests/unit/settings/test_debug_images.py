"""Images of debug containers: by digest, each kind once; anything else is a sentence before the start."""

from __future__ import annotations

import pytest

from bot.settings_artifacts import images

JDK = f"registry.example:5000/tools/jdk:21@sha256:{'a' * 64}"
SPY = f"registry.example/py-spy@sha256:{'b' * 64}"


def test_each_kind_has_its_image_by_digest() -> None:
    assert images(f"jvm={JDK}, python = {SPY}") == {"jvm": JDK, "python": SPY}
    assert images(f"jvm={JDK}\npython={SPY}\n") == {"jvm": JDK, "python": SPY}
    assert images("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jvm=registry.example/tools/jdk:21", "by digest"),
        ("jvm=registry.example/tools/jdk@sha256:abc", "by digest"),
        (f"jvm=jdk@sha256:{'a' * 64}", "whole image"),
        (f"go={JDK}", "write each of jvm and python once, not “go”"),
        (f"jvm={JDK}, jvm={JDK}", "once"),
        ("jvm", "by digest"),
        (f"jvm={JDK} --privileged", "by digest"),
    ],
)
def test_what_could_be_another_image_tomorrow_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        images(text)
