"""The sandbox's Prometheus answers the unmodified client in the recorded forms, from what the cluster shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import RejectedError
from bot.domain.snapshot import Snapshot
from bot.evidence import metrics
from bot.evidence.ask import Ask
from bot.integrations.door import Access
from bot.integrations.prometheus import Prometheus
from bot.sandbox.prometheus import PrometheusServer
from tests.integration.clusters import API, World, now, world
from tests.patience import PATIENT


@pytest.fixture
async def kube(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


@pytest.fixture
async def client(kube: World) -> AsyncIterator[Prometheus]:
    server = PrometheusServer(kube.sandbox)
    await server.start()
    made = Prometheus(Access("Prometheus", "PROMETHEUS", server.url))
    yield made
    await made.close()
    await server.stop()


async def seen(kube: World, client: Prometheus) -> Snapshot:
    found = await metrics.collect(Ask(kube.cluster, API, now, prometheus=client))
    assert found is not None
    return Snapshot(now(), evidence={"metrics": found})


async def test_the_usual_queries_have_curves_of_the_workloads_pods(kube: World, client: Prometheus) -> None:
    await kube.api()
    snapshot = await seen(kube, client)
    pods = {pod["metadata"]["name"] for pod in kube.sandbox.pods("shop", "api")}
    for query in ("memory", "cpu", "restarts"):
        assert {row.labels["pod"] for row in snapshot.measured(query)} == pods
    assert snapshot.measured("errors")[0].points[-1][1] < 0.01


async def test_trouble_of_the_cluster_shows_in_its_metrics(kube: World, client: Prometheus) -> None:
    await kube.api()
    kube.sandbox.crash_loop("shop", "api", pods=1, reason="OOMKilled", exit_code=137)
    kube.sandbox.advance(60)
    await kube.crashing(3)
    snapshot = await seen(kube, client)
    assert max(row.points[-1][1] for row in snapshot.measured("restarts")) >= 1
    assert snapshot.measured("errors")[0].points[-1][1] > 0.2


@pytest.mark.parametrize(
    ("expr", "step"),
    [("up", 0.0), ('container_memory_working_set_bytes{pod=~"("}', 60.0)],
)
async def test_what_a_real_one_refuses_is_refused(client: Prometheus, expr: str, step: float) -> None:
    if step:
        with pytest.raises(RejectedError, match="can't read the query"):
            await client.range(expr, now() - timedelta(hours=1), now(), step, within=PATIENT)
    else:
        assert (await client.instant(expr, now(), within=PATIENT)).series == (), "what it doesn't know has no data"
    assert await client.rule("Any", within=PATIENT) == ""
    assert await client.version(within=PATIENT) == "sandbox"
