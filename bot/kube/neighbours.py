"""Which other workloads stand under the same disruption budget. What can't be read raises; it refuses to judge them."""

from __future__ import annotations

import asyncio

from bot.domain.errors import NotFoundError
from bot.domain.target import RESTARTABLE, Target
from bot.kube.client import Cluster
from bot.kube.objects import dig, mapping, path, selects
from bot.kube.workload import target_of


async def under_budget(cluster: Cluster, target: Target, budget: str) -> tuple[Target, ...]:
    """The workloads of the target's namespace whose pods this budget counts too, the target itself left out.

    A budget that selects everything counts all of them; one that is gone by now counts none.
    """
    try:
        found = await cluster.get(path("PodDisruptionBudget", target.namespace, budget))
    except NotFoundError:
        return ()
    selector = dig(found, "spec", "selector")
    if selector is None:
        return ()
    listed = await asyncio.gather(*(cluster.items(path(kind, target.namespace)) for kind in RESTARTABLE))
    others = (
        target_of(kind, item)
        for kind, items in zip(RESTARTABLE, listed, strict=True)
        for item in items
        if selects(selector, mapping(item, "spec", "template", "metadata", "labels"))
    )
    return tuple(sorted(one for one in others if one.key != target.key))
