"""How trouble shows beside the pods: alerts as their rules fire, the service's measures, Loki's windows."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.observed import (
    LogCountSeen,
    SignatureSeen,
)
from tests.findings_judge import courses
from tests.findings_judge.scene import Pod, Scene, stamp

PROBE = (
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
    'Readiness probe failed: Get "http://10.244.3.9:8080/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',  # noqa: E501 - as it is written
    "Readiness probe failed: dial tcp 10.244.3.9:8080: connect: connection refused",
)


LIVE = "Liveness probe failed: HTTP probe failed with statuscode: 500"


SERVICE_ALERTS = (
    "HighErrorRate",
    "Api5xxTooHigh",
    "HighLatency",
    "CheckoutP99TooHigh",
    "SlowResponses",
    "ErrorBudgetBurn",
)


def pod_alerts(scene: Scene, pods: list[Pod], *, crashing: bool = False) -> None:
    """The kubernetes-mixin's alerts for pods that aren't ready, after their fifteen minutes."""
    exporter = {"job": "kube-state-metrics", "service": "kube-state-metrics", "instance": "10.244.1.7:8080"}
    names = [
        "KubePodNotReady",
        f"Kube{scene.kind}ReplicasMismatch" if scene.kind != "DaemonSet" else "KubeDaemonSetRolloutStuck",
    ]
    if crashing:
        names.insert(0, "KubePodCrashLooping")
    for name in scene.rng.sample(names, scene.rng.randint(1, len(names))):
        by_pod = name.startswith("KubePod")
        for pod in pods[: 3 if by_pod else 1]:
            scene.alert(name, 15, **({"pod": pod.name} if by_pod else scene.own_label()), **exporter)


def service_alert(scene: Scene, *, slow: bool | None = None) -> str:
    names = [
        one
        for one in SERVICE_ALERTS
        if slow is None or slow == (one in {"HighLatency", "CheckoutP99TooHigh", "SlowResponses"})
    ]
    name = scene.rng.choice(names)
    scene.alert(
        name,
        scene.rng.uniform(1, 5),
        severity="critical",
        **scene.rng.choice([{"service": scene.app}, scene.own_label()]),
    )
    return name


def worse(scene: Scene, *, errors: bool = True, slow: bool = False) -> None:
    """The service's error rate or latency went up when the trouble began."""
    if not scene.measured or not scene.services:
        return
    labels = {"service": scene.app}
    if errors:
        courses.swap(
            scene, courses.step(scene, "errors", "ratio", 0.002, scene.rng.uniform(0.05, 0.6), scene.began, labels)
        )
    if slow:
        courses.swap(
            scene, courses.step(scene, "latency", "seconds", 0.12, scene.rng.uniform(0.8, 6), scene.began, labels)
        )


def counts(scene: Scene, line: str, count: int) -> None:
    """Loki's windows: quiet before, this line after."""
    scene.counts["before"] = LogCountSeen(stamp(scene.began - timedelta(minutes=30)), 1800, 2, 2 / 1800)
    window = (scene.now - scene.began).total_seconds()
    found = (SignatureSeen(line, count, line),) if line else ()
    scene.counts["after"] = LogCountSeen(stamp(scene.began), window, count, count / window, found)
    since = (scene.now - scene.template_at).total_seconds()
    if since < 7200:
        scene.counts["since_rollout"] = LogCountSeen(stamp(scene.template_at), since, count, count / since, found)


def load(scene: Scene, use: float) -> None:
    """CPU at this share of the bound in every pod, traffic twice what it was, since the trouble began."""
    for pod in scene.pods[:8]:
        bound = sum(one.cpu_limit or one.cpu_request or 0.0 for one in pod.containers if not one.init)
        labels = {"pod": pod.name, "container": scene.main.name}
        courses.swap(scene, courses.step(scene, "cpu", "cores", bound * 0.4, bound * use, scene.began, labels))
    if scene.services:
        courses.swap(
            scene,
            courses.step(
                scene, "traffic", "per_second", 100, scene.rng.uniform(190, 500), scene.began, {"service": scene.app}
            ),
        )
