"""Guards that ask in which state a workload is, who keeps it, and how much of it would change at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.decision import Rule
from bot.domain.mitigation import Action, traits_of
from bot.domain.owed import Stage
from bot.domain.target import RESTARTABLE
from bot.policy.guardrails import Point
from tests.ways import API, Way

from .general import CHANGED
from .room import EVERYWHERE, LATER, Guard, Room, nothing

OWNER = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api", "uid": "u-rollout", "controller": True}
ARGO = {"argocd.argoproj.io/instance": "shop-api"}
MOVING = frozenset({Rule.ROLLING_OUT})


def workload(way: Way) -> bool:
    """Whether it is about a workload."""
    return way.key[0] in RESTARTABLE


def _has_pods(way: Way) -> bool:
    """Nothing is to be done where none runs; under an autoscaler the number isn't in what was approved."""
    return workload(way) and not traits_of(way.action).empty and way.action is not Action.RAISE_AUTOSCALER


def _only(*actions: Action) -> Any:
    return lambda way: way.action in actions


def _owned(room: Room) -> None:
    room.world.edit(room.way.key, lambda obj: obj["metadata"].update(ownerReferences=[OWNER]))


def _kept(room: Room) -> None:
    key = ("HorizontalPodAutoscaler", "shop", "api") if room.way.action is Action.RAISE_AUTOSCALER else room.way.key
    room.world.edit(key, lambda obj: obj["metadata"].setdefault("labels", {}).update(ARGO))


def _paused(room: Room) -> None:
    room.world.edit(room.way.key, lambda obj: obj["spec"].update(paused=True))


def _restarted(room: Room) -> None:
    """Somebody else's kubectl rollout restart, which doesn't get further than the first pod."""
    name = room.way.key[2]
    room.floor.cluster.break_next("shop", name, "not-ready")

    def mark(obj: Any) -> None:
        meta = obj["spec"]["template"].setdefault("metadata", {})
        meta.setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "2026-01-01T00:00:00Z"

    room.world.edit(room.way.key, mark)
    room.floor.advance(2)


def _emptied(room: Room) -> None:
    room.world.edit(room.way.key, lambda obj: obj["spec"].update(replicas=0))
    room.floor.advance(60)


def _on_delete(room: Room) -> None:
    room.world.edit(room.way.key, lambda obj: obj["spec"].update(updateStrategy={"type": "OnDelete"}))


def _autoscaled(room: Room) -> None:
    room.world.autoscaler(1, 9)


def _asked_for(room: Room, **wanted: str) -> None:
    """It was typed so."""
    room.way = replace(room.way, wanted=lambda _: wanted)


def _to_nothing(room: Room) -> None:
    room.floor.configure(SCALE_TO_ZERO=True)
    _asked_for(room, replicas="0")


def _from_nothing(room: Room) -> None:
    room.floor.configure(SCALE_FROM_ZERO=2)
    _emptied(room)
    _asked_for(room, replicas="2")


def _ending(room: Room) -> None:
    pods = [name for name in room.world.pods() if name != room.world.pods()[0]]
    room.floor.cluster.delete("Pod", "shop", pods[0])


async def _neighbour(room: Room) -> None:
    """Another workload under the same budget."""
    room.floor.cluster.deployment("shop", "web", replicas=2, image="registry.example/shop/web:1")
    meta = {"name": "all", "namespace": "shop"}
    every = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta}
    room.floor.cluster.apply({**every, "spec": {"minAvailable": 1, "selector": {}}})
    room.floor.advance(60)


async def _fires(room: Room) -> None:
    await room.floor.alert({"alertname": "KubePodNotReady", "namespace": "shop", "deployment": "web"})
    await room.floor.run(Stage.INVESTIGATE)


