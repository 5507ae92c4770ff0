"""Where objects live in the API, and how to read a raw JSON object without tripping over what is absent.

It refuses to know what the objects mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.domain.errors import RequestError

Json = dict[str, Any]

PLACES: Mapping[str, tuple[str, str, str]] = {
    "Pod": ("", "v1", "pods"),
    "Service": ("", "v1", "services"),
    "Event": ("", "v1", "events"),
    "Deployment": ("apps", "v1", "deployments"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
    "DaemonSet": ("apps", "v1", "daemonsets"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "ControllerRevision": ("apps", "v1", "controllerrevisions"),
    "Job": ("batch", "v1", "jobs"),
    "CronJob": ("batch", "v1", "cronjobs"),
    "HorizontalPodAutoscaler": ("autoscaling", "v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("policy", "v1", "poddisruptionbudgets"),
    "Node": ("", "v1", "nodes"),
    "ConfigMap": ("", "v1", "configmaps"),
    "PersistentVolumeClaim": ("", "v1", "persistentvolumeclaims"),
    "ResourceQuota": ("", "v1", "resourcequotas"),
    "EndpointSlice": ("discovery.k8s.io", "v1", "endpointslices"),
    "StorageClass": ("storage.k8s.io", "v1", "storageclasses"),
    "Lease": ("coordination.k8s.io", "v1", "leases"),
}
"""Kind -> (group, version, plural) of every kind that is read; Secrets aren't."""

NAMED_ALONE = frozenset({"Node", "ConfigMap", "StorageClass", "Lease"})
"""Kinds that are only ever asked for by name, never listed."""

READ_RIGHTS = frozenset(
    (verb, group, plural)
    for kind, (group, _, plural) in PLACES.items()
    for verb in (("get",) if kind in NAMED_ALONE else ("get", "list"))
) | {("get", "", "namespaces"), ("list", "", "namespaces"), ("get", "", "pods/log"), ("watch", "", "configmaps")}
"""(verb, group, resource) of all that is ever read: what the role to look grants, and nothing else."""


def path(kind: str, namespace: str, name: str = "") -> str:
    """The API path of a list, or of one object. Namespace and name come from alerts, so they are checked.

    Raises ``RequestError`` for anything that isn't a DNS name: a slash or ``..`` would address something else.
    """
    group, version, plural = PLACES[kind]
    for part in (namespace, name):
        if part and not _dns_name(part):
            raise RequestError(f"{part[:80]!r} is no name that Kubernetes accepts.")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{where}/{plural}" + (f"/{name}" if name else "")


def _dns_name(text: str) -> bool:
    return len(text) <= 253 and text.isascii() and all(c.isalnum() or c in "-." for c in text) and ".." not in text


def dig(value: Any, *keys: str) -> Any:
    """The value at a path of keys, None where something on the way is missing or null."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def count(value: Any, *keys: str) -> int:
    """A number at a path; the API server omits zero counts."""
    found = dig(value, *keys)
    return int(found) if isinstance(found, int | float) else 0


def text(value: Any, *keys: str) -> str:
    """A text at a path, empty where there is none; numbers become their digits (``25%`` and 1 are both bounds)."""
    found = dig(value, *keys)
    return "" if found is None else str(found)


def mapping(value: Any, *keys: str) -> Json:
    """An object at a path, empty where there is none."""
    found = dig(value, *keys)
    return dict(found) if isinstance(found, Mapping) else {}


def instant(value: Any) -> datetime | None:
    """An RFC 3339 time as aware datetime, None for null, empty or anything else."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and value else None
    except ValueError:
        return None


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, as the cluster writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def controller(obj: Json) -> tuple[str, str, str] | None:
    """(kind, name, uid) of the controlling owner, None when nothing owns the object."""
    for owner in dig(obj, "metadata", "ownerReferences") or []:
        if owner.get("controller"):
            return str(owner.get("kind", "")), str(owner.get("name", "")), str(owner.get("uid", ""))
    return None


def selector_text(selector: Any) -> str:
    """A label selector as the list call wants it; empty for a selector that selects everything."""
    parts = [f"{key}={value}" for key, value in sorted(mapping(selector, "matchLabels").items())]
    for rule in dig(selector, "matchExpressions") or []:
        key, operator, values = rule.get("key", ""), rule.get("operator"), ",".join(rule.get("values") or [])
        spelled = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(spelled.get(str(operator), f"!{key}"))
    return ",".join(parts)


def matches(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether plain labels contain a non-empty equality selector; an empty one matches nothing here."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a full label selector (labels and expressions) selects ``labels``; an empty one selects all."""
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    for rule in dig(selector, "matchExpressions") or []:
        key, operator, values = rule.get("key", ""), rule.get("operator"), rule.get("values") or []
        held = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not held.get(str(operator), False):
            return False
    return True
