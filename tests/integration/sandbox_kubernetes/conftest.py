import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.kubernetes.clock import ClusterClock
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.kubectl import Kubectl
from tests.integration.sandbox_kubernetes.probe import READY_AFTER, Api


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes for clusters only where a test lets it, however long the machine takes."""
    begun = time.time()
    monkeypatch.setattr(ClusterClock, "now", lambda clock: begun + clock.offset)


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


@pytest.fixture
async def kubectl(server: ClusterServer, tmp_path: Path) -> Kubectl:
    """With a Deployment of two, a set of one and a DaemonSet in the namespace shop."""
    server.cluster.deployment("shop", "api", replicas=2)
    server.cluster.statefulset("shop", "db", replicas=1)
    server.cluster.daemonset("shop", "agent")
    server.cluster.advance(3)
    return Kubectl(server, tmp_path)
