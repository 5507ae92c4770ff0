"""A crash at each named point of the main path: nothing is lost, nothing is done twice, and it ends as if none was."""

from collections.abc import Awaitable, Callable
from itertools import product

import pytest

from tests.chance import most

from .night import Asks, Clears, Fires, Night, Wish, approves, ended_well, insists

Build = Callable[..., Awaitable[Night]]


def around(*names: str) -> list[str]:
    """Before and after the commit of each, in order."""
    return [f"{when}:{name}" for name in names for when in ("before", "after")]


REQUEST = [
    *around("_principal#1", "_act#1", "claim#1", "_save#1", "claim#2", "_save#2", "_principal#2", "_principal#3"),
    *around("_approve#1", "claim#3", "_claim#1", "write#1", "_record#1", "claim#4", "_progress#1", "claim#5"),
    *around("_settle#1"),
]
"""/restart, evidence, proposal, approval, claim, write, outcome, a look, the verdict."""

LOST = [
    *around("receive#1", "claim#1", "_save#1", "claim#2", "_save#2", "_principal#1", "_approve#1", "claim#3"),
    *around("_claim#1"),
    "before:write#1",
    *around("_waiting#1", "receive#2", "claim#4", "_record#1", "claim#5", "_progress#1", "claim#6", "_settle#1"),
    *around("_look_back#1"),
]
"""An alert, the same, but the write's answer is lost and read back; meanwhile the alert resolves; a look back."""

PAIRS = [
    pair
    for pair in product(
        ["after:_claim#1", "before:write#1", "after:write#1", "before:_record#1", "after:_record#1"],
        ["before:_record#1", "after:_record#1", "after:write#2"],
    )
    if pair[0] != pair[1]
]
"""A second crash where the first is being recovered from; where it isn't reached, the first was all."""


async def asked(night: Night) -> None:
    await night.live(Asks(), approves)


async def alerted(night: Night) -> None:
    night.lose_answer = True
    wishes: tuple[Wish, ...] = (Fires(), approves, insists, Clears())
    await night.live(*wishes)


def known(night: Night) -> set[str]:
    """The points passed, without the looks that only more waiting makes."""
    return {point for point in night.points if not point.split(":")[1].startswith(("_progress", "claim"))}


@pytest.mark.parametrize(("way", "points"), [(asked, REQUEST), (alerted, LOST)], ids=["request", "lost answer"])
async def test_the_points_of_a_whole_night_are_these(
    night: Build, way: Callable[[Night], Awaitable[None]], points: list[str]
) -> None:
    """A transacted function that joins the path has to join the list."""
    whole = await night()
    await way(whole)
    await ended_well(whole)
    named = {point for point in points if not point.split(":")[1].startswith(("_progress", "claim"))}
    assert known(whole) <= named | {point for point in known(whole) if "_principal" in point}
    assert named - {point for point in named if "_principal" in point} <= known(whole)


@pytest.mark.parametrize("point", most(REQUEST, 6))
async def test_a_crash_anywhere_in_a_request(night: Build, point: str) -> None:
    broken = await night(point)
    await asked(broken)
    assert broken.crashes == 1, broken.points
    await ended_well(broken)


@pytest.mark.parametrize("point", most(LOST, 4))
async def test_a_crash_anywhere_around_a_lost_answer(night: Build, point: str) -> None:
    broken = await night(point)
    await alerted(broken)
    assert broken.crashes == 1, broken.points
    await ended_well(broken)


@pytest.mark.parametrize("pair", most(PAIRS, 4), ids=" then ".join)
async def test_a_second_crash_while_the_first_is_recovered_from(night: Build, pair: tuple[str, str]) -> None:
    broken = await night(*pair)
    await asked(broken)
    assert broken.crashes >= 1
    await ended_well(broken)