GUARDS: tuple[Guard, ...] = (
    Guard(
        "an owner", Rule.OWNER, "guardrails._target",
        "{label} is run by Rollout shop/api. Act on that; I only show it.",
        _owned, workload,
    ),
    Guard(
        "kept in Git", Rule.OWNER, "guardrails._target", "Argo CD (Application shop-api) keeps {ref}", _kept,
        lambda way: traits_of(way.action).kept,
    ),
    Guard(
        "paused", Rule.PAUSED, "guardrails._workload", "{ref} is paused,", _paused,
        lambda way: way.key == API and not traits_of(way.action).paused, press=CHANGED, also=frozenset({Rule.STALE}),
    ),
    Guard(
        "somebody else's rollout", Rule.ROLLING_OUT, "guardrails._workload", "{ref} is rolling out already (",
        _restarted, lambda way: workload(way) and not traits_of(way.action).rolling_out,
    ),
    Guard(
        "scaled to zero", Rule.SCALED_TO_ZERO, "guardrails._workload", "{ref} is scaled to zero; there is nothing to",
        _emptied, _has_pods, press=CHANGED, also=frozenset({Rule.STALE}),
    ),
    Guard(
        "scaled to zero under an autoscaler", Rule.SCALED_TO_ZERO, "guardrails._workload",
        "{ref} is scaled to zero; there is nothing to", _emptied, _only(Action.RAISE_AUTOSCALER),
    ),
    Guard(
        "pods replaced on delete", Rule.STRATEGY, "guardrails._workload", "{ref} uses OnDelete: a {noun} would change",
        _on_delete, lambda way: way.key[0] == "StatefulSet" and not traits_of(way.action).on_delete,
    ),
    Guard(
        "an autoscaler", Rule.AUTOSCALED, "blast_radius.check", "The autoscaler api sets the replicas of {ref}",
        _autoscaled, lambda way: not traits_of(way.action).autoscaled, press=CHANGED, also=frozenset({Rule.STALE}),
    ),
    Guard(
        "scaled to nothing", Rule.BLAST_RADIUS, "blast_radius._replicas", "which SCALE_TO_ZERO doesn't allow.",
        lambda room: room.floor.configure(SCALE_TO_ZERO=False), _only(Action.SCALE), first=_to_nothing,
    ),
    Guard(
        "scaled from nothing", Rule.BLAST_RADIUS, "blast_radius._replicas", "none (SCALE_FROM_ZERO is 0), not to 2.",
        lambda room: room.floor.configure(SCALE_FROM_ZERO=0), _only(Action.SCALE), first=_from_nothing,
    ),
    Guard(
        "more than doubled", Rule.BLAST_RADIUS, "blast_radius._doubled", "I at most double that, so to 6 and not to 7.",
        nothing, _only(Action.SCALE), points=(Point.PROPOSE,),
        first=lambda room: _asked_for(room, replicas="7"),
    ),
    Guard(
        "bounds more than doubled", Rule.BLAST_RADIUS, "blast_radius._doubled",
        "I at most double that, so to 6 and not to 7.", nothing, _only(Action.RAISE_AUTOSCALER),
        points=(Point.PROPOSE,), first=lambda room: _asked_for(room, bounds="7"),
    ),
    Guard(
        "no number", Rule.BLAST_RADIUS, "blast_radius._no_number", "How many replicas {ref} would have isn't said",
        lambda room: room.sql("""UPDATE proposals SET params = '{"replicas": true}'"""),
        _only(Action.SCALE, Action.RAISE_AUTOSCALER), points=LATER, press=CHANGED,
        also=frozenset({Rule.STALE}),
    ),
    Guard(
        "pods that end", Rule.BUDGET, "blast_radius._evictions", "1 pod of {ref} is ending already", _ending,
        _only(Action.EVICT), EVERYWHERE, waits=True,
    ),
    Guard(
        "alerts on the same budget", Rule.BUDGET, "blast_radius._evictions",
        "fires on shop/web, on the same disruption budget as {ref}.", _fires, _only(Action.EVICT), first=_neighbour,
        waits=True,
    ),
)  # fmt: skip
