"""What the places of a query stand for in one incident (``$namespace``, ``$pods``): from its target and its alerts.

Exporters put labels of their own on alerts: those aren't taken for the target's. What isn't known is left out, so that
a query that needs it is refused by name instead of asking about everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.alert import EXPORTER_MARKS, from_exporter
from bot.domain.errors import FettleError
from bot.evidence.ask import Ask
from bot.kube import reads

MOST_PODS = 100
"""Names in one regular expression; of a larger workload the first ones by name."""

_LABELS = (
    ("claim", "persistentvolumeclaim"),
    ("job", "job_name"),
    ("autoscaler", "horizontalpodautoscaler"),
    ("node", "node"),
)


async def pod_names(ask: Ask) -> tuple[str, ...]:
    """The first half of ``members``."""
    return (await members(ask))[0]


async def members(ask: Ask) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The target's pods and the claims that they mount, or the pods that the alerts name; empty when not known."""
    named = {one.labels["pod"] for one in ask.alerts if one.labels.get("pod") and not from_exporter(one.labels)}
    if ask.target is None:
        return tuple(sorted(named))[:MOST_PODS], ()
    try:
        found = await reads.workload_pods(ask.cluster, ask.target)
    except FettleError:  # the pods' own evidence tells of it; what the alerts name serves here
        return tuple(sorted(named))[:MOST_PODS], ()
    claims = sorted({claim for pod in found for claim in pod.claims})
    return tuple(pod.row.name for pod in found)[:MOST_PODS], tuple(claims)[:MOST_PODS]


def values(ask: Ask, pods: Sequence[str], claims: Sequence[str] = ()) -> Mapping[str, str | Sequence[str]]:
    """Place -> value for all that is known; the claims of the target's pods unless one is what it is about."""
    target = ask.target
    found: dict[str, str | Sequence[str]] = {
        f"label_{name}": ask.label(name) for one in ask.alerts for name in one.labels
    }
    found |= {place: ask.label(label) for place, label in _LABELS}
    found |= {
        "pods": pods,
        "pod": _own(ask, "pod", pods),
        "container": _own(ask, "container"),
        "service": _service(ask),
    }
    found["namespace"] = target.namespace if target else ask.label("namespace")
    if target is not None:
        found |= {"workload": target.name, "kind": target.kind}
        kinds = {
            "Node": "node",
            "PersistentVolumeClaim": "claim",
            "HorizontalPodAutoscaler": "autoscaler",
            "Job": "job",
        }
        if target.kind in kinds:
            found[kinds[target.kind]] = target.name
    if not found.get("claim"):
        found["claims"] = claims
    return {place: value for place, value in found.items() if value}


def _own(ask: Ask, label: str, known: Sequence[str] = ()) -> str:
    """A label's value, unless it is an exporter's own; one of ``known`` is the target's for certain."""
    for one in ask.alerts:
        value = one.labels.get(label, "")
        exporter = from_exporter(one.labels) and (known or any(mark in value for mark in EXPORTER_MARKS))
        if value and (value in known or not exporter):
            return value
    return ""


def _service(ask: Ask) -> str:
    return next(
        (one.labels["service"] for one in ask.alerts if one.labels.get("service") and not from_exporter(one.labels)), ""
    )
