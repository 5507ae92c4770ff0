"""Incidents made to be taken for others: two things at once, the same code for two reasons, a change that is none.

The truth rules are ``generate``'s.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.observed import ChangeSeen, ConditionSeen, ContainerSeen, LogCountSeen, SignatureSeen
from tests.findings_judge import by_kubelet, by_pods, by_service, by_surroundings, courses, log_lines
from tests.findings_judge.log_lines import ended, fill, running
from tests.findings_judge.making import Truth, crash, pending, roll, settle, some, truth, unfinished, unready, wait
from tests.findings_judge.scene import Scene, stamp
from tests.findings_judge.telling import PROBE, pod_alerts, service_alert, worse
from tests.findings_judge.wellness import MI


def kill_without_reason(scene: Scene) -> Truth:
    """Exit 137 with reason Error: a process of the container was killed for memory, as the measurement shows."""
    limit = scene.main.memory_limit or 512 * MI
    scene.measured = True
    ill = some(scene, scene.pods)
    for pod in ill:
        pod.containers[0] = replace(pod.containers[0], memory_limit=limit)
        crash(scene, pod, scene.began, scene.rng.uniform(100, 400), 137)
        labels = {"pod": pod.name, "container": pod.containers[0].name}
        courses.swap(
            scene,
            courses.course(scene, "memory", "bytes", lambda ago: limit * (0.5 + 0.49 * ((60 - ago) % 6) / 5), labels),
        )
        scene.logs.append(ended(scene, pod, "batch of 4000 items"))
    pod_alerts(scene, ill, crashing=True)
    return truth("oom_killed", "set_resources", "restart", note="no reason told")


def sidecar_starves(scene: Scene) -> Truth:
    """The sidecar is killed for memory, the main container is well."""
    ill = some(scene, scene.pods)
    for pod in ill:
        side = ContainerSeen("log-shipper", "fluent-bit:4.0", ready=True, state="running", memory_limit=64 * MI)
        pod.containers[:] = [side, *[one for one in pod.containers if one.name != "log-shipper"]]
        crash(scene, pod, scene.began, scene.rng.uniform(20, 200), 137, "OOMKilled")
        pod.containers[:] = [*pod.containers[1:], pod.containers[0]]
    pod_alerts(scene, ill, crashing=True)
    return truth("oom_killed", "set_resources", "restart", note="sidecar")


def init_fails(scene: Scene) -> Truth:
    """An init container of a new revision fails; the main one waits."""
    at = scene.began - timedelta(seconds=30)
    ill = roll(scene, at, "", tag=f"1.{scene.revision + 1}.0")
    unfinished(scene, at)
    for pod in ill:
        main = pod.containers[0]
        others = [one for one in pod.containers[1:] if not one.init]
        pod.containers[:] = [replace(main, name="migrate", init=True, probes=()), *others]
        crash(scene, pod, pod.created + timedelta(seconds=8), 3, 1)
        first = replace(pod.containers[0], ready=False)
        pod.containers[:] = [
            first,
            replace(main, ready=False, state="waiting", reason="PodInitializing", started_at=""),
            *others,
        ]
        pod.phase, pod.ready = "Pending", False
        log = ended(scene, pod, fill(scene.rng, scene.rng.choice(log_lines.BUG)))
        scene.logs.append(replace(log, container="migrate"))
    pod_alerts(scene, ill, crashing=True)
    return truth("bad_rollout", "rollback", note="init")


def mended_in_vain(scene: Scene) -> Truth:
    """A dependency is down; ten minutes in somebody rolls out something, and its pods fail like the old ones."""
    scene.began = scene.now - timedelta(minutes=scene.rng.randint(30, 45))
    line = fill(scene.rng, scene.rng.choice(log_lines.DEPENDENCY[:4]), "db")
    for pod in scene.pods:
        crash(scene, pod, scene.began + timedelta(seconds=scene.rng.uniform(0, 40)), 6, 1)
    at = scene.began + timedelta(minutes=10)
    new = roll(scene, at, "", tag=f"1.{scene.revision + 1}.0")
    for pod in new:
        crash(scene, pod, pod.created + timedelta(seconds=8), 6, 1)
    for pod in scene.pods:
        scene.logs.append(ended(scene, pod, line))
    pod_alerts(scene, scene.pods, crashing=True)
    return truth("dependency_down", note="mended in vain")


def change_long_before(scene: Scene) -> Truth:
    """A rollout an hour and more before went well; now one process in several is stuck."""
    at = scene.began - timedelta(minutes=scene.rng.randint(50, 120))
    roll(scene, at, "", complete=True, tag=f"1.{scene.revision + 1}.0")
    ill = scene.pods[: max(1, len(scene.pods) // 3)]
    settle(ill)
    for pod in ill:
        unready(scene, pod, scene.began, scene.rng.choice(PROBE))
        scene.logs.append(running(scene, pod))
    pod_alerts(scene, ill)
    return truth("probe_failure", "restart", "evict", note="change long before")


def chronic_errors(scene: Scene) -> Truth:
    """Telemetry can't be sent and never could; processes are stuck for another reason."""
    line = 'level=error msg="traces export" error="dial tcp 10.9.9.9:4317: connect: connection refused"'
    for pod in scene.pods:
        log = running(scene, pod)
        first, last = scene.now - timedelta(hours=5), scene.now - timedelta(minutes=1)
        chronic = SignatureSeen(line, 200, line, (), stamp(first), stamp(last))
        scene.logs.append(replace(log, signatures=(*log.signatures, chronic), tail=log.tail[:4]))
    found = (SignatureSeen(line, 90, line),)
    scene.counts["before"] = LogCountSeen(stamp(scene.began - timedelta(minutes=30)), 1800, 90, 0.05, found)
    scene.counts["after"] = LogCountSeen(stamp(scene.began), 1800, 90, 0.05, found)
    service_alert(scene)
    worse(scene, slow=True)
    return truth("service_degraded", "restart", note="chronic errors")


