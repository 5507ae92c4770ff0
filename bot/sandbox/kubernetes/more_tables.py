"""Tables of what is no workload of apps, and the wide columns of nodes, as the real server prints them."""

from typing import Any

from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.columns import AGE, IMAGES, NAME, Tables, age, images, numbers, since, span, texts
from bot.sandbox.kubernetes.wire import Json, dig

_NONE = "<none>"
_UNSET = "<unset>"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_MOST = 3
"""Addresses and targets that are named; the others are counted."""


def _some(names: list[str], most: int = _MOST) -> str:
    """As many as a cell has room for."""
    left = len(names) - most
    return (",".join(names[:most]) + (f" + {left} more..." if left > 0 else "")) or _NONE


def _configmap(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), since(obj, now)]


def _secret(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("type", "Opaque"), len(obj.get("data") or {}), since(obj, now)]


def _account(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("secrets") or ()), since(obj, now)]


def _endpoints(obj: Json, now: float) -> list[Any]:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return [obj["metadata"]["name"], _some(found), since(obj, now)]


def _slice(obj: Json, now: float) -> list[Any]:
    ports = [str(one["port"]) for one in obj.get("ports") or ()]
    found = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    return [
        obj["metadata"]["name"],
        obj["addressType"],
        _some(ports) if ports else _UNSET,
        _some(found),
        since(obj, now),
    ]


def _created(obj: Json, _now: float) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"]["creationTimestamp"]]


def _quota(obj: Json, now: float) -> list[Any]:
    hard = dig(obj, "status", "hard", default={}) or dig(obj, "spec", "hard", default={})
    used = dig(obj, "status", "used", default={})
    told = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = ", ".join(words for name, words in told.items() if name.startswith("limits."))
    requests = ", ".join(words for name, words in told.items() if not name.startswith("limits."))
    return [obj["metadata"]["name"], requests, limits, since(obj, now)]


def _claim(obj: Json, now: float) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    state = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    bound = bool(spec.get("volumeName"))
    modes = ",".join(_MODES.get(one, one) for one in status.get("accessModes") or ()) if bound else ""
    size = dig(status, "capacity", "storage", default="") if bound else ""
    kind = spec.get("storageClassName") or ""
    attributes = spec.get("volumeAttributesClassName") or _UNSET
    head = [obj["metadata"]["name"], state, spec.get("volumeName", ""), size, modes, kind, attributes]
    return [*head, since(obj, now), spec.get("volumeMode") or _UNSET]


def _volume(obj: Json, now: float) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    state = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    modes = ",".join(_MODES.get(one, one) for one in spec.get("accessModes") or ())
    of = spec.get("claimRef")
    head = [obj["metadata"]["name"], dig(spec, "capacity", "storage", default=""), modes]
    claim = f"{of['namespace']}/{of['name']}" if of else ""
    policy, kind = spec.get("persistentVolumeReclaimPolicy", ""), spec.get("storageClassName", "")
    attributes = spec.get("volumeAttributesClassName") or _UNSET
    tail = [status.get("reason", ""), since(obj, now), spec.get("volumeMode") or _UNSET]
    return [*head, policy, state, claim, kind, attributes, *tail]


def _api_service(obj: Json, now: float) -> list[Any]:
    by = dig(obj, "spec", "service")
    told: Json = next(iter(dig(obj, "status", "conditions", default=[])), {"status": "Unknown"})
    available = "True" if told["status"] == "True" else f"{told['status']} ({told.get('reason', '')})"
    return [obj["metadata"]["name"], f"{by['namespace']}/{by['name']}" if by else "Local", available, since(obj, now)]


def _revision(obj: Json, now: float) -> list[Any]:
    owner = next((one for one in obj["metadata"].get("ownerReferences") or () if one.get("controller")), None)
    group, _, _ = owner["apiVersion"].rpartition("/") if owner else ("", "", "")
    named = f"{owner['kind'].lower()}{f'.{group}' if group else ''}/{owner['name']}" if owner else _NONE
    return [obj["metadata"]["name"], named, obj["revision"], since(obj, now)]


