"""A sandbox cluster over its socket with the unmodified client, for tests of the rooms that speak to a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.sandbox.kubernetes.server import ClusterServer
from tests.patience import PATIENT

API = Target("Deployment", "shop", "api")
UNHURRIED = 1000.0
"""Relaxed calls a second where the pace of evidence isn't the subject: at the real rate tests would mostly wait."""


def now() -> datetime:
    """The tests' clock, that of the sandbox too."""
    return datetime.now(UTC)


@dataclass
class World:
    """The server with its state and switches, and a connected client."""

    server: ClusterServer
    cluster: Cluster

    @property
    def sandbox(self) -> Any:
        """State and behaviour of the sandbox's cluster."""
        return self.server.cluster

    async def api(self, **changes: Any) -> TargetState:
        """A settled Deployment shop/api with three replicas, read through the client."""
        self.sandbox.deployment("shop", "api", **({"replicas": 3, "image": "registry.example/api:1.4.1"} | changes))
        await self.sandbox.settle(10)
        return await reads.target_state(self.cluster, API, now=now())

    async def crashing(self, pods: int = 1) -> TargetState:
        """Pods of shop/api crash from now on; the first state in which the cluster shows a loop of crashes."""
        self.sandbox.crash_loop("shop", "api", pods=pods)
        while True:
            found = await reads.snapshot(self.cluster, API, now=now())
            if any(pod.row.restarts > 1 for pod in found.pods) and found.state.crash_looping:
                return found.state
            await asyncio.sleep(0.05)

    def sent(self, method: str) -> list[Any]:
        """The requests of one method that reached the server."""
        return [seen for seen in self.server.requests if seen.method == method]


@asynccontextmanager
async def world(folder: Path, *, seconds: float = PATIENT, ready_after: float = 0.1) -> AsyncIterator[World]:
    """Starts server and client; ``seconds`` is the client's limit for each call."""
    server = ClusterServer(name="fettle-sandbox", ready_after=ready_after, time_scale=0.1)
    await server.start()
    path = folder / "kubeconfig.yaml"
    path.write_text(server.kubeconfig("bot"))
    cluster = await Cluster.connect(str(path), None, seconds, "fettle/0.1.0", rate=UNHURRIED)
    try:
        yield World(server, cluster)
    finally:
        await cluster.close()
        await server.stop()
