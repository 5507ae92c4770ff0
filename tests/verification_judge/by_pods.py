"""Hazards of pods and nodes: crashes at bad moments, readiness that flaps, images, volumes, silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.sandbox.kubernetes.manners import USUAL, Manner
from tests.verification_judge.hazard import Hazard, Plant, deployed
from tests.verification_judge.history import ready, restarts
from tests.verification_judge.room import NAME, SPACE, Room
from tests.verification_judge.verbs import ROLLS, WORKLOADS

PODS = WORKLOADS
NEW_PODS = ROLLS | {"evict"}
NEXT = ("approved",)


def _next(behaviour: str, manner: Manner = USUAL) -> Plant:
    """Pods that come now behave so."""

    def plant(room: Room) -> Callable[[], bool]:
        room.cluster.break_next(SPACE, NAME, behaviour, manner)
        began = room.now
        return lambda: any(_came_since(room, began))

    return plant


def _came_since(room: Room, began: float) -> list[bool]:
    obj = room.workload()
    owners = room.owners(obj) if obj is not None else set()
    return [True for uid in room.history.ever(owners) if room.history.at(uid, began) is None]


def _strikes(behaviour: str, manner: Manner | None = None, *, mends: tuple[float, float] | None = None) -> Plant:
    """A running pod goes wrong now, and is well again after a while if ``mends`` says so."""

    def plant(room: Room) -> Callable[[], bool]:
        pod, began = room.some_pod(), room.now
        struck = bool(pod) and room.strike(pod, behaviour, manner)
        if struck and mends is not None:
            room.later(room.rng.uniform(*mends), lambda: room.mend(pod))
        uid = (room.stored("Pod", pod) or {"metadata": {"uid": ""}})["metadata"]["uid"]

        def took() -> bool:
            versions = [one for one in room.history.since(uid, began) if one is not None]
            return struck and any(not ready(one) or restarts(one) > restarts(versions[0]) for one in versions[1:])

        return took

    return plant


def _one_of_the_next(room: Room) -> Callable[[], bool]:
    """The first new pod never gets ready, the others do."""
    room.cluster.break_next(SPACE, NAME, room.rng.choice(["not-ready", "crash", "config-error"]))
    began = room.now

    def mend() -> None:
        room.cluster.world.next_start.pop((SPACE, NAME), None)

    def wait() -> None:
        if _came_since(room, began):
            mend()
        else:
            room.later(0.5, wait)

    room.later(0.5, wait)
    return lambda: bool(_came_since(room, began))


def _lacks(room: Room) -> Callable[[], bool]:
    """A Secret isn't there, or a volume isn't mounted."""
    took = _next(room.rng.choice(["config-error", "stuck"]))(room)
    return took or _never


def _never() -> bool:
    return False


def _deleted(room: Room) -> Callable[[], bool]:
    """Somebody deletes a pod; the one that takes its place counts from none."""
    pod = room.some_pod()
    if pod:
        room.cluster.delete("Pod", SPACE, pod)
    return lambda: bool(pod)


def _again_and_again(room: Room) -> Callable[[], bool]:
    """A pod is deleted and made anew every few seconds, and is ready whenever somebody looks."""
    count = room.rng.randint(3, 8)

    def once(left: int) -> None:
        pod = room.some_pod()
        if pod:
            room.cluster.delete("Pod", SPACE, pod)
        if left:
            room.later(room.rng.uniform(4, 9), lambda: once(left - 1))

    once(count)
    return lambda: True


def _evicted(room: Room) -> Callable[[], bool]:
    """The node evicts one for lack of memory."""
    pod = room.some_pod()
    obj = room.stored("Pod", pod) if pod else None
    running = obj is not None and obj["spec"].get("nodeName") and obj["status"].get("phase") == "Running"
    if running:
        room.cluster.evict(SPACE, pod)
    return lambda: bool(running)


def _lingers(room: Room) -> Callable[[], bool]:
    """Pods that are there now don't end when they are told to."""
    pods = list(room.pods().values())
    for pod in pods:
        room.cluster.kubelet.run_of(pod).behaviour = "lingers"
    uids = [pod["metadata"]["uid"] for pod in pods]
    if room.rng.random() < 0.4:
        names = [pod["metadata"]["name"] for pod in pods]
        room.later(room.rng.uniform(20, 60), lambda: _let_go(room, names))

    def took() -> bool:
        found = (room.history.at(uid, room.now) for uid in uids)
        return any(one is None or "deletionTimestamp" in one["metadata"] for one in found)

    return took


