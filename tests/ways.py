"""Every verb with a world in which it may be done: what stands there, what a person types, and the write it makes.

For laws that range over all verbs. A world is the sandbox's own cluster; whoever plays brings the clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.mitigation import Action
from bot.integrations.artifacts_folder import Folder
from bot.integrations.registries import Registries
from bot.integrations.sources import Sources
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.writes import CONTROLLER_STATUS, Writing
from bot.sandbox.registry import ImageRegistry
from bot.settings_registries import registries

API, STORE = ("Deployment", "shop", "api"), ("StatefulSet", "shop", "store")
CLAIM, FAILED, CRON, NODE = "data-db-0", "nightly-29371", "nightly", "worker-1"
BY_HAND = Writing("kubectl-edit")
IMAGE = "registry.example/shop/api"


@dataclass
class World:
    """A cluster, its clock, and a registry for the verb that asks one."""

    cluster: Cluster
    advance: Callable[[float], None]
    images: ImageRegistry | None = None

    def edit(self, key: tuple[str, str, str], edit: Callable[[Any], object], how: Writing = BY_HAND) -> None:
        """Somebody edits an object in place."""

        def change(obj: Any) -> Any:
            edit(obj)
            return obj

        kind, namespace, name = key
        self.cluster.writes.patch(by_kind(kind), namespace, name, change, how)

    def status(self, key: tuple[str, str, str], **status: Any) -> None:
        """A controller says so."""
        self.edit(key, lambda obj: obj.setdefault("status", {}).update(status), CONTROLLER_STATUS)

    def object(self, key: tuple[str, str, str]) -> Any:
        """One object as it stands."""
        return self.cluster.get(*key)

    def image(self, key: tuple[str, str, str], image: str) -> None:
        """Another image is rolled out."""
        self.edit(key, lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=image))

    def autoscaler(self, least: int = 1, most: int = 3) -> None:
        """One for shop/api."""
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
        spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
        self.cluster.apply({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "shop"}, "spec": spec,
        })  # fmt: skip

    def pods(self, name: str = "api") -> list[str]:
        """Those that don't end, by name."""
        found = self.cluster.pods("shop", name)
        return sorted(one["metadata"]["name"] for one in found if "deletionTimestamp" not in one["metadata"])


Wanted = Callable[[World], Mapping[str, str]]


