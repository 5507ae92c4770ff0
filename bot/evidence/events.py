"""The events of a target, its revisions and its pods, folded and redacted; warnings first.

It refuses to keep what looks like a secret: event messages repeat commands and URLs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.evidence import EventRow, Evidence
from bot.domain.redaction import redact
from bot.domain.target import Target
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.members import target_object, target_pods
from bot.kube.objects import text

SOURCE = "events"
MAX_ROWS = 30
MAX_MESSAGE = 300
NODES_EVENTS = "default"
"""The namespace in which components report about nodes, which have none."""


async def collect(ask: Ask) -> Evidence:
    """Reads the events; ``data`` is ``{"events": [EventRow as dict], "total": n}``, at most 30 rows."""
    cluster, target = ask.cluster, ask.workload
    if target.kind == "Node":
        # A node's events name it by name: the uid in them is often the name once more.
        found = await reads.events(cluster, NODES_EVENTS, frozenset(), frozenset({("Node", target.name)}))
    else:
        pods, uid = await asyncio.gather(target_pods(cluster, target), _uid(cluster, target))
        owners = {pod.owner for pod in pods if pod.owner is not None}
        uids = frozenset({uid, *(pod.uid for pod in pods), *(owner[2] for owner in owners)} - {""})
        names = frozenset({(target.kind, target.name), *((owner[0], owner[1]) for owner in owners)})
        found = await reads.events(cluster, target.namespace, uids, names)
    at = ask.clock()
    if not found:
        return answered(SOURCE, at, "no events", {"events": [], "total": 0}, empty=True)
    # Both sorts are stable: newest first within warnings, then within the rest.
    ordered = sorted(found, key=lambda row: row.type != "Warning")
    rows = [replace(row, message=redact(row.message)[:MAX_MESSAGE]) for row in ordered[:MAX_ROWS]]
    return answered(SOURCE, at, summary(ordered), {"events": rows, "total": len(found)})


def summary(rows: Sequence[EventRow]) -> str:
    """``BackOff (22), Unhealthy (6)``: reasons of warnings with counts; empty when nothing warns."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.type == "Warning":
            counts[row.reason] = counts.get(row.reason, 0) + row.count
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{reason} ({number})" for reason, number in ordered[:5])


async def _uid(cluster: Cluster, target: Target) -> str:
    return target.uid or text(await target_object(cluster, target), "metadata", "uid")
