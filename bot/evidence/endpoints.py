"""Services that select the target's pods, and how many endpoints stand behind each.

It refuses to send anything to them: what the cluster says is all there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.evidence import Evidence
from bot.domain.observed import ServiceSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.evidence.scope import namespace_of, pod_labels
from bot.kube.objects import Json, path, text
from bot.kube.services import in_front_of, read_service

SOURCE = "endpoints"


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"services": [ServiceSeen]}``; without a target the Service that the alert names."""
    namespace = namespace_of(ask)
    services, slices, labels = await asyncio.gather(
        ask.cluster.items(path("Service", namespace)),
        ask.cluster.items(path("EndpointSlice", namespace)),
        pod_labels(ask),
    )
    named = {ask.label("service"), ask.label("exported_service")} - {""} if ask.target is None else set()
    own: list[Json] = [item for item in services if text(item, "metadata", "name") in named]
    for one in labels.get(namespace, []):
        own += [item for item in in_front_of(services, one) if item not in own]
    rows = [read_service(item, slices) for item in own]
    return answered(SOURCE, ask.clock(), summary(rows), {"services": rows}, empty=not rows)


def summary(rows: Sequence[ServiceSeen]) -> str:
    """``api 3 ready, 1 not ready``."""
    if not rows:
        return "no Service selects these pods"
    return ", ".join(
        f"{row.name} {row.ready} ready{f', {row.not_ready} not ready' if row.not_ready else ''}" for row in rows[:4]
    )