def _cronjob(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    last = dig(obj, "status", "lastScheduleTime")
    head = [obj["metadata"]["name"], spec["schedule"], spec.get("timeZone") or _NONE, str(bool(spec.get("suspend")))]
    times = [len(dig(obj, "status", "active", default=())), age(last, now) if last else _NONE, since(obj, now)]
    job = spec["jobTemplate"]["spec"]
    return [*head, *times, *images(job["template"], job.get("selector"))]


def _state(job: Json) -> str:
    """The STATUS column of a Job."""
    true = {one["type"] for one in dig(job, "status", "conditions", default=()) if one["status"] == "True"}
    if "Complete" in true or "Failed" in true:
        return "Complete" if "Complete" in true else "Failed"
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((word for word in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if word in true), "Running")


def _job(obj: Json, now: float) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    done = status.get("succeeded", 0)
    if spec.get("completions") is not None:
        ran = f"{done}/{spec['completions']}"
    else:
        side = spec.get("parallelism", 0)
        ran = f"{done}/1 of {side}" if side > 1 else f"{done}/1"
    ends = [
        one["lastTransitionTime"]
        for one in status.get("conditions") or ()
        if one["type"] in {"Complete", "Failed"} and one["status"] == "True"
    ]
    start = status.get("startTime")
    end = status.get("completionTime") or next(iter(ends), None)
    took = "" if not start else span((moment(end) if end else now) - moment(start))
    head = [obj["metadata"]["name"], _state(obj), ran, took, since(obj, now)]
    return [*head, *images(spec["template"], spec.get("selector"))]


def _lease(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], dig(obj, "spec", "holderIdentity", default=""), since(obj, now)]


