"""The last words of the worst pods: the container before the restart first, errors grouped, traces whole, the tail.

A log that can't be read is a sentence in its row; only a missing right fails the source. In a storm a pod's one most
telling log is read and no more. It refuses to read every pod: two tell what there is to know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.evidence import Evidence
from bot.domain.observed import LogSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.evidence.pods import worst
from bot.evidence.signatures import digest
from bot.kube import logs
from bot.kube.logs import Said, Wanted
from bot.kube.members import target_pods
from bot.kube.shared import STORM

SOURCE = "logs"
PODS, MOST = 2, 3
MAX_SAMPLE = 120


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"logs": [LogSeen]}``, at most three, in order of worth."""
    cluster, target = ask.cluster, ask.workload
    pods = await target_pods(cluster, target)
    at = ask.clock()
    if not pods:
        return answered(SOURCE, at, "no pods whose logs could be read", {"logs": []}, empty=True)
    storm = cluster.shared.crowd() > STORM
    chosen = worst(pods, at)[: 1 if storm else PODS]
    wanted = logs.plan([pod.row for pod in chosen], 1 if storm else MOST)
    namespaces = {pod.row.name: pod.namespace for pod in chosen}
    said = await asyncio.gather(*(logs.read(cluster, namespaces[one.pod], one) for one in wanted))
    rows = [_row(one, told) for one, told in zip(wanted, said, strict=True)]
    silent = not any(row.lines for row in rows)
    return answered(
        SOURCE, ask.clock(), summary(rows), {"logs": rows}, empty=silent and not any(r.problem for r in rows)
    )


def summary(rows: Sequence[LogSeen]) -> str:
    """``KeyError: 'DB_URL' (14) in api-7c9f (previous)``; without errors the reason why there are none."""
    best = next(((row, row.signatures[0]) for row in rows if row.signatures), None)
    if best is not None:
        row, first = best
        return f"{_short(first.sample)} ({first.count}) in {row.pod}{' (previous)' if row.previous else ''}"
    told = [row for row in rows if row.lines]
    if told:
        return f"no error lines in {sum(row.lines for row in told)} lines of {len(told)} containers"
    return rows[0].problem if rows else "no logs"


def _short(text: str) -> str:
    """Cut between words, and seen to be: half a pod's name reads like another pod."""
    if len(text) <= MAX_SAMPLE:
        return text
    return f"{text[:MAX_SAMPLE].rsplit(maxsplit=1)[0]} …" if " " in text[:MAX_SAMPLE] else f"{text[:MAX_SAMPLE]}…"


def _row(wanted: Wanted, said: Said) -> LogSeen:
    read = digest(said.text) if said.text else None
    previous = wanted.previous or said.previous
    if read is None:
        return LogSeen(wanted.pod, wanted.container, previous, problem=said.problem)
    return LogSeen(wanted.pod, wanted.container, previous, read.signatures, read.tail, read.lines, said.problem)
