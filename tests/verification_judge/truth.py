"""Whether an action really worked and holds, by what the cluster was at every moment; empty where it did.

Nothing of ``bot.verification`` is asked. What nobody could know isn't demanded: a node's silence counts from the moment
at which the cluster marks its pods.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.replicasets import is_active
from bot.sandbox.kubernetes.scheduler import _tolerates
from bot.sandbox.kubernetes.wire import dig
from tests.verification_judge.history import ready, restarts
from tests.verification_judge.room import NAME, Room

Json = dict[str, Any]
GRAIN = 1.0
"""Seconds: statuses tell whole ones."""
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def wanted(obj: Json) -> int:
    """How many pods there should be."""
    if obj["kind"] == "DaemonSet":
        return int(dig(obj, "status", "desiredNumberScheduled", default=0))
    return int(obj["spec"]["replicas"])


def same(room: Room, *, counts: bool = False) -> str:
    """Whether the target is still as our write left it; its size may move where an autoscaler is, and with counts."""
    before, now = room.acted.target, room.workload()
    if now is None:
        return "the target is gone"
    if now["metadata"]["uid"] != before["metadata"]["uid"]:
        return "the target is another one"
    was, has = ({key: value for key, value in one["spec"].items() if key != "replicas"} for one in (before, now))
    if was != has:
        return "somebody changed the target"
    scaled = before["spec"].get("replicas") != now["spec"].get("replicas")
    autoscaled = room.stored("HorizontalPodAutoscaler", NAME) is not None
    return "somebody scaled the target" if scaled and not autoscaled and not counts else ""


def put_back(room: Room) -> bool:
    """Whether somebody changed the target since our write and changed it back: who took over has let go again."""
    before = room.acted.target
    left = {"replicas"} if room.stored("HorizontalPodAutoscaler", NAME) is not None else set()
    ours = {key: value for key, value in before["spec"].items() if key not in left}
    later = [
        one for one in room.history.since(before["metadata"]["uid"], room.acted.at)
        if one is not None and one["metadata"]["generation"] > before["metadata"]["generation"]
    ]  # fmt: skip
    return any({key: value for key, value in one["spec"].items() if key not in left} != ours for one in later)


def of_template(room: Room, obj: Json) -> set[str]:
    """The uids of its pods that are of the template that it has now."""
    found = set()
    for uid, pod in room.pods().items():
        owner = pod["metadata"]["ownerReferences"][0]
        if owner["kind"] == "ReplicaSet":
            above = room.stored("ReplicaSet", owner["name"])
            held = dict(above["spec"]["template"]) if above else {}
            labels = {k: v for k, v in dig(held, "metadata", "labels", default={}).items() if k != "pod-template-hash"}
            held["metadata"] = {**held.get("metadata", {}), "labels": labels}
        else:
            held = _revised(room, obj, pod)
        if held == obj["spec"]["template"]:
            found.add(uid)
    return found


def _revised(room: Room, obj: Json, pod: Json) -> Json:
    label = pod["metadata"]["labels"].get("controller-revision-hash", "")
    for one in room.cluster.world.owned(by_kind("ControllerRevision"), obj):
        if label in (one["metadata"]["name"], one["metadata"]["labels"].get("controller-revision-hash")):
            template: Json = one["data"]["spec"]["template"]
            return {key: value for key, value in template.items() if key != "$patch"}
    return {}


def held(room: Room, soak: float, uids: set[str] | None = None) -> str:
    """Whether as many pods as are wanted were ready all through the soak; those of a growing size since they came.

    What was wanted is asked for the whole soak: a pod that an autoscaler added in its first second came within it.
    """
    obj, began, since = room.workload(), room.now - soak, room.now - soak + GRAIN
    sizes = [wanted(one) for one in room.history.since(obj["metadata"]["uid"], began) if one is not None]
    pods = room.pods() if uids is None else {uid: pod for uid, pod in room.pods().items() if uid in uids}
    unready = [pod["metadata"]["name"] for pod in pods.values() if not ready(pod)]
    if unready:
        return f"not ready: {unready}"
    if uids is None and len(pods) != wanted(obj):
        return f"{len(pods)} pods of {wanted(obj)}"
    grown = max(0, wanted(obj) - min(sizes, default=0))
    late = {uid: pod for uid, pod in pods.items() if not room.history.ready_all_along(uid, since)}
    came = [uid for uid in late if room.history.at(uid, began) is None and not restarts(late[uid])]
    if len(late) > min(grown, len(came)):
        return f"not ready all through the soak: {[pod['metadata']['name'] for pod in late.values()]}"
    return unserved(room) if soak else ""


def unserved(room: Room) -> str:
    """Whether a pod that is ready stands behind no endpoint of the Service that selects it."""
    service = room.stored("Service", NAME)
    if service is None:
        return ""
    slices = [one for one in room.cluster.list("EndpointSlice", "shop") if one["metadata"]["name"].startswith(NAME)]
    behind = {
        one["targetRef"]["uid"] for item in slices for one in item.get("endpoints") or () if one["conditions"]["ready"]
    }
    lost = [pod["metadata"]["name"] for uid, pod in room.pods().items() if ready(pod) and uid not in behind]
    return f"no traffic reaches {lost}" if lost else ""


def rolled_out(room: Room, soak: float) -> str:
    """Every pod that should be new is of our template, and holds."""
    moved = same(room)
    if moved:
        return moved
    obj = room.workload()
    partition = int(dig(obj, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))
    need = max(0, wanted(obj) - partition) if obj["kind"] == "StatefulSet" else wanted(obj)
    if need == 0:
        return "no pod was to be new, so nothing was tried"
    new, all_ = of_template(room, obj), room.pods()
    if len(new) < need:
        return f"{len(new)} new pods of {need}"
    if obj["kind"] != "StatefulSet" and set(all_) - new:
        return "old pods still serve"
    return held(room, soak)


def scaled(room: Room, soak: float) -> str:
    """The number is what was asked for, and all hold; of none, none is left, not even one that still ends."""
    to = int(room.acted.params["replicas"])
    if moved := same(room, counts=True):
        return moved
    obj = room.workload()
    if obj["spec"]["replicas"] != to:
        return f"scaled to {obj['spec']['replicas']}"
    if to == 0:
        left = [one for uid in room.history.ever(room.owners(obj)) if (one := room.history.at(uid, room.now))]
        return f"{len(left)} pods are left" if left else ""
    return held(room, soak)


def bounded(room: Room, soak: float) -> str:
    """The bounds stand, the size is within them, and all hold."""
    found = room.stored("HorizontalPodAutoscaler", NAME)
    if moved := same(room, counts=True):
        return moved
    if found is None or found["spec"]["maxReplicas"] != int(room.acted.params["most"]):
        return "the bounds are others"
    size = room.workload()["spec"]["replicas"]
    if not found["spec"].get("minReplicas", 1) <= size <= found["spec"]["maxReplicas"]:
        return f"{size} replicas are out of bounds"
    return held(room, soak)


def evicted(room: Room, soak: float) -> str:
    """The pod is gone, one that wasn't there holds in its place, and no fewer are ready than before."""
    if moved := same(room):
        return moved
    if room.history.at(room.acted.uid, room.now) is not None:
        return "the pod is still there"
    fresh = set(room.pods()) - room.acted.pods
    if not fresh:
        shrunk = 0 < wanted(room.workload()) < wanted(room.acted.target)
        return "" if shrunk and not held(room, 0.0) else "nothing came in its place"
    since = room.now - soak + GRAIN
    if not any(room.history.ready_all_along(uid, since) for uid in fresh):
        return "nothing in its place was ready all through the soak"
    now = sum(ready(pod) for pod in room.pods().values())
    least = min(room.acted.ready, wanted(room.workload()))
    return f"{now} ready, {least} were before" if now < least else unserved(room)


