"""StatefulSets: ordered names, updates from the highest ordinal down, partition and OnDelete.

Claims are made from templates and bound at once; it refuses to know any storage.
"""

from bot.sandbox.kubernetes import revisions
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.replicasets import (
    counted,
    is_active,
    is_available,
    make_pod,
    ready_since,
    remove_pod,
)
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World
from bot.sandbox.kubernetes.writes import CONTROLLER


def ordinal(pod: Json) -> int:
    """The number at the end of a pod's name."""
    return int(pod["metadata"]["name"].rsplit("-", 1)[-1])


def _revision(pod: Json) -> str:
    return str(dig(pod, "metadata", "labels", default={}).get(revisions.LABEL, ""))


class StatefulSets:
    """The StatefulSet controller."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kind, self._pods = by_kind("StatefulSet"), by_kind("Pod")

    def sync(self) -> None:
        """One pass over all StatefulSets."""
        for one in self.world.store.list(self._kind):
            if not one["metadata"].get("deletionTimestamp") and one["metadata"]["uid"] not in self.world.unheeded:
                self._sync(one)

    def _sync(self, one: Json) -> None:
        update = revisions.ensure(self.world, one)
        known = {rev["metadata"]["name"]: rev for rev in self.world.owned(by_kind("ControllerRevision"), one)}
        current_name = dig(one, "status", "currentRevision") or update["metadata"]["name"]
        current = known.get(current_name, update)
        pods = {ordinal(pod): pod for pod in self.world.owned(self._pods, one)}
        self._act(one, pods, current, update)
        self._count(one, current, update)

    def _act(self, one: Json, pods: dict[int, Json], current: Json, update: Json) -> None:
        wanted = one["spec"]["replicas"]
        ordered = one["spec"]["podManagementPolicy"] == "OrderedReady"
        for number in range(wanted):
            pod = pods.get(number)
            if pod is None:
                self._make(one, number, current, update)
            elif dig(pod, "status", "phase") in ("Failed", "Succeeded"):
                remove_pod(self.world, one, pod)
            healthy = pod is not None and is_active(pod) and ready_since(pod) is not None
            if ordered and not healthy:
                return
        for number in sorted((n for n in pods if n >= wanted), reverse=True):
            if is_active(pods[number]):
                remove_pod(self.world, one, pods[number])
            if ordered:
                return
        self._update(one, pods, update)

    def _partition(self, one: Json) -> int:
        return int(dig(one, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))

    def _make(self, one: Json, number: int, current: Json, update: Json) -> None:
        rolling = one["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        old = rolling and number < self._partition(one)
        chosen = current if old else update
        name = f"{one['metadata']['name']}-{number}"
        labels = {
            revisions.LABEL: chosen["metadata"]["name"],
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
        }
        template = revisions.template_of(chosen)
        template["spec"]["volumes"] = [
            *(template["spec"].get("volumes") or []),
            *(self._claimed(one, claim, name) for claim in one["spec"].get("volumeClaimTemplates") or []),
        ]
        make_pod(self.world, one, template, name=name, labels=labels)

    def _claimed(self, one: Json, template: Json, pod: str) -> Json:
        """The volume of a claim template for one pod; its claim is made, and bound at once, where there is none."""
        kind, namespace = by_kind("PersistentVolumeClaim"), one["metadata"]["namespace"]
        volume = str(template["metadata"]["name"])
        name = f"{volume}-{pod}"
        if self.world.store.get(kind, namespace, name) is None:
            body = {"metadata": {"name": name, "labels": one["spec"]["selector"]["matchLabels"]}}
            made = self.world.writes.create(kind, namespace, {**body, "spec": template["spec"]}, CONTROLLER)
            size = dig(template, "spec", "resources", "requests", "storage")
            self.world.writes.set_status(kind, made, {"phase": "Bound", "capacity": {"storage": size}})
        return {"name": volume, "persistentVolumeClaim": {"claimName": name}}

    def _update(self, one: Json, pods: dict[int, Json], update: Json) -> None:
        if one["spec"]["updateStrategy"]["type"] != "RollingUpdate":
            return
        name = update["metadata"]["name"]
        for number in sorted(pods, reverse=True):
            if number < self._partition(one):
                return
            pod = pods[number]
            if _revision(pod) != name and is_active(pod):
                remove_pod(self.world, one, pod)
                return
            if not is_active(pod) or ready_since(pod) is None:
                return

    def _count(self, one: Json, current: Json, update: Json) -> None:
        pods = self.world.owned(self._pods, one)
        min_ready = int(one["spec"].get("minReadySeconds") or 0)
        new, old = update["metadata"]["name"], current["metadata"]["name"]
        live = [pod for pod in pods if is_active(pod)]
        updated = sum(_revision(pod) == new for pod in live)
        ready = sum(ready_since(pod) is not None for pod in live)
        wanted = one["spec"]["replicas"]
        if new != old and updated == ready == wanted == len(pods):
            old = new
        numbers = {
            "observedGeneration": one["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "currentReplicas": sum(_revision(pod) == old for pod in live),
            "updatedReplicas": updated,
        }
        status = counted(numbers, ("replicas",))
        status |= {"currentRevision": old, "updateRevision": new, "collisionCount": 0}
        status["availableReplicas"] = sum(is_available(self.world, pod, min_ready) for pod in live)
        self.world.writes.set_status(self._kind, one, status)
