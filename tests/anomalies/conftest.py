"""A night on one cluster and one database file; ``night`` builds it, crash or not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.sandbox.kubernetes.server import ClusterServer

from .night import Night


@pytest.fixture
async def night(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Night]]]:
    server = ClusterServer(name="fettle-sandbox", ready_after=0.2)
    await server.start()
    server.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    server.cluster.deployment("shop", "api", replicas=2, image="registry.example/shop/api:1.4.1")
    server.cluster.advance(3600)
    made: list[Night] = []

    async def build(*crash_at: str, times: int = 1) -> Night:
        one = Night(server, sqlite_url, tmp_path, crash_at)
        one.times = times
        await one.begin()
        made.append(one)
        return one

    yield build
    for one in made:
        await one.end()
    await server.stop()