def _nothing(_world: World) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Way:
    """One verb on one thing. ``typed`` is what follows the verb, ``door`` the verb and resource of its write."""

    action: Action
    key: tuple[str, str, str]
    furnish: Callable[[World], None]
    door: tuple[str, str]
    typed: str = "shop/api"
    wanted: Wanted = _nothing
    people: tuple[str, ...] = ("ana",)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a test calls it."""
        return str(self.action) if self.key != STORE else f"{self.action}-statefulset"

    def typed_in_slack(self, world: World) -> str:
        """``/incident act scale shop/api 4``."""
        return " ".join(["/incident act", str(self.action), self.typed, *self.wanted(world).values()])


def _stands(_world: World) -> None:
    """shop/api runs already, which is all that it takes."""


def _as_somebody(world: World) -> None:
    """Its pods say as whom they run."""
    world.edit(API, lambda obj: obj["spec"]["template"]["spec"].update(securityContext={"runAsUser": 10001}))
    world.advance(600)


def _in_go(world: World) -> None:
    """Its template says where its pprof listens."""
    world.edit(
        API, lambda obj: obj["spec"]["template"].setdefault("metadata", {}).update(annotations={"fettle/pprof": "6060"})
    )
    world.advance(600)


def _two_revisions(world: World) -> None:
    world.image(API, f"{IMAGE}:1.5")
    world.advance(600)


def _listed(world: World) -> None:
    """The image comes from a registry that has an older one too."""
    assert world.images is not None
    world.image(API, f"{world.images.host}/shop/api:1.4.2")
    world.advance(3600)


def _stuck(world: World) -> None:
    world.cluster.break_next("shop", "api", "not-ready")
    world.image(API, f"{IMAGE}:1.5")
    world.advance(30)


def _paused(world: World) -> None:
    world.edit(API, lambda obj: obj["spec"].update(paused=True))
    world.image(API, f"{IMAGE}:1.5")
    world.advance(30)


def _autoscaled(world: World) -> None:
    world.autoscaler()
    world.advance(5)


def _store(world: World) -> None:
    world.cluster.statefulset("shop", "store", replicas=3, image="registry.example/shop/store:1")
    world.advance(600)


def _store_twice(world: World) -> None:
    _store(world)
    world.image(STORE, "registry.example/shop/store:2")
    world.advance(600)


def _failed_run(world: World) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "registry.example/shop/nightly:1"}]}
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    meta: dict[str, Any] = {"name": CRON, "namespace": "shop", "annotations": {"fettle/rerun": "safe"}}
    body = {"schedule": "0 3 * * *", "failedJobsHistoryLimit": 5, "jobTemplate": {"spec": spec}}
    made = world.cluster.apply({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": meta, "spec": body})
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": CRON, "uid": made["metadata"]["uid"]}
    meta = {"name": FAILED, "namespace": "shop", "ownerReferences": [{**owner, "controller": True}]}
    world.cluster.break_next("shop", FAILED, "crash")
    world.cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": spec})
    world.advance(120)


def _database(world: World) -> None:
    kind = {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": {"name": "fast"}}
    world.cluster.apply({**kind, "provisioner": "csi.example", "allowVolumeExpansion": True})
    spec = {
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "x:1"}]}}
    body = {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": pod,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}],
    }  # fmt: skip
    meta = {"name": "db", "namespace": "shop"}
    world.cluster.apply({"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": meta, "spec": body})
    world.advance(30)


def _workers(world: World) -> None:
    for name in (NODE, "worker-2"):
        world.cluster.join(name, labels={"pool": "workers"})
    world.advance(5)


def _cordoned(world: World) -> None:
    _workers(world)
    world.edit(("Node", "", NODE), lambda obj: obj["spec"].update(unschedulable=True))
    world.advance(5)


_DEPLOY, _STS = ("patch", "deployments"), ("patch", "statefulsets")
_EXEC, _BESIDE = ("create", "pods/exec"), ("patch", "pods/ephemeralcontainers")
TOOLS = f"registry.example/tools/jdk@sha256:{'a' * 64}"
_PROXY = ("get", "pods/proxy")
_ON_NODES = {"CORDON_NODES": "pool=workers"}
WAYS: tuple[Way, ...] = (
    Way(Action.RESTART, API, _stands, _DEPLOY),
    Way(Action.ROLLBACK, API, _two_revisions, _DEPLOY),
    Way(Action.SET_IMAGE, API, _listed, _DEPLOY, wanted=lambda _: {"tag": "1.4.1"}),
    Way(Action.PAUSE, API, _stuck, _DEPLOY),
    Way(Action.RESUME, API, _paused, _DEPLOY),
    Way(Action.SCALE, API, _stands, ("patch", "deployments/scale"), wanted=lambda _: {"replicas": "4"}),
    Way(
        Action.RAISE_AUTOSCALER, API, _autoscaled, ("patch", "horizontalpodautoscalers"),
        wanted=lambda _: {"bounds": "5"},
    ),
    Way(Action.EVICT, API, _stands, ("create", "pods/eviction"), wanted=lambda world: {"pod": world.pods()[0]}),
    Way(Action.THREAD_DUMP, API, _stands, _EXEC),
    Way(Action.HEAP_DUMP, API, _stands, _EXEC),
    Way(Action.DEBUG_THREAD_DUMP, API, _as_somebody, _BESIDE),
    Way(Action.DEBUG_HEAP_DUMP, API, _as_somebody, _BESIDE),
    Way(Action.GOROUTINE_DUMP, API, _in_go, _PROXY),
    Way(Action.HEAP_PROFILE, API, _in_go, _PROXY),
    Way(Action.RERUN_JOB, ("Job", "shop", FAILED), _failed_run, ("create", "jobs"), f"job/{FAILED} -n shop"),
    Way(Action.DELETE_FAILED_JOB, ("Job", "shop", FAILED), _failed_run, ("delete", "jobs"), f"shop/{FAILED}"),
    Way(
        Action.EXPAND_VOLUME, ("PersistentVolumeClaim", "shop", CLAIM), _database, ("patch", "persistentvolumeclaims"),
        f"shop/{CLAIM}", lambda _: {"size": "15Gi"}, ("ana", "li"),
    ),
    Way(Action.CORDON, ("Node", "", NODE), _workers, ("patch", "nodes"), NODE, settings=_ON_NODES),
    Way(Action.UNCORDON, ("Node", "", NODE), _cordoned, ("patch", "nodes"), NODE, settings=_ON_NODES),
)  # fmt: skip
"""One for each verb; a house test holds that none is missing."""
STATEFUL: tuple[Way, ...] = (
    Way(Action.RESTART, STORE, _store, _STS, "sts/store -n shop"),
    Way(Action.ROLLBACK, STORE, _store_twice, _STS, "sts/store -n shop"),
)
"""For what only kinds with OnDelete are refused for."""


@asynccontextmanager
async def furnished(
    way: Way, cluster: Cluster, advance: Callable[[float], None], folder: Path
) -> AsyncIterator[tuple[World, Sources]]:
    """The world of one verb, and the outside systems that it asks."""
    world = World(cluster, advance)
    if way.action is not Action.SET_IMAGE:
        way.furnish(world)
        yield world, Sources(artifacts=Folder(folder / "dumps", 1 << 30), debug_images={"jvm": TOOLS})
        return
    world.images = ImageRegistry()
    await world.images.start()
    listed = Registries(registries(f"{world.images.host} insecure"))
    try:
        cluster.world.lacks = world.images.lacks
        for age, tag in ((9, "1.4.1"), (8, "1.4.2")):
            world.images.push("shop/api", tag, datetime.now(UTC) - timedelta(days=age))
        way.furnish(world)
        yield world, Sources(registries=listed)
    finally:
        await listed.close()
        await world.images.stop()
