"""Resource quotas: what a namespace uses, and the pods that they refuse in the API server's own words.

Counted are pods and their requests and limits; of a refusal the owner is told by an event and a condition, and it is
tried again after a while. It refuses to know limit ranges, scopes and what else may be counted.
"""

from collections.abc import Iterator

from bot.sandbox.kubernetes import defaults
from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World

_AGAIN = 30.0
"""Seconds until a controller tries once more."""


def _asked(spec: Json, resource: str) -> float:
    """What one pod adds to a counted resource; 0 for one that isn't counted here."""
    if resource in ("pods", "count/pods"):
        return 1.0
    kind, _, name = resource.partition(".")
    if kind not in ("requests", "limits"):
        kind, name = "requests", resource
    return sum(quantity(dig(one, "resources", kind, name, default=0)) for one in spec.get("containers") or ())


def _used(world: World, namespace: str, resource: str) -> float:
    pods = world.store.list(by_kind("Pod"), namespace)
    living = [pod for pod in pods if dig(pod, "status", "phase") not in ("Failed", "Succeeded")]
    return sum(_asked(pod["spec"], resource) for pod in living)


def _text(amount: float, resource: str) -> str:
    """An amount as the server writes it: whole, in millis, or in Mi."""
    if "memory" in resource and amount and amount % 2**20 == 0:
        return f"{int(amount / 2**20)}Mi"
    return str(int(amount)) if amount == int(amount) else f"{round(amount * 1000)}m"


def _exceeded(world: World, namespace: str, spec: Json) -> Iterator[str]:
    for quota in world.store.list(by_kind("ResourceQuota"), namespace):
        over = []
        for resource, hard in (dig(quota, "spec", "hard", default={})).items():
            asked, used = _asked(spec, resource), _used(world, namespace, resource)
            if asked and used + asked > quantity(hard):
                over.append((resource, _text(asked, resource), _text(used, resource), str(hard)))
        if over:
            words = (",".join(f"{one[0]}={one[place]}" for one in over) for place in (1, 2, 3))
            asked_for, in_use, limited = words
            name = quota["metadata"]["name"]
            yield f"exceeded quota: {name}, requested: {asked_for}, used: {in_use}, limited: {limited}"


def refuses(world: World, owner: Json, spec: Json) -> bool:
    """Whether a quota refuses one more pod of this spec; then an event of the owner says so, once in a while."""
    meta, now = owner["metadata"], world.clock.now()
    why = next(_exceeded(world, meta["namespace"], spec), "")
    if not why:
        world.refused.pop(meta["uid"], None)
        return False
    due = world.refused.get(meta["uid"], 0.0)
    if due <= now:
        pod = f"{meta['name']}-{defaults.suffix()}"
        said = f'Error creating: pods "{pod}" is forbidden: {why}'
        by = f"{owner['kind'].lower()}-controller"
        world.events.record(owner, "FailedCreate", said, by=by, warning=True)
        world.refused[meta["uid"]] = due = now + _AGAIN
    world.wake_at(due)
    return True


def condition(world: World, owner: Json) -> Json | None:
    """The ReplicaFailure of a ReplicaSet whose pods are refused, None for any other."""
    meta = owner["metadata"]
    if meta["uid"] not in world.refused:
        return None
    why = next(_exceeded(world, meta["namespace"], owner["spec"]["template"]["spec"]), "")
    known = dig(owner, "status", "conditions", default=[])
    old: Json = next((one for one in known if one["type"] == "ReplicaFailure"), {})
    return old or {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": stamp(world.clock.now()),
        "reason": "FailedCreate",
        "message": f'pods "{meta["name"]}-{defaults.suffix()}" is forbidden: {why}',
    }


def count(world: World) -> None:
    """The status of every quota."""
    kind = by_kind("ResourceQuota")
    for quota in world.store.list(kind):
        hard, told = dig(quota, "spec", "hard", default={}), quota.get("status") or {}
        known = dig(told, "used", default={})
        used = {
            name: known[name]
            if name in known and not _counted(name)
            else _text(_used(world, quota["metadata"]["namespace"], name), name)
            for name in hard
        }
        world.writes.set_status(kind, quota, {**told, "hard": hard, "used": used})


def _counted(resource: str) -> bool:
    return resource in ("pods", "count/pods", "cpu", "memory") or resource.startswith(("requests.", "limits."))
