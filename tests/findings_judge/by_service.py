"""Breakages that the service shows: dependencies, configuration, load, bounds, scrapes, or nothing at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.observed import (
    AutoscalerSeen,
    ChangeSeen,
    ConditionSeen,
    ServiceSeen,
)
from tests.findings_judge import courses, log_lines
from tests.findings_judge.log_lines import ended, fill, running
from tests.findings_judge.making import (
    Truth,
    crash,
    roll,
    settle,
    truth,
    unready,
)
from tests.findings_judge.scene import Scene, stamp
from tests.findings_judge.telling import PROBE, counts, load, pod_alerts, service_alert, worse
from tests.findings_judge.wellness import measure


def bad_service(scene: Scene) -> Truth:
    """A new revision that starts well and serves badly."""
    rng, at = scene.rng, scene.began - timedelta(minutes=scene.rng.uniform(0.3, 6))
    roll(scene, at, "", complete=True, tag=f"1.{scene.revision + 1}.0")
    slow = rng.random() < 0.4
    scene.measured = scene.measured or rng.random() < 0.7
    scene.services = scene.services or [ServiceSeen(scene.app)]
    scene.series.clear()
    measure(scene)
    worse(scene, errors=not slow, slow=slow)
    bug = fill(rng, rng.choice(log_lines.BUG))
    counts(scene, bug, rng.randint(30, 900))
    for pod in scene.pods:
        scene.logs.append(running(scene, pod, [(bug, rng.randint(3, 30))] if not slow else []))
    service_alert(scene, slow=slow)
    return truth("bad_rollout", "rollback", note="service")


def dependency_down(scene: Scene) -> Truth:
    """A dependency doesn't answer: pods crash, aren't ready, or the service fails; now and then during a rollout."""
    rng = scene.rng
    variant = rng.choice(["crash", "crash", "unready", "service"])
    line = fill(
        rng,
        rng.choice(log_lines.DEPENDENCY),
        rng.choice(["db", "db.shop.svc.cluster.local", "payments", "kafka-0.kafka", "redis-master"]),
    )
    if rng.random() < 0.2 and scene.kind == "Deployment" and scene.replicas >= 3:
        roll(scene, scene.began - timedelta(minutes=rng.uniform(-2, 6)), "", tag=f"1.{scene.revision + 1}.0")
    _fails(scene, variant, line)
    counts(scene, line, rng.randint(20, 500))
    name = next((one for one in ("db", "payments", "kafka", "redis-master") if one in line), "")
    if name and rng.random() < 0.4:
        labels = rng.choice([{"job": name, "service": name}, {"pod": f"{name}-0"}])
        scene.alert(rng.choice(["TargetDown", "KubePodNotReady"]), 1, **labels)
    return truth("dependency_down", note=variant)


def _fails(scene: Scene, variant: str, line: str) -> None:
    """All pods crash, aren't ready or serve badly, and say this line."""
    rng, every = scene.rng, list(scene.pods)
    if variant == "crash":
        for pod in every:
            first = max(scene.began, pod.created) + timedelta(seconds=rng.uniform(2, 60))
            crash(scene, pod, first, rng.uniform(3, 35), 1)
            scene.logs.append(ended(scene, pod, line))
        pod_alerts(scene, every, crashing=True)
        return
    for pod in every:
        scene.logs.append(running(scene, pod, [(line, rng.randint(4, 60))]))
    if variant == "unready":
        settle(every)
        for pod in every:
            unready(scene, pod, max(scene.began, pod.created) + timedelta(seconds=rng.uniform(0, 40)), PROBE[0])
        pod_alerts(scene, every)
    else:
        service_alert(scene)
        worse(scene, slow=rng.random() < 0.5)


def config_change(scene: Scene) -> Truth:
    """Somebody changed a ConfigMap; pods that read it anew crash, or the service fails."""
    rng = scene.rng
    at = scene.began - timedelta(minutes=rng.uniform(0.2, 8))
    name = f"{scene.app}-config"
    scene.changes.insert(
        0,
        ChangeSeen(
            "config", f"ConfigMap {name}: app.yaml changed", stamp(at), rng.choice(["kubectl by kim", "helm", ""])
        ),
    )
    scene.references[:] = [replace(one, changed_at=stamp(at)) if one.name == name else one for one in scene.references]
    ill = list(scene.pods)
    lines = ['level=fatal msg="config" error="/etc/app/app.yaml: unknown field \\"pool_sze\\""',
    "yaml.scanner.ScannerError: mapping values are not allowed here, in /etc/app/app.yaml",
             "panic: invalid configuration: listen: missing port", fill(rng, rng.choice(log_lines.DEPENDENCY),
             "db-typo")]  # fmt: skip
    line = rng.choice(lines)
    for pod in ill:
        crash(scene, pod, scene.began + timedelta(seconds=rng.uniform(1, 60)), rng.uniform(1, 9), 1)
    for pod in ill:
        scene.logs.append(ended(scene, pod, line))
    pod_alerts(scene, ill, crashing=True)
    return truth("config_change")


