"""What a pod's status tells of each of its containers, also where one of them goes wrong alone.

It refuses to decide how a pod behaves: the run, told by the kubelet, says it.
"""

from typing import Protocol

from bot.sandbox.kubernetes import pod_status as shape
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.kubernetes.wire import Json


class Running(Protocol):
    """What the kubelet remembers of a pod, as far as it shows here; moments in seconds."""

    manner: Manner
    stage: str
    first: float
    ready: bool
    restarts: int
    identity: str
    state: Json
    last: Json


def preparing(pod: Json, run: Running) -> bool:
    """Whether a container that comes before the others is the one that goes wrong, and didn't end well yet."""
    return run.manner.only in _names(pod, "initContainers") and not run.ready


def told(pod: Json, run: Running, *, pulled: bool) -> Json:
    """``containerStatuses``, and ``initContainerStatuses`` where there are such; ``pulled`` is whether any started."""
    before, only = _names(pod, "initContainers"), run.manner.only
    waits = preparing(pod, run)
    statuses = [_main(one, run, only, pulled=pulled, waits=waits) for one in pod["spec"]["containers"]]
    inits = (
        [_init(one, run, pulled=pulled, wrong=waits and one["name"] == only) for one in _list(pod)] if before else []
    )
    return {**({"initContainerStatuses": inits} if inits else {}), "containerStatuses": statuses}


def _main(one: Json, run: Running, only: str, *, pulled: bool, waits: bool) -> Json:
    if waits:
        state = shape.waiting("PodInitializing")
        return shape.container_status(one, state, {}, ready=False, restarts=0, identity="", pulled=False)
    alone = bool(only) and only != one["name"] and pulled and bool(run.first)
    if alone:
        state = shape.running(run.first)
        return shape.container_status(
            one, state, {}, ready=run.stage != "done", restarts=0, identity=run.identity, pulled=True
        )
    return shape.container_status(
        one, run.state, run.last, ready=run.ready, restarts=run.restarts, identity=run.identity, pulled=pulled
    )


def _init(one: Json, run: Running, *, pulled: bool, wrong: bool) -> Json:
    if wrong:
        return shape.container_status(
            one, run.state, run.last, ready=False, restarts=run.restarts, identity=run.identity, pulled=pulled
        )
    if not pulled:
        state = shape.waiting("PodInitializing")
        return shape.container_status(one, state, {}, ready=False, restarts=0, identity="", pulled=False)
    state = shape.terminated(0, "Completed", run.first, run.first, run.identity)
    return shape.container_status(one, state, {}, ready=True, restarts=0, identity="", pulled=True)


def _list(pod: Json) -> list[Json]:
    return list(pod["spec"].get("initContainers") or [])


def _names(pod: Json, part: str) -> set[str]:
    return {one["name"] for one in pod["spec"].get(part) or []}
