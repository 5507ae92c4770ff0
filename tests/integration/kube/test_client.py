"""The door to the cluster: limits, own retries for reads only, errors in our own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.errors import ClusterUnavailableError, ConfigError, ForbiddenError, NotFoundError, RequestError
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from tests.integration.clusters import API, World, world

NAMESPACES = "/api/v1/namespaces"


async def test_identity_names_cluster_version_and_uid(kube: World) -> None:
    found = await kube.cluster.identity()
    assert (found.name, found.server) == ("fettle-sandbox", kube.server.url)
    assert found.version.startswith("v1.")
    assert found.uid == kube.sandbox.get("Namespace", "", "kube-system")["metadata"]["uid"]


@pytest.mark.parametrize("status", [429, 500, 503, 504])
async def test_a_read_is_tried_again_after_a_passing_refusal(kube: World, status: int) -> None:
    kube.server.faults.set("list", "namespaces", status=status, times=1)
    assert "kube-system" in await reads.namespaces(kube.cluster)


async def test_a_read_gives_up_after_three_tries(kube: World) -> None:
    kube.server.faults.set("list", "namespaces", status=500)
    with pytest.raises(ClusterUnavailableError):
        await reads.namespaces(kube.cluster)
    assert len([seen for seen in kube.sent("GET") if seen.path == NAMESPACES]) == 3


async def test_a_silent_server_costs_no_more_than_the_limit(tmp_path: Path) -> None:
    async with world(tmp_path, seconds=0.4) as kube:
        kube.server.faults.hang("list", "namespaces")
        with pytest.raises(ClusterUnavailableError, match="in time"):
            await reads.namespaces(kube.cluster)


async def test_a_lost_answer_to_a_read_is_asked_for_again(kube: World) -> None:
    kube.server.faults.drop_after("list", "namespaces")
    assert await reads.namespaces(kube.cluster)


async def test_nobody_at_the_address_is_unavailable(kube: World) -> None:
    await kube.server.stop()
    with pytest.raises(ClusterUnavailableError, match="can't be reached"):
        await reads.namespaces(kube.cluster)


async def test_a_missing_right_is_named(kube: World) -> None:
    kube.server.deny("list", "namespaces")
    with pytest.raises(ForbiddenError, match=r"list namespaces.*fettle-read"):
        await reads.namespaces(kube.cluster)


async def test_a_refused_token_is_read_again_and_then_told(kube: World) -> None:
    kube.server.faults.set("list", "namespaces", status=401, times=1)
    assert await reads.namespaces(kube.cluster)
    kube.server.faults.set("list", "namespaces", status=401)
    with pytest.raises(ForbiddenError, match="token"):
        await reads.namespaces(kube.cluster)


async def test_what_is_not_there_is_not_found(kube: World) -> None:
    with pytest.raises(NotFoundError):
        await reads.target_state(kube.cluster, API)


async def test_a_missing_namespace_lists_empty(kube: World) -> None:
    assert await reads.list_workloads(kube.cluster, "nowhere") == ()


@pytest.mark.parametrize(
    "target",
    [
        Target("Deployment", "", "api"),
        Target("Deployment", "shop", ""),
        Target("HorizontalPodAutoscaler", "shop", "api"),
        Target("Node", "shop", "worker"),
        Target("Job", "", "nightly"),
        Target("Deployment", "shop", "../../secrets"),
        Target("Deployment", "shop/../x", "api"),
    ],
    ids=[
        "no namespace",
        "no name",
        "another kind",
        "a node in a namespace",
        "a Job in none",
        "path in name",
        "path in namespace",
    ],
)
async def test_what_would_address_something_else_is_refused_before_it_is_sent(kube: World, target: Target) -> None:
    with pytest.raises(RequestError):
        await reads.target_state(kube.cluster, target)
    assert not kube.sent("GET")


async def test_an_empty_namespace_is_never_the_whole_cluster(kube: World) -> None:
    with pytest.raises(RequestError):
        await reads.list_workloads(kube.cluster, "")
    with pytest.raises(RequestError):
        await reads.pod(kube.cluster, "shop", "")


async def test_long_lists_come_in_pages(kube: World) -> None:
    for i in range(7):
        kube.sandbox.deployment("shop", f"d{i}", replicas=0)
    path = "/apis/apps/v1/namespaces/shop/deployments"
    found = [item["metadata"]["name"] async for item in kube.cluster.pages(path, page=3)]
    assert found == [f"d{i}" for i in range(7)]
    assert len([seen for seen in kube.sent("GET") if seen.path == path]) == 3


@pytest.mark.parametrize("text", ["", "not: a kubeconfig", "{", None])
async def test_a_kubeconfig_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="KUBECONFIG"):
        await Cluster.connect(str(path), None, 1.0, "fettle/0.1.0")


async def test_an_unknown_context_is_one_sentence(kube: World, tmp_path: Path) -> None:
    path = tmp_path / "again.yaml"
    path.write_text(kube.server.kubeconfig("bot"))
    with pytest.raises(ConfigError, match=r"KUBE_CONTEXT is “production”, .* no context .*: set .* to one of fettle"):
        await Cluster.connect(str(path), "production", 1.0, "fettle/0.1.0")
    with pytest.raises(ConfigError, match=r"did you mean fettle-sandbox\?"):
        await Cluster.connect(str(path), "fettle-sandbx", 1.0, "fettle/0.1.0")


async def test_an_answer_that_is_no_json_object_is_unavailable(kube: World) -> None:
    with pytest.raises(ClusterUnavailableError, match="address"):
        await kube.cluster.get("/healthz")
