"""Hazards of other hands and controllers: rollouts, sizes, reverts, deletions, shapes that hold pods back, quotas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.verification_judge import shape as shapes
from tests.verification_judge.hazard import Hazard, deployed, without_autoscaler
from tests.verification_judge.room import NAME, SPACE, Room
from tests.verification_judge.shape import Shape
from tests.verification_judge.verbs import ROLLS, WORKLOADS, Verb

RESTARTED = "kubectl.kubernetes.io/restartedAt"
WORKLOAD = WORKLOADS | {"pause"}
SIZED = frozenset({"restart", "rollback", "set_image", "resume", "evict", "raise_autoscaler", "pause"})


def _moved(room: Room) -> Callable[[], bool]:
    generation = room.workload()["metadata"]["generation"] if room.workload() else 0
    return lambda: room.workload() is None or room.workload()["metadata"]["generation"] > generation


def _restarts(room: Room) -> Callable[[], bool]:
    """As kubectl does it: one annotation, and all others stay."""
    took = _moved(room)

    def edit(obj: Any) -> None:
        notes = obj["spec"]["template"].setdefault("metadata", {}).setdefault("annotations", {})
        notes[RESTARTED] = f"2026-11-01T00:00:{room.rng.randrange(60):02d}Z"

    room.change(edit, by="kubectl-rollout")
    return took


def _rolls(room: Room) -> Callable[[], bool]:
    """Another image, which may be a bad one."""
    tag = room.rng.choice(["1.5.0", "1.5.1", "crash"])
    room.change(lambda obj: shapes.image(obj, f"registry.example/shop/api:{tag}"), by="kubectl-set")
    return lambda: True


def _scales(room: Room) -> Callable[[], bool]:
    """To another size."""
    obj = room.workload()
    if obj is None or "replicas" not in obj["spec"]:
        return lambda: False
    size = obj["spec"]["replicas"]
    to = room.rng.choice([size + 1, size + 3, max(1, size - 1) if size > 1 else size + 2])
    room.change(lambda one: one["spec"].update(replicas=to), by="kubectl-scale")
    return lambda: to != size


def _to_zero(room: Room) -> Callable[[], bool]:
    """Somebody, or what scales to none where nothing is asked of it."""
    obj = room.workload()
    if obj is None or "replicas" not in obj["spec"]:
        return lambda: False
    room.change(lambda one: one["spec"].update(replicas=0), by="keda")
    return lambda: True


def _hpa_moves(room: Room) -> Callable[[], bool]:
    """The autoscaler wants more, or fewer, once or a few times."""
    times = room.rng.randint(1, 3)

    def once(left: int) -> None:
        found, obj = room.stored("HorizontalPodAutoscaler", NAME), room.workload()
        if found is None or obj is None:
            return
        size, most = obj["spec"]["replicas"], found["spec"]["maxReplicas"]
        to = room.rng.choice([one for one in range(1, most + 1) if one != size] or [size])
        room.change(lambda one: one["spec"].update(replicas=to), by="kube-controller-manager")
        if left:
            room.later(room.rng.uniform(3, 20), lambda: once(left - 1))

    once(times - 1)
    return _always


def _always() -> bool:
    return True


def _git(room: Room) -> Callable[[], bool]:
    """What keeps it puts back what is written elsewhere: the template without our mark."""
    first = room.said.get("before")
    if first is None or room.workload() is None:
        return lambda: False
    room.change(lambda obj: obj["spec"].update(template=first["spec"]["template"]), by="argocd-controller")
    return _always


def _person_undoes(room: Room) -> Callable[[], bool]:
    """The whole spec as it was before."""
    first = room.said.get("before")
    if first is None or room.workload() is None:
        return lambda: False
    room.change(lambda obj: obj.update(spec=first["spec"]), by="kubectl-edit")
    return _always


def _deletes(room: Room) -> Callable[[], bool]:
    room.cluster.delete(room.kind, SPACE, NAME)
    return _always


def _recreates(room: Room) -> Callable[[], bool]:
    """As one does with ``kubectl replace --force``: same name, another uid."""
    obj = room.workload()
    room.cluster.delete(room.kind, SPACE, NAME)
    room.advance(0.6)
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]}
    notes = {key: value for key, value in (obj["metadata"].get("annotations") or {}).items() if "revision" not in key}
    meta["annotations"] = notes
    room.cluster.apply({"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": meta, "spec": obj["spec"]})
    return _always


def _pauses(room: Room) -> Callable[[], bool]:
    room.change(lambda obj: obj["spec"].update(paused=True), by="kubectl-rollout")
    return _always


def _goes_on(room: Room) -> Callable[[], bool]:
    """Somebody lets a rollout go on that we held."""
    room.change(lambda obj: obj["spec"].update(paused=False), by="kubectl-rollout")
    return _always


def _on_delete(room: Room) -> Callable[[], bool]:
    """From now on pods change only when somebody deletes them."""
    if room.kind == "Deployment":
        return lambda: False
    room.change(lambda obj: obj["spec"].update(updateStrategy={"type": "OnDelete"}))
    room.advance(1)
    return _always


def _holds_back(room: Room) -> Callable[[], bool]:
    """A partition that keeps every pod as it is."""
    size = room.workload()["spec"]["replicas"]
    more = room.rng.choice([0, 1, 5])
    parts = {"type": "RollingUpdate", "rollingUpdate": {"partition": size + more}}
    room.change(lambda obj: obj["spec"].update(updateStrategy=parts))
    room.advance(1)
    return _always


def _quota(room: Room) -> Callable[[], bool]:
    """No pod more than there are, or none at all."""
    there = len(room.pods())
    room.apply("ResourceQuota", "v1", "team", spec={"hard": {"pods": str(room.rng.choice([there, max(1, there - 1)]))}})
    return lambda: (
        bool(room.cluster.world.refused)
        or any(one["reason"] == "FailedCreate" for one in room.cluster.list("Event", SPACE))
    )


def _no_room(room: Room) -> Callable[[], bool]:
    """Every node is cordoned, so that new pods wait."""
    for node in room.cluster.list("Node"):
        room.change(lambda obj: obj["spec"].update(unschedulable=True), kind="Node", name=node["metadata"]["name"])
    return lambda: any(one["reason"] == "FailedScheduling" for one in room.cluster.list("Event", SPACE))


def _controller_lags(room: Room) -> Callable[[], bool]:
    """The controller doesn't look at it: for a while, or as long as we watch."""
    obj = room.workload()
    uid = obj["metadata"]["uid"]
    room.cluster.world.unheeded.add(uid)
    if room.rng.random() < 0.5:
        room.later(room.rng.uniform(5, 50), lambda: room.cluster.world.unheeded.discard(uid))
    return lambda: room.act is not None