def _binding(obj: Json, now: float) -> list[Any]:
    role = obj["roleRef"]
    of: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for one in obj.get("subjects") or ():
        space = f"{one['namespace']}/" if one["kind"] == "ServiceAccount" else ""
        of.setdefault(one["kind"], []).append(f"{space}{one['name']}")
    people = [", ".join(of[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [obj["metadata"]["name"], f"{role['kind']}/{role['name']}", since(obj, now), *people]


def _class(obj: Json, now: float) -> list[Any]:
    notes = obj["metadata"].get("annotations") or {}
    usual = " (default)" if notes.get("storageclass.kubernetes.io/is-default-class") == "true" else ""
    grows = str(bool(obj.get("allowVolumeExpansion"))).lower()
    ways = [obj.get("reclaimPolicy", "Delete"), obj.get("volumeBindingMode", "Immediate"), grows]
    return [f"{obj['metadata']['name']}{usual}", obj["provisioner"], *ways, since(obj, now)]


def _node(obj: Json, now: float) -> list[Any]:
    ready = next((one["status"] for one in obj["status"]["conditions"] if one["type"] == "Ready"), "Unknown")
    state = {"True": "Ready"}.get(ready, "NotReady")
    if obj["spec"].get("unschedulable"):
        state += ",SchedulingDisabled"
    labels = obj["metadata"].get("labels") or {}
    roles = [key.partition("/")[2] for key in sorted(labels) if key.startswith("node-role.kubernetes.io/")]
    info = dig(obj, "status", "nodeInfo", default={})
    addresses = {one["type"]: one["address"] for one in dig(obj, "status", "addresses", default=())}
    return [
        obj["metadata"]["name"],
        state,
        ",".join(roles) or _NONE,
        since(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"),
        info.get("containerRuntimeVersion", "<unknown>"),
    ]


def _scaler(obj: Json, now: float) -> list[Any]:
    spec, target = obj["spec"], obj["spec"]["scaleTargetRef"]
    seen = dig(obj, "status", "currentMetrics", default=())
    told = [_measured(one, seen) for one in spec.get("metrics") or ()]
    targets = ", ".join(told[:2]) + (f" + {len(told) - 2} more..." if len(told) > 2 else "")
    head = [obj["metadata"]["name"], f"{target['kind']}/{target['name']}", targets or _NONE]
    now_there = int(dig(obj, "status", "currentReplicas", default=0))
    return [*head, str(spec.get("minReplicas", 1)), spec["maxReplicas"], now_there, since(obj, now)]


def _measured(metric: Json, seen: list[Json]) -> str:
    """``cpu: 45%/80%``, with ``<unknown>`` for what nobody has measured."""
    kind = metric["type"][:1].lower() + metric["type"][1:]
    of = metric.get(kind) or {}
    name = of.get("name") or dig(of, "metric", "name", default="")
    same = [
        one[kind] for one in seen if one.get("type") == metric["type"] and _named(one.get(kind) or {}) == _named(of)
    ]
    current = same[0].get("current") or {} if same else {}
    target = of.get("target") or {}
    if target.get("averageUtilization") is not None:
        value = current.get("averageUtilization")
        return f"{name}: {'<unknown>' if value is None else f'{value}%'}/{target['averageUtilization']}%"
    value = current.get("averageValue", current.get("value", "<unknown>"))
    mean = " (avg)" if kind in {"external", "object"} and "averageValue" in target else ""
    wanted = target.get("averageValue", target.get("value", "<auto>"))
    prefix = f"{name}: " if kind in {"resource", "containerResource"} else ""
    return f"{prefix}{value}/{wanted}{mean}"


def _named(of: Json) -> tuple[str, str]:
    return (str(of.get("name") or dig(of, "metric", "name", default="")), str(of.get("container", "")))


MORE: Tables = {
    "ConfigMap": ((NAME, *texts("Data"), AGE), _configmap),
    "Secret": ((NAME, *texts("Type", "Data"), AGE), _secret),
    "ServiceAccount": ((NAME, *texts("Secrets"), AGE), _account),
    "Endpoints": ((NAME, *texts("Endpoints"), AGE), _endpoints),
    "EndpointSlice": ((NAME, *texts("AddressType", "Ports", "Endpoints"), AGE), _slice),
    "LimitRange": ((NAME, *texts("Created At")), _created),
    "ResourceQuota": ((NAME, *texts("Request", "Limit"), AGE), _quota),
    "PersistentVolumeClaim": (
        (
            NAME,
            *texts("Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass"),
            AGE,
            *texts("VolumeMode", wide=1),
        ),
        _claim,
    ),
    "PersistentVolume": (
        (
            NAME,
            *texts("Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass"),
            *texts("VolumeAttributesClass", "Reason"),
            AGE,
            *texts("VolumeMode", wide=1),
        ),
        _volume,
    ),
    "APIService": ((NAME, *texts("Service", "Available"), AGE), _api_service),
    "CustomResourceDefinition": ((NAME, *texts("Created At")), _created),
    "ControllerRevision": ((NAME, *texts("Controller"), *numbers("Revision"), AGE), _revision),
    "CronJob": (
        (NAME, *texts("Schedule", "Timezone", "Suspend"), *numbers("Active"), *texts("Last Schedule"), AGE, *IMAGES),
        _cronjob,
    ),
    "Job": ((NAME, *texts("Status", "Completions", "Duration"), AGE, *IMAGES), _job),
    "Lease": ((NAME, *texts("Holder"), AGE), _lease),
    "Role": ((NAME, *texts("Created At")), _created),
    "ClusterRole": ((NAME, *texts("Created At")), _created),
    "RoleBinding": ((NAME, *texts("Role"), AGE, *texts("Users", "Groups", "ServiceAccounts", wide=1)), _binding),
    "ClusterRoleBinding": ((NAME, *texts("Role"), AGE, *texts("Users", "Groups", "ServiceAccounts", wide=1)), _binding),
    "StorageClass": (
        (NAME, *texts("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion"), AGE),
        _class,
    ),
    "Node": (
        (
            NAME,
            *texts("Status", "Roles", "Age", "Version"),
            *texts("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime", wide=1),
        ),
        _node,
    ),
    "HorizontalPodAutoscaler": (
        (NAME, *texts("Reference", "Targets", "MinPods"), *numbers("MaxPods", "Replicas"), AGE),
        _scaler,
    ),
}
