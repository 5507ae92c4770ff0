"""SIGTERM while somebody waits: Slack was told that the press arrived, and won't send it again."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.world import World, WorldOptions
from tests.load.books import Books

pytestmark = pytest.mark.timeout(540)

SLOW = 3.0
"""Seconds that the cluster lets the press wait for its facts; the drain may take 13."""


async def test_a_press_that_was_acknowledged_outlives_sigterm(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    """The signal comes right after the ack; what was approved is carried out once, by this process or the next."""
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        await world.slack.slash("bo", "/restart shop/api")
        card = await world.slack.expect_card("shop/api", buttons=["Approve"], within=30)
        world.cluster_server.faults.hang("get", "deployments", seconds=SLOW, times=1)
        reply = await card.click("Approve", by="ana")
        assert reply.acked
        assert await world.bot.stop(within=60) == 0, world.bot.last_lines()
        assert "granted" in await world.audit()
        await world.start_bot()
        await card.expect("PASS", within=40)
        books = Books(world)
        await books.quiet(within=40)
        assert await books.problems() == []
        assert len(world.patches("shop/api")) == 1
        assert await world.bot.stop() == 0
