"""Breakages around the pods: nodes, disks, Jobs, budgets, the control plane."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.observed import (
    BudgetSeen,
    JobSeen,
    NodeSeen,
    VolumeSeen,
)
from tests.findings_judge import log_lines
from tests.findings_judge.log_lines import ended, fill, running
from tests.findings_judge.making import (
    Truth,
    crash,
    truth,
)
from tests.findings_judge.scene import Scene, stamp
from tests.findings_judge.telling import pod_alerts, service_alert, worse
from tests.findings_judge.wellness import GI


def node_trouble(scene: Scene) -> Truth:
    """A node of the pods is silent, or under pressure and evicts."""
    rng = scene.rng
    name = rng.choice([pod.node for pod in scene.pods])
    on = [pod for pod in scene.pods if pod.node == name]
    variant = rng.choice(["silent", "silent", "pressure"])
    place = next(index for index, node in enumerate(scene.nodes) if node.name == name)
    node = scene.nodes[place]
    if variant == "silent":
        lost = "Kubelet stopped posting node status."
        conditions = tuple(
            replace(one, status="Unknown", reason="NodeStatusUnknown", message=lost, at=stamp(scene.began))
            for one in node.conditions
        )
        scene.nodes[place] = replace(node, ready=None, conditions=conditions,
        taints=("node.kubernetes.io/unreachable:NoSchedule",),
                                     lease_at=stamp(scene.began - timedelta(seconds=40)))  # fmt: skip
        for pod in on:
            pod.ready, pod.ready_at = False, scene.began
            scene.event("NodeNotReady", "Node is not ready", scene.about(pod), 15)
        scene.alert(
            rng.choice(["KubeNodeNotReady", "KubeNodeUnreachable"]), 3, node=name
        ) if rng.random() < 0.6 else None
        pod_alerts(scene, on)
        return truth("node_trouble", "cordon", "evict", note=variant)
    kind = rng.choice(["memory", "ephemeral-storage"])
    pressure = "MemoryPressure" if kind == "memory" else "DiskPressure"
    conditions = tuple(
        replace(one, status="True" if one.type == pressure else one.status, at=stamp(scene.began))
        for one in node.conditions
    )
    scene.nodes[place] = replace(node, conditions=conditions, taints=("node.kubernetes.io/memory-pressure:NoSchedule",))
    for pod in on[:4]:
        pod.phase, pod.reason, pod.ready, pod.ready_at = "Failed", "Evicted", False, scene.began + timedelta(minutes=1)
        pod.message = f"The node was low on resource: {kind}. Threshold quantity: 100Mi, available: 50Mi."
        part = pod.containers[0]
        pod.containers[0] = replace(part, ready=False, state="terminated", reason="Error", last_exit=137,
        last_reason="Error",
                                    last_finished_at=stamp(scene.began + timedelta(minutes=1)))  # fmt: skip
        scene.event("Evicted", pod.message, scene.about(pod), 15)
        scene.pods.append(scene.pod(scene.pods.index(pod), created=scene.began + timedelta(minutes=1)))
        scene.pods[-1].node = scene.nodes[(place + 1) % len(scene.nodes)].name
    scene.alert(rng.choice(["KubeNodePressure", "KubeNodeEviction"]), 2, node=name)
    return truth("node_trouble", note=kind)


def lone_node(scene: Scene) -> Truth:
    """An alert about a node, with no workload behind it."""
    scene.targeted, scene.pods, scene.measured = False, [], False
    scene.events.clear()
    node: NodeSeen = scene.nodes[0]
    lost = tuple(
        replace(
            one,
            status="Unknown",
            reason="NodeStatusUnknown",
            message="Kubelet stopped posting node status.",
            at=stamp(scene.began),
        )
        for one in node.conditions
    )
    scene.nodes[0] = replace(node, ready=None, conditions=lost)
    scene.alert("KubeNodeNotReady", 15, node=node.name)
    return truth("node_trouble", "cordon", note="node alone")


def disk(scene: Scene) -> Truth:
    """A claim fills up or is full, with or without pods that notice."""
    rng, size = scene.rng, scene.rng.choice([10, 50, 200]) * GI
    expandable = rng.random() < 0.6
    full = rng.random() < 0.5
    used = size * (rng.uniform(0.97, 1.0) if full else rng.uniform(0.87, 0.96))
    pod = scene.pods[0]
    claim = VolumeSeen(
        f"data-{pod.name}",
        "Bound",
        size,
        used,
        "standard",
        expandable=expandable,
        full_in=None if full else rng.uniform(3000, 200000),
        pods=(pod.name,),
    )
    scene.volumes[:] = [claim, *[one for one in scene.volumes if one.claim != claim.claim]]
    if full:
        line = fill(rng, rng.choice(log_lines.NO_SPACE))
        if rng.random() < 0.6:
            crash(scene, pod, scene.began, rng.uniform(2, 20), 1)
            scene.logs.append(ended(scene, pod, line))
            pod_alerts(scene, [pod], crashing=True)
        else:
            scene.logs.append(running(scene, pod, [(line, 40)]))
            service_alert(scene, slow=False)
            worse(scene)
    if not full or rng.random() < 0.6:
        scene.alert("KubePersistentVolumeFillingUp", 1, persistentvolumeclaim=claim.claim, severity="critical")
    return truth("disk", *(["expand_volume"] if expandable else []), note="full" if full else "filling")


def job_failed(scene: Scene) -> Truth:
    """A Job or the newest run of a CronJob failed."""
    rng = scene.rng
    variant = rng.choice(["bug", "dependency", "evicted", "deadline", "setting"])
    cron = scene.kind == "CronJob"
    scene.pods[:] = [
        scene.pod(number, created=scene.began - timedelta(minutes=8 - number)) for number in range(rng.randint(1, 3))
    ]
    scene.autoscalers.clear()
    scene.services.clear()
    for pod in scene.pods:
        end = pod.created + timedelta(seconds=rng.uniform(3, 60))
        evicted = variant == "evicted"
        pod.phase, pod.ready, pod.ready_at = "Failed", False, end
        code = 137 if evicted or variant == "deadline" else 1
        pod.containers[0] = replace(pod.containers[0], state="terminated", reason="Error", ready=False,
        last_exit=code, last_reason="Error",
                                    last_started_at=stamp(pod.created), last_finished_at=stamp(end),
                                    started_at="")  # fmt: skip
        if evicted:
            pod.reason, pod.message = (
                "Evicted",
                "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi.",
            )
        elif variant != "deadline":
            lines = {
                "bug": log_lines.BUG,
                "dependency": log_lines.DEPENDENCY,
                "setting": [one for one, _ in log_lines.SETTING],
            }[variant]
            log = ended(scene, pod, fill(rng, rng.choice(list(lines))))
            scene.logs.append(replace(log, previous=False))
    reason = "DeadlineExceeded" if variant == "deadline" else "BackoffLimitExceeded"
    message = (
        "Job was active longer than specified deadline"
        if variant == "deadline"
        else "Job has reached the specified backoff limit"
    )
    names = [f"{scene.app}-{29384756 - 60 * back}" if cron else scene.app for back in range(4 if cron else 1)]
    again = variant in {"bug", "setting"} and rng.random() < 0.6
    for back, name in enumerate(names):
        bad = back == 0 or again
        scene.jobs.append(
            JobSeen(name, scene.app if cron else "", 0, 0 if bad else 1, len(scene.pods) if bad else 0, 2,
            stamp(scene.began - timedelta(hours=back, minutes=9)),
                    stamp(scene.began - timedelta(hours=back)), "failed" if bad else "complete",
                    reason if bad else "", message if bad else "")
        )  # fmt: skip
    scene.alert("KubeJobFailed", 15, job_name=names[0], job="kube-state-metrics")
    if variant == "evicted" and rng.random() < 0.5:
        scene.nodes[:] = [replace(one) for one in scene.nodes]
    cures = ["rerun_job"] if variant in {"dependency", "evicted"} else []
    return truth("job_failed", *cures, note=variant)


def budget(scene: Scene) -> Truth:
    """A budget that allows nothing to be away, with all pods well."""
    count = scene.replicas
    scene.budgets[:] = [BudgetSeen(scene.app, f"minAvailable {count}", 0, count, count, count)]
    if scene.rng.random() < 0.5:
        scene.budgets[:] = [BudgetSeen(scene.app, f"minAvailable {count + 1}", 0, count, count + 1, count)]
    scene.alert("KubePdbNotEnoughHealthyPods", 15, poddisruptionbudget=scene.app)
    return truth("budget")


def stalled_controller(scene: Scene) -> Truth:
    """A change that no controller takes up, or an alert about the control plane."""
    if scene.rng.random() < 0.7:
        scene.workload.update(generation=scene.revision + 5, observed_generation=scene.revision + 3)
        scene.alert(f"Kube{scene.kind}GenerationMismatch", 15, **scene.own_label())
    else:
        scene.alert(scene.rng.choice(["KubeControllerManagerDown", "KubeSchedulerDown", "KubeAPIErrorBudgetBurn"]), 15)
        scene.targeted = False
        scene.pods.clear()
    return truth("stalled_controller")
