"""What is broken while somebody's own bot isn't there yet is told to it once it is connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox.demo import Demo
from bot.sandbox.page.panels.every import break_here
from bot.sandbox.world import World


@pytest.fixture
async def heard() -> AsyncIterator[tuple[str, asyncio.Queue[Any]]]:
    """Where a bot would take alerts, and what it took."""
    taken: asyncio.Queue[Any] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        taken.put_nowait(await request.json())
        return web.json_response({"accepted": 1})

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", taken
    await runner.cleanup()


@contextlib.asynccontextmanager
async def connected(world: World) -> AsyncIterator[None]:
    """A bot's connection to this Slack, and nothing else of it."""
    server = world.slack_server
    headers = {"Authorization": f"Bearer {server.app_token}"}
    async with aiohttp.ClientSession(trust_env=False) as session:
        async with session.post(f"{server.api_url}apps.connections.open", headers=headers) as got:
            where = (await got.json())["url"]
        async with session.ws_connect(where) as socket:
            await socket.receive_json()  # hello
            yield


async def test_its_alert_waits_for_the_bot(tmp_path: Path, heard: tuple[str, asyncio.Queue[Any]]) -> None:
    url, taken = heard
    async with World(tmp_path) as world:
        world.alertmanager.url = url
        demo = Demo(world)
        said = await break_here(world, demo, "stale-lock")
        assert said.endswith("KubePodCrashLooping tells of it as soon as a bot is connected.")
        assert not world.attended
        attending = asyncio.create_task(demo.attend())
        async with connected(world):
            assert world.attended
            first = await taken.get()
            assert {alert["labels"]["alertname"] for alert in first["alerts"]} == {"KubePodCrashLooping"}
            told = await break_here(world, demo, "tag-missing")
            assert told.endswith(" tells of it.")
            assert (await taken.get())["alerts"][0]["labels"]["alertname"] in told
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)
