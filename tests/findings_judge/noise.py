"""What is always there besides: old restarts, events of yesterday, warnings of no weight, alerts of something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.observed import AutoscalerSeen, ChangeSeen, ConditionSeen, LogSeen, QuotaSeen, SignatureSeen
from bot.domain.snapshot import AlertSeen
from tests.findings_judge.scene import Event, Scene, stamp


def old_restarts(scene: Scene) -> None:
    """Pods that crashed days ago and run well since."""
    for pod in scene.pods[:3]:
        part = pod.containers[0]
        if part.last_exit is None and part.state == "running":
            code, reason = scene.rng.choice(
                [(1, "Error"), (137, "OOMKilled"), (143, "Error"), (0, "Completed"), (137, "Error")]
            )
            at = scene.now - timedelta(hours=scene.rng.uniform(3, 90))
            pod.containers[0] = replace(
                part,
                restarts=scene.rng.randint(1, 4),
                last_exit=code,
                last_reason=reason,
                last_finished_at=stamp(at),
                last_started_at=stamp(at - timedelta(hours=1)),
            )


def old_events(scene: Scene) -> None:
    """Events that the cluster still keeps for an hour."""
    for pod in scene.pods[:2]:
        ago = scene.rng.uniform(48, 60)
        scene.event(
            "Scheduled",
            f"Successfully assigned {scene.namespace}/{pod.name} to {pod.node}",
            scene.about(pod),
            ago,
            warning=False,
        )
        scene.event("Pulled", "Container image already present on machine", scene.about(pod), ago, warning=False)
        scene.event("Started", "Container started", scene.about(pod), ago, warning=False)
    gone = f"Pod {scene.app}-gone-{scene.rng.randint(10, 99)}"
    scene.event(
        "Unhealthy", "Readiness probe failed: dial tcp 10.244.2.3:8080: connect: connection refused", gone, 52, 2
    )
    scene.event("FailedScheduling", "0/5 nodes are available: 5 Insufficient cpu.", gone, 55, 1)


def timeless_event(scene: Scene) -> None:
    """An event whose time isn't told."""
    scene.events.append(Event("Pulling", "Pulling image", f"Pod {scene.app}-x", None, 1, warning=False))


def probe_at_start(scene: Scene) -> None:
    """One failed probe while a pod started, of a pod that is well."""
    well = [pod for pod in scene.pods if pod.ready]
    if well:
        scene.event(
            "Unhealthy",
            "Readiness probe failed: dial tcp 10.244.2.3:8080: connect: connection refused",
            scene.about(well[-1]),
            scene.rng.uniform(12, 28),
            1,
        )


def leftover(scene: Scene) -> None:
    """A pod that was evicted days ago and was never removed; a StatefulSet's is made anew by the same name at once."""
    pod = scene.pod(0, created=scene.now - timedelta(days=4))
    if scene.kind == "StatefulSet":
        return
    at = scene.now - timedelta(days=3)
    pod.phase, pod.reason, pod.ready, pod.ready_at, pod.message = (
        "Failed",
        "Evicted",
        False,
        at,
        "The node was low on resource: memory.",
    )
    pod.containers[0] = replace(
        pod.containers[0],
        ready=False,
        state="terminated",
        last_exit=137,
        last_reason="Error",
        last_finished_at=stamp(at),
    )
    scene.pods.append(pod)


def going(scene: Scene) -> None:
    """A pod on its way out."""
    pod = scene.pod(0, revision=max(scene.revision - 1, 1), created=scene.now - timedelta(days=2))
    pod.deleting, pod.ready, pod.ready_at = True, False, scene.now - timedelta(seconds=20)
    pod.containers[0] = replace(pod.containers[0], ready=False)
    scene.pods.append(pod)
    scene.event("Killing", f"Stopping container {pod.containers[0].name}", scene.about(pod), 0.3, warning=False)


def always_on(scene: Scene) -> None:
    """Alerts that always fire."""
    scene.alerts.append(AlertSeen({"alertname": "Watchdog", "severity": "none"}, {}, scene.now - timedelta(days=30)))
    scene.alerts.append(
        AlertSeen(
            {"alertname": "InfoInhibitor", "severity": "none", "namespace": scene.namespace},
            {},
            scene.now - timedelta(days=2),
        )
    )


def resolved_alert(scene: Scene) -> None:
    """An alert of another kind that is over."""
    labels = {"alertname": "KubeHpaMaxedOut", "namespace": scene.namespace, "horizontalpodautoscaler": scene.app}
    scene.alerts.append(AlertSeen(labels, {}, scene.now - timedelta(hours=2), firing=False))


def throttled(scene: Scene) -> None:
    """An informational alert about throttling besides the real trouble."""
    scene.alert("CPUThrottlingHigh", 15, severity="info", container=scene.main.name)


def nearly_full_quota(scene: Scene) -> None:
    """A quota at 93 % with its own alert, besides the real trouble."""
    scene.quotas[:] = [QuotaSeen("compute", "requests.cpu", 14.9, 16.0)]
    scene.alert("KubeQuotaAlmostFull", 1, severity="info", resourcequota="compute")


def full_autoscaler(scene: Scene) -> None:
    """An autoscaler that has been at its maximum for days, with its metric at the target."""
    if scene.kind == "Deployment" and not scene.autoscalers:
        limited = ConditionSeen("ScalingLimited", "True", "TooManyReplicas", "")
        scene.autoscalers.append(
            AutoscalerSeen(
                scene.app,
                1,
                scene.replicas,
                scene.replicas,
                scene.replicas,
                ("cpu 78 % of 80 %",),
                (limited,),
                above=False,
            )
        )


