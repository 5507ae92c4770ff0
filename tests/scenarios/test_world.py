"""The whole bot in sentences, for what no scenario file can say."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.bot_process import BotStartError
from bot.sandbox.scenarios import engine
from bot.sandbox.scenarios.engine import Result, Turn
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.world import World, WorldOptions
from tests.patience import PATIENT

pytestmark = pytest.mark.timeout(540)


async def test_status_tells_what_is_open_and_holds_no_secret(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        world.cluster.crash_loop("shop", "api")
        await world.fire("KubePodCrashLooping", "shop/api")
        await world.slack.expect_card("shop/api", buttons=["Approve"])
        told = json.dumps(await world.status())
        secrets = [world.slack_server.bot_token, world.slack_server.app_token, world.webhook_token]
        assert not [secret for secret in secrets if secret in told]
        assert "triggered" in told
        async with aiohttp.ClientSession() as session, session.get(f"{world.bot.status_url}/metrics") as got:
            assert got.status == 200
            assert not [secret for secret in secrets if secret in await got.text()]


async def test_a_webhook_without_the_token_is_refused_and_makes_no_card(
    tmp_path: Path, measuring: Mapping[str, str]
) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        world.alertmanager.token = "guessed"
        delivery = await world.fire("HighErrorRate", "shop/api")
        assert delivery.status == 401
        await asyncio.sleep(1)
        assert not world.slack.cards()


async def test_an_alert_taken_while_slack_is_away_is_a_card_once_slack_is_back(
    tmp_path: Path, measuring: Mapping[str, str]
) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        world.slack_server.faults.error("chat.postMessage", 503)
        delivery = await world.fire("HighErrorRate", "shop/api")
        assert delivery.accepted
        await asyncio.sleep(2)
        assert not world.slack.cards()
        world.slack_server.faults.clear()
        await world.slack.expect_card("shop/api", "HighErrorRate", within=30)
        assert len(world.slack.cards()) == 1


async def test_what_is_in_no_setting_is_not_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own tokens, proxies and kubeconfig never reach the sandbox's bot."""
    for name in ("SLACK_BOT_TOKEN", "KUBECONFIG", "HTTPS_PROXY", "HTTP_PROXY", "DATABASE_URL", "HOME"):
        monkeypatch.setenv(name, "/nowhere/of-the-developer")
    async with World(tmp_path) as world:
        await world.start_bot()
        assert b"of-the-developer" not in _environment(world.bot.pid)


def _environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_wrong_setting_is_told_with_the_bots_own_sentence(tmp_path: Path) -> None:
    async with World(tmp_path, WorldOptions(settings={"APPROVAL_TTL": "soon"})) as world:
        with pytest.raises(BotStartError, match="APPROVAL_TTL"):
            await world.start_bot()
        assert world.bot.exit_code == 2


async def test_a_bot_that_ends_once_it_was_ready_did_not_start(tmp_path: Path) -> None:
    """It takes alerts before it has Slack; nobody waits for the connection of one that has ended."""
    async with World(tmp_path) as world:
        world.slack_server.faults.error("*", 503)
        starting = asyncio.create_task(world.start_bot())
        async with asyncio.timeout(PATIENT):
            while not any('"ready"' in line for line in world.bot.log_lines):  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # /readyz is asked meanwhile
        world.bot.terminate()
        with pytest.raises(BotStartError, match="ended with exit code 0"):
            await asyncio.wait_for(starting, PATIENT)


async def test_a_second_bot_on_the_same_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        await world.start_bot()
        code, said = await world.fettle("run")
        assert code == 2
        assert str(world.bot.pid) in said


async def test_a_kept_world_is_found_again(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    """Cards, workloads and incidents outlive the sandbox, and the bot goes on with the same card."""
    first = World(tmp_path, WorldOptions(extra=measuring))
    async with first:
        await first.start_bot()
        first.cluster.crash_loop("shop", "api")
        await first.fire("KubePodCrashLooping", "shop/api")
        await first.slack.expect_card("shop/api", buttons=["Approve"])
        await first.bot.stop()
        first.save()
    async with World(tmp_path, WorldOptions(extra=measuring)) as second:
        await second.start_bot()
        (card,) = second.slack.cards()
        await card.click("Acknowledge", by="ana")
        await card.expect("acknowledged by @ana")
        assert len(second.slack.cards()) == 1


async def test_scenarios_that_are_interrupted_have_ended_their_worlds_before_it_goes_on() -> None:
    """Also those that wait for their turn then; they end at once, and the others take the time that they need."""
    held = [
        Scenario.model_validate({"name": f"held-{one}", "title": "", "steps": [{"wait": 120}] * 4}) for one in range(3)
    ]
    worlds: list[World] = []

    def watch(world: World, _result: Result) -> Turn:
        worlds.append(world)
        return engine.at_once

    playing = asyncio.create_task(engine.play_all(held, at_once=2, watch=watch))
    async with asyncio.timeout(PATIENT):
        while len([one for one in worlds if one.bot.running]) < 2:
            assert not playing.done()
            await asyncio.sleep(0.05)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert [one.bot.running for one in worlds] == [False, False]
    for one in worlds:
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.1", int(one.slack_server.url.rpartition(":")[2]))
