"""Hazards of runs, volumes and nodes: what fails, hangs, is held, made anew, or is put back by somebody."""

from __future__ import annotations

from collections.abc import Callable

from tests.verification_judge.hazard import Hazard, always
from tests.verification_judge.room import SPACE, Room
from tests.verification_judge.verbs import RUN, WORKER

RERUN, DELETE = frozenset({"rerun_job"}), frozenset({"delete_failed_job"})
VOLUME, CORDON = frozenset({"expand_volume"}), frozenset({"cordon"})
NODE = CORDON | {"uncordon"}
CLAIM = "data-db-0"


def _run_goes(behaviour: str) -> Callable[[Room], Callable[[], bool]]:
    """The pods of what runs from now on."""

    def plant(room: Room) -> Callable[[], bool]:
        world = room.cluster.world
        made = world.next_start

        class Every(dict[tuple[str, str], str]):
            """Whatever the Job's name will be."""

            def __contains__(self, key: object) -> bool:
                return super().__contains__(key) or str(key).find("nightly-") >= 0

            def __missing__(self, key: tuple[str, str]) -> str:
                return behaviour

        world.next_start = Every(made)
        return always

    return plant


def _run_is_deleted(room: Room) -> Callable[[], bool]:
    name = str(room.acted.params["run"])
    there = room.stored("Job", name) is not None
    if there:
        room.cluster.delete("Job", SPACE, name)
    return lambda: there


def _run_is_suspended(room: Room) -> Callable[[], bool]:
    name = str(room.acted.params["run"])
    room.change(lambda obj: obj["spec"].update(suspend=True), kind="Job", name=name)
    return always


def _held(room: Room) -> Callable[[], bool]:
    """A finalizer holds the Job, for a while or for good."""
    kept = "example.com/keeps"
    room.change(lambda obj: obj["metadata"].update(finalizers=[kept]), kind="Job", name="nightly-1")
    if room.rng.random() < 0.4:
        gone = room.rng.uniform(5, 40)
        room.later(gone, lambda: _freed(room))
    return always


def _freed(room: Room) -> None:
    job = room.stored("Job", "nightly-1")
    if job is not None:
        room.change(lambda obj: obj["metadata"].pop("finalizers", None), kind="Job", name="nightly-1")


def _job_made_anew(room: Room) -> Callable[[], bool]:
    """Another Job of the same name, which fails or doesn't."""
    room.advance(1)
    if room.stored("Job", "nightly-1") is None:
        room.apply("Job", "batch/v1", "nightly-1", spec={"backoffLimit": 0, "template": {"spec": RUN}})
    return always


def _pods_stay(room: Room) -> Callable[[], bool]:
    """Its pod lingers."""
    for pod in room.cluster.list("Pod", SPACE):
        if pod["metadata"]["name"].startswith("nightly-1"):
            run = room.cluster.kubelet.run_of(pod)
            run.behaviour = "lingers"
    return always


def _grows(how: str) -> Callable[[Room], Callable[[], bool]]:
    def plant(room: Room) -> Callable[[], bool]:
        room.said["resize"] = how
        return always

    return plant


def _claim_made_anew(room: Room) -> Callable[[], bool]:
    """Somebody deletes the database with its claim, and makes it again."""
    room.cluster.delete("StatefulSet", SPACE, "db")
    room.cluster.delete("PersistentVolumeClaim", SPACE, CLAIM)
    room.advance(2)
    spec = {
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "99Gi"}},
    }
    if room.stored("PersistentVolumeClaim", CLAIM) is None:
        room.apply("PersistentVolumeClaim", "v1", CLAIM, spec=spec)
    return always


def _asks_for_more(room: Room) -> Callable[[], bool]:
    """Somebody asks for still more."""
    room.change(
        lambda obj: obj["spec"]["resources"]["requests"].update(storage="40Gi"),
        kind="PersistentVolumeClaim", name=CLAIM,
    )  # fmt: skip
    return always


def _put_back(room: Room) -> Callable[[], bool]:
    """Somebody sets the node the other way."""
    found = room.stored("Node", WORKER)
    now = bool(found["spec"].get("unschedulable"))
    room.change(lambda obj: obj["spec"].update(unschedulable=not now), kind="Node", name=WORKER, by="kubectl-cordon")
    return always


def _put_there(room: Room) -> Callable[[], bool]:
    """A pod that names the node itself."""
    spec = {"containers": [{"name": "x", "image": "x:1"}], "nodeName": WORKER}
    room.apply("Pod", "v1", f"odd-{room.rng.randrange(10**6)}", spec=spec)
    return always


def _tolerates(room: Room) -> Callable[[], bool]:
    """One that tolerates a cordon, which may come."""
    tolerant = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}
    spec = {"containers": [{"name": "x", "image": "x:1"}], "nodeName": WORKER, "tolerations": [tolerant]}
    room.apply("Pod", "v1", f"agent-{room.rng.randrange(10**6)}", spec=spec)
    return always


def _joins_anew(room: Room) -> Callable[[], bool]:
    """The machine is replaced by one of the same name."""
    room.cluster.delete("Node", "", WORKER)
    room.advance(1)
    room.cluster.join(WORKER, labels={"pool": "workers"})
    return always


HAZARDS = (
    Hazard("the run fails or hangs", lambda room: _run_goes(room.rng.choice(["crash", "hang"]))(room), RERUN,
           ("approved",)),
    Hazard("the run is deleted or suspended", lambda room: room.rng.choice([_run_is_deleted, _run_is_suspended])(room),
           RERUN, ("write",)),
    Hazard("a finalizer holds the Job", _held, DELETE, ("approved",)),
    Hazard("a Job of the same name is made", _job_made_anew, DELETE, ("write",)),
    Hazard("pods of the Job stay", _pods_stay, DELETE, ("approved",)),
    Hazard("the volume doesn't grow", lambda room: _grows(room.rng.choice(["slow", "infeasible", "restart"]))(room),
           VOLUME, ("before",)),
    Hazard("the claim is changed or made anew",
           lambda room: room.rng.choice([_claim_made_anew, _asks_for_more])(room), VOLUME, ("write",)),
    Hazard("somebody puts the node back", _put_back, NODE, ("write", "soak")),
    Hazard("a pod is put on the node", _put_there, CORDON, ("write", "soak")),
    Hazard("a pod that may come comes to the node", _tolerates, CORDON, ("write", "soak")),
    Hazard("the node is replaced", _joins_anew, NODE, ("write", "soak")),
)  # fmt: skip