def _let_go(room: Room, names: list[str]) -> None:
    for name in names:
        pod = room.stored("Pod", name)
        if pod is not None:
            run = room.cluster.kubelet.run_of(pod)
            run.behaviour = "ok"
            if run.stage == "stopping":
                run.due = room.now


def _node(room: Room) -> str:
    pod = room.some_pod()
    obj = room.stored("Pod", pod) if pod else None
    return str(obj["spec"].get("nodeName") or "") if obj else ""


def _node_dies(room: Room) -> Callable[[], bool]:
    """At once marked, or silent for the time that the cluster gives it."""
    node = _node(room)
    if not node:
        return lambda: False
    if room.rng.random() < 0.5:
        room.cluster.node_down(node)
        return lambda: True
    room.cluster.world.down.add(node)  # its containers stand still, and what is told of them is old
    began = room.now
    room.later(40.0, lambda: room.cluster.node_down(node))
    return lambda: room.now > began + 40.0


def _node_flaps(room: Room) -> Callable[[], bool]:
    """A node is not ready for a few seconds: nothing restarts."""
    node = _node(room)
    if node:
        room.cluster.node_down(node)
        room.later(room.rng.uniform(1.5, 4.0), lambda: room.cluster.node_up(node))
    return lambda: bool(node)


def _with(**parts: bool) -> Callable[[Any], Any]:
    return lambda one: replace(one, **parts)


CRASH = Manner(exit_code=1)
HAZARDS = (
    Hazard("a pod crash-loops late in the soak", _strikes("crash", CRASH), PODS, ("soak",)),
    Hazard("a pod crashes once in the soak", _strikes("crash", CRASH, mends=(0.4, 2.0)), PODS, ("soak",)),
    Hazard("new pods run out of memory and are ready in between", _next("oom"), NEW_PODS, NEXT),
    Hazard("new pods fail their liveness probe again and again", _next("killed", Manner(runs=12.0)), NEW_PODS, NEXT),
    Hazard("new pods never get ready", _next("not-ready"), NEW_PODS, NEXT),
    Hazard("new pods get ready slowly", _next("slow"), NEW_PODS, NEXT),
    Hazard("a pod isn't ready for a moment", _strikes("not-ready", mends=(1.5, 3.5)), PODS, ("soak",)),
    Hazard("a pod stops being ready", _strikes("not-ready"), PODS, ("write", "soak")),
    Hazard("an image can't be pulled", _next("image-missing"), NEW_PODS, NEXT),
    Hazard("configuration or a volume is missing", _lacks, NEW_PODS, NEXT),
    Hazard("one replica alone is broken", _one_of_the_next, NEW_PODS, NEXT),
    Hazard(
        "an init container loops", _next("crash", Manner(exit_code=1, only="migrate")), ROLLS, NEXT, _with(init=True)
    ),
    Hazard(
        "a sidecar alone crashes", _strikes("crash", Manner(exit_code=1, only="proxy"), mends=(0.5, 9.0)),
        PODS - {"set_image"},
        ("soak",), _with(sidecar=True),
    ),
    Hazard("a pod is replaced in the soak", _deleted, PODS, ("soak",)),
    Hazard("pods are replaced again and again", _again_and_again, PODS, ("soak", "write")),
    Hazard("a node evicts a pod", _evicted, PODS, ("soak", "write")),
    Hazard("old pods don't end", _lingers, PODS, ("approved",)),
    Hazard("a node dies", _node_dies, PODS, ("write", "soak")),
    Hazard("a node is silent for a moment", _node_flaps, PODS, ("soak",)),
    Hazard("recreate takes all down", lambda _room: lambda: True, ROLLS, ("before",),
           lambda one: replace(deployed(one), strategy="Recreate"), lambda verb, _one: verb.name != "resume"),
)  # fmt: skip
