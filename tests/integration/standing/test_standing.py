"""How Slack and the cluster stand, said once when it changes; with the sandbox's servers and pauses of an instant."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import standing
from bot.kube.client import Cluster
from bot.sandbox.world import World
from bot.settings import load
from bot.slack.client import SlackClient
from bot.standing import Standing
from bot.storage.db import Store
from bot.workflow.context import Context
from tests.patience import PATIENT

Logs = list[Any]
ACTIONS = {"ALLOWED_ACTIONS": "restart,rollback,set_image"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAUSES", (0.02,))
    monkeypatch.setattr(standing, "LOOK_EVERY", 0.05)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as made:
        made.slack_server.enforce_rates = False
        yield made


@pytest.fixture
async def made(world: World, sqlite_store: Store, tmp_path: Path) -> AsyncIterator[Standing]:
    settings = load({**world.built_settings(), **ACTIONS}, tmp_path / "none", tmp_path / "none")
    cluster = await Cluster.connect(settings.KUBECONFIG, None, PATIENT, "fettle/test")
    slack = await SlackClient.connect(world.slack_server.bot_token, settings.SLACK_API_URL, PATIENT)
    ctx = Context(sqlite_store, cluster, settings, lambda: datetime.now(UTC), settings.SLACK_CHANNEL_ID)
    yield Standing(ctx, slack)
    await slack.close()
    await cluster.close()


async def while_it_runs(work: Coroutine[Any, Any, Any], acts: Callable[[Logs], Coroutine[Any, Any, None]]) -> Logs:
    """Lets something run while a test acts; the log of it."""
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(work)
        try:
            async with asyncio.timeout(PATIENT):
                await acts(logs)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return logs


async def until(holds: Callable[[], Any]) -> None:
    while not holds():  # noqa: ASYNC110 - what is looked at has no event
        await asyncio.sleep(0.01)


async def test_slack_is_asked_until_it_answers_and_each_problem_is_said_once(world: World, made: Standing) -> None:
    world.slack_server.faults.error("auth.test", 503)

    async def acts(logs: Logs) -> None:
        await until(lambda: logs)
        await asyncio.sleep(0.2)
        world.slack_server.faults.clear()
        world.slack_server.revoke("app")
        await until(lambda: len(logs) == 2)
        assert "token_revoked" in made.problems["slack"]
        await asyncio.sleep(0.2)
        world.slack_server._doors.tokens.revoked.clear()
        await until(lambda: not made.problems)

    logs = await while_it_runs(made.slack_ready(), acts)
    assert [one["log_level"] for one in logs] == ["warning", "error", "info"]
    assert "Is anything listening at SLACK_API_URL" in logs[0]["next"]
    assert "SLACK_APP_TOKEN" in logs[1]["error"]
    assert "Once it is put right Fettle goes on by itself" in logs[1]["next"]
    assert (logs[2]["event"], logs[2]["what"]) == ("it answers again", "slack")


async def test_what_stays_wrong_is_said_again_after_a_while(
    world: World, made: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "SAY_AGAIN", 0.1)
    world.slack_server.revoke("bot")

    async def acts(logs: Logs) -> None:
        await until(lambda: len(logs) >= 3)

    assert {one["log_level"] for one in await while_it_runs(made.slack_ready(), acts)} == {"error"}


async def test_a_connection_that_is_lost_for_long_is_asked_about(world: World, made: Standing) -> None:
    up = [1]

    async def connected() -> int:
        return up[0]

    async def acts(logs: Logs) -> None:
        await asyncio.sleep(0.2)
        assert logs == []
        up[0] = 0
        await asyncio.sleep(0.2)
        assert logs == [], "the tokens are well: the watchdog of the connections has it in hand"
        world.slack_server.revoke("bot")
        await until(lambda: logs)
        world.slack_server._doors.tokens.revoked.clear()
        up[0] = 1
        await until(lambda: not made.problems)

    logs = await while_it_runs(made.watch_slack(connected), acts)
    assert [one["log_level"] for one in logs] == ["error", "info"]


async def test_a_clusters_token_that_runs_out_is_an_error_until_it_is_renewed(world: World, made: Standing) -> None:
    access = world.cluster_server.access
    right = access.bot_token

    async def acts(logs: Logs) -> None:
        await asyncio.sleep(0.2)
        assert logs == []
        access.bot_token = "another"
        await until(lambda: logs)
        assert "(401)" in made.problems["cluster"]
        access.bot_token = right
        await until(lambda: not made.problems)

    logs = await while_it_runs(made.watch_cluster(), acts)
    assert [one["log_level"] for one in logs] == ["error", "info"]


async def test_missing_rights_are_said_once_at_the_start(world: World, made: Standing) -> None:
    world.cluster_server.deny("list", "pods")
    world.cluster_server.deny("patch", "daemonsets")

    async def acts(logs: Logs) -> None:
        await until(lambda: len(logs) >= 3)
        await asyncio.sleep(0.2)

    said = [one["error"] for one in await while_it_runs(made.watch_cluster(), acts)]
    assert [sentence.partition(".")[0] for sentence in said] == [
        "May not list pods in every namespace",
        "May not restart, rollback and set_image in shop: it lacks patch daemonsets",
        "May not restart, rollback and set_image in pay: it lacks patch daemonsets",
    ]
