"""The target itself: how many replicas are wanted, updated, ready, and what its controller says about it.

It refuses to conclude whether a rollout is stuck; that is for findings.
"""

from __future__ import annotations

from bot.domain.evidence import Evidence
from bot.domain.observed import WorkloadSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube import reads
from bot.kube.workload_row import read_workload

SOURCE = "workload"
_GOOD = {"Available": "True", "Progressing": "True", "ReplicaFailure": "False"}


async def collect(ask: Ask) -> Evidence:
    """Reads the object; ``data`` is ``{"workload": WorkloadSeen}``."""
    target = ask.workload
    row = read_workload(target.kind, await reads.workload(ask.cluster, target))
    return answered(SOURCE, ask.clock(), summary(row), {"workload": row})


def summary(row: WorkloadSeen) -> str:
    """``4/6 available, 2/6 updated, Progressing False (ProgressDeadlineExceeded)``."""
    parts = [f"{row.available}/{row.replicas} available"]
    if row.updated != row.replicas:
        parts.append(f"{row.updated}/{row.replicas} updated")
    if row.observed_generation < row.generation:
        parts.append(f"generation {row.generation} not seen yet by its controller ({row.observed_generation})")
    if row.paused:
        parts.append("paused")
    parts += [
        f"{one.type} {one.status} ({one.reason or 'no reason given'})"
        for one in row.conditions
        if _GOOD.get(one.type, one.status) != one.status
    ]
    return ", ".join(parts)
