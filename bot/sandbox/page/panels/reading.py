"""The cluster as a person would look at it: workloads with their pods, nodes and events, out of the stored objects.

Pure reading: a state is a colour's name, a sign and a word, so that none of it is told by colour alone. It refuses to
change anything and to keep anything.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.kubelet import workload_name
from bot.sandbox.kubernetes.replicasets import ready_since
from bot.sandbox.kubernetes.revisions import LABEL
from bot.sandbox.kubernetes.tables import pod_reason
from bot.sandbox.kubernetes.wire import dig

Json = dict[str, Any]
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
OWN = {"kube-system", "monitoring"}
"""Namespaces of the cluster's own parts: shown last."""
DENSE = 40
"""Pods of one workload above which a tile is a mark without words."""
KEPT_EVENTS = 30
_REVISION = "deployment.kubernetes.io/revision"
_SHORT = {
    "CrashLoopBackOff": "Crash loop",
    "ImagePullBackOff": "No image",
    "ErrImagePull": "No image",
    "CreateContainerConfigError": "Config error",
}
"""Words that fit a tile; the reason itself is in its title."""
_STARTING = {"Pending", "ContainerCreating", "PodInitializing"}


@dataclass(frozen=True)
class State:
    """``tint`` is ok, new, warn, bad or gone."""

    tint: str
    sign: str
    word: str


@dataclass(frozen=True)
class Tile:
    """One pod: kubectl's word for its state, how its container ended last, the revision it is made of."""

    key: str
    name: str
    short: str
    state: State
    reason: str
    restarts: int
    last: str
    revision: str
    node: str

    @property
    def title(self) -> str:
        """Everything about it in one line."""
        said = self.reason if self.reason not in {self.state.word, "Running"} else ""
        parts = [self.name, self.state.word, said, f"{self.restarts} restarts" if self.restarts else "", self.last]
        parts += [f"revision {self.revision}" if self.revision else "", f"on {self.node}" if self.node else ""]
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True)
class Workload:
    """One card. ``facts`` are words about image, revision and budget, ``conditions`` what its controller says."""

    place: str
    kind: str
    ready: int
    wanted: int
    facts: Sequence[str]
    conditions: Sequence[State]
    tiles: Sequence[Tile]

    @property
    def state(self) -> State:
        """How it is as a whole."""
        if self.ready >= self.wanted:
            return State("ok", "●", f"{self.ready}/{self.wanted} ready")
        tint, sign = ("bad", "✕") if not self.ready else ("warn", "◐")
        return State(tint, sign, f"{self.ready}/{self.wanted} ready")

    @property
    def dense(self) -> bool:
        """Whether there are too many pods for words."""
        return len(self.tiles) > DENSE


@dataclass(frozen=True)
class Happening:
    """One event; ``at`` is its newest time as written."""

    key: str
    at: str
    reason: str
    about: str
    message: str
    count: int
    warning: bool


@dataclass(frozen=True)
class Node:
    """One node with what it is and how many pods run there."""

    name: str
    state: State
    pods: int


def pod_state(pod: Json) -> State:
    """What a pod is doing."""
    reason = pod_reason(pod)
    if reason == "Terminating":
        return State("gone", "□", reason)
    if ready_since(pod) is not None:
        return State("ok", "●", "Ready")
    if reason == "Completed":
        return State("gone", "✓", reason)
    if reason in _STARTING:
        return State("new", "○", "Starting" if reason != "Pending" or dig(pod, "spec", "nodeName") else "Pending")
    if reason == "Running":
        return State("warn", "◐", "Not ready")
    return State("bad", "✕", _SHORT.get(reason, reason))


def tile(pod: Json, revision: str) -> Tile:
    """A pod as a tile."""
    statuses: list[Json] = dig(pod, "status", "containerStatuses", default=[])
    ended: Json = next((one["lastState"]["terminated"] for one in statuses if dig(one, "lastState", "terminated")), {})
    last = f"{ended.get('reason', 'Ended')} {ended.get('exitCode', '')}".strip() if ended else ""
    meta = pod["metadata"]
    return Tile(
        key=meta["uid"],
        name=meta["name"],
        short=meta["name"].rsplit("-", 1)[-1],
        state=pod_state(pod),
        reason=pod_reason(pod),
        restarts=sum(one.get("restartCount", 0) for one in statuses),
        last=last,
        revision=revision,
        node=str(dig(pod, "spec", "nodeName") or ""),
    )


def _revision(cluster: Cluster, pod: Json) -> str:
    labels = pod["metadata"].get("labels") or {}
    if labels.get(LABEL):
        made = cluster.store.get(by_kind("ControllerRevision"), pod["metadata"]["namespace"], labels[LABEL])
        return str(made["revision"]) if made else ""
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner["kind"] == "ReplicaSet":
            found = cluster.store.get(by_kind("ReplicaSet"), pod["metadata"]["namespace"], owner["name"])
            return str(((found or {}).get("metadata", {}).get("annotations") or {}).get(_REVISION, ""))
    return ""


