"""Every verb: the situation in which it is asked for, how it is asked, and what is true of it afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal
from bot.integrations.registries import Registries
from bot.integrations.sources import Sources
from bot.playbooks.shelf import Shelf
from bot.sandbox.kubernetes.claims import RESIZE
from bot.sandbox.registry import ImageRegistry
from bot.settings_registries import registries
from tests.verification_judge import gauge, shape, truth
from tests.verification_judge.room import NAME, SPACE, Room
from tests.verification_judge.shape import Shape

REF = f"{SPACE}/{NAME}"
ALL = ("Deployment", "StatefulSet", "DaemonSet")
SCALABLE = ("Deployment", "StatefulSet")
WORKER = "worker-1"
RUN = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "registry.example/shop/nightly:1"}]}

Furnish = Callable[[Room, Shape], Awaitable[None]]
Ask = Callable[[Room], Awaitable[Proposal]]
Truth = Callable[[Room, float], str]


@dataclass(frozen=True)
class Verb:
    """``kinds`` are those of workloads that it is tried on, none for a verb on something else.

    ``suits`` makes a drawn shape one on which the verb is possible.
    """

    name: str
    furnish: Furnish
    ask: Ask
    truth: Truth
    kinds: tuple[str, ...] = ()
    suits: Callable[[Shape], Shape] = lambda one: one
    measured: bool = False


async def asked(room: Room, action: Action, what: str, **wanted: str) -> Proposal:
    """Bo asks for it."""
    answer = await room.floor.verbs.act(await room.floor.person("bo"), action, what, wanted)
    assert answer.ok, answer.text
    await room.floor.prepare()
    return await room.floor.proposal()


def _asks(action: Action, **wanted: str) -> Ask:
    async def ask(room: Room) -> Proposal:
        return await asked(room, action, REF, **wanted)

    return ask


async def usual(room: Room, one: Shape) -> None:
    """It runs well."""
    shape.furnish(room, one)


async def measured(room: Room, one: Shape) -> None:
    """It runs, and Prometheus says that it doesn't run well."""
    shape.furnish(room, one)
    await room.gauge.start()
    room.stops.append(room.gauge)
    books = room.said["folder"] / "books"
    books.mkdir()
    (books / "pod-crash-looping.yaml").write_text(gauge.PLAYBOOK)
    room.floor.switch(playbooks=Shelf(books), sources=Sources(prometheus=room.gauge.client))


async def alerted(room: Room) -> Proposal:
    """The alert leads to the proposal of a restart; from the act on the number is good and the alert clears."""
    _, proposal = await room.floor.alerted()
    ends = room.now + room.rng.uniform(5, 40)
    room.gauge.number = lambda at: gauge.BEFORE if at < ends else 0.002
    room.gauge.firing = lambda at: at < ends + 20
    return proposal


async def two_revisions(room: Room, one: Shape) -> None:
    """A newer revision runs, of a Deployment or DaemonSet one that crashes now and then."""
    shape.furnish(room, one)
    crashes = one.kind != "StatefulSet" and room.rng.random() < 0.6
    room.change(lambda obj: shape.image(obj, "registry.example/shop/api:crash" if crashes else shape.NEW))
    room.advance(120)


async def images(room: Room, one: Shape) -> None:
    """Its images are in a registry that can be asked."""
    made = ImageRegistry()
    await made.start()
    for number, tag in enumerate(("1.4.0", "1.4.1", "1.4.2")):
        made.push("shop/api", tag, datetime.now(UTC) - timedelta(days=9 - number))
    listed = Registries(registries(f"{made.host} insecure"))
    room.stops += [_Closes(listed), made]
    shape.furnish(room, one)
    room.change(lambda obj: shape.image(obj, f"{made.host}/shop/api:1.4.1"))
    room.advance(3600)
    room.floor.switch(sources=Sources(registries=listed))


@dataclass
class _Closes:
    registries: Registries

    async def stop(self) -> None:
        await self.registries.close()


async def half_rolled(room: Room, one: Shape) -> None:
    """A rollout that stops half-way, since its pods don't get ready."""
    shape.furnish(room, one)
    room.cluster.break_next(SPACE, NAME, "not-ready")
    room.change(lambda obj: shape.image(obj, shape.NEW))
    room.advance(30)


async def held(room: Room, one: Shape) -> None:
    """The same, and somebody paused it; what ailed its pods is over."""
    await half_rolled(room, one)
    room.change(lambda obj: obj["spec"].update(paused=True))
    room.advance(5)
    room.cluster.heal(SPACE, NAME)
    room.advance(20)


async def scale(room: Room) -> Proposal:
    """Up or down, to none at times."""
    size = room.workload()["spec"]["replicas"]
    to = room.said.get("to") or room.rng.choice([one for one in (size - 1, size + 1, 2 * size) if 0 < one <= 2 * size])
    if to == "none":
        to = 0
    return await asked(room, Action.SCALE, REF, replicas=str(to))


async def raise_bounds(room: Room) -> Proposal:
    """Two more than it may have now, and the autoscaler uses one of them."""
    most = room.stored("HorizontalPodAutoscaler", NAME)["spec"]["maxReplicas"]
    return await asked(room, Action.RAISE_AUTOSCALER, REF, bounds=str(most + 2))


