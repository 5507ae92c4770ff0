"""Metrics on the way from a Prometheus to the thread, with the whole bot: as Slack's charts, as a picture."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.slack.models import Message
from bot.sandbox.world import World, WorldOptions
from tests.chance import most

pytestmark = pytest.mark.timeout(540)


def charts(world: World) -> Message | None:
    """The message with charts, in whatever form."""
    [card] = world.slack.cards()
    workspace = world.slack_server.workspace
    found = workspace.messages(card.message.channel, card.message.ts)
    drawn = ("data_visualization",)
    told = (one for one in found if one.text.startswith("Charts for"))  # a long log is a file, too
    return next((one for one in told if one.files or any(block["type"] in drawn for block in one.blocks)), None)


@pytest.mark.parametrize("native", most([True, False], 1), ids=lambda native: "blocks" if native else "picture")
async def test_a_pod_that_runs_out_of_memory_is_seen_to_grow(
    tmp_path: Path, measuring: Mapping[str, str], native: bool
) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring, metrics=True)) as world:
        if not native:
            world.slack_server.unknown_blocks.add("data_visualization")
        await world.start_bot()
        world.cluster.crash_loop("shop", "api", reason="OOMKilled", exit_code=137)
        await world.fire("KubePodCrashLooping", "shop/api")
        card = await world.slack.expect_card("shop/api")
        told = await world.slack.expect_thread(card, "memory at most", within=30)
        assert any("▁" in line or "█" in line for line in told)
        found = await world.slack.until(lambda: charts(world), 30, lambda: "no charts came")
        assert found.text.startswith("Charts for INC-1: memory at most ")
        assert bool(found.files) is not native
        assert world.slack_server.invalid == []
        asked = " ".join(world.prometheus.queries)
        assert 'namespace="shop"' in asked


async def test_a_prometheus_that_goes_away_costs_a_line(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring, metrics=True)) as world:
        await world.start_bot()
        await world.prometheus.stop()
        await world.fire("HighErrorRate", "shop/api")
        card = await world.slack.expect_card("shop/api")
        await world.slack.expect_thread(card, "Metrics unavailable: Prometheus can't be reached", within=30)
        code, told = await world.fettle("doctor")
        assert code == 1
        assert "Cards come without metrics until it answers." in told
