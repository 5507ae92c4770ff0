"""Autoscalers of the target: bounds, size, metrics against their targets, what stops them.

It refuses to say whether more replicas would help.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.evidence import Evidence
from bot.domain.observed import AutoscalerSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube.limits import autoscaler_row, of_workload
from bot.kube.objects import path, text

SOURCE = "autoscalers"


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"autoscalers": [AutoscalerSeen]}``."""
    target = ask.workload
    listed = await ask.cluster.items(path("HorizontalPodAutoscaler", target.namespace))
    if target.kind == "HorizontalPodAutoscaler":
        own = [item for item in listed if text(item, "metadata", "name") == target.name]
    else:
        own = of_workload(target.kind, target.name, listed)
    rows = [autoscaler_row(item) for item in own]
    return answered(SOURCE, ask.clock(), summary(rows), {"autoscalers": rows}, empty=not rows)


def summary(rows: Sequence[AutoscalerSeen]) -> str:
    """``api at 10 of 2 to 10, cpu 95 % of 80 %``."""
    if not rows:
        return "no autoscaler scales it"
    return "; ".join(
        ", ".join([f"{row.name} at {row.current} of {row.least} to {row.most}", *row.metrics[:3]]) for row in rows[:3]
    )