async def evict(room: Room) -> Proposal:
    """One pod, which may be ill."""
    pod = room.some_pod(new=False)
    if "ill" in room.said:
        names = sorted(one["metadata"]["name"] for one in room.pods().values())
        pod = next(one for one in names if one != room.said["ill"])
    elif room.rng.random() < 0.5:
        room.strike(pod, "not-ready")
        room.advance(5)
    return await asked(room, Action.EVICT, REF, pod=pod)


async def cron(room: Room, one: Shape) -> None:
    """A nightly run failed."""
    del one
    spec = {"schedule": "0 3 * * *", "failedJobsHistoryLimit": 5,
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": RUN}}}}  # fmt: skip
    above = room.apply("CronJob", "batch/v1", "nightly", spec=spec, metadata={"annotations": {"fettle/rerun": "safe"}})
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": above["metadata"]["uid"]}
    room.cluster.break_next(SPACE, "nightly-1", "crash")
    room.apply(
        "Job", "batch/v1", "nightly-1", spec={"backoffLimit": 0, "template": {"spec": RUN}},
        metadata={"ownerReferences": [{**owner, "controller": True}]},
    )  # fmt: skip
    room.advance(120)


async def rerun(room: Room) -> Proposal:
    """The CronJob runs again."""
    return await asked(room, Action.RERUN_JOB, "cronjob/nightly -n shop")


async def delete_failed(room: Room) -> Proposal:
    """The Job that failed goes."""
    return await asked(room, Action.DELETE_FAILED_JOB, "job/nightly-1 -n shop")


async def database(room: Room, one: Shape) -> None:
    """A database with one claim that may grow."""
    del one
    how = room.said.get("resize", "online")
    meta = {"name": "fast", "annotations": {RESIZE: how}}
    kind = {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": meta, "provisioner": "csi.example"}
    room.cluster.apply({**kind, "allowVolumeExpansion": True})
    claim = {
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "9Gi"}},
    }
    pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "x:1"}]}}
    spec = {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": pod,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }  # fmt: skip
    room.apply("StatefulSet", "apps/v1", "db", spec=spec)
    room.advance(60)


async def expand(room: Room) -> Proposal:
    """Half as large again."""
    return await asked(room, Action.EXPAND_VOLUME, "shop/data-db-0")


async def workers(room: Room, one: Shape) -> None:
    """Three workers, of which one may be cordoned."""
    shape.furnish(room, one)
    for name in (WORKER, "worker-2", "worker-3"):
        room.cluster.join(name, labels={"pool": "workers"})
    room.advance(5)


async def cordoned(room: Room, one: Shape) -> None:
    """One is cordoned already."""
    await workers(room, one)
    room.change(lambda obj: obj["spec"].update(unschedulable=True), kind="Node", name=WORKER, by="kubectl-cordon")
    room.advance(5)


async def cordon(room: Room) -> Proposal:
    """The first worker."""
    return await asked(room, Action.CORDON, WORKER)


async def uncordon(room: Room) -> Proposal:
    """The same."""
    return await asked(room, Action.UNCORDON, WORKER)


def _plain(one: Shape) -> Shape:
    return replace(one, autoscaler=False)


def _kept_by_nobody(one: Shape) -> Shape:
    return replace(one, kept=False)


def _one_container(one: Shape) -> Shape:
    return replace(one, kept=False, sidecar=False, partition=0)


def _rolls(one: Shape) -> Shape:
    """A rollout that goes step by step, and a pause that means something."""
    return replace(one, strategy="RollingUpdate", rolling=("1", "0"), replicas=max(2, one.replicas), kept=False)


def _autoscaled(one: Shape) -> Shape:
    return replace(one, autoscaler=True, partition=0, kept=False)


VERBS: tuple[Verb, ...] = (
    Verb("restart", usual, _asks(Action.RESTART), truth.rolled_out, ALL),
    Verb("restart by alert", measured, alerted, truth.rolled_out, ("Deployment",), measured=True),
    Verb("rollback", two_revisions, _asks(Action.ROLLBACK), truth.rolled_out, ALL, _kept_by_nobody),
    Verb("set_image", images, _asks(Action.SET_IMAGE, tag="1.4.2"), truth.rolled_out, ALL, _one_container),
    Verb("pause", half_rolled, _asks(Action.PAUSE), truth.paused, ("Deployment",), _rolls),
    Verb("resume", held, _asks(Action.RESUME), truth.rolled_out, ("Deployment",), _rolls),
    Verb("scale", usual, scale, truth.scaled, SCALABLE, lambda one: _plain(_kept_by_nobody(one))),
    Verb("raise_autoscaler", usual, raise_bounds, truth.bounded, SCALABLE, _autoscaled),
    Verb("evict", usual, evict, truth.evicted, ALL),
    Verb("rerun_job", cron, rerun, truth.ran),
    Verb("delete_failed_job", cron, delete_failed, truth.deleted),
    Verb("expand_volume", database, expand, truth.expanded),
    Verb("cordon", workers, cordon, truth.cordoned, ("Deployment",), _plain),
    Verb("uncordon", cordoned, uncordon, truth.uncordoned, ("Deployment",), _plain),
)
BY_NAME = {one.name: one for one in VERBS}
WORKLOADS = frozenset(
    {"restart", "restart by alert", "rollback", "set_image", "resume", "scale", "raise_autoscaler", "evict"}
)
"""Those after which pods of a workload must hold."""
ROLLS = frozenset({"restart", "restart by alert", "rollback", "set_image", "resume"})
"""Those that make a rollout."""
STAGE = Stage.EXECUTE
ANY: Any = frozenset(BY_NAME)
