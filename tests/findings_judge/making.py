"""What breakages are made of: rollouts that begin, containers that crash in a course of back-offs, pods that wait.

Back-offs are the kubelet's: none before the first restart, then 10 s doubling to 5 min.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.observed import ChangeSeen, ConditionSeen, RevisionSeen
from tests.findings_judge.scene import PEOPLE, Pod, Scene, stamp


@dataclass(frozen=True)
class Truth:
    """``cause`` is what is behind it; ``cures`` the mutating mitigations that end it or relieve it."""

    cause: str
    cures: frozenset[str] = frozenset()
    note: str = ""


Breakage = Callable[[Scene], Truth]
"""What breaks a scene and says what it did."""


def truth(cause: str, *cures: str, note: str = "") -> Truth:
    """A truth with these cures."""
    return Truth(cause, frozenset(cures), note)


def roll(
    scene: Scene, at: datetime, what: str, diff: tuple[str, ...] = (), *, complete: bool = False, tag: str = ""
) -> list[Pod]:
    """A new revision from this moment: its new pods, in progress as the strategy allows, or complete."""
    old = scene.revision
    scene.revision += 1
    scene.template_at = at
    before = scene.image()
    scene.image_tag = tag or scene.image_tag
    scene.revisions[:] = [replace(one, current=False) for one in scene.revisions]
    scene.revisions.insert(
        0,
        RevisionSeen(str(scene.revision), stamp(at), f"tpl-{scene.revision}", (scene.image(),), current=True),
    )
    text = what or f"image {before.rsplit('/', 1)[-1]} → {scene.image_tag}"
    scene.changes.insert(
        0, ChangeSeen("template", text, stamp(at), scene.rng.choice(PEOPLE), str(scene.revision), diff or (text,))
    )
    made = _new_pods(scene, at, complete=complete)
    if scene.kind == "Deployment" and not complete:
        scene.conditions[:] = [ConditionSeen("Progressing", "True", "ReplicaSetUpdated", "", stamp(at))]
    up, down = f"{scene.app}-{scene.hash_of(scene.revision)}", f"{scene.app}-{scene.hash_of(old)}"
    ago = (scene.now - at).total_seconds() / 60
    if scene.kind == "Deployment":
        scene.event(
            "ScalingReplicaSet",
            f"Scaled up replica set {up} from 0 to {len(made)}",
            f"Deployment {scene.app}",
            ago,
            warning=False,
        )
        scene.event(
            "ScalingReplicaSet", f"Scaled down replica set {down}", f"Deployment {scene.app}", ago - 0.1, warning=False
        )
    return made


def _new_pods(scene: Scene, at: datetime, *, complete: bool) -> list[Pod]:
    shape = scene.pods[0].containers[1:] if scene.pods else []
    count = scene.replicas if complete else max(1, math.ceil(scene.replicas / 4)) if scene.kind == "Deployment" else 1
    made = []
    for number in range(count):
        pod = scene.pod(
            scene.replicas - 1 - number if scene.kind == "StatefulSet" else number,
            created=at + timedelta(seconds=3 + number),
        )
        pod.containers += [replace(one, started_at=stamp(pod.created)) for one in shape]
        made.append(pod)
    if scene.kind == "Deployment" and not complete:
        gone = math.floor(scene.replicas / 4)
        del scene.pods[:gone]
    elif scene.kind == "StatefulSet" and not complete:
        scene.pods[:] = [pod for pod in scene.pods if pod.name not in {one.name for one in made}]
    else:
        del scene.pods[: len(scene.pods) if complete else 1]
    scene.pods += made
    return made


def unfinished(scene: Scene, at: datetime) -> None:
    """The rollout's condition after its deadline."""
    if scene.kind == "Deployment" and scene.now - at > timedelta(minutes=10):
        name = f"{scene.app}-{scene.hash_of(scene.revision)}"
        scene.conditions[:] = [
            ConditionSeen("Progressing", "False", "ProgressDeadlineExceeded",
            f'ReplicaSet "{name}" has timed out progressing.',
                          stamp(at + timedelta(minutes=10)))
        ]  # fmt: skip