def paused(room: Room, soak: float) -> str:
    """It is paused, and nothing more of the newest template was ordered while it was watched."""
    del soak
    if moved := same(room, counts=True):
        return moved
    obj = room.workload()
    if not obj["spec"].get("paused"):
        return "it isn't paused"
    if obj["status"].get("observedGeneration", 0) < obj["metadata"]["generation"]:
        return "its controller hasn't seen it"
    return ""


def ran(room: Room, soak: float) -> str:
    """The run that was started is there and complete."""
    del soak
    job = room.stored("Job", str(room.acted.params["run"]))
    if job is None or job["metadata"]["uid"] != room.acted.uid:
        return "the run is gone"
    ends = {one["type"] for one in dig(job, "status", "conditions", default=[]) if one["status"] == "True"}
    done = dig(job, "status", "succeeded", default=0)
    return "" if "Complete" in ends and done >= job["spec"]["completions"] else "the run isn't complete"


def deleted(room: Room, soak: float) -> str:
    """The Job is gone, and its pods with it."""
    del soak
    uid = room.acted.uid
    if room.history.at(uid, room.now) is not None:
        return "the Job is there"
    left = [one for one in room.history.ever({uid}) if room.history.at(one, room.now) is not None]
    return f"{len(left)} of its pods are left" if left else ""