def autoscaler_bound(scene: Scene) -> Truth:
    """The autoscaler has as many as it may, and its metric is above the target."""
    rng, most = scene.rng, scene.replicas
    limited = ConditionSeen(
        "ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count"
    )
    value = rng.randint(95, 190)
    scene.autoscalers[:] = [
        AutoscalerSeen(
            scene.app, max(1, most // 3), most, most, most, (f"cpu {value} % of 80 %",), (limited,), above=value > 80
        )
    ]
    if scene.measured:
        load(scene, 0.97)
    if rng.random() < 0.75:
        scene.alert(
            "KubeHpaMaxedOut",
            15,
            horizontalpodautoscaler=scene.app,
            job="kube-state-metrics",
            service="kube-state-metrics",
        )
    else:
        service_alert(scene, slow=True)
        worse(scene, errors=False, slow=True)
    if rng.random() < 0.3:
        scene.alert("CPUThrottlingHigh", 15, severity="info", pod=scene.pods[0].name, container=scene.main.name)
        if scene.measured:
            courses.swap(
                scene, courses.flat(scene, "throttling", "ratio", rng.uniform(0.3, 0.7), {"container": scene.main.name})
            )
    return truth("autoscaler_bound", "raise_autoscaler")


def throttling(scene: Scene) -> Truth:
    """The CPU limit slows it down, and no more than that."""
    rng = scene.rng
    ratio = rng.uniform(0.3, 0.75)
    labels = {"container": scene.main.name}
    if scene.measured:
        courses.swap(scene, courses.flat(scene, "throttling", "ratio", ratio, labels))
    for pod in scene.pods:
        pod.containers[0] = replace(pod.containers[0], cpu_limit=pod.containers[0].cpu_limit or 0.5)
    scene.alert("CPUThrottlingHigh", 15, severity="info", pod=scene.pods[0].name, container=scene.main.name)
    return truth("throttling", "set_resources")


def saturation(scene: Scene) -> Truth:
    """More is asked than the pods can do, and no autoscaler owns their number."""
    scene.autoscalers.clear()
    scene.services = scene.services or [ServiceSeen(scene.app)]
    if not scene.measured:
        scene.measured = True
        measure(scene)
    load(scene, scene.rng.uniform(0.92, 1.0))
    worse(scene, errors=False, slow=True)
    service_alert(scene, slow=True)
    for pod in scene.pods:
        scene.logs.append(running(scene, pod))
    return truth("saturation", "scale", note=scene.kind)


def service_degraded(scene: Scene) -> Truth:
    """Processes are stuck in a way that no probe sees: errors or slowness without any other sign."""
    slow = scene.rng.random() < 0.5
    service_alert(scene, slow=slow)
    worse(scene, errors=not slow, slow=slow)
    counts(scene, "", 3)
    for pod in scene.pods:
        scene.logs.append(running(scene, pod))
    return truth("service_degraded", "restart")


def scrape_problem(scene: Scene) -> Truth:
    """Prometheus can't scrape; the target serves."""
    scene.alert("TargetDown", 10, job=scene.app, service=scene.app)
    for pod in scene.pods[:8]:
        courses.swap(scene, courses.step(scene, "up", "", 1.0, 0.0, scene.began, {"pod": pod.name}))
    for pod in scene.pods:
        scene.logs.append(running(scene, pod))
    return truth("scrape_problem")


def nothing_wrong(scene: Scene) -> Truth:
    """It was over before anybody looked, or it never was."""
    rng = scene.rng
    variant = rng.choice(["over", "flapped"])
    if variant == "over":
        scene.alert(
            rng.choice(
                ["KubePodNotReady", "KubePodCrashLooping", "KubeDeploymentReplicasMismatch", "KubeContainerWaiting"]
            ),
            15,
            pod=scene.pods[0].name,
        )
        pod = scene.pods[0]
        at = scene.now - timedelta(minutes=rng.uniform(38, 60))
        if rng.random() < 0.4:
            pod.containers[0] = replace(
                pod.containers[0],
                restarts=5,
                last_exit=1,
                last_reason="Error",
                last_finished_at=stamp(at),
                started_at=stamp(at),
            )
            scene.event("BackOff", "Back-off restarting failed container", scene.about(pod), 39, 20)
    else:
        scene.alert("HighErrorRate", 2, service=scene.app)
        scene.measured = True
        scene.services = scene.services or [ServiceSeen(scene.app)]
        edge = courses.minutes(scene, scene.began)
        labels = {"service": scene.app}
        courses.swap(
            scene, courses.course(scene, "errors", "ratio", lambda ago: 0.2 if edge - 6 < ago < edge else 0.001, labels)
        )
        for one in scene.pods:
            scene.logs.append(running(scene, one))
    return truth("nothing_wrong", note=variant)
