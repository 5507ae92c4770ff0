"""ConfigMaps and Secrets that the target's template names: are they there, are the keys there, when did they change.

Secrets are never read: whether one exists is told as not known. Of ConfigMaps only the names of keys are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.evidence import Evidence
from bot.domain.observed import ReferenceSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube import configs, reads

SOURCE = "config"


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"references": [ReferenceSeen]}``, ConfigMaps first."""
    target = ask.workload
    obj = await reads.workload(ask.cluster, target)
    at = ask.clock()
    rows = configs.rows(await configs.read(ask.cluster, obj, at))
    ask.cluster.configs.name(target.key, [(target.namespace, row.name) for row in rows if row.kind == "ConfigMap"])
    return answered(SOURCE, ask.clock(), summary(rows), {"references": rows}, empty=not rows)


def summary(rows: Sequence[ReferenceSeen]) -> str:
    """``ConfigMap api-config isn't there; ConfigMap web has no key url``; how many are fine otherwise."""
    told = [f"{row.kind} {row.name} isn't there" for row in rows if row.exists is False and not row.optional]
    told += [f"{row.kind} {row.name} has no key {', '.join(row.missing[:4])}" for row in rows if row.missing]
    if told:
        return "; ".join(told[:4])
    read = sum(row.exists is not None for row in rows)
    unread = len(rows) - read
    if not rows:
        return "the template names no ConfigMap and no Secret"
    return ", ".join(
        filter(None, (f"{read} ConfigMaps as wanted" if read else "", f"{unread} not read" if unread else ""))
    )
