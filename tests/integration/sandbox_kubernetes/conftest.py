from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.probe import READY_AFTER, Api


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    one = ClusterServer(ready_after=READY_AFTER, time_scale=0.1)
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def api(server: ClusterServer) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(server, session)