def far_changes(scene: Scene) -> None:
    """A scale and a configuration change hours ago."""
    at = scene.now - timedelta(hours=scene.rng.uniform(3, 40))
    scene.changes.append(
        ChangeSeen("scale", f"scaled to {scene.replicas}", stamp(at), "kubectl by ana", size=scene.replicas)
    )
    at = scene.now - timedelta(hours=scene.rng.uniform(2, 40))
    scene.changes.append(ChangeSeen("config", f"ConfigMap {scene.app}-config: app.yaml changed", stamp(at), "helm"))


def far_restart(scene: Scene) -> None:
    """Somebody restarted it an hour or more ago; the template is the same."""
    at = scene.now - timedelta(minutes=scene.rng.uniform(70, 600))
    scene.changes.insert(0, ChangeSeen("restart", "restarted", stamp(at), "kubectl by kim"))


def filling_volume(scene: Scene) -> None:
    """A claim at 87 %, and nobody complains."""
    scene.volumes[:] = [replace(one, used=(one.capacity or 0) * 0.87) for one in scene.volumes]


def cordoned(scene: Scene) -> None:
    """One node is cordoned for maintenance; its pods are well."""
    scene.nodes[-1] = replace(
        scene.nodes[-1], unschedulable=True, taints=("node.kubernetes.io/unschedulable:NoSchedule",)
    )


def other_alert(scene: Scene) -> None:
    """An alert of another workload in the same group."""
    scene.alert("KubePodNotReady", 15, pod="reports-6d9f4-abcde")


def moved_lately(scene: Scene) -> None:
    """A pod of the same template was moved to another node a while ago and is well."""
    well = [
        index
        for index, pod in enumerate(scene.pods)
        if pod.ready and pod.revision == scene.revision and pod.containers[0].last_exit is None
    ]
    if len(well) > 1 and scene.kind == "Deployment":
        place = well[-1]
        pod = scene.pod(
            place,
            revision=scene.pods[place].revision,
            created=max(scene.now - timedelta(minutes=25), scene.pods[place].created),
        )
        pod.containers[0] = replace(
            scene.pods[place].containers[0], restarts=0, last_exit=None, last_reason="", last_finished_at=""
        )
        pod.containers += scene.pods[place].containers[1:]
        scene.pods[place] = pod


def stopped_once(scene: Scene) -> None:
    """A sidecar that was asked to stop and came back a while ago."""
    pod = scene.pods[-1] if scene.pods else None
    if pod is not None and len(pod.containers) > 1 and not pod.containers[-1].init and pod.ready:
        at = scene.now - timedelta(minutes=18)
        pod.containers[-1] = replace(
            pod.containers[-1], restarts=1, last_exit=0, last_reason="Completed", last_finished_at=stamp(at)
        )


def benign_lines(scene: Scene) -> None:
    """Errors that a healthy program writes by the hundred."""
    for pod in [one for one in scene.pods if one.ready and not any(log.pod == one.name for log in scene.logs)][:2]:
        line = scene.rng.choice(
            ['level=error msg="client closed the connection" path=/v1/items', "ERROR 404 GET /favicon.ico"]
        )
        found = SignatureSeen(
            line,
            scene.rng.randint(50, 900),
            line,
            (),
            stamp(scene.now - timedelta(hours=2)),
            stamp(scene.now - timedelta(minutes=1)),
        )
        scene.logs.append(LogSeen(pod.name, pod.containers[0].name, signatures=(found,), tail=(line,), lines=900))


NOISE: tuple[tuple[Callable[[Scene], None], float], ...] = (
    (old_restarts, 0.35), (old_events, 0.5), (timeless_event, 0.2), (probe_at_start, 0.25), (leftover, 0.12), (going,
    0.12),
    (always_on, 0.2), (resolved_alert, 0.15), (throttled, 0.06), (nearly_full_quota, 0.05), (full_autoscaler, 0.06),
    (far_changes, 0.3),
    (moved_lately, 0.15), (stopped_once, 0.1), (benign_lines, 0.2), (far_restart, 0.15), (filling_volume, 0.15),
    (cordoned, 0.1), (other_alert, 0.1),
)  # fmt: skip
UNFIT = {
    "nothing_wrong": {throttled, nearly_full_quota, full_autoscaler, filling_volume, other_alert},
    "throttling": {throttled, nearly_full_quota, full_autoscaler},
    "quota": {nearly_full_quota}, "autoscaler_bound": {full_autoscaler}, "saturation": {full_autoscaler},
    "job_failed": {leftover, going, full_autoscaler}, "node_trouble": {leftover},
    "service_degraded": {full_autoscaler, filling_volume},
    "disk": {filling_volume}, "budget": {throttled, nearly_full_quota}, "scrape_problem": {nearly_full_quota},
    "stalled_controller": {throttled, nearly_full_quota},
}  # fmt: skip
"""Noise that would be a truth of its own where nothing worse is wrong."""


def add(scene: Scene, cause: str) -> list[str]:
    """Some noise; the names of what was added."""
    added = []
    for make, share in NOISE:
        if scene.rng.random() < share and make not in UNFIT.get(cause, set()) and scene.targeted:
            make(scene)
            added.append(make.__name__)
    return added
