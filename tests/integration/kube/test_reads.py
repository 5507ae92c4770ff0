"""Workloads, pods, owners and events read over the socket."""

from __future__ import annotations

import pytest

from bot.domain.errors import ForbiddenError
from bot.domain.target import Target
from bot.kube import reads
from tests.integration.clusters import API, World, now


async def test_the_state_of_a_deployment(kube: World) -> None:
    state = await kube.api(labels={"app": "api"})
    assert state.target.uid
    assert (state.replicas, state.updated, state.ready, state.available, state.current) == (3, 3, 3, 3, 3)
    assert (state.strategy, state.max_unavailable, state.revision) == ("RollingUpdate", "25%", "1")
    assert state.images == ("registry.example/api:1.4.1",)
    assert (state.hpa, state.budget, state.owner, state.paused) == (None, None, "", False)
    assert not state.rolling_out
    assert not state.crash_looping
    assert state.cluster_uid == await kube.cluster.uid()
    assert len(state.crash_restarts) == 3


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_the_other_kinds_read_alike(kube: World, kind: str) -> None:
    if kind == "StatefulSet":
        kube.sandbox.statefulset("shop", "db", replicas=2)
    else:
        kube.sandbox.daemonset("shop", "db")
    await kube.sandbox.settle(10)
    found = await reads.snapshot(kube.cluster, Target(kind, "shop", "db"), now=now())
    assert found.state.replicas == found.state.ready == found.state.updated == len(found.pods) > 0
    assert found.state.revision
    assert not found.state.rolling_out


async def test_autoscaler_and_budget_belong_to_the_state(kube: World) -> None:
    kube.sandbox.apply(
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
                "minReplicas": 2, "maxReplicas": 9,
            },
        }
    )  # fmt: skip
    kube.sandbox.apply(
        {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "api-pdb", "namespace": "shop"},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "api"}}},
        }
    )  # fmt: skip
    state = await kube.api(labels={"app": "api"})
    assert state.hpa == ("api", 2, 9)
    assert state.budget is not None
    assert state.budget[:2] == ("api-pdb", "minAvailable 2")


@pytest.mark.parametrize(
    "resource", ["horizontalpodautoscalers", "poddisruptionbudgets", "replicasets", "pods", "deployments"]
)
async def test_what_cannot_be_read_is_not_taken_for_absent(kube: World, resource: str) -> None:
    await kube.api()
    for verb in ("get", "list"):
        kube.server.deny(verb, resource)
    with pytest.raises(ForbiddenError, match="fettle-read"):
        await reads.target_state(kube.cluster, API)


async def test_crash_looping_pods_show_in_the_state(kube: World) -> None:
    await kube.api()
    state = await kube.crashing(2)
    assert state.crash_looping
    assert state.first_failure_at is not None


async def test_pods_are_found_by_owner_not_by_label(kube: World) -> None:
    """A bare pod with the same labels, and another Deployment's pods, are not the workload's."""
    await kube.api(labels={"app": "api"})
    kube.sandbox.apply(
        {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "api-debug", "namespace": "shop", "labels": {"app": "api"}},
            "spec": {"containers": [{"name": "c", "image": "registry.example/shell:1"}]},
        }
    )  # fmt: skip
    found = await reads.workload_pods(kube.cluster, API)
    assert len(found) == 3
    assert "api-debug" not in {pod.row.name for pod in found}


async def test_the_owner_chain_goes_to_the_top(kube: World) -> None:
    await kube.api()
    pod = (await reads.workload_pods(kube.cluster, API))[0]
    chain = await reads.owner_chain(kube.cluster, "shop", pod.row.name)
    assert [owner.kind for owner in chain] == ["ReplicaSet", "Deployment"]
    assert chain[-1].name == "api"


async def test_events_of_the_named_objects_only(kube: World) -> None:
    state = await kube.api()
    kube.sandbox.deployment("shop", "web", replicas=1)
    await kube.sandbox.settle(10)
    rows = await reads.events(kube.cluster, "shop", frozenset({state.target.uid}))
    assert rows
    assert {row.object for row in rows} == {"Deployment api"}


async def test_rights_are_what_the_access_review_says(kube: World) -> None:
    assert await reads.access(kube.cluster, "patch", "apps", "deployments", "shop")
    kube.server.deny("patch", "deployments")
    assert not await reads.access(kube.cluster, "patch", "apps", "deployments", "shop")
    assert await reads.access(kube.cluster, "get", "", "pods", "shop", "log") in {True, False}


async def test_pickers_list_all_three_kinds(kube: World) -> None:
    await kube.api()
    kube.sandbox.statefulset("shop", "db", replicas=1)
    kube.sandbox.daemonset("shop", "agent")
    listed = await reads.list_workloads(kube.cluster, "shop")
    assert [(target.kind, target.name) for target in listed] == [
        ("DaemonSet", "agent"), ("Deployment", "api"), ("StatefulSet", "db"),
    ]  # fmt: skip
    assert "shop" in await reads.namespaces(kube.cluster)
