"""Scenes in which all is well, of many shapes: the ground that breakages are put on."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.observed import (
    AutoscalerSeen,
    BudgetSeen,
    ChangeSeen,
    ConditionSeen,
    ContainerSeen,
    NodeSeen,
    QuotaSeen,
    ReferenceSeen,
    RevisionSeen,
    ServiceSeen,
    VolumeSeen,
)
from tests.findings_judge.courses import flat
from tests.findings_judge.scene import APPS, PEOPLE, SPACES, Scene, stamp

MI, GI = 2.0**20, 2.0**30
CONDITIONS = ("MemoryPressure", "DiskPressure", "PIDPressure")


def well(rng: random.Random, kinds: tuple[str, ...] = ("Deployment", "StatefulSet", "DaemonSet")) -> Scene:
    """A workload that has been running its template for hours or weeks."""
    kind = rng.choices(
        kinds, weights=[{"Deployment": 6, "StatefulSet": 2, "DaemonSet": 1}.get(one, 1) for one in kinds]
    )[0]
    now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=rng.randrange(20 * 86400))
    replicas = rng.choice([1, 1, 2, 2, 3, 3, 3, 4, 5, 6, 8, 10, 12, 20, 30])
    count = replicas if kind == "DaemonSet" else rng.randint(2, 9)
    nodes = [_node(f"node-{'abcdefghijklmnopqrstuvwxyz0123456789'[i]}", now) for i in range(count)]
    revision = rng.randint(2, 60)
    scene = Scene(
        rng, now, kind, rng.choice(SPACES), rng.choice(APPS), replicas, nodes, revision,
        now - timedelta(hours=rng.choice([2, 5, 9, 26, 50, 200, 700]), minutes=rng.randrange(60)), f"1.{revision}.0",
    )  # fmt: skip
    scene.began = now - timedelta(minutes=rng.randint(17, 45))
    scene.hashes_known, scene.measured, scene.loki = rng.random() < 0.7, rng.random() < 0.75, rng.random() < 0.4
    scene.main = _main(rng, scene)
    for number in range(replicas):
        pod = scene.pod(number)
        pod.containers += _sidecars(scene, pod.created)
        scene.pods.append(pod)
    _past(rng, scene)
    _around(rng, scene)
    if scene.measured:
        measure(scene)
    return scene


def _node(name: str, now: datetime) -> NodeSeen:
    conditions = [
        ConditionSeen(one, "False", f"KubeletHas{one}", "", stamp(now - timedelta(days=30))) for one in CONDITIONS
    ]
    ready = ConditionSeen(
        "Ready", "True", "KubeletReady", "kubelet is posting ready status", stamp(now - timedelta(days=30))
    )
    return NodeSeen(
        name, ready=True, conditions=(*conditions, ready), cpu=16.0, memory=64 * GI, pods_most=110,
        created_at=stamp(now - timedelta(days=60)), lease_at=stamp(now - timedelta(seconds=8)),
    )  # fmt: skip


def _main(rng: random.Random, scene: Scene) -> ContainerSeen:
    limit = rng.choice([256, 512, 1024, 2048]) * MI
    probes = rng.choice([("readiness",), ("liveness", "readiness"), ("liveness", "readiness", "startup"), ()])
    return ContainerSeen(
        rng.choice([scene.app, "app", "main"]), ready=True, state="running", cpu_request=0.25,
        cpu_limit=rng.choice([0.5, 1.0, None]),
        memory_request=limit / 2, memory_limit=limit if rng.random() < 0.93 else None, probes=probes,
        image_id="sha256:" + "ab" * 32,
    )  # fmt: skip


def _sidecars(scene: Scene, at: datetime) -> list[ContainerSeen]:
    shape = random.Random(f"{scene.app}{scene.revision}{scene.now}")  # noqa: S311 - all pods alike
    found = []
    if shape.random() < 0.35:
        found.append(
            ContainerSeen(
                "istio-proxy",
                "istio/proxyv2:1.27.1",
                ready=True,
                state="running",
                started_at=stamp(at),
                memory_limit=GI,
            )
        )
    if shape.random() < 0.2:
        found.append(ContainerSeen("log-shipper", "fluent-bit:4.0", ready=True, state="running", started_at=stamp(at)))
    if shape.random() < 0.25:
        found.append(ContainerSeen("migrate", scene.image(), init=True, ready=True, state="terminated",
        reason="Completed",
                                   last_exit=0, last_reason="Completed", last_finished_at=stamp(at)))  # fmt: skip
    return found


def _past(rng: random.Random, scene: Scene) -> None:
    """Revisions before, and what changed long ago."""
    at = scene.template_at
    for back in range(min(scene.revision, rng.randint(1, 4))):
        number = scene.revision - back
        if number < 1:
            break
        tag = scene.image_tag if back == 0 else f"1.{number}.0"
        scene.revisions.append(
            RevisionSeen(str(number), stamp(at), f"tpl-{number}", (scene.image(tag),), current=back == 0)
        )
        at -= timedelta(days=rng.randint(1, 9))
    for one in scene.revisions[1:-1]:
        scene.changes.append(ChangeSeen("template", "image changed", one.created_at, rng.choice(PEOPLE), one.revision))
    before = f"1.{scene.revision - 1}.0"
    what = f"image {scene.app}:{before} → {scene.image_tag}"
    scene.changes.append(
        ChangeSeen("template", what, stamp(scene.template_at), rng.choice(PEOPLE), str(scene.revision), (what,))
    )
    scene.conditions.append(
        ConditionSeen("Progressing", "True", "NewReplicaSetAvailable", "", stamp(scene.template_at))
    )


def _around(rng: random.Random, scene: Scene) -> None:
    """Services, budgets, an autoscaler, a quota, volumes, references: there or not."""
    if rng.random() < 0.85:
        scene.services.append(ServiceSeen(scene.app, ports=("http",)))
    if rng.random() < 0.4 and scene.replicas > 1:
        scene.budgets.append(
            BudgetSeen(scene.app, "maxUnavailable 1", 1, scene.replicas, scene.replicas - 1, scene.replicas)
        )
    if rng.random() < 0.4 and scene.kind == "Deployment":
        limited = ConditionSeen(
            "ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range"
        )
        scene.autoscalers.append(
            AutoscalerSeen(scene.app, max(1, scene.replicas // 2), scene.replicas * 2 + 1, scene.replicas,
            scene.replicas,
                           (f"cpu {rng.randint(20, 70)} % of 80 %",), (limited,), above=False)
        )  # fmt: skip
    if rng.random() < 0.35:
        hard = float(rng.choice([8, 16, 32]))
        scene.quotas.append(QuotaSeen("compute", "requests.cpu", round(hard * rng.uniform(0.3, 0.8), 2), hard))
        scene.quotas.append(QuotaSeen("compute", "requests.memory", hard * GI, 3 * hard * GI))
    if scene.kind == "StatefulSet" or rng.random() < 0.1:
        for pod in scene.pods[:5]:
            size = rng.choice([10, 50, 100]) * GI
            scene.volumes.append(
                VolumeSeen(
                    f"data-{pod.name}",
                    "Bound",
                    size,
                    size * rng.uniform(0.2, 0.7),
                    "standard",
                    expandable=rng.random() < 0.7,
                    pods=(pod.name,),
                )
            )
    if rng.random() < 0.7:
        scene.references.append(ReferenceSeen("ConfigMap", f"{scene.app}-config", ("app.yaml",), exists=True))
        scene.references.append(ReferenceSeen("Secret", f"{scene.app}-secret", ("DB_PASSWORD",)))


def measure(scene: Scene) -> None:
    """CPU and memory of every pod, and the service's traffic, errors and latency, all quiet."""
    rng = scene.rng
    for pod in scene.pods[:8]:
        labels = {"pod": pod.name, "container": scene.main.name}
        bound = scene.main.cpu_limit or 0.25
        scene.series.append(flat(scene, "cpu", "cores", bound * rng.uniform(0.15, 0.55), labels))
        limit = scene.main.memory_limit or 512 * MI
        scene.series.append(flat(scene, "memory", "bytes", limit * rng.uniform(0.3, 0.65), labels))
        scene.series.append(flat(scene, "restarts", "", 0.0, labels))
    if scene.services:
        service = {"service": scene.app}
        scene.series.append(
            replace(flat(scene, "traffic", "per_second", rng.uniform(5, 400), service), title="requests")
        )
        scene.series.append(replace(flat(scene, "errors", "ratio", rng.uniform(0, 0.004), service), title="error rate"))
        scene.series.append(
            replace(flat(scene, "latency", "seconds", rng.uniform(0.04, 0.3), service), title="p99 latency")
        )
    scene.series.append(flat(scene, "throttling", "ratio", rng.uniform(0, 0.12), {"container": scene.main.name}))
    for pod in scene.pods[:8]:
        scene.series.append(flat(scene, "up", "", 1.0, {"pod": pod.name}))
