"""What the server refuses as invalid (422), in the real server's words.

It judges the fields that people and programs get wrong in practice; it refuses to be complete.
"""

import json

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.selectors import matches
from bot.sandbox.kubernetes.status import cause
from bot.sandbox.kubernetes.wire import Json, dig

_NOT_NEGATIVE = "must be greater than or equal to 0"
_PATHS = ("Exact", "ImplementationSpecific", "Prefix")
_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}


def _bad(field: str, value: object, why: str) -> Json:
    shown = json.dumps(value, separators=(",", ":"))
    return cause(field, f"Invalid value: {shown}: {why}")


def _required(field: str) -> Json:
    return cause(field, "Required value", "FieldValueRequired")


def _counts(spec: Json) -> list[Json]:
    found = [
        _bad(f"spec.{field}", spec[field], _NOT_NEGATIVE)
        for field in ("replicas", "minReadySeconds", "revisionHistoryLimit")
        if isinstance(spec.get(field), int) and spec[field] < 0
    ]
    deadline = spec.get("progressDeadlineSeconds")
    if isinstance(deadline, int) and deadline <= int(spec.get("minReadySeconds") or 0):
        found.append(_bad("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return found


def _template(spec: Json, before: Json | None) -> list[Json]:
    found = []
    labels = dig(spec, "template", "metadata", "labels", default={})
    selector = spec.get("selector")
    if not selector:
        found.append(_required("spec.selector"))
    elif not matches(selector, labels):
        why = "`selector` does not match template `labels`"
        found.append(_bad("spec.template.metadata.labels", labels, why))
    if before and before["spec"].get("selector") != selector:
        found.append(_bad("spec.selector", selector, "field is immutable"))
    containers = dig(spec, "template", "spec", "containers", default=[])
    if not containers:
        found.append(_required("spec.template.spec.containers"))
    return found + [
        _required(f"spec.template.spec.containers[{number}].{key}")
        for number, container in enumerate(containers)
        for key in ("name", "image")
        if not container.get(key)
    ]


def _ingress(spec: Json) -> list[Json]:
    """What people leave out of an Ingress."""
    rules = spec.get("rules") or []
    if not rules and not spec.get("defaultBackend"):
        return [_bad("spec", spec, "either `defaultBackend` or `rules` must be specified")]
    found = _backend("spec.defaultBackend", spec["defaultBackend"]) if spec.get("defaultBackend") else []
    for number, rule in enumerate(rules):
        for place, path in enumerate(dig(rule, "http", "paths", default=[])):
            at = f"spec.rules[{number}].http.paths[{place}]"
            kind, written = path.get("pathType"), path.get("path") or ""
            if not kind:
                found.append(
                    cause(f"{at}.pathType", "Required value: pathType must be specified", "FieldValueRequired")
                )
            elif kind not in _PATHS:
                why = f'Unsupported value: "{kind}": supported values: {", ".join(json.dumps(one) for one in _PATHS)}'
                found.append(cause(f"{at}.pathType", why, "FieldValueNotSupported"))
            elif kind != "ImplementationSpecific" and not written.startswith("/"):
                found.append(_bad(f"{at}.path", written, "must be an absolute path"))
            found += _backend(f"{at}.backend", path.get("backend") or {})
    return found


def _backend(at: str, backend: Json) -> list[Json]:
    if backend.get("resource"):
        return []
    if not dig(backend, "service", "name"):
        return [cause(f"{at}.service.name", "Required value", "FieldValueRequired")]
    if not dig(backend, "service", "port"):
        why = "Required value: port name or number is required"
        return [cause(f"{at}.service.port", why, "FieldValueRequired")]
    return []


def check(kind: Kind, obj: Json, before: Json | None = None) -> None:
    """Raise 422 with all causes at once, or return."""
    name, found = obj["metadata"].get("name", ""), []
    if kind.kind in _WORKLOADS:
        spec = obj.get("spec") or {}
        found = _counts(spec) + _template(spec, before)
    elif kind.kind == "Pod" and not dig(obj, "spec", "containers"):
        found = [_required("spec.containers")]
    elif kind.kind == "Ingress":
        found = _ingress(obj.get("spec") or {})
    elif kind.kind == "HorizontalPodAutoscaler":
        spec = obj.get("spec") or {}
        low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
        if high < 1:
            found = [_bad("spec.maxReplicas", high, "must be greater than 0")]
        elif high < low:
            why = "must be greater than or equal to `minReplicas`"
            found = [_bad("spec.maxReplicas", high, why)]
    if found:
        raise status.invalid(kind.kind, kind.group, name, found)


def check_scale(name: str, replicas: object) -> None:
    """Raise 422 for a Scale that asks for fewer than no pods."""
    if isinstance(replicas, int) and replicas < 0:
        causes = [_bad("spec.replicas", replicas, _NOT_NEGATIVE)]
        raise status.invalid("Scale", "autoscaling", name, causes)
