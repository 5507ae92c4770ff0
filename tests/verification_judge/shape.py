"""Workloads of many shapes, drawn by chance: kind, size, strategy, order, partition, autoscaler, budget, containers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.verification_judge.room import NAME, SPACE, Room

Json = dict[str, Any]
OLD, NEW = "registry.example/shop/api:1.4.1", "registry.example/shop/api:1.4.2"
TRACKING = "argocd.argoproj.io/tracking-id"


@dataclass(frozen=True)
class Shape:
    """A workload; ``replicas`` of a DaemonSet are as many as there are nodes."""

    kind: str = "Deployment"
    replicas: int = 3
    min_ready: int = 0
    strategy: str = "RollingUpdate"
    rolling: tuple[str, str] = ("25%", "25%")
    parallel: bool = False
    partition: int = 0
    autoscaler: bool = False
    budget: bool = False
    sidecar: bool = False
    init: bool = False
    kept: bool = False

    def words(self) -> str:
        """For whoever reads a report."""
        told = [f"{self.kind} of {self.replicas}", self.strategy, f"minReady {self.min_ready}"]
        told += [one for one in ("parallel", "autoscaler", "budget", "sidecar", "init", "kept") if getattr(self, one)]
        return ", ".join([*told, f"partition {self.partition}"])


def drawn(rng: random.Random, kinds: tuple[str, ...]) -> Shape:
    """One of these kinds."""
    weights = [{"Deployment": 6, "StatefulSet": 3, "DaemonSet": 2}[one] for one in kinds]
    kind = rng.choices(kinds, weights)[0]
    replicas = rng.choice([1, 2, 2, 3, 3, 3, 4, 5, 6])
    deployment, ordered = kind == "Deployment", kind == "StatefulSet"
    return Shape(
        kind,
        replicas,
        rng.choice([0, 0, 0, 3, 8]),
        rng.choice(["RollingUpdate"] * 5 + ["Recreate"]) if deployment else "RollingUpdate",
        rng.choice([("25%", "25%"), ("1", "0"), ("0", "1"), ("100%", "0"), ("50%", "50%")]),
        ordered and rng.random() < 0.4,
        rng.randint(1, replicas - 1) if ordered and replicas > 1 and rng.random() < 0.25 else 0,
        kind != "DaemonSet" and rng.random() < 0.3,
        rng.random() < 0.2,
        rng.random() < 0.3,
        rng.random() < 0.25,
    )


def manifest(shape: Shape, image: str = OLD) -> Json:
    """As somebody would apply it."""
    containers: list[Json] = [{"name": NAME, "image": image}]
    if shape.sidecar:
        containers.append({"name": "proxy", "image": "registry.example/proxy:1"})
    pod: Json = {"containers": containers}
    if shape.init:
        pod["initContainers"] = [{"name": "migrate", "image": "registry.example/migrate:1"}]
    spec: Json = {
        "selector": {"matchLabels": {"app": NAME}},
        "template": {"metadata": {"labels": {"app": NAME}}, "spec": pod},
    }
    if shape.min_ready:
        spec["minReadySeconds"] = shape.min_ready
    if shape.kind != "DaemonSet":
        spec["replicas"] = shape.replicas
    if shape.kind == "Deployment":
        surge, unavailable = shape.rolling
        strategy: Json = {"type": shape.strategy}
        if shape.strategy == "RollingUpdate":
            strategy["rollingUpdate"] = {"maxSurge": _bound(surge), "maxUnavailable": _bound(unavailable)}
        spec |= {"strategy": strategy, "progressDeadlineSeconds": 90}
    else:
        spec["updateStrategy"] = {"type": shape.strategy}
    if shape.kind == "StatefulSet":
        spec |= {"serviceName": NAME, "podManagementPolicy": "Parallel" if shape.parallel else "OrderedReady"}
        if shape.partition:
            spec["updateStrategy"]["rollingUpdate"] = {"partition": shape.partition}
    meta: Json = {"name": NAME, "namespace": SPACE, "labels": {"app": NAME}}
    if shape.kept:
        meta["annotations"] = {TRACKING: f"shop:apps/{shape.kind}:{SPACE}/{NAME}"}
    return {"kind": shape.kind, "apiVersion": "apps/v1", "metadata": meta, "spec": spec}


def _bound(text: str) -> str | int:
    return int(text) if text.isdecimal() else text


def furnish(room: Room, shape: Shape) -> None:
    """The workload as it has run for an hour, with what stands around it."""
    room.kind = shape.kind
    room.cluster.apply(manifest(shape))
    room.cluster.service(SPACE, NAME)
    if shape.budget:
        spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": NAME}}}
        room.apply("PodDisruptionBudget", "policy/v1", "guard", spec=spec)
    if shape.autoscaler:
        autoscaler(room, shape)
    room.advance(3600)


def autoscaler(room: Room, shape: Shape) -> None:
    """Around the size that it has."""
    target = {"apiVersion": "apps/v1", "kind": shape.kind, "name": NAME}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": shape.replicas + 2}
    room.apply("HorizontalPodAutoscaler", "autoscaling/v2", NAME, spec=spec)


def image(obj: Json, name: str) -> None:
    """Another image for the first container."""
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = name
