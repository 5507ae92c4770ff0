"""Guards that ask in which state a Job, a claim or a node is, and what those above and beside it say."""

from __future__ import annotations

from typing import Any

from bot.domain.decision import Rule
from bot.domain.mitigation import Action
from tests.ways import CLAIM, CRON, FAILED, NODE

from .general import CHANGED
from .room import Guard, Room

ABOVE, JOB = ("CronJob", "shop", CRON), ("Job", "shop", FAILED)
CLASS, VOLUME = ("StorageClass", "", "fast"), ("PersistentVolumeClaim", "shop", CLAIM)
STALE = frozenset({Rule.STALE})
NODES = (Action.CORDON, Action.UNCORDON)
PLANE = "node-role.kubernetes.io/control-plane"


def _only(*actions: Action) -> Any:
    return lambda way: way.action in actions


def _held(room: Room) -> None:
    """It is being deleted, and something holds on to it."""
    room.world.edit(room.way.key, lambda obj: obj["metadata"].update(finalizers=["example.com/hold"]))
    room.floor.cluster.delete(*room.way.key)


def _cron_held(room: Room) -> None:
    room.world.edit(ABOVE, lambda obj: obj["metadata"].update(finalizers=["example.com/hold"]))
    room.floor.cluster.delete(*ABOVE)


def _cron(room: Room, edit: Any) -> None:
    room.world.edit(ABOVE, edit)


def _orphan(room: Room) -> None:
    room.world.edit(JOB, lambda obj: obj["metadata"].pop("ownerReferences", None))


def _forbids(room: Room) -> None:
    room.world.edit(ABOVE, lambda obj: obj["spec"].update(concurrencyPolicy="Forbid"))


def _runs(room: Room) -> None:
    above = room.world.object(ABOVE)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": CRON, "uid": above["metadata"]["uid"]}
    room.floor.cluster.break_next("shop", "nightly-29372", "hang")
    meta = {"name": "nightly-29372", "namespace": "shop", "ownerReferences": [{**owner, "controller": True}]}
    spec = above["spec"]["jobTemplate"]["spec"]
    room.floor.cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": spec})
    room.floor.advance(10)


async def _same_cron(room: Room) -> None:
    uid = room.world.object(ABOVE)["metadata"]["uid"]
    await room.acted("CronJob/shop/nightly", params={"cronjob_uid": uid}, busy=True)


def _runs_anew(room: Room) -> None:
    """Another Job of the name, which runs."""
    made = room.world.object(JOB)
    room.floor.cluster.delete(*JOB)
    room.floor.cluster.break_next("shop", FAILED, "hang")
    kept = {key: made["metadata"][key] for key in ("name", "namespace", "ownerReferences")}
    spec = room.world.object(ABOVE)["spec"]["jobTemplate"]["spec"]
    room.floor.cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": kept, "spec": spec})
    room.floor.advance(10)


