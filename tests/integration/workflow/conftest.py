"""The stages against a real store and a real API server over its socket; the clock is a value that a test moves."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.kube.client import Cluster
from bot.sandbox.kubernetes.server import ClusterServer
from bot.settings import Settings
from bot.storage import people
from bot.storage.db import Store
from bot.workflow.context import Context
from tests.integration.clusters import UNHURRIED
from tests.patience import PATIENT

from .floor import Floor, settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def build(**changes: str) -> Settings:
        return settings_in(tmp_path, **changes)

    return build


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    server = ClusterServer(name="fettle-sandbox", ready_after=0.2)
    await server.start()
    server.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    server.cluster.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.1")
    server.cluster.advance(3600)  # the template is older than any failure that a test makes
    yield server
    await server.stop()


@pytest.fixture
async def floor(
    sqlite_store: Store, server: ClusterServer, settings: Callable[..., Settings], tmp_path: Path
) -> AsyncIterator[Floor]:
    (tmp_path / "kubeconfig").write_text(server.kubeconfig("bot"))
    cluster = await Cluster.connect(str(tmp_path / "kubeconfig"), None, PATIENT, "fettle/test", rate=UNHURRIED)
    made = Floor(Context(sqlite_store, cluster, settings(), lambda: datetime.now(UTC), "C0ONCALL"), server)
    await sqlite_store.transact(people.set_group, "S0SRE", ("U0SAM",), made.now())
    yield made
    await cluster.close()
