"""SIGTERM and a press: what was acknowledged is carried out, by the process that took it or by the next one."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.world import World, WorldOptions
from tests.load.books import Books

pytestmark = pytest.mark.timeout(180)


async def test_an_acknowledged_press_outlives_sigterm(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    """The signal comes right after the ack, while the cluster is still being asked whether it may be done.

    Slack shows no error and never sends a press again: if the process forgot it, nobody would know.
    """
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        world.cluster.crash_loop("shop", "api")
        fired = await world.fire("KubePodCrashLooping", "shop/api")
        card = await world.slack.expect_card("shop/api", buttons=["Approve"], within=20)
        world.cluster_server.faults.hang("get", "deployments", seconds=2.0, times=1)
        reply = await card.click("Approve", by="ana")
        begun = time.monotonic()
        world.bot.terminate()
        assert reply.acked
        assert await world.bot.wait() == 0, world.bot.last_lines()
        assert 1.0 < time.monotonic() - begun < 20.0, "it ended before the press, or too late"
        books = Books(world, {one["fingerprint"] for one in fired.body["alerts"]})
        assert books.count("SELECT count(*) FROM audit WHERE tag = 'proposal:approval:granted'") == 1
        await world.start_bot()
        await card.expect("PASS", within=40)
        await books.quiet(within=40)
        assert await books.problems() == []
        assert len(world.patches("shop/api")) == 1
        assert await world.bot.stop() == 0
