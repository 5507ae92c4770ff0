"""The nearest tag: by version within its series, by a slip of the hand, and where none is near, none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.tags import nearest

SERIES = ("1.3.9", "1.4.0", "1.4.1", "1.4.2", "1.4.10", "1.5.0", "2.0.0", "latest", "1.4", "1")


@pytest.mark.parametrize(
    ("wanted", "tags", "found"),
    [
        ("1.4.2", SERIES, "1.4.2"),
        ("1.4.3", SERIES, "1.4.2"),
        ("1.4.22", SERIES, "1.4.10"),
        ("1.4.3", ("1.4.2", "1.4.0", "1.4.1"), "1.4.2"),
        ("1.5.1", SERIES, "1.5.0"),
        ("1.6.0", SERIES, "1.5.0"),
        ("2.7.1", SERIES, "2.0.0"),
        ("3.0.0", SERIES, ""),
        ("0.9.0", SERIES, ""),
        ("1.4.3", ("1.4.5", "1.4.4", "1.5.0"), "1.4.4"),
        ("1.4.3", ("1.5.0", "2.0.0"), ""),
        ("1.4.3", ("1.4", "1", "latest"), ""),
        # the same shape goes first; a shorter wish stands for all of its series
        ("1.5", ("1.4", "1.5.2", "1.5.1"), "1.5.2"),
        ("1.6", ("1.4", "1.5", "1.5.9"), "1.5"),
        ("9", ("7", "8", "10", "8.1"), ""),
        ("9", ("9.1.0", "9.0.4", "8"), "9.1.0"),
        # the beginning
        ("v1.4.3", ("v1.4.2", "1.4.3-rc1", "api-1.4.3"), "v1.4.2"),
        ("1.4.3", ("v1.4.3", "v1.4.2"), "v1.4.3"),
        ("v1.4.3", ("1.4.2", "v1.4.2"), "v1.4.2"),
        ("api-1.4.3", ("web-1.4.3", "api-1.4.1"), "api-1.4.1"),
        # the variant
        ("1.4.3-alpine", ("1.4.3", "1.4.2-alpine", "1.4.3-slim"), "1.4.2-alpine"),
        ("1.4.3", ("1.4.3-alpine", "1.4.1"), "1.4.1"),
        ("1.4.3-alpine3.20", ("1.4.2-alpine3.19", "1.4.1-alpine3.20"), "1.4.1-alpine3.20"),
        ("1.4.3-alpine3.20", ("1.4.2-alpine3.19", "1.4.3-bookworm"), "1.4.2-alpine3.19"),
        ("1.4.3-jdk17", ("1.4.2-jdk21", "1.4.3-jdk21"), ""),
        ("1.4.3-alpnie", ("1.4.3-alpine", "1.4.2-alpine"), "1.4.3-alpine"),
        # what isn't stable
        ("1.4.3", ("1.4.3-rc1", "1.4.3-beta.2", "1.4.3rc2", "1.4.3-SNAPSHOT", "1.4.1"), "1.4.1"),
        ("1.4.3", ("1.4.3-rc1",), ""),
        ("1.4.3-rc3", ("1.4.3-rc1", "1.4.3-rc2", "1.4.3-rc10", "1.4.2"), "1.4.3-rc2"),
        ("1.4.3-rc.11", ("1.4.3-rc.9", "1.4.3-rc.10", "1.4.2"), "1.4.3-rc.10"),
        ("1.4.3-rc1", ("1.4.2", "1.4.3"), "1.4.2"),
        ("1.4.3-rc1-alpine", ("1.4.3-rc0-alpine", "1.4.3-rc0"), "1.4.3-rc0-alpine"),
        # builds, days and commits
        ("1.4.2-12", ("1.4.2-9", "1.4.2-11", "1.4.2-13"), "1.4.2-11"),
        ("1843", ("1841", "1842", "1850"), "1842"),
        ("build-1843", ("build-1842", "1843"), "build-1842"),
        ("2026.11.25", ("2026.11.24", "2026.12.01", "2025.11.25"), "2026.11.24"),
        ("20261125", ("20261124", "20261126"), "20261124"),
        ("1.4.2-g1a2b3c4", ("1.4.1-gffffff0", "1.4.0-g0000fff"), "1.4.1-gffffff0"),
        ("main-abc1234", ("main-abc1235", "main-abc1233"), ""),
        ("1a2b3c4", ("1a2b3c5",), ""),
        # words
        ("latset", ("latest", "stable"), "latest"),
        ("Latest", ("latest",), "latest"),
        ("productoin", ("production", "staging"), "production"),
        ("prod", ("production", "staging"), ""),
        ("stabl", ("stable", "stabls"), ""),
        ("qa", ("qb", "dev"), ""),
        ("dev", ("rev",), ""),
        ("release-x1", ("release-x2",), ""),
        ("missing", (), ""),
        ("1.2.3.4.5", ("1.2.3.4.4",), ""),
        ("9" * 40, ("9" * 39,), ""),
    ],
)  # fmt: skip
def test_it_is_the_one_that_the_rule_says(wanted: str, tags: tuple[str, ...], found: str) -> None:
    said = nearest(wanted, tags)
    assert said.tag == found
    assert said.rule
    assert nearest(wanted, tags[::-1]).tag == found, "the order of the list, which is by chance, decides nothing"


@pytest.mark.parametrize(
    ("wanted", "tags", "rule"),
    [
        ("1.4.3", ("1.4.2",), "the newest stable one of 1.4 at or below it"),
        ("1.4.3", ("1.2.2",), "the newest stable one of 1 at or below it"),
        ("1.4.3", ("1.4.9",), "the oldest of 1.4, newer than the wanted one"),
        ("1.4.3-rc2", ("1.4.3-rc1",), "the newest of 1.4.3 before it, not stable either"),
        ("1843", ("1842",), "the newest at or below 1843"),
        ("latset", ("latest",), "the only one that is spelled nearly so"),
        ("stabl", ("stable", "stabls"), "stable and stabls are spelled equally near"),
        ("1.4.3", ("2.0.0",), "no stable tag is near 1.4.3 by its version"),
        ("prod", ("dev",), "no tag is spelled nearly so"),
    ],
)
def test_the_rule_that_was_used_is_said(wanted: str, tags: tuple[str, ...], rule: str) -> None:
    assert nearest(wanted, tags).rule == rule
    assert nearest(wanted, tags).newer is ("newer" in rule)


NUMBERS = st.tuples(*[st.integers(0, 12)] * 3)


@given(NUMBERS, st.lists(NUMBERS, max_size=30))
def test_no_other_stable_version_of_the_series_lies_between(
    wanted: tuple[int, ...], there: list[tuple[int, ...]]
) -> None:
    text = ".".join(map(str, wanted))
    found = nearest(text, [".".join(map(str, one)) for one in there]).tag
    below = [one for one in there if one <= wanted]
    series = [one for one in below if one[:2] == wanted[:2]] or [one for one in below if one[0] == wanted[0]]
    above = [one for one in there if one > wanted and one[:2] == wanted[:2]]
    expected = max(series) if series else min(above) if above else None
    assert found == ("" if expected is None else ".".join(map(str, expected)))


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=8))
def test_whatever_tags_are_called_only_one_of_them_is_found(wanted: str, tags: list[str]) -> None:
    assert nearest(wanted, tags).tag in {*tags, ""}
