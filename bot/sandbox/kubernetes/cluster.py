"""The cluster behind the server: its state, its controllers, and a hand to stir it.

`step` is one pass of all controllers; `run` calls it shortly after each change, so that answers
to writes still show the old status. It refuses to speak HTTP.
"""

import asyncio
import json
import logging
from pathlib import Path

from bot.sandbox.kubernetes import aggregation, batch, claims, ingresses, quotas, scenery, trouble, upkeep
from bot.sandbox.kubernetes.clock import ClusterClock, stamp
from bot.sandbox.kubernetes.daemonsets import DaemonSets
from bot.sandbox.kubernetes.deployments import Deployments
from bot.sandbox.kubernetes.events import Events
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.kubelet import Kubelet
from bot.sandbox.kubernetes.logs import Logs
from bot.sandbox.kubernetes.manners import USUAL, Manner
from bot.sandbox.kubernetes.replicasets import ReplicaSets
from bot.sandbox.kubernetes.settling import unsettled
from bot.sandbox.kubernetes.statefulsets import StatefulSets
from bot.sandbox.kubernetes.store import Change, Store
from bot.sandbox.kubernetes.wire import Json, Names, Objects, clone
from bot.sandbox.kubernetes.world import Pace, World
from bot.sandbox.kubernetes.writes import Deletion, Writes, Writing

LAG_SECONDS = 0.03
_IDLE_SECONDS = 60.0
_AGE = 30 * 86_400.0
"""How long its nodes have been there, in seconds: one that has just joined would be news."""
_BUSY_PASSES = 200
_ADMIN = Writing("sandbox")
# What a manifest read from the cluster carries along, and an administrator doesn't mean.
_BOOKKEEPING = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
# Nobody acts on these: writing them wakes no controller.
_PASSIVE = {"events", "leases.coordination.k8s.io", "configmaps", "secrets", "endpoints"}
_SPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
log = logging.getLogger(__name__)


