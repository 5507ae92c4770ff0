"""In a sandbox that is broken in each of the ways that the catalog knows, each card names that cause first."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.breakages import telling
from bot.sandbox.breakages.every import BREAKAGES, named
from bot.sandbox.scenarios import engine, schema
from bot.sandbox.world import World, WorldOptions
from tests.chance import most

AT_ONCE = 2


@pytest.mark.timeout(1800)
async def test_each_breakage_is_told_on_a_card_with_its_cause_first_and_what_helps(
    measuring: Mapping[str, str],
) -> None:
    """One bot a room, real collectors over HTTP, real cards; the rooms together hold every breakage there is.

    One of the rooms is played, in `make check` all.
    """
    rooms = [one for one in schema.load_all().values() if one.room]
    assert sorted(name for one in rooms for name in named(one.broken)) == sorted(BREAKAGES)
    rooms = most(rooms, 1)
    results = await engine.play_all(rooms, at_once=AT_ONCE, extra=measuring)
    bad = [result.transcript.text for result in results if not result.ok]
    assert not bad, "\n\n".join(bad)


@pytest.mark.timeout(540)
async def test_a_card_that_was_promised_otherwise_is_no_pass(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    """The look at cards is no rubber stamp: words, command and cause each count, and what the card says is shown."""
    settings = telling.broken_settings(["shop"])
    async with World(tmp_path, WorldOptions(settings=settings, metrics=True, extra=measuring)) as world:
        (true,) = world.break_("tag-missing", namespace="shop")
        await world.start_bot()
        number = await telling.fire(world, true)
        assert await telling.read(world, true, number) == ""
        for lie in (
            {"says": ("runs out of memory",)}, {"by_hand": "kubectl scale"}, {"offers": "Approve something"},
        ):  # fmt: skip
            said = await telling.read(world, replace(true, breakage=replace(true.breakage, **lie)), number, within=0.01)
            assert "the card lacks" in said
            assert "Likely cause" in said
        assert await telling.causes(world) == {number: "image_pull"}