def _still_one(room: Room) -> None:
    """A pod of it is there that hasn't ended."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": FAILED, "uid": room.world.object(JOB)["metadata"]["uid"]}
    meta = {"name": "straggler", "namespace": "shop", "ownerReferences": [{**owner, "controller": True}]}
    pod = {"containers": [{"name": "x", "image": "x:1"}]}
    room.floor.cluster.apply({"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": pod})
    room.floor.advance(5)


def _resizing(room: Room) -> None:
    kind = {"type": "Resizing", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    room.world.status(VOLUME, conditions=[kind])


def _no_growth(room: Room) -> None:
    room.world.edit(CLASS, lambda obj: obj.update(allowVolumeExpansion=False))


def _elsewhere_cordoned(room: Room) -> None:
    for one in room.floor.cluster.list("Node"):
        name = one["metadata"]["name"]
        if name != NODE:
            room.world.edit(("Node", "", name), lambda obj: obj["spec"].update(unschedulable=True))


def _turned(room: Room) -> None:
    now = room.way.action is Action.CORDON
    room.world.edit(("Node", "", NODE), lambda obj: obj["spec"].update(unschedulable=now))


GUARDS: tuple[Guard, ...] = (
    Guard(
        "being deleted", Rule.STATE, "things.check", "{label} is being deleted. Nothing can be done to it.", _held,
        _only(Action.RERUN_JOB, Action.DELETE_FAILED_JOB, Action.EXPAND_VOLUME, *NODES),
    ),
    Guard(
        "its CronJob is being deleted", Rule.STATE, "things._rerun", "is being deleted, and its runs with it.",
        _cron_held, _only(Action.RERUN_JOB),
    ),
    Guard(
        "no CronJob", Rule.STATE, "things._rerun", "{label} wasn't made by a CronJob that is there", _orphan,
        _only(Action.RERUN_JOB), press=CHANGED, also=STALE,
    ),
    Guard(
        "not marked as safe", Rule.ANNOTATION, "things._rerun", "isn't marked as safe to repeat.",
        lambda room: _cron(room, lambda obj: obj["metadata"]["annotations"].pop("fettle/rerun")),
        _only(Action.RERUN_JOB), press=CHANGED, also=STALE,
    ),
    Guard(
        "suspended", Rule.PAUSED, "things._rerun", "CronJob shop/nightly is suspended",
        lambda room: _cron(room, lambda obj: obj["spec"].update(suspend=True)), _only(Action.RERUN_JOB),
        press=CHANGED, also=STALE,
    ),
    Guard(
        "a run that hasn't ended", Rule.IN_FLIGHT, "things._running", "has a run that hasn't ended (nightly-29372)",
        _runs, _only(Action.RERUN_JOB), first=_forbids,
    ),
    Guard(
        "a run of the same CronJob", Rule.IN_FLIGHT, "facts._busy", "already has a run of CronJob nightly in flight.",
        _same_cron, _only(Action.RERUN_JOB),
    ),
    Guard(
        "a Job that didn't fail", Rule.STATE, "things._delete",
        "{label} hasn't ended; I only delete a Job that failed.",
        _runs_anew, _only(Action.DELETE_FAILED_JOB), press=CHANGED, also=STALE,
    ),
    Guard(
        "pods that haven't ended", Rule.ROLLING_OUT, "things._delete", "Pods of {label} haven't ended yet.",
        _still_one, _only(Action.DELETE_FAILED_JOB),
    ),
    Guard(
        "a Job made by hand", Rule.ANNOTATION, "things._delete",
        "{label} wasn't made by a CronJob: with it goes", _orphan, _only(Action.DELETE_FAILED_JOB),
        press=CHANGED, also=STALE,
    ),
    Guard(
        "not bound", Rule.STATE, "things._expand", "{label} is Lost, not Bound: there is no volume yet.",
        lambda room: room.world.status(VOLUME, phase="Lost"), _only(Action.EXPAND_VOLUME),
    ),
    Guard(
        "a class that doesn't grow", Rule.STATE, "things._expand", "The StorageClass fast doesn't let volumes grow",
        _no_growth, _only(Action.EXPAND_VOLUME),
    ),
    Guard(
        "a class unread", Rule.UNREADABLE, "things._expand", "The StorageClass fast can't be read",
        lambda room: room.floor.server.deny("get", "storageclasses"), _only(Action.EXPAND_VOLUME), waits=True,
    ),
    Guard(
        "a volume that grows", Rule.ROLLING_OUT, "things._expand", "{label} grows already (Resizing", _resizing,
        _only(Action.EXPAND_VOLUME),
    ),
    Guard(
        "a node of the control plane", Rule.PROTECTED, "nodes.check", "worker-1 is a node of the control plane",
        lambda room: room.world.edit(room.way.key, lambda obj: obj["metadata"]["labels"].update({PLANE: ""})),
        _only(*NODES), also=STALE,
    ),
    Guard(
        "no node allowed", Rule.PROTECTED, "nodes.check", "CORDON_NODES is empty, so that no node may be touched",
        lambda room: room.floor.configure(CORDON_NODES=""), _only(*NODES),
    ),
    Guard(
        "another pool", Rule.PROTECTED, "nodes.check", "CORDON_NODES doesn't select worker-1 (pool=gpu)",
        lambda room: room.floor.configure(CORDON_NODES="pool=gpu"), _only(*NODES),
    ),
    Guard(
        "nothing to do on the node", Rule.STATE, "nodes.check", "Nothing to do.", _turned, _only(*NODES),
        press=CHANGED, also=STALE,
    ),
    Guard(
        "the last node", Rule.PROTECTED, "nodes._last", "worker-1 is the last node that takes pods",
        _elsewhere_cordoned, _only(Action.CORDON),
    ),
    Guard(
        "other nodes unread", Rule.UNREADABLE, "nodes._last",
        "I can't tell whether another node takes pods beside worker-1",
        lambda room: room.floor.server.deny("list", "nodes"), _only(Action.CORDON),
        also=frozenset({Rule.RIGHTS}),
    ),
    Guard(
        "one node an hour", Rule.RATE, "nodes.check", "Another node was acted on at",
        lambda room: room.acted("Node//worker-2"), _only(Action.CORDON),
    ),
)  # fmt: skip