def restarted_into_change(scene: Scene) -> Truth:
    """A ConfigMap was changed, then somebody restarted: the new pods read it and crash, the old ones are well."""
    truth_of = by_service.config_change(scene)
    at = scene.began - timedelta(seconds=30)
    scene.changes.insert(0, ChangeSeen("restart", "restarted", stamp(at), "kubectl by kim"))
    return replace(truth_of, note="restart")


def node_during_rollout(scene: Scene) -> Truth:
    """A node goes silent while a rollout is under way that is well."""
    if len(scene.nodes) < 2:
        return by_surroundings.node_trouble(scene)
    new = roll(scene, scene.began - timedelta(minutes=2), "", tag=f"1.{scene.revision + 1}.0")
    told = by_surroundings.node_trouble(scene)
    for pod in new:
        if pod.phase == "Running" and pod.node != "":
            pod.ready = pod.ready and True
    return replace(told, note=f"{told.note} during rollout")


def room_for_surge(scene: Scene) -> Truth:
    """A rollout whose surge finds no node though nothing more is asked for: the cluster is full."""
    total = scene.rng.randint(3, 9)
    ill = roll(scene, scene.began, "", tag=f"1.{scene.revision + 1}.0")
    unfinished(scene, scene.began)
    text = f"0/{total} nodes are available: {total} Insufficient cpu. preemption: 0/{total} nodes are available: {total} No preemption victims found for incoming pod."  # noqa: E501 - as it is written
    for pod in ill:
        pending(scene, pod, text)
    pod_alerts(scene, ill)
    return truth("unschedulable", "rollback", note="surge")


def crash_and_down(scene: Scene) -> Truth:
    """Pods of a new revision crash, can't be scraped, and the budget is short: three alerts, one cause."""
    told = by_pods.bad_rollout(scene)
    scene.alert("TargetDown", 10, job=scene.app, service=scene.app)
    if scene.budgets:
        scene.alert("KubePdbNotEnoughHealthyPods", 15, poddisruptionbudget=scene.app)
    return told