def crash(
    scene: Scene, pod: Pod, first: datetime, run: float, code: int, reason: str = "Error", message: str = ""
) -> None:
    """The main container has been crashing since ``first``, each time after ``run`` seconds."""
    part, began, restarts = pod.containers[0], first - timedelta(seconds=run), 0
    ended = first
    while True:
        wait = 0 if restarts == 0 else min(10 * 2 ** (restarts - 1), 300)
        again = ended + timedelta(seconds=wait + 1)
        if again >= scene.now:
            break
        restarts, last = restarts + 1, (began, ended)
        began, ended = again, again + timedelta(seconds=max(run * scene.rng.uniform(0.8, 1.2), 0.5))
        if ended >= scene.now:
            _state(scene, pod, "running", "", began, last, restarts, code, reason, message)
            return
    wait = 0 if restarts == 0 else min(10 * 2 ** (restarts - 1), 300)
    text = f"back-off {wait}s restarting failed container={part.name} pod={pod.name}_{scene.namespace}(0ab1)"
    if wait:
        _state(scene, pod, "waiting", "CrashLoopBackOff", began, (began, ended), restarts, code, reason, message, text)
        scene.event(
            "BackOff",
            f"Back-off restarting failed container {part.name} in pod {pod.name}",
            scene.about(pod),
            0.5,
            max(restarts, 1) * 3,
        )
    else:
        _state(scene, pod, "terminated", reason, began, (began, ended), restarts, code, reason, message)


def _state(
    scene: Scene, pod: Pod, state: str, why: str, began: datetime, last: tuple[datetime, datetime], restarts: int,
    code: int, reason: str, ending: str, message: str = "",
) -> None:  # fmt: skip
    warm = 15 if "readiness" in scene.main.probes else 1
    alive = state == "running" and (scene.now - began).total_seconds() > warm
    pod.containers[0] = replace(
        pod.containers[0], state=state, reason=why, message=message, ready=alive, restarts=restarts,
        started_at=stamp(began) if state == "running" else "", last_exit=code, last_reason=reason, last_message=ending,
        last_started_at=stamp(last[0]), last_finished_at=stamp(last[1]),
    )  # fmt: skip
    pod.ready, pod.ready_at = alive, began + timedelta(seconds=warm) if alive else last[1]


def wait(pod: Pod, reason: str, message: str) -> None:
    """The main container waits for this reason since the pod's creation; the pod never ran."""
    pod.phase, pod.ready, pod.ready_at = "Pending", False, pod.created
    pod.containers[0] = replace(
        pod.containers[0], state="waiting", reason=reason, message=message, ready=False, started_at="", image_id=""
    )
    pod.containers[1:] = [
        one if one.init else replace(one, ready=reason != "ContainerCreating" and one.ready)
        for one in pod.containers[1:]
    ]


def pending(scene: Scene, pod: Pod, message: str) -> None:
    """No node was found for it."""
    pod.phase, pod.ready, pod.scheduled, pod.ready_at = "Pending", False, (False, message), None
    pod.containers[:] = [
        replace(one, state="", ready=False, started_at="", last_exit=None, last_finished_at="", last_reason="")
        for one in pod.containers
    ]
    scene.event("FailedScheduling", message, scene.about(pod), scene.rng.uniform(0.2, 4), scene.rng.randint(1, 6))


def unready(scene: Scene, pod: Pod, since: datetime, message: str) -> None:
    """It runs and its readiness probe fails."""
    pod.ready, pod.ready_at = False, since
    pod.containers[0] = replace(pod.containers[0], ready=False, probes=(*scene.main.probes, "readiness"))
    lasted = (scene.now - max(since, pod.created)).total_seconds()
    scene.event("Unhealthy", message, scene.about(pod), 0.2, max(1, int(lasted / 10)))


def some(scene: Scene, pods: Iterable[Pod], least: int = 1) -> list[Pod]:
    """Some of the pods, at least so many."""
    every = list(pods)
    return scene.rng.sample(every, scene.rng.randint(min(least, len(every)), len(every)))


def settle(pods: Iterable[Pod]) -> None:
    """Pods whose main container runs and is ready."""
    for pod in pods:
        pod.containers[0] = replace(pod.containers[0], ready=True, state="running")
