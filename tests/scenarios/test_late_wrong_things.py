"""What turns out to be wrong after a start that couldn't ask is an error in log and /status, until it is right."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.world import World, WorldOptions
from tests.patience import PATIENT

pytestmark = pytest.mark.timeout(540)


def lines(world: World, level: str) -> list[str]:
    """Events and errors of the bot's log at a level."""
    told = [json.loads(line) for line in world.bot.log_lines if line.startswith("{")]
    return [f"{line['event']}: {line.get('error', '')}" for line in told if line.get("level") == level]


async def until(holds: Callable[[], Any], failure: Callable[[], object], within: float = PATIENT) -> None:
    try:
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(str(failure()))


async def test_slack_and_the_cluster_come_back_wrong_and_then_right(
    tmp_path: Path, measuring: Mapping[str, str]
) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        slack, access = world.slack_server, world.cluster_server.access
        slack.faults.error("*", 503)
        world.cluster_server.faults.set("*", "*", status=503)
        await world.bot.start()
        assert (await world.fire("HighErrorRate", "shop/api")).accepted
        for what in ("Slack", "the cluster"):
            text = f"{what} can't be used: alerts are taken"
            await until(lambda text=text: text in " ".join(lines(world, "warning")), world.bot.last_lines)  # type: ignore[misc]
        assert not lines(world, "error")

        right, access.bot_token = access.bot_token, "of-yesterday"
        slack.revoke("bot")
        slack.faults.clear()
        world.cluster_server.faults.clear()
        await until(lambda: len(lines(world, "error")) >= 2, world.bot.last_lines)
        said = " ".join(lines(world, "error"))
        assert "the token was revoked; install the app again (token_revoked)" in said
        assert "doesn't accept my credentials (401)" in said
        status = await world.status()
        assert "token_revoked" in status["slack"]["problem"]
        assert "(401)" in status["cluster"]["problem"]
        assert world.bot.running

        access.bot_token = right
        slack._doors.tokens.revoked.clear()
        # The first one may have been looked at while the token was wrong, and then its card says that.
        await world.slack.expect_card("HighErrorRate", within=40)
        assert (await world.fire("HighErrorRate", "shop/web")).accepted
        await world.slack.expect_card("shop/web", "HighErrorRate", within=40)
        while "problem" in (await world.status())["slack"]:  # noqa: ASYNC110 - the test's own limit ends it
            await asyncio.sleep(0.1)


async def test_doctor_beside_a_running_bot_asks_it_who_else_is_connected(
    tmp_path: Path, measuring: Mapping[str, str]
) -> None:
    """A connection of its own could take a press that nobody would answer."""
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        await world.slack_server.wait_connected(2)
        opened = len([call for call in world.slack_server.calls if call.method == "apps.connections.open"])
        code, out = await world.fettle("doctor")
        assert code == 0, out
        assert "The Fettle that runs here has 2 connections, and nobody else had any" in out
        assert "A Fettle runs here" in out
        assert world.slack_server.sockets.connections == 2
        asked = [call for call in world.slack_server.calls if call.method == "apps.connections.open"]
        assert len(asked) == opened + 1, "the token is tried, no connection is made"

        world.slack_server.faults.ghosts(2)
        world.slack_server.faults.close_sockets()
        async with asyncio.timeout(PATIENT):
            while (status := await world.status())["slack"]["other_connections"] < 2:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
        assert "another program uses its app-level token" in status["slack"]["shared"]
        code, out = await world.fettle("doctor")
        assert (code, "Slack counts 2 connections of this app besides Fettle's 2" in out) == (0, True), out
