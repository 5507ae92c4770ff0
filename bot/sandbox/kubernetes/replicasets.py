"""Pods of a template: making, counting and removing them, and the ReplicaSets that do so.

It refuses to adopt pods that it doesn't own.
"""

import json

from bot.sandbox.kubernetes import quotas
from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.kinds import Kind, by_kind
from bot.sandbox.kubernetes.status import StatusError
from bot.sandbox.kubernetes.wire import Json, clone, dig
from bot.sandbox.kubernetes.world import World, owner_reference
from bot.sandbox.kubernetes.writes import CONTROLLER, Deletion

_AGAIN = 5.0
"""Seconds until a pod whose name was taken is tried again."""
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_FNV_OFFSET, _FNV_PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def template_hash(template: Json) -> str:
    """A short name of a pod template, of the letters that the real hash uses."""
    value = _FNV_OFFSET
    for byte in json.dumps(template, sort_keys=True).encode():
        value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(value))


def free_hash(world: World, kind: Kind, owner: Json, template: Json) -> str:
    """The template's hash; another one while an object of an owner that is gone has that name, as the real one does."""
    meta = owner["metadata"]
    digest, collisions = template_hash(template), 0
    while world.store.get(kind, meta["namespace"], f"{meta['name']}-{digest}"):
        collisions += 1
        digest = template_hash({**template, "collisions": collisions})
    return digest


def is_active(pod: Json) -> bool:
    """Neither ended nor on its way out."""
    ended = dig(pod, "status", "phase") in ("Failed", "Succeeded")
    return not ended and not pod["metadata"].get("deletionTimestamp")


def ready_since(pod: Json) -> float | None:
    """Since when a pod is Ready, or None."""
    for condition in dig(pod, "status", "conditions", default=[]):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return moment(condition["lastTransitionTime"])
    return None


def is_available(world: World, pod: Json, min_ready: int) -> bool:
    """Ready for at least `minReadySeconds`; asks to be woken when that moment comes."""
    since = ready_since(pod)
    if since is None:
        return False
    if min_ready and since + min_ready > world.clock.now():
        world.wake_at(since + min_ready)
        return False
    return True


def make_pod(
    world: World, owner: Json, template: Json, *, name: str = "", labels: Json | None = None, node: str = ""
) -> Json | None:
    """Create a pod of a template for its owner; `name` empty makes one up. None when it is refused: events say why."""
    meta: Json = clone(template.get("metadata") or {})
    owner_name = owner["metadata"]["name"]
    if name:
        meta["name"] = name
    else:
        meta["generateName"] = f"{owner_name}-"
    meta["labels"] = {**(meta.get("labels") or {}), **(labels or {})}
    meta["ownerReferences"] = [owner_reference(owner)]
    spec = clone(template["spec"])
    if node:
        spec["nodeName"] = node
    namespace = owner["metadata"]["namespace"]
    if quotas.refuses(world, owner, spec):
        return None
    by = f"{owner['kind'].lower()}-controller"
    again = f"{owner['metadata']['uid']}/{name}"
    if name and (due := world.refused.get(again, 0.0)) > world.clock.now():
        world.wake_at(due)
        return None
    try:
        pod = world.writes.create(by_kind("Pod"), namespace, {"metadata": meta, "spec": spec}, CONTROLLER)
    except StatusError as error:
        if not name:
            raise
        # A set made anew whose old pod hangs on a dead node: tried again until the name is free.
        said = f"create Pod {name} in {owner['kind']} {owner_name} failed error: {error}"
        world.events.record(owner, "FailedCreate", said, by=by, warning=True)
        world.refused[again] = world.clock.now() + _AGAIN
        world.wake_at(world.refused[again])
        return None
    world.refused.pop(again, None)
    said = f"Created pod: {pod['metadata']['name']}"
    world.events.record(owner, "SuccessfulCreate", said, by=by)
    return pod


def remove_pod(world: World, owner: Json, pod: Json) -> None:
    """Delete a pod of an owner, with its grace."""
    meta = pod["metadata"]
    world.writes.delete(by_kind("Pod"), meta["namespace"], meta["name"], Deletion())
    by = f"{owner['kind'].lower()}-controller"
    world.events.record(owner, "SuccessfulDelete", f"Deleted pod: {meta['name']}", by=by)


def counted(numbers: dict[str, int], always: tuple[str, ...] = ()) -> Json:
    """Counts as a status shows them: zero counts are left out but for those in `always`."""
    return {key: value for key, value in numbers.items() if value or key in always}


def _deletion_rank(pod: Json) -> tuple[bool, bool, float]:
    """Pods to lose first: not running, not ready, then the youngest."""
    running = dig(pod, "status", "phase") == "Running"
    return (running, ready_since(pod) is not None, -moment(pod["metadata"]["creationTimestamp"]))


class ReplicaSets:
    """The ReplicaSet controller."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._sets, self._pods = by_kind("ReplicaSet"), by_kind("Pod")

    def sync(self) -> None:
        """One pass over all ReplicaSets."""
        for one in self.world.store.list(self._sets):
            if not one["metadata"].get("deletionTimestamp"):
                self._sync(one)

    def _sync(self, one: Json) -> None:
        pods = self.world.owned(self._pods, one)
        active = [pod for pod in pods if is_active(pod)]
        missing = one["spec"]["replicas"] - len(active)
        if missing <= 0:
            self.world.refused.pop(one["metadata"]["uid"], None)
        for _ in range(missing):
            if make_pod(self.world, one, one["spec"]["template"]) is None:
                break
        for pod in sorted(active, key=_deletion_rank)[: max(0, -missing)]:
            remove_pod(self.world, one, pod)
        pods = self.world.owned(self._pods, one) if missing else pods
        self._count(one, pods)

    def _count(self, one: Json, pods: list[Json]) -> None:
        active = [pod for pod in pods if is_active(pod)]
        min_ready = int(one["spec"].get("minReadySeconds") or 0)
        numbers = {
            "replicas": len(active),
            "fullyLabeledReplicas": len(active),
            "readyReplicas": sum(ready_since(pod) is not None for pod in active),
            "availableReplicas": sum(is_available(self.world, pod, min_ready) for pod in active),
            "terminatingReplicas": sum("deletionTimestamp" in pod["metadata"] for pod in pods),
            "observedGeneration": one["metadata"]["generation"],
        }
        status = counted(numbers, ("replicas", "terminatingReplicas"))
        refusal = quotas.condition(self.world, one)
        if refusal is not None:
            status["conditions"] = [refusal]
        self.world.writes.set_status(self._sets, one, status)
