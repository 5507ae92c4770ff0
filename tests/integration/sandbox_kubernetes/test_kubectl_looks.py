"""kubectl shows what pods use and what leads to them from outside, and says in a sentence what can't be had."""

import json
import re
from pathlib import Path

import pytest

from bot.sandbox.kubernetes import scenery
from bot.sandbox.kubernetes.ingresses import ADDRESS
from bot.sandbox.kubernetes.kinds import READ_ONLY
from bot.sandbox.kubernetes.server import ClusterServer
from tests.integration.sandbox_kubernetes.kubectl import WITNESS, Kubectl

pytestmark = WITNESS

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.org"},
    "spec": {
        "group": "example.org",
        "names": {"plural": "widgets", "kind": "Widget"},
        "scope": "Namespaced",
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


@pytest.fixture
async def measured(kubectl: Kubectl, server: ClusterServer) -> Kubectl:
    """Everything in it has run for a minute."""
    server.cluster.advance(60)
    return kubectl


def names(shown: str) -> list[str]:
    """The first column."""
    return [line.split()[0] for line in shown.splitlines()]


async def test_top_lists_what_pods_and_nodes_use(measured: Kubectl, server: ClusterServer) -> None:
    head, *lines = (await measured("top", "pods")).splitlines()
    assert head.split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert {line.split()[0] for line in lines} == {
        one["metadata"]["name"] for one in server.cluster.list("Pod", "shop")
    }
    assert all(re.fullmatch(r"\S+ +[1-9]\d*m +[1-9]\d*Mi *", line) for line in lines)
    by_memory = await measured("top", "pods", "-l", "app=api", "--sort-by=memory", "--no-headers")
    used = [int(line.split()[2].removesuffix("Mi")) for line in by_memory.splitlines()]
    assert used == sorted(used, reverse=True)
    assert len(used) == 2
    assert names(await measured("top", "pods", "-A", "--no-headers")) == ["shop"] * len(lines)
    assert "db-0 db" in " ".join((await measured("top", "pod", "db-0", "--containers", "--no-headers")).split())
    nodes = await measured("top", "nodes", "--no-headers")
    assert names(nodes) == [one["metadata"]["name"] for one in server.cluster.list("Node")]
    assert nodes.count("%") == 2 * len(nodes.splitlines())
    assert "WINDOW" in await measured("get", "pods.metrics.k8s.io")
    assert "not found" in await measured("top", "pod", "none", expect=1)


async def test_top_says_when_there_is_nothing_yet_and_when_one_may_not(kubectl: Kubectl, server: ClusterServer) -> None:
    server.cluster.crash_loop("shop", "db")
    server.cluster.advance(60)
    assert "metrics not available" in await kubectl("top", "pods", "-l", "app=db", expect=1)
    assert "No resources found" in await kubectl("top", "pods", "-n", "default")
    refused = await kubectl("top", "pods", as_="bot", expect=1)
    assert 'cannot list resource "pods" in API group "metrics.k8s.io"' in refused
    assert await kubectl("auth", "can-i", "list", "pods.metrics.k8s.io", as_="bot", expect=1) == "no\n"


async def test_top_says_that_nobody_measures_while_the_metrics_server_crashes(
    kubectl: Kubectl, server: ClusterServer
) -> None:
    server.cluster.deployment("kube-system", "metrics-server", replicas=1)
    server.cluster.advance(5)
    server.cluster.crash_loop("kube-system", "metrics-server")
    server.cluster.advance(60)
    said = await kubectl("top", "pods", expect=1)
    assert "the server is currently unable to handle the request" in said or "Metrics API not available" in said
    assert "db-0" in await kubectl("get", "pods")
    told = " ".join((await kubectl("get", "apiservices")).split())
    assert "v1beta1.metrics.k8s.io kube-system/metrics-server False (FailedDiscoveryCheck)" in told
    assert "v1.apps Local True" in told
    server.cluster.heal("kube-system", "metrics-server")
    await kubectl("wait", "apiservice/v1beta1.metrics.k8s.io", "--for=condition=Available", "--timeout=60s")


async def test_an_ingress_is_made_described_changed_and_taken_away(
    kubectl: Kubectl, server: ClusterServer, tmp_path: Path
) -> None:
    """Newer ones send it in protobuf."""
    for one in scenery.classes():
        server.cluster.apply(one)
    server.cluster.service("shop", "api")
    await kubectl(
        "create", "ingress", "door", "--class=nginx", "--rule=shop.example/*=api:80", "--rule=b.example/=api:http"
    )
    made = server.cluster.get("Ingress", "shop", "door")
    assert made["spec"]["ingressClassName"] == "nginx"
    assert [one["host"] for one in made["spec"]["rules"]] == ["shop.example", "b.example"]
    path = made["spec"]["rules"][0]["http"]["paths"][0]
    assert path == {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "api", "port": {"number": 80}}}}
    server.cluster.advance(1)
    told = await kubectl("describe", "ingress", "door")
    assert ADDRESS in told
    assert re.search(r"api:80 \(\d+\.\d+\.\d+\.\d+:8080,", told)
    file = tmp_path / "ingress.json"
    file.write_text(
        json.dumps(scenery.ingress("shop", "front", host="c.example", paths={"/": "api"})), encoding="utf-8"
    )
    assert "created" in await kubectl("apply", "-f", str(file))
    file.write_text(
        json.dumps(scenery.ingress("shop", "front", host="d.example", paths={"/": "api"})), encoding="utf-8"
    )
    assert "d.example" in await kubectl("diff", "-f", str(file), expect=1)
    assert "configured" in await kubectl("apply", "-f", str(file))
    assert "d.example" in await kubectl("get", "ingress", "front")
    wrong = scenery.ingress("shop", "front", host="d.example", paths={"/": "api"})
    del wrong["spec"]["rules"][0]["http"]["paths"][0]["pathType"]
    file.write_text(json.dumps(wrong), encoding="utf-8")
    assert "pathType must be specified" in await kubectl("replace", "-f", str(file), expect=1)
    assert "deleted" in await kubectl("delete", "ingress", "door", "front")
    assert "No resources found" in await kubectl("get", "ingress")


async def test_definitions_are_listed_and_a_new_one_is_refused_in_a_sentence(kubectl: Kubectl, tmp_path: Path) -> None:
    assert "No resources found" in await kubectl("get", "crd")
    file = tmp_path / "crd.json"
    file.write_text(json.dumps(DEFINITION), encoding="utf-8")
    refused = await kubectl("apply", "--validate=false", "-f", str(file), expect=1)
    assert READ_ONLY["customresourcedefinitions"] in refused
    assert READ_ONLY["apiservices"] in await kubectl("delete", "apiservice", "v1.apps", expect=1)


async def test_the_servers_own_pages_are_read_raw(kubectl: Kubectl) -> None:
    for page in ("/healthz", "/livez", "/readyz"):
        assert await kubectl("get", "--raw", page) == "ok"
    assert "apiserver_request_total{" in await kubectl("get", "--raw", "/metrics")
    assert "podmetrics" in (await kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/pods")).lower()
