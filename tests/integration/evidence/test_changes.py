"""What changed, over the socket: what, when, by whom, against the alert's start; and the workload itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import EvidenceStatus
from bot.domain.target import Target
from tests.integration.clusters import World, now

from .asking import config_map, container, gathered, one, write


def release(obj: dict[str, Any]) -> None:
    """Version 1.4.2: another image, one variable less and one more."""
    container(obj).update(image="registry.example/api:1.4.2", env=[{"name": "LOG", "value": "s3cr3t-format"}])


async def test_a_rollout_is_told_with_its_difference_its_writer_and_its_distance_from_the_alert(kube: World) -> None:
    await kube.api()
    kube.sandbox.advance(3600)
    write(
        kube,
        "Deployment",
        "shop",
        "api",
        lambda obj: container(obj).update(env=[{"name": "DB_URL", "value": "x"}]),
        "helm",
    )
    await kube.sandbox.settle(10)
    kube.sandbox.advance(600)
    write(kube, "Deployment", "shop", "api", release, "kubectl-edit")
    await kube.sandbox.settle(10)
    since = kube.sandbox.clock.now() + 40
    found = await gathered(kube, "changes", since=now() + timedelta(seconds=since - kube.sandbox.clock.now() + 4200))
    assert found.changes is not None
    newest, older = (change for change in found.changes if change.kind == "template")
    assert newest.what == "image api:1.4.1 → 1.4.2; env: DB_URL gone, LOG new"
    assert (newest.by, newest.revision, older.what) == ("kubectl edit", "3", "env: DB_URL new")
    assert newest.offset is not None
    assert newest.offset == pytest.approx(-40, abs=15)
    assert "before the alert, by kubectl edit" in found.evidence["changes"].summary
    assert "s3cr3t-format" not in str(found.evidence)
    assert found.revisions is not None
    assert [(row.revision, row.current, row.healthy) for row in found.revisions] == [
        ("3", True, True), ("2", False, None), ("1", False, None),
    ]  # fmt: skip


async def test_a_bad_rollout_has_a_healthy_old_revision(kube: World) -> None:
    await kube.api()
    kube.sandbox.break_next("shop", "api", "crash")
    write(kube, "Deployment", "shop", "api", release, "kubectl-edit")
    for _ in range(20):
        kube.sandbox.advance(5)
    found = await gathered(kube, "changes", "workload", "pods")
    assert found.revisions is not None
    assert found.pods is not None
    new, old = found.revisions
    assert (new.current, new.healthy, old.healthy) == (True, None, True)
    assert {pod.hash for pod in found.pods if not pod.ready} == {new.hash}
    assert found.workload is not None
    assert (found.workload.replicas, found.workload.updated) == (3, 1)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_the_other_kinds_tell_their_changes_by_controller_revisions(kube: World, kind: str) -> None:
    make = kube.sandbox.statefulset if kind == "StatefulSet" else kube.sandbox.daemonset
    make("shop", "db", image="registry.example/db:1")
    await kube.sandbox.settle(10)
    kube.sandbox.advance(60)
    write(kube, kind, "shop", "db", lambda obj: container(obj).update(image="registry.example/db:2"), "kubectl-set")
    await kube.sandbox.settle(20)
    found = await gathered(kube, "changes", "workload", target=Target(kind, "shop", "db"))
    assert found.changes is not None
    assert found.revisions is not None
    (change,) = [change for change in found.changes if change.kind == "template"]
    assert (change.what, change.revision, change.by) == ("image db:1 → 2", "2", "kubectl set")
    assert [(row.revision, row.current, row.healthy) for row in found.revisions] == [
        ("2", True, True),
        ("1", False, None),
    ]
    assert found.revisions[0].ready > 0
    assert found.workload is not None
    assert found.workload.available == found.workload.replicas > 0


async def test_configuration_autoscaler_size_and_nodes_are_changes_too(kube: World) -> None:
    kube.sandbox.apply(config_map("api-config", url="postgres://db"))
    await kube.api()
    kube.sandbox.apply(
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, "maxReplicas": 9,
            },
        }
    )  # fmt: skip
    source = {"configMapRef": {"name": "api-config"}}
    write(kube, "Deployment", "shop", "api", lambda obj: container(obj).update(envFrom=[source]), "helm")
    await kube.sandbox.settle(10)
    write(kube, "ConfigMap", "shop", "api-config", lambda obj: obj["data"].update(url="other"), "kubectl-edit")
    kube.sandbox.node_down("fettle-sandbox-node-1")
    found = await gathered(kube, "changes")
    assert found.changes is not None
    told = {(change.kind, change.what, change.by) for change in found.changes}
    assert ("config", "ConfigMap api-config written", "kubectl edit") in told
    assert ("autoscaler", "autoscaler api made: 1 to 9 replicas", "sandbox") in told
    assert ("node", "node fettle-sandbox-node-1 not ready: NodeStatusUnknown", "") in told
    assert "postgres" not in str(found.evidence)


async def test_a_side_that_cannot_be_read_is_named_and_the_rest_told(kube: World) -> None:
    await kube.api()
    for resource in ("nodes", "horizontalpodautoscalers"):
        kube.server.deny("*", resource)
    found = await one(kube, "changes")
    assert found.status is EvidenceStatus.OK
    assert found.data["unread"] == ["autoscalers", "nodes"]
    assert "autoscalers, nodes not read" in found.summary


async def test_nothing_changed_is_told_as_such(kube: World) -> None:
    await kube.api()
    kube.server.deny("*", "nodes")  # which joined this moment
    assert (await one(kube, "changes")).summary == "nothing changed that the cluster still knows of (nodes not read)"


async def test_the_workload_says_what_its_controller_says(kube: World) -> None:
    kube.sandbox.apply(
        {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x", "namespace": "shop"},
            "spec": {"minAvailable": 1},
        }
    )  # fmt: skip
    await kube.api()
    healthy = await one(kube, "workload")
    assert healthy.summary == "3/3 available"
    write(kube, "Deployment", "shop", "api", lambda obj: obj["spec"].update(paused=True), "kubectl")
    assert "paused" in (await one(kube, "workload")).summary
