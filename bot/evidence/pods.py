"""The pods of a target as a table for people: worst first, found by owner references and selector.

It refuses to conclude anything; that is for findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from bot.domain.evidence import Evidence, EvidenceStatus, PodRow
from bot.domain.redaction import redact
from bot.evidence.ask import Ask
from bot.kube import reads
from bot.kube.pods import Pod

SOURCE = "pods"
MAX_ROWS = 50


async def collect(ask: Ask) -> Evidence:
    """Reads the pods; ``data`` is ``{"pods": [PodRow as dict], "total": n}``, at most 50 rows, worst first."""
    target = ask.workload
    found = await reads.workload_pods(ask.cluster, target)
    at = ask.clock()
    if not found:
        return Evidence(SOURCE, EvidenceStatus.EMPTY, f"{target.ref} has no pods", at, {"pods": [], "total": 0})
    worst = sorted(found, key=lambda pod: _badness(pod, at), reverse=True)
    rows = [asdict(pod.row) for pod in worst[:MAX_ROWS]]
    data = {"pods": rows, "total": len(found)}
    return Evidence(SOURCE, EvidenceStatus.OK, redact(summary([pod.row for pod in found])), at, data)


def summary(rows: Sequence[PodRow]) -> str:
    """``3/6 ready, 3 CrashLoopBackOff, 12 restarts, last exit 1 (Error)``."""
    ready = sum(1 for row in rows if row.ready)
    parts = [f"{ready}/{len(rows)} ready"]
    waiting: dict[str, int] = {}
    for row in rows:
        if row.waiting:
            waiting[row.waiting] = waiting.get(row.waiting, 0) + 1
    parts += [f"{number} {reason}" for reason, number in sorted(waiting.items(), key=lambda pair: -pair[1])]
    restarts = sum(row.restarts for row in rows)
    if restarts:
        parts.append(f"{restarts} restart{'' if restarts == 1 else 's'}")
    last = max((row for row in rows if row.exit_code is not None), key=lambda row: row.terminated_at, default=None)
    if last is not None:
        parts.append(f"last exit {last.exit_code} ({last.terminated or 'no reason given'})")
    return ", ".join(parts)


def _badness(pod: Pod, at: datetime) -> tuple[bool, bool, int, str]:
    return pod.crash_looping(at), not pod.row.ready, pod.row.restarts, pod.row.created_at
