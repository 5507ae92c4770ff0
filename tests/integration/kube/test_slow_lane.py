"""The lane of evidence over the socket: its rate, what a 429 does, lists that a crowd shares, text and its end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bot.domain.errors import ClusterUnavailableError, ForbiddenError, NotFoundError, UnavailableError
from bot.domain.target import Target
from bot.kube import lists, reads
from bot.kube.client import Cluster
from bot.kube.pace import Allowance
from tests.integration.clusters import API, World
from tests.patience import PATIENT

NAMESPACES = "/api/v1/namespaces"


async def connected(kube: World, folder: Path, rate: float) -> Cluster:
    path = folder / "again.yaml"
    path.write_text(kube.server.kubeconfig("bot"))
    return await Cluster.connect(str(path), None, PATIENT, "fettle/0.1.0", rate=rate)


def moments(kube: World) -> list[float]:
    return [seen.time for seen in kube.sent("GET")]


async def test_no_second_sees_more_evidence_than_the_rate(kube: World, tmp_path: Path) -> None:
    """How long a call is on its way is the machine's affair, so that the time from the beginning is what counts."""
    cluster = await connected(kube, tmp_path, rate=5)
    began = time.monotonic()
    try:
        await asyncio.gather(*(cluster.relaxed.get(NAMESPACES, {"limit": str(number)}) for number in range(1, 13)))
        assert time.monotonic() - began >= 2.0, "twelve calls at five a second"
    finally:
        await cluster.close()
    assert len([seen for seen in kube.sent("GET") if seen.path == NAMESPACES]) == 12


async def test_presses_do_not_wait_behind_evidence(kube: World, tmp_path: Path) -> None:
    """The second look has to wait for minutes here; ten presses are answered meanwhile."""
    cluster = await connected(kube, tmp_path, rate=0.01)
    try:
        await cluster.relaxed.get(NAMESPACES)
        evidence = asyncio.create_task(cluster.relaxed.get(NAMESPACES, {"limit": "1"}))
        await asyncio.gather(*(cluster.get("/version") for _ in range(10)))
        assert not evidence.done()
        evidence.cancel()
        await asyncio.wait({evidence})
    finally:
        await cluster.close()


async def test_a_429_is_not_asked_again_before_its_time_and_halves_the_rate(kube: World, tmp_path: Path) -> None:
    cluster = await connected(kube, tmp_path, rate=10)
    kube.server.faults.set("list", "namespaces", status=429, times=1)
    try:
        await cluster.relaxed.get(NAMESPACES)
        assert cluster._pace.rate() == 5
    finally:
        await cluster.close()
    first, second = moments(kube)
    assert second - first >= 0.95, "Retry-After: 1"


async def test_a_time_beyond_the_limit_is_told_and_not_waited_for(tmp_path: Path, kube: World) -> None:
    cluster = await connected(kube, tmp_path, rate=10)
    kube.server.faults.set("list", "namespaces", status=429, retry_after=1000)
    try:
        with pytest.raises(ClusterUnavailableError, match="429") as told:
            await cluster.get(NAMESPACES)
    finally:
        await cluster.close()
    assert told.value.retry_after == 1000
    assert len(moments(kube)) == 1


async def test_equal_questions_within_seconds_are_one_call_and_urgent_ones_are_asked_afresh(kube: World) -> None:
    for _ in range(3):
        await kube.cluster.relaxed.get(NAMESPACES)
    assert len(moments(kube)) == 1
    await kube.cluster.get(NAMESPACES)
    await kube.cluster.get(NAMESPACES)
    assert len(moments(kube)) == 3
    await kube.cluster.relaxed.get(NAMESPACES, keep=False)
    kube.cluster.shared.forget()
    await kube.cluster.relaxed.get(NAMESPACES)
    assert len(moments(kube)) == 4


async def test_an_allowance_is_paid_by_each_call_retries_too(kube: World) -> None:
    lane = kube.cluster.slow_lane(allowance=Allowance(2))
    kube.server.faults.set("list", "namespaces", status=500, times=1)
    await lane.get(NAMESPACES)
    with pytest.raises(UnavailableError, match="the 2 calls"):
        await lane.get("/version")
    assert (await lane.get(NAMESPACES))["items"], "an answer that is there costs nothing"