def _endpoints_stand_still(room: Room) -> Callable[[], bool]:
    """What keeps the endpoints is behind, for a while or for good: pods are ready, and no traffic reaches them."""
    uid = room.stored("Service", NAME)["metadata"]["uid"]
    room.cluster.world.unheeded.add(uid)
    if room.rng.random() < 0.3:
        room.passes(10, 90, lambda: room.cluster.world.unheeded.discard(uid))
    return lambda: room.act is not None


def _none_wanted(room: Room) -> Callable[[], bool]:
    """It is scaled to none, by us."""
    room.said["to"] = "none"
    return _always


def _budget_holds(room: Room) -> Callable[[], bool]:
    """A budget that lets no pod go until one that is ill gets well."""
    least = max(1, room.workload()["spec"]["replicas"] - 1)
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": NAME}}}
    room.apply("PodDisruptionBudget", "policy/v1", "tight", spec=spec)
    ill = room.some_pod()
    room.strike(ill, "not-ready")
    room.said["ill"] = ill
    room.advance(2)
    room.later(room.rng.uniform(5, 30), lambda: room.mend(ill))
    return lambda: room.said.get("waited", 0) > 0


def _stateful(one: Shape) -> Shape:
    return replace(one, kind="StatefulSet", autoscaler=False)


def _autoscaled(one: Shape) -> Shape:
    kind = "StatefulSet" if one.kind == "StatefulSet" else "Deployment"
    return replace(one, kind=kind, autoscaler=True, partition=0)


def _is(*kinds: str) -> Callable[[Verb, Shape], bool]:
    return lambda verb, _one: not verb.kinds or bool(set(kinds) & set(verb.kinds))


HAZARDS = (
    Hazard("somebody else restarts it", _restarts, WORKLOAD),
    Hazard("somebody else restarts it beside an autoscaler", _restarts, WORKLOADS - {"scale"}, shaped=_autoscaled),
    Hazard("somebody else rolls out an image", _rolls, WORKLOAD),
    Hazard("somebody scales it", _scales, SIZED | {"scale"}, shaped=without_autoscaler,
           fits=lambda verb, one: one.kind != "DaemonSet" and verb.name != "raise_autoscaler"),
    Hazard("it is scaled to none", _to_zero, SIZED | {"scale"}, fits=lambda _verb, one: one.kind != "DaemonSet"),
    Hazard("it is scaled to none beside an autoscaler", _to_zero, SIZED, shaped=_autoscaled),
    Hazard("an autoscaler moves the count", _hpa_moves, SIZED, shaped=_autoscaled),
    Hazard("what keeps it in Git takes the change back", _git, frozenset({"restart", "set_image", "rollback"})),
    Hazard("a person takes the change back", _person_undoes, ROLLS | {"pause", "scale"}),
    Hazard("the target is deleted", _deletes, WORKLOAD),
    Hazard("the target is deleted and made anew", _recreates, WORKLOAD),
    Hazard("somebody pauses it", _pauses, (ROLLS | {"scale", "evict"}), shaped=deployed, fits=_is("Deployment")),
    Hazard("somebody lets a paused rollout go on", _goes_on, frozenset({"pause"})),
    Hazard("pods change only when they are deleted", _on_delete, frozenset({"restart", "rollback", "evict", "scale"}),
           ("write",), _stateful, _is("StatefulSet")),
    Hazard("a partition keeps every pod", _holds_back, frozenset({"restart", "rollback"}), ("before",), _stateful),
    Hazard("a partition keeps some pods", lambda _room: _always, frozenset({"restart", "rollback"}), ("before",),
           lambda one: replace(_stateful(one), replicas=max(3, one.replicas), partition=1)),
    Hazard("a quota stops new pods", _quota, WORKLOADS, ("approved",)),
    Hazard("no node takes new pods", _no_room, WORKLOADS, ("approved",)),
    Hazard("the controller lags", _controller_lags, ROLLS | {"scale", "pause"}, ("approved",),
           fits=lambda _verb, one: one.kind != "DaemonSet"),
    Hazard(
        "endpoints stand still", _endpoints_stand_still, WORKLOADS, ("approved",), says=("behind",), blinds=True,
    ),
    Hazard("it is to have no replicas", _none_wanted, frozenset({"scale"}), ("before",), without_autoscaler),
    Hazard("a budget holds the eviction back", _budget_holds, frozenset({"evict"}), ("before",),
           lambda one: replace(one, replicas=max(2, one.replicas), budget=False, kind="Deployment", partition=0)),
)  # fmt: skip
