"""What the metrics API tells follows from the cluster, says what Prometheus says, and is told to whom it may be."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from bot.sandbox.kubernetes import clock
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.kubernetes.metrics import EVERY, SYSTEM
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.measures import Measure, level
from bot.sandbox.prometheus import PrometheusServer
from tests.integration.sandbox_kubernetes.probe import READY_AFTER, Api

ROOT = "/apis/metrics.k8s.io/v1beta1"
OF_SHOP = f"{ROOT}/namespaces/shop/pods"
NOON = 1_800_000_000.0
MIB = 1024


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClusterServer]:
    """A cluster in which no time passes but by ``advance``, with a Deployment that has run for a while."""
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: NOON))
    one = ClusterServer(ready_after=READY_AFTER, time_scale=0.1)
    limits = {"limits": {"cpu": "100m", "memory": "512Mi"}}
    app = {"name": "app", "image": "registry.example/shop/app:1", "resources": limits}
    proxy = {"name": "proxy", "image": "registry.example/proxy:1"}
    one.cluster.deployment("shop", "web", replicas=2)
    one.cluster.apply(
        {
            "kind": "Deployment",
            "metadata": {"name": "pair", "namespace": "shop"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "pair"}},
                "template": {"metadata": {"labels": {"app": "pair"}}, "spec": {"containers": [app, proxy]}},
            },
        }
    )
    one.cluster.advance(120)
    await one.start()
    yield one
    await one.stop()


async def items(api: Api, path: str = OF_SHOP, as_: str = "admin") -> dict[str, Any]:
    got = await api("GET", path, as_=as_)
    assert got.status == 200, got.body
    return {one["metadata"]["name"]: one for one in got.body["items"]}


def usage(measured: dict[str, Any]) -> list[tuple[int, int]]:
    """Nanocores and KiB, container by container."""
    parts = [measured["usage"]] if "usage" in measured else [one["usage"] for one in measured["containers"]]
    return [(int(one["cpu"].removesuffix("n")), int(one["memory"].removesuffix("Ki"))) for one in parts]


async def test_discovery_is_that_of_a_metrics_server(api: Api) -> None:
    listed = (await api("GET", ROOT)).body
    assert listed == {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "metrics.k8s.io/v1beta1",
        "resources": [
            {"name": name, "singularName": "", "namespaced": spaced, "kind": kind, "verbs": ["get", "list"]}
            for name, spaced, kind in (("nodes", False, "NodeMetrics"), ("pods", True, "PodMetrics"))
        ],
    }
    assert (await api("GET", "/apis/metrics.k8s.io")).body["preferredVersion"]["version"] == "v1beta1"
    assert (await api("GET", f"{OF_SHOP}?watch=1")).status == 405
    assert (await api("DELETE", f"{OF_SHOP}/x")).status == 405


async def test_pods_are_measured_container_by_container_within_their_limits(api: Api) -> None:
    found = await items(api)
    assert len(found) == 3
    pair = next(one for name, one in found.items() if name.startswith("pair"))
    assert [one["name"] for one in pair["containers"]] == ["app", "proxy"]
    (app, proxy) = usage(pair)
    assert 0 < app[0] <= 100_000_000, "never more than its limit"
    assert 512 * MIB * 0.27 < app[1] < 512 * MIB * 0.33
    assert proxy[0] > 0
    one = await api("GET", f"{OF_SHOP}/{pair['metadata']['name']}")
    assert (one.body["kind"], one.body["apiVersion"]) == ("PodMetrics", "metrics.k8s.io/v1beta1")
    assert one.body["containers"] == pair["containers"]
    assert len(await items(api, f"{OF_SHOP}?labelSelector=app%3Dweb")) == 2
    assert len(await items(api, f"{OF_SHOP}?fieldSelector=metadata.name%3D{pair['metadata']['name']}")) == 1
    assert await items(api, f"{ROOT}/pods") == found
    assert await items(api, f"{ROOT}/namespaces/pay/pods") == {}


async def test_a_node_has_what_its_pods_use_and_its_own(api: Api, server: ClusterServer) -> None:
    pods, nodes = await items(api, f"{ROOT}/pods"), await items(api, f"{ROOT}/nodes")
    assert len(nodes) == 3
    for name, node in nodes.items():
        there = [one["metadata"]["name"] for one in server.cluster.list("Pod") if one["spec"].get("nodeName") == name]
        held = sum(memory for pod in there for _, memory in usage(pods[pod]))
        assert abs(usage(node)[0][1] - held - SYSTEM[1] / 1024) < 10
    assert (await api("GET", f"{ROOT}/nodes/{name}")).body["kind"] == "NodeMetrics"
    assert (await api("GET", f"{ROOT}/nodes/none")).body["message"] == 'nodes "none" not found'


async def test_prometheus_says_the_same_of_the_same_moment(api: Api, server: ClusterServer) -> None:
    """Of a pod that runs out of memory, which grows from one scrape to the next, as of all others."""
    (ill,) = server.cluster.strike("shop", "web", "oom", Manner())
    server.cluster.advance(90)
    server.cluster.heal("shop", "web")
    server.cluster.advance(30)
    curve = Measure("container_cpu_usage_seconds_total", {"namespace": "shop", "pod": ill}, level(0.5), {"pod": ill})
    server.cluster.world.measures.append(curve)
    prometheus = PrometheusServer(server.cluster)
    await prometheus.start()
    seen: list[int] = []
    try:
        for _ in range(2):
            found = await items(api)
            at = clock.moment(found[ill]["timestamp"])
            held = await asked(prometheus, 'container_memory_working_set_bytes{namespace="shop"}', at)
            cores = await asked(prometheus, f'{curve.word}{{namespace="shop",pod="{ill}"}}', at)
            assert held.keys() == found.keys()
            for name, values in held.items():
                assert [memory * 1024 for _, memory in usage(found[name])] == pytest.approx(values, rel=1e-4)
            assert usage(found[ill])[0][0] * 1e-9 == pytest.approx(cores[ill][0], rel=1e-4)
            seen.append(usage(found[ill])[0][1])
            server.cluster.advance(EVERY)
    finally:
        await prometheus.stop()
    assert seen[1] > seen[0] > 256 * MIB * 0.35


async def asked(prometheus: PrometheusServer, query: str, at: float) -> dict[str, list[float]]:
    """The values of an instant query, pod by pod."""
    where = f"{prometheus.url}/api/v1/query"
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.get(where, params={"query": query, "time": str(at)}) as got,
    ):
        found: dict[str, list[float]] = {}
        for row in (await got.json())["data"]["result"]:
            found.setdefault(row["metric"]["pod"], []).append(float(row["value"][1]))
        return found


async def test_what_does_not_run_long_enough_is_not_measured(api: Api, server: ClusterServer) -> None:
    """A new pod for its first seconds, a crashing one while it waits, and all that lies on a silent node."""
    server.cluster.deployment("shop", "new", replicas=1)
    server.cluster.advance(5)
    (new,) = (pod["metadata"]["name"] for pod in server.cluster.pods("shop", "new"))
    assert new not in await items(api)
    refused = await api("GET", f"{OF_SHOP}/{new}")
    assert (refused.status, refused.body["reason"]) == (404, "NotFound")
    assert refused.body["message"] == f'podmetrics.metrics.k8s.io "shop/{new}" not found'
    assert (await api("GET", f"{OF_SHOP}/none")).body["message"] == 'pods "none" not found'
    server.cluster.advance(2 * EVERY)
    assert new in await items(api)
    server.cluster.crash_loop("shop", "new")
    server.cluster.advance(60)
    assert new not in await items(api)
    node = next(pod["spec"]["nodeName"] for pod in server.cluster.pods("shop", "web"))
    server.cluster.node_down(node)
    assert node not in await items(api, f"{ROOT}/nodes")
    gone = {one["metadata"]["name"] for one in server.cluster.list("Pod") if one["spec"].get("nodeName") == node}
    assert not gone & set(await items(api))
    assert (await api("GET", f"{ROOT}/nodes/{node}")).body["message"].startswith("nodemetrics.metrics.k8s.io")


async def test_a_node_short_of_memory_uses_nearly_all_of_it(api: Api, server: ClusterServer) -> None:
    node = "sandbox-node-1"
    server.cluster.node_under(node, "MemoryPressure", "KubeletHasInsufficientMemory", "insufficient memory")
    assert usage((await items(api, f"{ROOT}/nodes"))[node])[0][1] > 64 * 1024 * MIB * 0.95
    curve = Measure("node_cpu_seconds_total", {"instance": node}, lambda _: 0.5)
    server.cluster.world.measures.append(curve)
    assert usage((await items(api, f"{ROOT}/nodes"))[node])[0][0] == 8_000_000_000


async def test_nobody_answers_for_a_metrics_server_that_crashes(api: Api, server: ClusterServer) -> None:
    """As the aggregator says it, until one of its pods is ready again; discovery tells that it knows of it still."""
    server.cluster.deployment("kube-system", "metrics-server", replicas=1)
    server.cluster.advance(5)
    assert await items(api)
    server.cluster.crash_loop("kube-system", "metrics-server")
    server.cluster.advance(5)
    for path in (OF_SHOP, f"{ROOT}/nodes", ROOT):
        got = await api("GET", path)
        assert (got.status, got.body) == (503, "service unavailable\n")
    assert "metrics.k8s.io" in [one["name"] for one in (await api("GET", "/apis")).body["groups"]]
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    found = {one["metadata"]["name"]: one for one in (await api("GET", "/apis", Accept=accept)).body["items"]}
    assert found["metrics.k8s.io"]["versions"][0]["freshness"] == "Stale"
    assert found["apps"]["versions"][0]["freshness"] == "Current"
    server.cluster.heal("kube-system", "metrics-server")
    server.cluster.advance(5)
    assert await items(api)


async def test_what_is_measured_is_a_right_of_its_own(api: Api, server: ClusterServer) -> None:
    """The bot's account reads pods and isn't told what they use, unless that is given; neither right is the other."""
    refused = await api("GET", OF_SHOP, as_="bot")
    assert refused.status == 403
    assert (
        'cannot list resource "pods" in API group "metrics.k8s.io" in the namespace "shop"' in refused.body["message"]
    )
    server.allow("list", "pods.metrics.k8s.io", "shop")
    assert len(await items(api, as_="bot")) == 3
    assert (await api("GET", f"{ROOT}/pods", as_="bot")).status == 403
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"namespace": "shop", "verb": "list", "resource": "pods", "group": "metrics.k8s.io"}
    review = await api("POST", reviews, {"spec": {"resourceAttributes": asked}}, as_="bot")
    assert review.body["status"]["allowed"] is True
    server.deny("list", "pods.metrics.k8s.io")
    assert (await api("GET", OF_SHOP, as_="bot")).status == 403
    assert (await api("GET", "/api/v1/namespaces/shop/pods", as_="bot")).status == 200


async def test_the_server_tells_what_it_was_asked_and_holds(api: Api) -> None:
    """``kubectl get --raw /metrics``; for whoever administers alone."""
    await api("GET", "/api/v1/namespaces/shop/pods/none")
    said = (await api("GET", "/metrics")).body.splitlines()
    assert 'apiserver_request_total{code="404",resource="pods",verb="GET"} 1' in said
    assert 'apiserver_storage_objects{resource="pods"} 3' in said
    assert any(line.startswith('kubernetes_build_info{git_version="v1.36.2"') for line in said)
    assert (await api("GET", "/metrics", as_="bot")).status == 403
