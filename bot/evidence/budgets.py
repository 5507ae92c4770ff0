"""Disruption budgets over the target's pods: how many may go now, and how many it takes.

It refuses to say whether an eviction would be let through; the API server does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.evidence import Evidence
from bot.domain.observed import BudgetSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.evidence.scope import namespace_of, pod_labels
from bot.kube.limits import budget_row, budgets_over
from bot.kube.objects import path, text

SOURCE = "budgets"


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"budgets": [BudgetSeen]}``, the tightest first; of a node those over any of its pods.

    Without a target the one that the alert names.
    """
    everywhere = ask.target is not None and not ask.target.namespace
    namespace = "" if everywhere else namespace_of(ask)
    listed, labels = await asyncio.gather(ask.cluster.items(path("PodDisruptionBudget", namespace)), pod_labels(ask))
    found: list[BudgetSeen] = []
    if ask.target is None:
        name = ask.label("poddisruptionbudget")
        found = [budget_row(item) for item in listed if text(item, "metadata", "name") == name]
    for space, sets in labels.items():
        own = [item for item in listed if text(item, "metadata", "namespace") == space]
        found += [row for one in sets for row in budgets_over(own, one)]
    rows = sorted(dict.fromkeys(found), key=lambda row: (row.allowed, row.name))
    return answered(SOURCE, ask.clock(), summary(rows), {"budgets": rows}, empty=not rows)


def summary(rows: Sequence[BudgetSeen]) -> str:
    """``api-pdb (minAvailable 2) allows 0, 1 of 2 healthy``."""
    if not rows:
        return "no disruption budget is over these pods"
    return ", ".join(
        f"{row.name} ({row.bound or 'no bound'}) allows {row.allowed}, {row.healthy} of {row.desired} healthy"
        for row in rows[:3]
    )
