"""Server-side printing: the tables that `kubectl get` shows. It refuses to sort or to colour."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.selectors import written
from bot.sandbox.kubernetes.wire import Json, clone, dig

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NAME = ("Name", "string", "name", 0)
_AGE = ("Age", "string", "", 0)
Column = tuple[str, str, str, int]
Cells = Callable[[Json, float], list[Any]]


def age(text: str | None, now: float) -> str:
    """A duration as kubectl writes it: 42s, 3m10s, 25h, 9d."""
    if not text:
        return "<unknown>"
    seconds = max(0, int(now - moment(text)))
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 10 * _MINUTE:
        rest = seconds % _MINUTE
        return f"{seconds // _MINUTE}m{rest}s" if rest else f"{seconds // _MINUTE}m"
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    return f"{seconds // _HOUR}h" if seconds < 2 * _DAY else f"{seconds // _DAY}d"


def _since(obj: Json, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


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
        _since(pod, now),
        dig(pod, "status", "podIP", default="<none>"),
        dig(pod, "spec", "nodeName", default="<none>"),
        "<none>",
        "<none>",
    ]


def _containers(obj: Json) -> list[Any]:
    containers = obj["spec"]["template"]["spec"]["containers"]
    names = ",".join(one["name"] for one in containers)
    return [names, ",".join(one["image"] for one in containers)]


def _count(obj: Json, field: str) -> int:
    return int(dig(obj, "status", field, default=0))


def _deployment(obj: Json, now: float) -> list[Any]:
    ready = f"{_count(obj, 'readyReplicas')}/{obj['spec']['replicas']}"
    counts = [_count(obj, "updatedReplicas"), _count(obj, "availableReplicas")]
    tail = [*_containers(obj), written(obj["spec"]["selector"])]
    return [obj["metadata"]["name"], ready, *counts, _since(obj, now), *tail]


def _replicaset(obj: Json, now: float) -> list[Any]:
    counts = [obj["spec"]["replicas"], _count(obj, "replicas"), _count(obj, "readyReplicas")]
    tail = [*_containers(obj), written(obj["spec"]["selector"])]
    return [obj["metadata"]["name"], *counts, _since(obj, now), *tail]


def _statefulset(obj: Json, now: float) -> list[Any]:
    ready = f"{_count(obj, 'readyReplicas')}/{obj['spec']['replicas']}"
    return [obj["metadata"]["name"], ready, _since(obj, now), *_containers(obj)]


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
    tail = [*_containers(obj), written(obj["spec"]["selector"])]
    counts = [_count(obj, field) for field in fields]
    return [obj["metadata"]["name"], *counts, where, _since(obj, now), *tail]


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


def _node(obj: Json, now: float) -> list[Any]:
    ready = next((one["status"] for one in obj["status"]["conditions"] if one["type"] == "Ready"), "")
    state = {"True": "Ready"}.get(ready, "NotReady")
    if obj["spec"].get("unschedulable"):
        state += ",SchedulingDisabled"
    version = dig(obj, "status", "nodeInfo", "kubeletVersion", default="")
    return [obj["metadata"]["name"], state, "<none>", _since(obj, now), version]


def _service(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    ports = ",".join(f"{one['port']}/{one['protocol']}" for one in spec.get("ports", ()))
    chosen = ",".join(f"{key}={value}" for key, value in spec.get("selector", {}).items())
    head = [obj["metadata"]["name"], spec["type"], spec["clusterIP"], "<none>", ports or "<none>"]
    return [*head, _since(obj, now), chosen or "<none>"]


def _namespace(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], dig(obj, "status", "phase", default=""), _since(obj, now)]


def _budget(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    head = [obj["metadata"]["name"], str(spec.get("minAvailable", "N/A"))]
    return [
        *head,
        str(spec.get("maxUnavailable", "N/A")),
        _count(obj, "disruptionsAllowed"),
        _since(obj, now),
    ]


def _scaler(obj: Json, now: float) -> list[Any]:
    spec, target = obj["spec"], obj["spec"]["scaleTargetRef"]
    head = [obj["metadata"]["name"], f"{target['kind']}/{target['name']}", "<none>"]
    low = str(spec.get("minReplicas", 1))
    return [*head, low, spec["maxReplicas"], _count(obj, "currentReplicas"), _since(obj, now)]


def _plain(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], _since(obj, now)]


def _texts(*names: str, wide: int = 0) -> tuple[Column, ...]:
    return tuple((name, "string", "", wide) for name in names)


def _numbers(*names: str) -> tuple[Column, ...]:
    return tuple((name, "integer", "", 0) for name in names)


_IMAGES = _texts("Containers", "Images", "Selector", wide=1)
_TABLES: dict[str, tuple[tuple[Column, ...], Cells]] = {
    "Pod": (
        (
            _NAME,
            *_texts("Ready", "Status", "Restarts", "Age"),
            *_texts("IP", "Node", "Nominated Node", "Readiness Gates", wide=1),
        ),
        _pod,
    ),
    "Deployment": (
        (_NAME, *_texts("Ready"), *_numbers("Up-to-date", "Available"), _AGE, *_IMAGES),
        _deployment,
    ),
    "ReplicaSet": ((_NAME, *_numbers("Desired", "Current", "Ready"), _AGE, *_IMAGES), _replicaset),
    "StatefulSet": ((_NAME, *_texts("Ready"), _AGE, *_IMAGES[:2]), _statefulset),
    "DaemonSet": (
        (
            _NAME,
            *_numbers("Desired", "Current", "Ready", "Up-to-date", "Available"),
            *_texts("Node Selector"),
            _AGE,
            *_IMAGES,
        ),
        _daemonset,
    ),
    "Event": (
        (
            *_texts("Last Seen", "Type", "Reason", "Object"),
            *_texts("Subobject", "Source", wide=1),
            *_texts("Message"),
            *_texts("First Seen", wide=1),
            ("Count", "integer", "", 1),
            ("Name", "string", "name", 1),
        ),
        _event,
    ),
    "Node": ((_NAME, *_texts("Status", "Roles", "Age", "Version")), _node),
    "Service": (
        (
            _NAME,
            *_texts("Type", "Cluster-IP", "External-IP", "Port(s)", "Age"),
            *_texts("Selector", wide=1),
        ),
        _service,
    ),
    "Namespace": ((_NAME, *_texts("Status", "Age")), _namespace),
    "PodDisruptionBudget": (
        (
            _NAME,
            *_texts("Min Available", "Max Unavailable"),
            *_numbers("Allowed Disruptions"),
            _AGE,
        ),
        _budget,
    ),
    "HorizontalPodAutoscaler": (
        (
            _NAME,
            *_texts("Reference", "Targets", "MinPods"),
            *_numbers("MaxPods", "Replicas"),
            _AGE,
        ),
        _scaler,
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
    columns, cells = _TABLES.get(kind, ((_NAME, _AGE), _plain))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": clone(meta),
        "columnDefinitions": [_definition(column) for column in columns] if head else None,
        "rows": [_row(obj, cells, now, include) for obj in objects],
    }
