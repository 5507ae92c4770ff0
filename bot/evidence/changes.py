"""What changed around the target: template, restarts, size, configuration, autoscaler, nodes; with time and writer.

What can't be read of the sides (autoscalers, nodes, ConfigMaps) is told as not read and costs nothing else. It refuses
to name a culprit; that is for findings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import TypeVar

from bot.domain.errors import FettleError
from bot.domain.evidence import Evidence
from bot.domain.observed import ChangeSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube import configs, history, nodes, reads
from bot.kube.limits import of_workload
from bot.kube.objects import Json, path
from bot.kube.revisions import read_revisions

SOURCE = "changes"
T = TypeVar("T")


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"changes": [ChangeSeen], "revisions": [RevisionSeen], "unread": [names]}``, newest first."""
    cluster, target = ask.cluster, ask.workload
    found = await reads.parts(cluster, target)
    unread: list[str] = []
    scalers, under, written = await asyncio.gather(
        _optional(cluster.items(path("HorizontalPodAutoscaler", target.namespace)), [], "autoscalers", unread),
        _optional(nodes.read_nodes(cluster, nodes.nodes_of(found.pods)), [], "nodes", unread),
        _optional(configs.written(cluster, found.obj, ask.clock()), [], "ConfigMaps", unread),
    )
    now = ask.clock()
    own: list[Json] = of_workload(target.kind, target.name, scalers)
    changes = history.assembled(
        [
            *history.template_changes(target.kind, found.obj, found.revisions),
            *history.restarts(target.kind, found.obj, found.revisions),
            *history.scalings(found.obj, own),
            *history.node_changes(under, now),
            *written,
        ],
        ask.since,
        now,
    )
    revisions = read_revisions(target.kind, found.obj, found.revisions, found.pods)
    data = {"changes": changes, "revisions": revisions, "unread": sorted(unread)}
    return answered(SOURCE, now, summary(changes, sorted(unread), now), data, empty=not changes and not revisions)


def summary(changes: Sequence[ChangeSeen], unread: Sequence[str], now: datetime) -> str:
    """``image api:1.4.1 → 1.4.2; env: DB_URL gone (rev 42, 40 s before the alert, by kubectl edit)``."""
    missing = f" ({', '.join(unread)} not read)" if unread else ""
    told = next((one for one in changes if one.kind == "template"), None) or next(iter(changes), None)
    if told is None:
        return f"nothing changed that the cluster still knows of{missing}"
    about = [f"rev {told.revision}" if told.revision else "", _when(told, now), f"by {told.by}" if told.by else ""]
    others = len(changes) - 1
    more = f", {others} more" if others else ""
    known = ", ".join(filter(None, about))
    return f"{told.what[:200]}{f' ({known})' if known else ''}{more}{missing}"


def _when(change: ChangeSeen, now: datetime) -> str:
    if change.offset is not None:
        side = "before" if change.offset < 0 else "after"
        return f"{span(abs(change.offset))} {side} the alert"
    if not change.at:
        return ""
    return f"{span((now - datetime.fromisoformat(change.at)).total_seconds())} ago"


def span(seconds: float) -> str:
    """``40 s``, ``7 min``, ``3 h``, ``5 days``: one number, rounded down."""
    for size, unit in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{int(seconds // {'days': 86_400, 'h': 3_600, 'min': 60}[unit])} {unit}"
    return f"{max(0, int(seconds))} s"


async def _optional(asked: Awaitable[T], default: T, name: str, unread: list[str]) -> T:
    """A side of the story: what can't be read is named, and the rest is told."""
    try:
        return await asked
    except FettleError:
        unread.append(name)
        return default
