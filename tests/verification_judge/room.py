"""One cluster, one bot and their time, in which a situation is furnished, an action is carried out, and harm is done.

All goes through the real stages, the real client and the sandbox's API server over its socket; only time is advanced.
"""
# ruff: noqa: D102 - the methods of the room do what their names say

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain.mitigation import Action
from bot.domain.verification import Verification
from bot.kube.client import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.kubelet import ANNOTATION
from bot.sandbox.kubernetes.server import ClusterServer
from bot.sandbox.kubernetes.writes import Writing
from bot.storage import people
from bot.storage.db import Store
from bot.workflow.context import Context
from tests.integration.clusters import UNHURRIED
from tests.integration.workflow.floor import LABELS, Floor, settings_in
from tests.verification_judge.gauge import Gauge
from tests.verification_judge.history import History, restarts

Json = dict[str, Any]
SOAK = 30.0
SPACE, NAME = "shop", "api"
SETTINGS = {
    "VERIFY_SOAK": f"{SOAK:.0f}s", "VERIFY_SOAK_CRASHLOOP": "60s", "CORDON_NODES": "pool=workers",
    "SCALE_TO_ZERO": "yes", "SCALE_FROM_ZERO": "5",
    "ALLOWED_ACTIONS": ",".join(one.value.replace("_", "-") for one in Action),
}  # fmt: skip


@dataclass
class Act:
    """What was done: the target as our write left it, and who there was before."""

    target: Json
    at: float
    pods: frozenset[str]
    ready: int
    params: Json
    uid: str


