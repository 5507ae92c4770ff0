"""Where a question points: its namespace, and the labels by which budgets and Services find the target's pods."""

from __future__ import annotations

from bot.domain.errors import RequestError
from bot.domain.target import RESTARTABLE
from bot.evidence.ask import Ask
from bot.kube import reads
from bot.kube.hints import namespace_label
from bot.kube.members import target_pods
from bot.kube.objects import Json, mapping


def namespace_of(ask: Ask) -> str:
    """The target's namespace, else the alerts' own; raises ``RequestError`` where there is none."""
    own = ask.target.namespace if ask.target is not None else ""
    found = own or next(filter(None, (namespace_label(alert.labels) for alert in ask.alerts)), "")
    if not found:
        raise RequestError("Neither the target nor the alerts name a namespace.")
    return found


async def pod_labels(ask: Ask) -> dict[str, list[Json]]:
    """Label sets of the target's pods by namespace; a workload's own template counts, whether it has pods or not."""
    target = ask.target
    if target is None:
        return {}
    if target.kind in RESTARTABLE:
        obj = await reads.workload(ask.cluster, target)
        return {target.namespace: [mapping(obj, "spec", "template", "metadata", "labels")]}
    found: dict[str, list[Json]] = {}
    for pod in await target_pods(ask.cluster, target):
        known = found.setdefault(pod.namespace, [])
        if pod.labels not in known:
            known.append(pod.labels)
    return found