def expanded(room: Room, soak: float) -> str:
    """The claim that was asked to grow has grown."""
    del soak
    claim = room.stored("PersistentVolumeClaim", "data-db-0")
    if claim is None or claim["metadata"]["uid"] != room.acted.uid:
        return "the claim is another one"
    has = quantity(dig(claim, "status", "capacity", "storage", default="0"))
    return "" if has >= quantity(str(room.acted.params["size"])) else "it isn't larger"


def cordoned(room: Room, soak: float) -> str:
    """The node takes no pods, and got none all through the soak that a cordon keeps away.

    Asked for the whole time since the act it says whether it ever got one, which is a reason to fail.
    """
    node = room.stored("Node", "worker-1")
    if node is None or node["metadata"]["uid"] != room.acted.uid:
        return "the node is another one"
    if not node["spec"].get("unschedulable"):
        return "the node takes pods"
    since = room.now - soak + GRAIN
    for pod in room.cluster.list("Pod"):
        if pod["spec"].get("nodeName") != "worker-1" or not is_active(pod):
            continue
        came = room.history.at(pod["metadata"]["uid"], since) is None
        owner = next(iter(pod["metadata"].get("ownerReferences") or ()), {})
        anyway = owner.get("kind") in ("DaemonSet", "Node") or any(
            _tolerates(one, UNSCHEDULABLE) for one in pod["spec"].get("tolerations") or ()
        )
        if came and not anyway:
            return f"{pod['metadata']['name']} came to the node"
    return ""


def uncordoned(room: Room, soak: float) -> str:
    """The node takes pods again."""
    del soak
    node = room.stored("Node", "worker-1")
    if node is None or node["metadata"]["uid"] != room.acted.uid:
        return "the node is another one"
    return "the node takes no pods" if node["spec"].get("unschedulable") else ""


def looked(room: Room, soak: float) -> str:
    """A look at a workload: what it wants of its template runs and is ready, and nothing of it crashes now."""
    del soak
    obj = room.workload()
    partition = int(dig(obj, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))
    need = max(0, wanted(obj) - partition) if obj["kind"] == "StatefulSet" else wanted(obj)
    if wanted(obj) == 0 or need == 0:
        return "nothing runs that could be looked at"
    if obj["metadata"]["generation"] > dig(obj, "status", "observedGeneration", default=0):
        return "its controller hasn't seen it"
    new = of_template(room, obj)
    if len(new) < need or (obj["kind"] != "StatefulSet" and set(room.pods()) - new):
        return "it isn't rolled out"
    return held(room, 0.0)