@dataclass
class Room:
    """``tricks`` says of each hazard by its name whether it took hold, asked at the end; ``lasting`` don't pass."""

    floor: Floor
    server: ClusterServer
    rng: random.Random
    history: History
    gauge: Gauge
    kind: str = "Deployment"
    on_workload: bool = False
    act: Act | None = None
    said: Json = field(default_factory=dict)
    tricks: dict[str, Callable[[], bool]] = field(default_factory=dict)
    lasting: set[str] = field(default_factory=set)
    later_: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    stops: list[Any] = field(default_factory=list)

    @property
    def cluster(self) -> Any:
        return self.server.cluster

    @property
    def now(self) -> float:
        return float(self.server.cluster.clock.now())

    @property
    def acted(self) -> Act:
        assert self.act is not None
        return self.act

    # -- time --------------------------------------------------------------------------------------

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Happens in so many seconds, whoever looks or doesn't."""
        self.later_.append((self.now + seconds, len(self.later_), what))

    def passes(self, least: float, most: float, end: Callable[[], object]) -> None:
        """What was just done ends by itself."""
        self.said["passes"] = True
        self.later(self.rng.uniform(least, most), end)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [one for one in self.later_ if one[0] <= end]:
            first = min(due)
            self.later_.remove(first)
            self.floor.advance(max(0.0, first[0] - self.now))
            first[2]()
            self.cluster.advance(0)
        self.floor.advance(max(0.0, end - self.now))

    # -- what is there -----------------------------------------------------------------------------

    def workload(self) -> Any:
        return self.cluster.get(self.kind, SPACE, NAME)

    def stored(self, kind: str, name: str) -> Any:
        return self.cluster.get(kind, SPACE if by_kind(kind).namespaced else "", name)

    def owners(self, obj: Json) -> set[str]:
        """Those that may own its pods: itself and its revisions."""
        sets = self.cluster.world.owned(by_kind("ReplicaSet"), obj)
        return {obj["metadata"]["uid"], *(one["metadata"]["uid"] for one in sets)}

    def pods(self) -> dict[str, Json]:
        """Its pods that neither ended nor end, by uid."""
        found = self.workload()
        return self.history.pods(self.owners(found), self.now) if found is not None else {}

    def restarted(self) -> bool:
        """Whether a container of the pods that are there now began anew since the action."""
        now = self.pods()
        then = {uid: self.history.at(uid, self.acted.at) for uid in now}
        return any(restarts(pod) > restarts(then[uid] or {}) for uid, pod in now.items())

    def some_pod(self, *, new: bool = True) -> str:
        """The name of one of its pods, of those that came after the action if there are any."""
        pods = self.pods()
        fresh = {uid: one for uid, one in pods.items() if self.act is None or uid not in self.act.pods}
        chosen = fresh if new and fresh else pods
        names = sorted(one["metadata"]["name"] for one in chosen.values())
        return str(self.rng.choice(names)) if names else ""

    # -- hands -------------------------------------------------------------------------------------

    def change(
        self, edit: Callable[[Json], object], *, kind: str = "", name: str = "", by: str = "kubectl-edit"
    ) -> None:
        """Somebody changes an object; nothing happens where it isn't there."""
        found = by_kind(kind or self.kind)

        def changed(obj: Json) -> Json:
            edit(obj)
            return obj

        if self.stored(kind or self.kind, name or NAME) is not None:
            self.cluster.writes.patch(found, SPACE if found.namespaced else "", name or NAME, changed, Writing(by))

    def strike(self, pod: str, behaviour: str, manner: Any = None) -> bool:
        """One running pod goes wrong now, whatever its owner is."""
        obj = self.stored("Pod", pod)
        if obj is None:
            return False
        run = self.cluster.kubelet.run_of(obj)
        if run.stage != "running":
            return False
        if manner is not None:
            run.go_wrong(behaviour, manner)
        else:
            run.behaviour = behaviour
        run.due = self.now
        self.cluster.kubelet.sync()
        return True

    def mend(self, pod: str) -> None:
        """The same pod behaves again."""
        obj = self.stored("Pod", pod)
        if obj is not None:
            run = self.cluster.kubelet.run_of(obj)
            if run.stage not in ("stopping", "done"):
                run.behaviour, run.due = "ok", self.now

    def apply(self, kind: str, version: str, name: str, **parts: Any) -> Any:
        meta = {"name": name, "namespace": SPACE, **parts.pop("metadata", {})}
        return self.cluster.apply({"kind": kind, "apiVersion": version, "metadata": meta, **parts})

    def answers(self, *codes: int) -> int:
        """How many requests were answered so."""
        return sum(one.status in codes for one in self.server.requests)

    async def verification(self) -> Verification:
        return await self.floor.verification()


@asynccontextmanager
async def opened(rng: random.Random) -> AsyncIterator[Room]:
    """A room with a cluster of three to five nodes that is a day old, and a bot that nobody asked anything yet."""
    folder = Path(tempfile.mkdtemp(prefix="judge-"))
    server = ClusterServer(
        name="fettle-sandbox", ready_after=rng.choice([0.3, 1.0, 2.0, 4.0, 8.0]), nodes=rng.randint(2, 4)
    )
    await server.start()
    store = Store.open(f"sqlite:///{folder}/fettle.db")
    (folder / "kubeconfig").write_text(server.kubeconfig("bot"))
    cluster = await Cluster.connect(str(folder / "kubeconfig"), None, 10.0, "fettle/test", rate=UNHURRIED)
    context = Context(store, cluster, settings_in(folder, **SETTINGS), lambda: datetime.now(UTC), "C0ONCALL")
    server.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    floor = Floor(context, server, offset=0.0)
    labels = {key: value for key, value in LABELS.items() if key != "severity"}
    room = Room(floor, server, rng, History(server.cluster), Gauge(labels, server.cluster.clock.now))
    room.said["folder"] = folder
    await store.transact(people.set_group, "S0SRE", ("U0SAM",), floor.now())
    try:
        yield room
    finally:
        for one in room.stops:
            await one.stop()
        await cluster.close()
        await server.stop()
        await store.close()
        shutil.rmtree(folder, ignore_errors=True)


BEHAVES = ANNOTATION
