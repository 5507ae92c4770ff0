"""Field names and types of workloads: what is unknown or of the wrong type.

Only Deployments, StatefulSets, DaemonSets and pods are known, as deep as people write them by hand.
It refuses to judge any other kind.
"""

import json
from typing import Any

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.wire import Json

_INT, _STR, _BOOL, _ANY = "int32", "string", "bool", "any"
_META = {
    "name": _STR, "generateName": _STR, "namespace": _STR, "uid": _STR, "resourceVersion": _STR,
    "generation": _INT, "creationTimestamp": _STR, "deletionTimestamp": _STR,
    "deletionGracePeriodSeconds": _INT, "labels": "strings", "annotations": "strings",
    "ownerReferences": _ANY, "finalizers": _ANY, "managedFields": _ANY, "selfLink": _STR,
}  # fmt: skip
_CONTAINER = {
    "name": _STR, "image": _STR, "command": _ANY, "args": _ANY, "workingDir": _STR, "ports": _ANY,
    "envFrom": _ANY, "env": _ANY, "resources": _ANY, "resizePolicy": _ANY, "restartPolicy": _STR,
    "restartPolicyRules": _ANY, "volumeMounts": _ANY, "volumeDevices": _ANY, "livenessProbe": _ANY,
    "readinessProbe": _ANY, "startupProbe": _ANY, "lifecycle": _ANY,
    "terminationMessagePath": _STR, "terminationMessagePolicy": _STR, "imagePullPolicy": _STR,
    "securityContext": _ANY, "stdin": _BOOL, "stdinOnce": _BOOL, "tty": _BOOL,
}  # fmt: skip
_POD = {
    "volumes": _ANY, "initContainers": [_CONTAINER], "containers": [_CONTAINER],
    "ephemeralContainers": _ANY, "restartPolicy": _STR, "terminationGracePeriodSeconds": _INT,
    "activeDeadlineSeconds": _INT, "dnsPolicy": _STR, "nodeSelector": "strings",
    "serviceAccountName": _STR, "serviceAccount": _STR, "automountServiceAccountToken": _BOOL,
    "nodeName": _STR, "hostNetwork": _BOOL, "hostPID": _BOOL, "hostIPC": _BOOL,
    "shareProcessNamespace": _BOOL, "securityContext": _ANY, "imagePullSecrets": _ANY,
    "hostname": _STR, "subdomain": _STR, "affinity": _ANY, "schedulerName": _STR,
    "tolerations": _ANY, "hostAliases": _ANY, "priorityClassName": _STR, "priority": _INT,
    "dnsConfig": _ANY, "readinessGates": _ANY, "runtimeClassName": _STR,
    "enableServiceLinks": _BOOL, "preemptionPolicy": _STR, "overhead": _ANY,
    "topologySpreadConstraints": _ANY, "setHostnameAsFQDN": _BOOL, "os": _ANY, "hostUsers": _BOOL,
    "schedulingGates": _ANY, "resourceClaims": _ANY, "resources": _ANY, "hostnameOverride": _STR,
    "workloadRef": _ANY,
}  # fmt: skip
_TEMPLATE = {"metadata": _META, "spec": _POD}
_SPECS: dict[str, dict[str, Any]] = {
    "Deployment": {
        "replicas": _INT, "selector": _ANY, "template": _TEMPLATE, "strategy": _ANY,
        "minReadySeconds": _INT, "revisionHistoryLimit": _INT, "paused": _BOOL,
        "progressDeadlineSeconds": _INT,
    },
    "StatefulSet": {
        "replicas": _INT, "selector": _ANY, "template": _TEMPLATE, "volumeClaimTemplates": _ANY,
        "serviceName": _STR, "podManagementPolicy": _STR, "updateStrategy": _ANY,
        "revisionHistoryLimit": _INT, "minReadySeconds": _INT,
        "persistentVolumeClaimRetentionPolicy": _ANY, "ordinals": _ANY,
    },
    "DaemonSet": {
        "selector": _ANY, "template": _TEMPLATE, "updateStrategy": _ANY, "minReadySeconds": _INT,
        "revisionHistoryLimit": _INT,
    },
    "Pod": _POD,
}  # fmt: skip
_GO_NAMES = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}


def _fits(value: Any, kind: str) -> bool:
    if kind == _ANY or value is None:
        return True
    if kind == _INT:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "strings":
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return isinstance(value, bool if kind == _BOOL else str)


def _walk(value: Any, shape: Any, path: str, unknown: list[str], wrong: list[tuple[str, Any, str]]) -> None:
    if isinstance(shape, str):
        if not _fits(value, shape):
            wrong.append((path, value, shape))
    elif isinstance(shape, list):
        for number, item in enumerate(value if isinstance(value, list) else ()):
            _walk(item, shape[0], f"{path}[{number}]", unknown, wrong)
    elif isinstance(value, dict):
        for key, below in value.items():
            here = f"{path}.{key}" if path else key
            if key in shape:
                _walk(below, shape[key], here, unknown, wrong)
            else:
                unknown.append(here)


def _judge(kind: Kind, obj: Json) -> tuple[list[str], list[tuple[str, Any, str]]]:
    unknown: list[str] = []
    wrong: list[tuple[str, Any, str]] = []
    spec = _SPECS.get(kind.kind)
    if spec is not None:
        shape = {"kind": _STR, "apiVersion": _STR, "metadata": _META, "spec": spec, "status": _ANY}
        _walk(obj, shape, "", unknown, wrong)
    return unknown, wrong


def _cannot(kind: Kind, found: tuple[str, Any, str]) -> str:
    path, value, expected = found
    go = _GO_NAMES.get(type(value), "object")
    expected = "map[string]string" if expected == "strings" else expected
    return f"json: cannot unmarshal {go} into Go struct field {kind.kind}Spec.{path} of type {expected}"


def check(kind: Kind, obj: Json, level: str) -> list[str]:
    """Warnings for unknown fields of a whole object; 400 in strict mode or for a wrong type."""
    unknown, wrong = _judge(kind, obj)
    if wrong:
        said = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
        raise status.bad_request(said + _cannot(kind, wrong[0]))
    if unknown and level == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        said = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
        raise status.bad_request(f"{said}strict decoding error: {listed}")
    return [f'unknown field "{path}"' for path in unknown] if level != "Ignore" else []


def _drop(obj: Json, path: str) -> None:
    node: Any = obj
    parts = path.replace("]", "").replace("[", ".").split(".")
    for part in parts[:-1]:
        node = node[int(part)] if isinstance(node, list) else node[part]
    node.pop(parts[-1], None)


def check_patched(kind: Kind, obj: Json, level: str) -> list[str]:
    """The same for the outcome of a patch, which is refused with 422; unknown fields vanish."""
    unknown, wrong = _judge(kind, obj)
    if wrong or (unknown and level == "Strict"):
        why = (
            _cannot(kind, wrong[0])
            if wrong
            else "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in unknown)
        )
        whole = json.dumps(json.dumps(obj, separators=(",", ":")))
        cause = status.cause("patch", f"Invalid value: {whole}: {why}")
        raise status.invalid("", "", "", [cause])
    for path in unknown:
        _drop(obj, path)
    return [f'unknown field "{path}"' for path in unknown] if level != "Ignore" else []