class Cluster:
    """One cluster in memory; all methods belong to the loop in which `run` runs."""

    def __init__(
        self, name: str = "sandbox", *, ready_after: float = 1.0, time_scale: float = 1.0, nodes: int = 3
    ) -> None:
        self.name = name
        self.clock, self.store, self.logs = ClusterClock(), Store(), Logs()
        self.writes = Writes(self.store, self.clock)
        self.events = Events(self.store, self.clock)
        pace = Pace(ready_after, time_scale)
        self.world = World(self.clock, self.store, self.writes, self.events, pace)
        self.kubelet = Kubelet(self.world)
        self._controllers = (
            Deployments(self.world),
            ReplicaSets(self.world),
            StatefulSets(self.world),
            DaemonSets(self.world),
            self.kubelet,
        )
        self._changed = asyncio.Event()
        self.store.on_change = self._on_change
        self.clock.offset = -_AGE
        for space in _SPACES:
            self.apply(scenery.namespace(space))
        for service in aggregation.services():
            self.apply(service)
        for number in range(1, nodes + 1):
            self.join(f"{name}-node-{number}")
        self.clock.offset = 0.0

    def _on_change(self, change: Change) -> None:
        if change.bucket not in _PASSIVE:
            self._changed.set()

    # -- the passing of time ------------------------------------------------------------------

    def step(self) -> float | None:
        """One pass of every controller; returns the next moment at which something is due."""
        for controller in self._controllers:
            controller.sync()
        for chore in (
            batch.run_jobs,
            batch.remove_old,
            claims.resize,
            claims.keep_volumes,
            upkeep.taint_cordoned,
            upkeep.keep_bounds,
            upkeep.publish_endpoints,
            ingresses.publish,
            upkeep.count_budgets,
            quotas.count,
            aggregation.check,
            upkeep.collect_garbage,
            upkeep.empty_namespaces,
        ):
            chore(self.world)
        self.events.sweep()
        return self.world.take_due()

    async def run(self) -> None:
        """Step after every change and at every due moment, until cancelled."""
        due: float | None = None
        while True:
            wait = _IDLE_SECONDS if due is None else max(0.0, due - self.clock.now())
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass
            if self._changed.is_set():
                await asyncio.sleep(LAG_SECONDS)
            self._changed.clear()
            try:
                due = self.step()
            except Exception:
                # The loop of the controllers: one broken object must not stop all others.
                log.exception("a pass of the controllers failed")
                due = self.clock.now() + 1.0

    def _quiet(self) -> float | None:
        """Step until nothing changes any more."""
        due = None
        for _ in range(_BUSY_PASSES):
            version = self.store.version
            due = self.step()
            if self.store.version == version:
                break
        return due

    def advance(self, seconds: float) -> None:
        """Let time pass at once: everything that falls due on the way happens in its order."""
        end = self.clock.now() + seconds
        due = self._quiet()
        while due is not None and due < end:
            self.clock.jump(due - self.clock.now() + 0.001)
            due = self._quiet()
        self.clock.jump(end - self.clock.now())
        self._quiet()
        self._changed.set()

    async def settle(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - asked for in seconds
        """Wait until every rollout is complete or stuck; TimeoutError names what is neither."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while waiting := unsettled(self.world):
            if loop.time() > end:
                raise TimeoutError(f"not settled after {timeout} s: {', '.join(waiting)}")
            await asyncio.sleep(LAG_SECONDS)

    # -- what an administrator does -----------------------------------------------------------

    def apply(self, manifest: Json) -> Json:
        """Create or replace as administrator; a missing namespace is made. Returns a copy."""
        kind = by_kind(manifest["kind"])
        meta = manifest["metadata"]
        space = meta.get("namespace", "default") if kind.namespaced else ""
        if space and self.store.get(by_kind("Namespace"), "", space) is None:
            self.apply(scenery.namespace(space))
        if self.store.get(kind, space, meta["name"]) is None:
            made = self.writes.create(kind, space, manifest, _ADMIN)
        else:
            wanted = {key: value for key, value in clone(meta).items() if key not in _BOOKKEEPING}

            def change(obj: Json) -> Json:
                return {**obj, **clone(manifest), "metadata": {**obj["metadata"], **wanted}}

            made = self.writes.patch(kind, space, meta["name"], change, _ADMIN)
        copy: Json = clone(made)
        return copy

    def annotate(self, kind: str, namespace: str, name: str, notes: dict[str, str | None]) -> None:
        """Write annotations on an object as administrator, beside those it has; None takes one away."""

        def change(obj: Json) -> Json:
            wanted = {**(obj["metadata"].get("annotations") or {}), **notes}
            kept = {key: value for key, value in wanted.items() if value is not None}
            return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}

        self.writes.patch(by_kind(kind), namespace, name, change, _ADMIN)

    def join(
        self,
        node: str,
        *,
        labels: Json | None = None,
        taint: tuple[str, str] | None = None,
        resources: Json | None = None,
    ) -> None:
        """A node joins; ``taint`` (key, value) keeps other pods away, ``resources`` win over the usual."""
        made = scenery.node(node, len(self.store.list(by_kind("Node"))) + 1, stamp(self.clock.now()))
        made["metadata"]["labels"] |= labels or {}
        made["spec"] = {"taints": [{"key": taint[0], "value": taint[1], "effect": "NoSchedule"}]} if taint else {}
        for part in ("capacity", "allocatable"):
            made["status"][part] = {**made["status"][part], **(resources or {})}
        self.apply(made)
        trouble.sign_of_life(self.world, node, self.clock.now() - min(self.clock.offset, 0.0))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete as administrator, with dependents."""
        self.writes.delete(by_kind(kind), namespace, name, Deletion())

    def deployment(
        self,
        namespace: str,
        name: str,
        *,
        replicas: int = 2,
        image: str = "",
        labels: Json | None = None,
        behaviour: str | None = None,
    ) -> Json:
        """Apply a Deployment with one container of its name."""
        return self.apply(
            scenery.deployment(
                namespace, name, replicas=replicas, image=image or _image(namespace, name),
                labels=labels, behaviour=behaviour,
            )
        )  # fmt: skip

    def statefulset(
        self,
        namespace: str,
        name: str,
        *,
        replicas: int = 2,
        image: str = "",
        labels: Json | None = None,
        behaviour: str | None = None,
    ) -> Json:
        """Apply a StatefulSet with one container of its name."""
        return self.apply(
            scenery.statefulset(
                namespace, name, replicas=replicas, image=image or _image(namespace, name),
                labels=labels, behaviour=behaviour,
            )
        )  # fmt: skip

    def daemonset(
        self,
        namespace: str,
        name: str,
        *,
        image: str = "",
        labels: Json | None = None,
        behaviour: str | None = None,
    ) -> Json:
        """Apply a DaemonSet with one container of its name."""
        return self.apply(
            scenery.daemonset(
                namespace, name, image=image or _image(namespace, name), labels=labels,
                behaviour=behaviour,
            )
        )  # fmt: skip

    def service(
        self,
        namespace: str,
        name: str,
        *,
        selector: Json | None = None,
        port: int = 80,
        labels: Json | None = None,
    ) -> Json:
        """Apply a Service that selects `app: name` unless told otherwise."""
        chosen = selector or {"app": name}
        return self.apply(scenery.service(namespace, name, selector=chosen, port=port, labels=labels))

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """A copy of an object, or None; `kind` is the manifest's, such as Deployment."""
        found = self.store.get(by_kind(kind), namespace, name)
        return None if found is None else clone(found)

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """Copies of all objects of a kind, of one namespace or of all."""
        return [clone(obj) for obj in self.store.list(by_kind(kind), namespace)]

    def pods(self, namespace: str, workload: str) -> Objects:
        """Copies of the pods of a workload."""
        return [clone(pod) for pod in trouble.pods_of(self.world, namespace, workload)]

    # -- trouble ------------------------------------------------------------------------------

    def break_next(self, namespace: str, name: str, behaviour: str, manner: Manner = USUAL) -> None:
        """Every pod of a workload that is created from now on behaves so."""
        trouble.break_next(self.world, namespace, name, behaviour, manner)

    def strike(self, namespace: str, name: str, behaviour: str, manner: Manner = USUAL, pods: int = 1) -> Names:
        """Running pods go wrong now; returns their names. A restart cures it."""
        names = trouble.strike(self.world, self.kubelet, namespace, name, pods, behaviour, manner)
        self._happened()
        return names

    def heal(self, namespace: str, name: str) -> None:
        """Pods of a workload behave well again: new ones, and broken ones at once."""
        trouble.heal(self.world, self.kubelet, namespace, name)
        self._changed.set()

    def crash_loop(self, namespace: str, name: str, pods: int = 1, reason: str = "Error", exit_code: int = 1) -> Names:
        """Running pods start to crash-loop now; returns their names. A restart cures it."""
        names = trouble.crash_loop(self.world, self.kubelet, namespace, name, pods, reason, exit_code)
        self._happened()
        return names

    def _happened(self) -> None:
        """What went wrong has gone wrong when the hand lets go; whoever looks sees all of it or nothing."""
        self.kubelet.sync()
        self._changed.set()

    def evict(self, namespace: str, pod: str, message: str = trouble.LOW_MEMORY) -> None:
        """The node evicts a pod: it fails with reason Evicted and stays."""
        trouble.evict(self.world, self.kubelet, namespace, pod, message)

    def node_down(self, node: str) -> None:
        """A node stops reporting: its pods stay Running with Ready False."""
        trouble.node_down(self.world, node)

    def node_under(self, node: str, pressure: str, reason: str, message: str) -> None:
        """A node comes under pressure (``DiskPressure``)."""
        trouble.node_under(self.world, node, pressure, reason, message)

    def node_up(self, node: str) -> None:
        """A node reports again."""
        trouble.node_up(self.world, node)
        self._changed.set()

    def set_logs(self, namespace: str, name: str, lines: Names, *, previous: bool = False) -> None:
        """Say what a pod, or every pod of a workload, has written."""
        self.logs.set(namespace, name, lines, previous=previous)

    # -- keeping ------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write all objects as JSON."""
        objects = {name: [obj for _, obj in sorted(bucket.items())] for name, bucket in self.store.objects.items()}
        state = {"version": self.store.version, "offset": self.clock.offset, "objects": objects}
        path.write_text(json.dumps(state), encoding="utf-8")

    def load(self, path: Path) -> None:
        """Take all objects from a file that `save` wrote; older watches expire."""
        state = json.loads(path.read_text(encoding="utf-8"))
        self.store.restore(state["objects"], state["version"])
        self.clock.offset = state["offset"]
        self.kubelet.runs.clear()
        self._changed.set()


def _image(namespace: str, name: str) -> str:
    return f"registry.example/{namespace}/{name}:1.0.0"
