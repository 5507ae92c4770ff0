"""Counts and conditions of a Deployment: what its status says about a rollout.

After kubernetes/pkg/controller/deployment (sync.go, progress.go). It refuses to change anything.
"""

from collections.abc import Callable

from bot.sandbox.kubernetes import quotas
from bot.sandbox.kubernetes.clock import moment, stamp
from bot.sandbox.kubernetes.replicasets import counted
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World

Change = Callable[[Json], Json]


def _sum(sets: list[Json], field: str) -> int:
    return sum(int(dig(each, "status", field, default=0)) for each in sets)


def counts(one: Json, owned: list[Json], new: Json | None) -> Json:
    """The numbers of the status; terminatingReplicas is shown even when it is zero."""
    available = _sum(owned, "availableReplicas")
    total = sum(each["spec"]["replicas"] for each in owned)
    numbers = {
        "observedGeneration": one["metadata"]["generation"],
        "replicas": _sum(owned, "replicas"),
        "updatedReplicas": _sum([new] if new else [], "replicas"),
        "readyReplicas": _sum(owned, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total - available),
        "terminatingReplicas": _sum(owned, "terminatingReplicas"),
    }
    return counted(numbers, ("terminatingReplicas",))


def is_complete(one: Json, status: Json) -> bool:
    """Everything new, everything available, nothing old, and this generation was seen."""
    wanted = one["spec"]["replicas"]
    full = all(status.get(field, 0) == wanted for field in ("updatedReplicas", "replicas", "availableReplicas"))
    observed = int(status.get("observedGeneration", 0))
    return full and observed >= int(one["metadata"]["generation"])


def _progressing(old: Json, new: Json) -> bool:
    def outdated(status: Json) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grew = any(
        new.get(field, 0) > old.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grew or outdated(new) < outdated(old)


class _Conditions:
    """The conditions of one status, changed as the real controller changes them."""

    def __init__(self, conditions: list[Json], now: float) -> None:
        self.items, self.now = list(conditions), stamp(now)

    def get(self, kind: str) -> Json | None:
        return next((one for one in self.items if one["type"] == kind), None)

    def set(self, kind: str, value: str, reason: str, message: str, *, renew: bool = False) -> None:
        """A condition with the same status and reason stays, unless its update time is renewed."""
        old = self.get(kind)
        if old and (old["status"], old["reason"]) == (value, reason) and not renew:
            return
        since = old["lastTransitionTime"] if old and old["status"] == value else self.now
        self.items = [one for one in self.items if one["type"] != kind]
        self.items.append(
            {
                "type": kind,
                "status": value,
                "lastUpdateTime": self.now,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            }
        )


def compute(world: World, one: Json, owned: list[Json], new: Json | None, unavailable: int, *, created: bool) -> Json:
    """The status that belongs to what is there now."""
    old = one.get("status") or {}
    status = counts(one, owned, new)
    conditions = _Conditions(old.get("conditions") or [], world.clock.now())
    if created and new is not None:
        said = f'Created new replica set "{new["metadata"]["name"]}"'
        conditions.set("Progressing", "True", "NewReplicaSetCreated", said)
    if status.get("availableReplicas", 0) >= one["spec"]["replicas"] - unavailable:
        said = "Deployment has minimum availability."
        conditions.set("Available", "True", "MinimumReplicasAvailable", said)
    else:
        said = "Deployment does not have minimum availability."
        conditions.set("Available", "False", "MinimumReplicasUnavailable", said)
    _pause(one, conditions)
    if not one["spec"].get("paused"):
        _progress(world, one, old, status, new, conditions)
    conditions.items = [each for each in conditions.items if each["type"] != "ReplicaFailure"]
    refusal = quotas.condition(world, new) if new is not None else None
    if refusal is not None:
        conditions.items.append({**refusal, "lastUpdateTime": refusal["lastTransitionTime"]})
    status["conditions"] = conditions.items
    return status


def _pause(one: Json, conditions: _Conditions) -> None:
    current = conditions.get("Progressing")
    if current and current["reason"] == "ProgressDeadlineExceeded":
        return
    paused = bool(one["spec"].get("paused"))
    was = bool(current and current["reason"] == "DeploymentPaused")
    if paused and not was:
        conditions.set("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    elif was and not paused:
        conditions.set("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")


def _progress(world: World, one: Json, old: Json, status: Json, new: Json | None, conditions: _Conditions) -> None:
    current = conditions.get("Progressing")
    settled = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current["reason"] == "NewReplicaSetAvailable"
    )
    if settled:
        return
    name = new["metadata"]["name"] if new else one["metadata"]["name"]
    if is_complete(one, status):
        said = f'ReplicaSet "{name}" has successfully progressed.'
        conditions.set("Progressing", "True", "NewReplicaSetAvailable", said)
    elif _progressing(old, status):
        said = f'ReplicaSet "{name}" is progressing.'
        conditions.set("Progressing", "True", "ReplicaSetUpdated", said, renew=True)
    elif current is not None and current["reason"] != "ProgressDeadlineExceeded":
        _deadline(world, one, name, current, conditions)
    if (renewed := conditions.get("Progressing")) and renewed["status"] == "True":
        limit = one["spec"]["progressDeadlineSeconds"]
        if renewed["reason"] != "NewReplicaSetAvailable":
            world.wake_at(moment(renewed["lastUpdateTime"]) + limit + 1)


def _deadline(world: World, one: Json, name: str, current: Json, conditions: _Conditions) -> None:
    if current["reason"] == "NewReplicaSetAvailable":
        return
    limit = one["spec"]["progressDeadlineSeconds"]
    if moment(current["lastUpdateTime"]) + limit < world.clock.now():
        said = f'ReplicaSet "{name}" has timed out progressing.'
        conditions.set("Progressing", "False", "ProgressDeadlineExceeded", said)