def busy_and_slow(scene: Scene) -> Truth:
    """Load beyond what the pods carry, so that they are throttled too: more pods are what helps."""
    told = by_service.saturation(scene)
    courses.swap(
        scene,
        courses.step(
            scene, "throttling", "ratio", 0.05, scene.rng.uniform(0.3, 0.6), scene.began, {"container": scene.main.name}
        ),
    )
    return replace(told, cures=told.cures | {"set_resources"})


def pulled_and_missing(scene: Scene) -> Truth:
    """The image is there, its Secret isn't; an older event tells of a pull that failed once and went well then."""
    told = by_kubelet.config_missing(scene)
    pod = scene.pods[-1]
    image = pod.containers[0].image
    scene.event(
        "Failed", f'Failed to pull image "{image}": dial tcp 203.0.113.9:443: i/o timeout', scene.about(pod), 25, 1
    )
    return told


def expensive_start(scene: Scene) -> Truth:
    """A pod has just been moved and is still starting, while the service is slow for its load."""
    told = by_service.saturation(scene)
    moved = scene.pod(0, created=scene.now - timedelta(seconds=25))
    moved.ready = False
    moved.containers[0] = replace(moved.containers[0], ready=False)
    scene.pods.append(moved)
    return told


def crash_under_full_autoscaler(scene: Scene) -> Truth:
    """A dependency is down and the autoscaler has gone to its maximum over it."""
    told = by_service.dependency_down(scene)
    limited = ConditionSeen("ScalingLimited", "True", "TooManyReplicas", "")
    if scene.kind == "Deployment" and scene.autoscalers:
        row = scene.autoscalers[0]
        scene.autoscalers[:] = [
            replace(row, most=scene.replicas, current=scene.replicas, desired=scene.replicas, conditions=(limited,))
        ]
    return told


def one_bad_claim(scene: Scene) -> Truth:
    """One pod of a StatefulSet waits for its claim, the others are well and have crashed once lately."""
    told = by_kubelet.volume_mount(scene)
    pod = scene.pods[0]
    if len(scene.pods) > 2 and pod.containers[0].state == "running":
        at = scene.now - timedelta(hours=7)
        pod.containers[0] = replace(
            pod.containers[0], restarts=1, last_exit=137, last_reason="Error", last_finished_at=stamp(at)
        )
    return told


def tag_of_old_template(scene: Scene) -> Truth:
    """The tag of a template that has stood for long was removed; a pod that moved can't pull it."""
    pod = scene.pod(len(scene.pods) - 1, created=scene.began)
    pod.containers += scene.pods[-1].containers[1:]
    scene.pods[-1] = pod
    image = pod.containers[0].image
    message = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
    wait(pod, "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {message}')
    scene.event("Failed", "Error: ImagePullBackOff", scene.about(pod), 1, 8)
    pod_alerts(scene, [pod])
    return truth("image_pull", "set_image", note="old template")


def wrong_and_well(scene: Scene) -> Truth:
    """A rollout half an hour ago went well; the alert is about one pod that was restarting before it and is gone."""
    at = scene.now - timedelta(minutes=scene.rng.randint(35, 55))
    roll(scene, at, "", complete=True, tag=f"1.{scene.revision + 1}.0")
    scene.alert("KubePodCrashLooping", 0, pod=f"{scene.app}-gone-1")
    return truth("nothing_wrong", note="gone")


CONFUSING = (
    kill_without_reason, sidecar_starves, init_fails, mended_in_vain, change_long_before, chronic_errors,
    restarted_into_change,
    node_during_rollout, room_for_surge, crash_and_down, busy_and_slow, pulled_and_missing, expensive_start,
    crash_under_full_autoscaler, one_bad_claim, tag_of_old_template, wrong_and_well,
)  # fmt: skip