def _condition(one: Json) -> State:
    """Available and Progressing as Deployments have them, anything else as it is called."""
    kind, true, reason = one["type"], one["status"] == "True", one.get("reason", "")
    if kind == "Progressing":
        if not true:
            return State("bad", "✕", f"stuck: {reason}")
        done = reason == "NewReplicaSetAvailable"
        return State("ok", "✓", "rolled out") if done else State("new", "○", f"rolling out: {reason}")
    if kind == "Available":
        return State("ok", "✓", "available") if true else State("bad", "✕", f"not available: {reason}")
    bad = true and kind in {"ReplicaFailure", "Failed"}
    return State("bad" if bad else "gone", "✕" if bad else "·", f"{kind} {one['status']}")


def _wanted(obj: Json) -> tuple[int, int, str]:
    """Ready, wanted, and how many are of the newest template, in the words of its kind."""
    status, spec = obj.get("status") or {}, obj["spec"]
    if obj["kind"] == "DaemonSet":
        updated = f"{status.get('updatedNumberScheduled', 0)} updated"
        return status.get("numberReady", 0), status.get("desiredNumberScheduled", 0), updated
    if obj["kind"] == "Job":
        return status.get("succeeded", 0), spec.get("completions") or 1, f"{status.get('failed', 0)} failed"
    wanted = int(spec.get("replicas", 1))
    return status.get("readyReplicas", 0), wanted, f"{status.get('updatedReplicas', 0)} updated"


def _facts(cluster: Cluster, obj: Json) -> Iterator[str]:
    notes = obj["metadata"].get("annotations") or {}
    if notes.get(_REVISION):
        yield f"revision {notes[_REVISION]}"
    yield str(obj["spec"]["template"]["spec"]["containers"][0].get("image", "")).rsplit("/", 1)[-1]
    labels = obj["spec"]["template"]["metadata"].get("labels") or {}
    for budget in cluster.store.list(by_kind("PodDisruptionBudget"), obj["metadata"]["namespace"]):
        chosen = dig(budget, "spec", "selector", "matchLabels", default={})
        if chosen and chosen.items() <= labels.items():
            yield f"budget allows {dig(budget, 'status', 'disruptionsAllowed', default=0)} to go"


def workloads(cluster: Cluster) -> list[Workload]:
    """All workloads with their pods, those of the cluster's own parts last."""
    owned: dict[tuple[str, str], list[Json]] = {}
    for pod in cluster.store.list(by_kind("Pod")):
        owned.setdefault((pod["metadata"]["namespace"], workload_name(cluster.world, pod)), []).append(pod)
    found = []
    for kind in KINDS:
        for obj in cluster.store.list(by_kind(kind)):
            space, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
            ready, wanted, updated = _wanted(obj)
            pods = sorted(owned.get((space, name), []), key=lambda pod: pod["metadata"]["creationTimestamp"])
            conditions = [_condition(one) for one in dig(obj, "status", "conditions", default=[])]
            tiles = [tile(pod, _revision(cluster, pod)) for pod in pods]
            facts = [*_facts(cluster, obj), updated]
            found.append(Workload(f"{space}/{name}", kind, ready, wanted, facts, conditions, tiles))
    return sorted(found, key=lambda one: (one.place.partition("/")[0] in OWN, one.place, one.kind))


def nodes(cluster: Cluster) -> list[Node]:
    """All nodes."""
    count: dict[str, int] = {}
    for pod in cluster.store.list(by_kind("Pod")):
        name = dig(pod, "spec", "nodeName")
        count[name] = count.get(name, 0) + 1
    found = []
    for node in cluster.store.list(by_kind("Node")):
        told = {one["type"]: one["status"] for one in dig(node, "status", "conditions", default=[])}
        pressed = [kind for kind, status in told.items() if kind.endswith("Pressure") and status == "True"]
        if told.get("Ready") != "True":
            state = State("bad", "✕", "Not ready")
        elif pressed:
            state = State("warn", "◐", pressed[0])
        elif dig(node, "spec", "unschedulable"):
            state = State("gone", "□", "Cordoned")
        else:
            state = State("ok", "●", "Ready")
        found.append(Node(node["metadata"]["name"], state, count.get(node["metadata"]["name"], 0)))
    return found


def events(cluster: Cluster) -> list[Happening]:
    """The newest events, newest first."""
    newest = heapq.nlargest(KEPT_EVENTS, cluster.store.list(by_kind("Event")), key=_when)
    return [
        Happening(
            key=one["metadata"]["uid"],
            at=_when(one),
            reason=one.get("reason", ""),
            about=f"{one['involvedObject'].get('kind', '')} {one['involvedObject'].get('name', '')}",
            message=one.get("message", ""),
            count=one.get("count") or 1,
            warning=one.get("type") == "Warning",
        )
        for one in newest
    ]


def _when(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])
