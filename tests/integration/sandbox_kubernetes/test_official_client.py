"""The official asynchronous client, unmodified, finds a cluster here."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config, watch
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnprocessibleEntityError,
)

from bot.sandbox.kubernetes import scenery
from bot.sandbox.kubernetes.ingresses import ADDRESS
from bot.sandbox.kubernetes.server import ClusterServer

JSON_PATCH = "application/json-patch+json"
NOTES = "/spec/template/metadata/annotations"


@pytest.fixture
async def api(server: ClusterServer, tmp_path: Path) -> AsyncIterator[client.ApiClient]:
    file = tmp_path / "kubeconfig.yaml"
    file.write_text(server.kubeconfig("bot"), encoding="utf-8")
    loaded = client.Configuration()
    await config.load_kube_config(str(file), client_configuration=loaded)
    async with client.ApiClient(loaded) as one:
        yield one


@pytest.fixture
async def dynamic(api: client.ApiClient, tmp_path: Path) -> DynamicClient:
    return await DynamicClient(api, cache_file=str(tmp_path / "discovery.json"))


async def test_typed_lists_and_patches(server: ClusterServer, api: client.ApiClient) -> None:
    server.cluster.deployment("shop", "api", replicas=2)
    server.cluster.advance(2)
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    pods = await core.list_namespaced_pod("shop", label_selector="app=api")
    assert [pod.status.phase for pod in pods.items] == ["Running", "Running"]
    notes = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    patched = await apps.patch_namespaced_deployment("api", "shop", notes, field_manager="fettle")
    assert (patched.metadata.generation, patched.status.observed_generation) == (2, 1)
    await server.cluster.settle(5)
    done = await apps.read_namespaced_deployment("api", "shop")
    assert (done.status.observed_generation, done.status.updated_replicas) == (2, 2)


async def test_usage_ingresses_and_definitions_are_read_by_type(server: ClusterServer, tmp_path: Path) -> None:
    for one in scenery.classes():
        server.cluster.apply(one)
    server.cluster.apply(scenery.ingress("shop", "door", host="shop.example", paths={"/": "api"}))
    server.cluster.apply(scenery.policy("shop", "api", callers="pay"))
    server.cluster.deployment("shop", "api", replicas=1)
    server.cluster.advance(60)
    file = tmp_path / "admin.yaml"
    file.write_text(server.kubeconfig("admin"), encoding="utf-8")
    loaded = client.Configuration()
    await config.load_kube_config(str(file), client_configuration=loaded)
    async with client.ApiClient(loaded) as admin:
        network = client.NetworkingV1Api(admin)
        (door,) = (await network.list_namespaced_ingress("shop")).items
        assert (door.spec.rules[0].host, door.status.load_balancer.ingress[0].ip) == ("shop.example", ADDRESS)
        (policy,) = (await network.list_network_policy_for_all_namespaces()).items
        assert policy.spec.policy_types == ["Ingress"]
        assert (await client.ApiextensionsV1Api(admin).list_custom_resource_definition()).items == []
        group = ("metrics.k8s.io", "v1beta1")
        pods = await client.CustomObjectsApi(admin).list_namespaced_custom_object(*group, "shop", "pods")
        assert pods["items"][0]["containers"][0]["usage"].keys() == {"cpu", "memory"}
        assert len((await client.CustomObjectsApi(admin).list_cluster_custom_object(*group, "nodes"))["items"]) == 3


async def test_pages_are_consistent(server: ClusterServer, api: client.ApiClient) -> None:
    """A list read in pages is the list as it was when the first page was read."""
    server.cluster.deployment("shop", "api", replicas=5)
    server.cluster.advance(2)
    core = client.CoreV1Api(api)
    before = {pod["metadata"]["name"] for pod in server.cluster.list("Pod", "shop")}
    page = await core.list_namespaced_pod("shop", limit=2)
    server.cluster.deployment("shop", "other", replicas=3)
    server.cluster.advance(1)
    names = [pod.metadata.name for pod in page.items]
    assert page.metadata.remaining_item_count == 3
    while page.metadata._continue:
        page = await core.list_namespaced_pod("shop", limit=2, _continue=page.metadata._continue)
        names += [pod.metadata.name for pod in page.items]
    assert names == sorted(before)


async def test_a_json_patch_with_tests_applies_exactly_once(server: ClusterServer, dynamic: DynamicClient) -> None:
    made = server.cluster.deployment("shop", "api", replicas=1)
    server.cluster.advance(1)
    deployments = await dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
        {"op": "test", "path": "/metadata/generation", "value": 1},
        {"op": "add", "path": NOTES, "value": {"fettle/execution": "e1"}},
    ]
    kinds: dict[str, Any] = {"name": "api", "namespace": "shop", "content_type": JSON_PATCH}
    dry = await deployments.patch(body=patch, query_params=[("dryRun", "All")], **kinds)
    assert dry.metadata.generation == 2
    assert server.cluster.get("Deployment", "shop", "api")["metadata"]["generation"] == 1
    once = await deployments.patch(body=patch, **kinds)
    assert once.metadata.generation == 2
    with pytest.raises(UnprocessibleEntityError) as twice:
        await deployments.patch(body=patch, **kinds)
    assert json.loads(twice.value.body)["details"] == {}
    assert server.cluster.get("Deployment", "shop", "api")["metadata"]["generation"] == 2


async def test_errors_have_the_clients_own_classes(server: ClusterServer, dynamic: DynamicClient) -> None:
    server.cluster.deployment("shop", "api", replicas=1)
    deployments = await dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    with pytest.raises(NotFoundError):
        await deployments.get(name="nope", namespace="shop")
    stale = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}
    with pytest.raises(ConflictError):
        await deployments.patch(body=stale, name="api", namespace="shop", content_type="application/merge-patch+json")
    server.deny("patch", "deployments")
    with pytest.raises(ForbiddenError):
        await deployments.patch(body={}, name="api", namespace="shop")


async def test_a_watch_sees_a_restart(server: ClusterServer, api: client.ApiClient) -> None:
    server.cluster.deployment("shop", "api", replicas=1)
    server.cluster.advance(1)
    core = client.CoreV1Api(api)
    start = await core.list_namespaced_pod("shop")
    seen: list[tuple[str, str]] = []
    async with watch.Watch() as stream:
        name = start.items[0].metadata.name
        await client.CoreV1Api(api).delete_namespaced_pod(name, "shop")
        since = start.metadata.resource_version
        async for event in stream.stream(core.list_namespaced_pod, "shop", resource_version=since, timeout_seconds=2):
            seen.append((event["type"], event["object"].metadata.name == name))
            if seen[-1] == ("DELETED", True):
                break
    assert ("ADDED", False) in seen
    assert seen[0] == ("MODIFIED", True)


async def test_an_expired_watch_is_an_error_event_in_a_200(server: ClusterServer, api: client.ApiClient) -> None:
    server.cluster.deployment("shop", "api", replicas=1)
    server.cluster.store.compact()
    core = client.CoreV1Api(api)
    with pytest.raises(ApiException) as expired:
        async for _ in watch.Watch().stream(core.list_namespaced_pod, "shop", resource_version="1", timeout_seconds=1):
            pass
    assert expired.value.status == 410
    assert next(seen.status for seen in server.requests if seen.verb == "watch") == 200


async def test_logs_and_access_reviews(server: ClusterServer, api: client.ApiClient) -> None:
    server.cluster.deployment("shop", "api", replicas=1)
    server.cluster.set_logs("shop", "api", ["one", "two", "three"])
    server.cluster.advance(1)
    name = server.cluster.pods("shop", "api")[0]["metadata"]["name"]
    assert await client.CoreV1Api(api).read_namespaced_pod_log(name, "shop", tail_lines=2) == "two\nthree\n"
    server.deny("patch", "deployments", "shop")
    review = client.AuthorizationV1Api(api)
    where = {"namespace": "shop", "verb": "patch", "group": "apps", "resource": "deployments"}
    for space, allowed in (("shop", False), ("other", True)):
        body = {"spec": {"resourceAttributes": {**where, "namespace": space}}}
        answer = await review.create_self_subject_access_review(body)
        assert answer.status.allowed is allowed


async def test_a_client_that_gives_up_leaves_the_server_well(server: ClusterServer, api: client.ApiClient) -> None:
    server.cluster.deployment("shop", "api", replicas=1)
    server.faults.hang("list", "pods", times=1)
    core = client.CoreV1Api(api)
    with pytest.raises(asyncio.TimeoutError):
        await core.list_namespaced_pod("shop", _request_timeout=0.2)
    assert (await core.list_namespaced_pod("shop")).items is not None
