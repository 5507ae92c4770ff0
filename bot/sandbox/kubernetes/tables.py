"""Server-side printing: the tables that `kubectl get` shows. It refuses to sort or to colour."""

from typing import Any

from bot.sandbox.kubernetes.columns import (
    AGE,
    IMAGES,
    NAME,
    Cells,
    Column,
    Tables,
    age,
    images,
    numbers,
    since,
    texts,
)
from bot.sandbox.kubernetes.more_tables import MORE
from bot.sandbox.kubernetes.network_tables import NETWORK
from bot.sandbox.kubernetes.wire import Json, clone, dig


def pod_reason(pod: Json) -> str:
    """The STATUS column of a pod."""
    reason = str(dig(pod, "status", "reason") or dig(pod, "status", "phase", default="Unknown"))
    running = False
    for entry in reversed(dig(pod, "status", "containerStatuses", default=[])):
        waiting, ended = dig(entry, "state", "waiting"), dig(entry, "state", "terminated")
        if waiting and waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            reason = ended.get("reason") or f"ExitCode:{ended['exitCode']}"
        elif entry.get("ready"):
            running = True
    if reason == "Completed" and running:
        reason = "Running"
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else reason


def _pod(pod: Json, now: float) -> list[Any]:
    entries = dig(pod, "status", "containerStatuses", default=[])
    ready = sum(bool(one["ready"]) for one in entries)
    restarts = sum(one["restartCount"] for one in entries)
    ends = [dig(one, "lastState", "terminated", "finishedAt") for one in entries]
    last = max((one for one in ends if one), default=None)
    shown = f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(pod['spec']['containers'])}",
        pod_reason(pod),
        shown,
        since(pod, now),
        dig(pod, "status", "podIP", default="<none>"),
        dig(pod, "spec", "nodeName", default="<none>"),
        "<none>",
        "<none>",
    ]


def _count(obj: Json, field: str) -> int:
    return int(dig(obj, "status", field, default=0))


def _deployment(obj: Json, now: float) -> list[Any]:
    ready = f"{_count(obj, 'readyReplicas')}/{obj['spec']['replicas']}"
    counts = [_count(obj, "updatedReplicas"), _count(obj, "availableReplicas")]
    tail = [*images(obj["spec"]["template"], obj["spec"]["selector"])]
    return [obj["metadata"]["name"], ready, *counts, since(obj, now), *tail]


def _replicaset(obj: Json, now: float) -> list[Any]:
    counts = [obj["spec"]["replicas"], _count(obj, "replicas"), _count(obj, "readyReplicas")]
    tail = [*images(obj["spec"]["template"], obj["spec"]["selector"])]
    return [obj["metadata"]["name"], *counts, since(obj, now), *tail]


def _statefulset(obj: Json, now: float) -> list[Any]:
    ready = f"{_count(obj, 'readyReplicas')}/{obj['spec']['replicas']}"
    return [obj["metadata"]["name"], ready, since(obj, now), *images(obj["spec"]["template"], None)[:2]]


def _daemonset(obj: Json, now: float) -> list[Any]:
    fields = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    chosen = dig(obj, "spec", "template", "spec", "nodeSelector", default={})
    where = ",".join(f"{key}={value}" for key, value in chosen.items()) or "<none>"
    tail = [*images(obj["spec"]["template"], obj["spec"]["selector"])]
    counts = [_count(obj, field) for field in fields]
    return [obj["metadata"]["name"], *counts, where, since(obj, now), *tail]


def _event(obj: Json, now: float) -> list[Any]:
    last = obj.get("lastTimestamp") or obj.get("eventTime") or obj["metadata"]["creationTimestamp"]
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    about = obj["involvedObject"]
    source = dig(obj, "source", "component", default=obj.get("reportingComponent", ""))
    host = dig(obj, "source", "host", default="")
    return [
        age(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about['kind'].lower()}/{about['name']}",
        about.get("fieldPath", ""),
        f"{source}, {host}" if host else source,
        obj.get("message", "").strip(),
        age(first, now),
        obj.get("count", 1),
        obj["metadata"]["name"],
    ]


def _service(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    ports = ",".join(f"{one['port']}/{one['protocol']}" for one in spec.get("ports", ()))
    chosen = ",".join(f"{key}={value}" for key, value in spec.get("selector", {}).items())
    head = [obj["metadata"]["name"], spec["type"], spec["clusterIP"], "<none>", ports or "<none>"]
    return [*head, since(obj, now), chosen or "<none>"]


def _namespace(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], dig(obj, "status", "phase", default=""), since(obj, now)]


def _budget(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    head = [obj["metadata"]["name"], str(spec.get("minAvailable", "N/A"))]
    return [
        *head,
        str(spec.get("maxUnavailable", "N/A")),
        _count(obj, "disruptionsAllowed"),
        since(obj, now),
    ]


def _plain(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], since(obj, now)]


_TABLES: Tables = {
    **MORE,
    **NETWORK,
    "Pod": (
        (
            NAME,
            *texts("Ready", "Status", "Restarts", "Age"),
            *texts("IP", "Node", "Nominated Node", "Readiness Gates", wide=1),
        ),
        _pod,
    ),
    "Deployment": (
        (NAME, *texts("Ready"), *numbers("Up-to-date", "Available"), AGE, *IMAGES),
        _deployment,
    ),
    "ReplicaSet": ((NAME, *numbers("Desired", "Current", "Ready"), AGE, *IMAGES), _replicaset),
    "StatefulSet": ((NAME, *texts("Ready"), AGE, *IMAGES[:2]), _statefulset),
    "DaemonSet": (
        (
            NAME,
            *numbers("Desired", "Current", "Ready", "Up-to-date", "Available"),
            *texts("Node Selector"),
            AGE,
            *IMAGES,
        ),
        _daemonset,
    ),
    "Event": (
        (
            *texts("Last Seen", "Type", "Reason", "Object"),
            *texts("Subobject", "Source", wide=1),
            *texts("Message"),
            *texts("First Seen", wide=1),
            ("Count", "integer", "", 1),
            ("Name", "string", "name", 1),
        ),
        _event,
    ),
    "Service": (
        (
            NAME,
            *texts("Type", "Cluster-IP", "External-IP", "Port(s)", "Age"),
            *texts("Selector", wide=1),
        ),
        _service,
    ),
    "Namespace": ((NAME, *texts("Status", "Age")), _namespace),
    "PodDisruptionBudget": (
        (
            NAME,
            *texts("Min Available", "Max Unavailable"),
            *numbers("Allowed Disruptions"),
            AGE,
        ),
        _budget,
    ),
}


def _definition(column: Column) -> Json:
    name, kind, form, wide = column
    return {"name": name, "type": kind, "format": form, "description": name, "priority": wide}


def _row(obj: Json, cells: Cells, now: float, include: str) -> Json:
    row: Json = {"cells": cells(obj, now)}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    return row


def table(
    kind: str, objects: list[Json], meta: Json, now: float, *, include: str = "Metadata", head: bool = True
) -> Json:
    """A meta.k8s.io/v1 Table; `head` False leaves the columns out, as in later watch events."""
    columns, cells = _TABLES.get(kind, ((NAME, AGE), _plain))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": clone(meta),
        "columnDefinitions": [_definition(column) for column in columns] if head else None,
        "rows": [_row(obj, cells, now, include) for obj in objects],
    }
