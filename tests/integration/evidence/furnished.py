"""A namespace with one of everything that collectors read, settled."""

from __future__ import annotations

from typing import Any

from bot.domain.target import Target
from bot.sandbox.kubernetes.kinds import by_kind
from tests.integration.clusters import API, World

from .asking import config_map, container, write

DB = Target("StatefulSet", "shop", "db")
NIGHTLY = Target("CronJob", "shop", "nightly")
RUN = Target("Job", "shop", "nightly-2")
NODE = Target("Node", "", "fettle-sandbox-node-1")
CLAIM = Target("PersistentVolumeClaim", "shop", "data-db")

TARGETS = {
    "pods": API, "workload": API, "changes": API, "logs": API, "events": API, "config": API, "nodes": API,
    "autoscalers": API, "quotas": API, "budgets": API, "endpoints": API, "jobs": RUN, "volumes": DB,
}  # fmt: skip
"""Source -> the target of whom it has something to tell."""

RESOURCES = {
    "pods": "pods", "workload": "deployments", "changes": "replicasets", "logs": "pods/log", "events": "events",
    "config": "configmaps", "nodes": "nodes", "autoscalers": "horizontalpodautoscalers", "quotas": "resourcequotas",
    "budgets": "poddisruptionbudgets", "endpoints": "endpointslices", "jobs": "jobs",
    "volumes": "persistentvolumeclaims",
}  # fmt: skip
"""Source -> the resource without which it can tell nothing."""


def status(kube: World, kind: str, name: str, **told: Any) -> None:
    """Writes a status as the controller in charge would."""
    store, found = kube.sandbox.store, by_kind(kind)
    obj = store.get(found, "shop", name)
    kube.sandbox.writes.set_status(found, obj, told)


def namespaced(kind: str, version: str, name: str, **spec: Any) -> dict[str, Any]:
    """An object of shop."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def run(name: str, owner: dict[str, Any]) -> dict[str, Any]:
    """One run of a CronJob."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/job:1"}]}}
    made = namespaced("Job", "batch/v1", name, template=template)
    reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": owner["metadata"]["uid"]}
    made["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
    return made


async def furnish(kube: World) -> None:
    """Deployment api with ConfigMap, Service, autoscaler, budget, quota; StatefulSet db with a claim; a CronJob."""
    sandbox = kube.sandbox
    sandbox.apply(config_map("api-config", url="postgres://user:hunter22@db", debug="0"))
    await kube.api()
    wanted = [{"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "api-config", "key": "url"}}}]
    write(kube, "Deployment", "shop", "api", lambda obj: container(obj).update(env=wanted), "helm")
    sandbox.service("shop", "api")
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    scaler = namespaced("HorizontalPodAutoscaler", "autoscaling/v2", "api", scaleTargetRef=reference, maxReplicas=9)
    sandbox.apply(scaler)
    selector = {"matchLabels": {"app": "api"}}
    sandbox.apply(namespaced("PodDisruptionBudget", "policy/v1", "api-pdb", minAvailable=2, selector=selector))
    sandbox.apply(namespaced("ResourceQuota", "v1", "compute", hard={"pods": "10"}))
    status(kube, "ResourceQuota", "compute", hard={"pods": "10"}, used={"pods": "10"})
    sandbox.apply(
        {
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
            "provisioner": "csi.example", "allowVolumeExpansion": True,
        }
    )  # fmt: skip
    request = {"requests": {"storage": "10Gi"}}
    sandbox.apply(namespaced("PersistentVolumeClaim", "v1", "data-db", storageClassName="fast", resources=request))
    status(kube, "PersistentVolumeClaim", "data-db", phase="Bound", capacity={"storage": "10Gi"})
    database = sandbox.statefulset("shop", "db", replicas=1)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data-db"}}
    database["spec"]["template"]["spec"]["volumes"] = [volume]
    sandbox.apply(database)
    cron = namespaced("CronJob", "batch/v1", "nightly", schedule="0 3 * * *", jobTemplate={"spec": {}})
    owner = sandbox.apply(cron)
    sandbox.apply(run("nightly-1", owner))
    sandbox.advance(60)
    sandbox.apply(run("nightly-2", owner))
    await sandbox.settle(20)
    sandbox.advance(5)