async def crowd(kube: World, number: int = 4) -> list[Target]:
    for one in range(number):
        kube.sandbox.deployment("shop", f"app-{one}", replicas=2)
    await kube.sandbox.settle(10)
    found = [Target("Deployment", "shop", f"app-{one}") for one in range(number)]
    for target in found:
        kube.cluster.shared.look(target.namespace, target.key)
    return found


async def test_a_crowd_in_one_namespace_shares_whole_lists(kube: World) -> None:
    targets = await crowd(kube)
    alone = await reads.workload_pods(kube.cluster, targets[0])
    before = len(kube.sent("GET"))
    pods = await asyncio.gather(*(reads.workload_pods(kube.cluster.relaxed, target) for target in targets))
    assert len(kube.sent("GET")) - before == 3, "deployments, replicasets, pods"
    assert pods[0] == alone
    assert [len(one) for one in pods] == [2] * 4
    assert {pod.labels["app"] for pod in pods[3]} == {"app-3"}
    with pytest.raises(NotFoundError):
        await reads.workload(kube.cluster.relaxed, Target("Deployment", "shop", "gone"))
    assert len(kube.sent("GET")) - before == 3


async def test_a_crowd_in_a_namespace_of_many_pages_asks_for_each(kube: World, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = await crowd(kube, 3)
    monkeypatch.setattr(lists, "PAGE", 1)
    (pod, _) = await reads.workload_pods(kube.cluster.relaxed, targets[0])
    assert pod.labels["app"] == "app-0"
    assert [seen for seen in kube.sent("GET") if seen.query.get("labelSelector") == "app=app-0"]
    monkeypatch.setattr(lists, "PAGE", 2)
    kube.cluster.shared.forget()
    assert len(await reads.workload_pods(kube.cluster.relaxed, targets[1])) == 2
    assert [seen for seen in kube.sent("GET") if seen.query.get("continue")], (
        "three pages are no more than three targets"
    )


async def test_two_targets_are_no_crowd_and_urgent_reads_never_share(kube: World) -> None:
    targets = await crowd(kube, 2)
    assert not kube.cluster.relaxed.crowded("shop")
    for number in range(5):
        kube.cluster.shared.look("shop", f"d{number}")
    assert kube.cluster.relaxed.crowded("shop")
    assert not kube.cluster.crowded("shop")
    before = len(kube.sent("GET"))
    await reads.workload_pods(kube.cluster, targets[0])
    asked = kube.sent("GET")[before:]
    assert [seen.path for seen in asked if seen.name == "app-0"]
    assert all("labelSelector" in seen.query for seen in asked if not seen.name)


async def test_text_comes_with_its_status_and_is_cut_where_told(kube: World) -> None:
    await kube.api()
    (pod, *_) = await reads.workload_pods(kube.cluster, API)
    path = f"/api/v1/namespaces/shop/pods/{pod.row.name}/log"
    whole = await kube.cluster.text(path, {}, 1_000_000)
    assert (whole.status, whole.cut) == (200, False)
    begun = await kube.cluster.text(path, {}, 40)
    assert (begun.text, begun.cut) == (whole.text[:40], True)
    refused = await kube.cluster.text(path, {"previous": "true"}, 1000)
    assert refused.status == 400
    assert "previous terminated container" in refused.text
    kube.server.deny("get", "pods/log")
    with pytest.raises(ForbiddenError, match="fettle-read"):
        await kube.cluster.text(path, {}, 1000)


async def test_text_that_does_not_come_is_told_in_time_and_asked_once(tmp_path: Path, kube: World) -> None:
    await kube.api()
    (pod, *_) = await reads.workload_pods(kube.cluster, API)
    cluster = await connected(kube, tmp_path, rate=10)
    cluster.timeout = 0.3
    kube.server.faults.hang("get", "pods/log")
    before = len(moments(kube))
    try:
        with pytest.raises(ClusterUnavailableError, match="in time"):
            await cluster.text(f"/api/v1/namespaces/shop/pods/{pod.row.name}/log", {}, 1000)
    finally:
        await cluster.close()
    assert len(moments(kube)) - before == 1
