"""DaemonSets: one pod a node, updated node by node or only when a pod is deleted.

It refuses surge: an updated pod always follows the old one on its node.
"""

from bot.sandbox.kubernetes import revisions
from bot.sandbox.kubernetes.deployments import share
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.replicasets import (
    counted,
    is_active,
    is_available,
    make_pod,
    ready_since,
    remove_pod,
)
from bot.sandbox.kubernetes.scheduler import untolerated
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World

_ALWAYS = tuple(
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists"}
    for name in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
)
"""What the controller lets every DaemonSet's pods tolerate."""


class DaemonSets:
    """The DaemonSet controller."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kind, self._pods = by_kind("DaemonSet"), by_kind("Pod")

    def sync(self) -> None:
        """One pass over all DaemonSets."""
        for one in self.world.store.list(self._kind):
            if not one["metadata"].get("deletionTimestamp"):
                self._sync(one)

    def _nodes(self, one: Json) -> tuple[list[str], list[str]]:
        """(nodes on which a pod should be, nodes where one may stay though none should be: those tainted since)."""
        spec = dig(one, "spec", "template", "spec", default={})
        wanted = spec.get("nodeSelector") or {}
        fitting = [
            node
            for node in self.world.store.list(by_kind("Node"))
            if all((node["metadata"].get("labels") or {}).get(key) == value for key, value in wanted.items())
        ]
        own = {**spec, "tolerations": [*(spec.get("tolerations") or []), *_ALWAYS]}
        tainted = [node["metadata"]["name"] for node in fitting if untolerated(node, own)]
        names = [node["metadata"]["name"] for node in fitting]
        return [name for name in names if name not in tainted], tainted

    def _sync(self, one: Json) -> None:
        digest = revisions.ensure(self.world, one)["metadata"]["labels"][revisions.LABEL]
        nodes, tainted = self._nodes(one)
        pods = self.world.owned(self._pods, one)
        taken = {pod["spec"].get("nodeName") for pod in pods}
        labels = {
            revisions.LABEL: digest,
            "pod-template-generation": str(one["metadata"]["generation"]),
        }
        for pod in pods:
            ended = dig(pod, "status", "phase") in ("Failed", "Succeeded")
            stray = pod["spec"].get("nodeName") not in (*nodes, *tainted)
            if (ended or stray) and not pod["metadata"].get("deletionTimestamp"):
                remove_pod(self.world, one, pod)
        for node in nodes:
            if node in taken or node in self.world.down:
                continue
            if make_pod(self.world, one, one["spec"]["template"], labels=labels, node=node) is None:
                break
        if one["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            self._update(one, nodes, digest)
        strays = sum(is_active(pod) and pod["spec"].get("nodeName") in tainted for pod in pods)
        self._count(one, nodes, digest, strays)

    def _update(self, one: Json, nodes: list[str], digest: str) -> None:
        pods = [pod for pod in self.world.owned(self._pods, one) if is_active(pod)]
        allowed = one["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]
        healthy = [pod for pod in pods if ready_since(pod) is not None]
        budget = max(1, share(allowed, len(nodes), up=True)) - (len(nodes) - len(healthy))
        for pod in pods:
            if pod["metadata"]["labels"].get(revisions.LABEL) == digest:
                continue
            if ready_since(pod) is None:
                remove_pod(self.world, one, pod)
            elif budget > 0:
                remove_pod(self.world, one, pod)
                budget -= 1

    def _count(self, one: Json, nodes: list[str], digest: str, strays: int) -> None:
        pods = [
            pod for pod in self.world.owned(self._pods, one) if is_active(pod) and pod["spec"].get("nodeName") in nodes
        ]
        min_ready = int(one["spec"].get("minReadySeconds") or 0)
        available = sum(is_available(self.world, pod, min_ready) for pod in pods)
        labels = [pod["metadata"]["labels"] for pod in pods]
        numbers = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": strays,
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(ready_since(pod) is not None for pod in pods),
            "observedGeneration": one["metadata"]["generation"],
            "updatedNumberScheduled": sum(one.get(revisions.LABEL) == digest for one in labels),
            "numberAvailable": available,
            "numberUnavailable": max(0, len(nodes) - available),
        }
        always = (
            "currentNumberScheduled",
            "numberMisscheduled",
            "desiredNumberScheduled",
            "numberReady",
        )
        self.world.writes.set_status(self._kind, one, counted(numbers, always))
