"""The pods of a target as a table for people: worst first, found by owner references and selector.

It refuses to conclude anything; that is for findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.evidence import Evidence, PodRow
from bot.evidence.answer import answered, counted, plural
from bot.evidence.ask import Ask
from bot.kube.members import target_pods
from bot.kube.pods import Pod

SOURCE = "pods"
MAX_ROWS = 50


async def collect(ask: Ask) -> Evidence:
    """Reads the pods; ``data`` is ``{"pods": [PodRow as dict], "total": n}``, at most 50 rows, worst first."""
    target = ask.workload
    found = await target_pods(ask.cluster, target)
    at = ask.clock()
    if not found:
        return answered(SOURCE, at, f"{target.ref} has no pods", {"pods": [], "total": 0}, empty=True)
    data = {"pods": [pod.row for pod in worst(found, at)[:MAX_ROWS]], "total": len(found)}
    return answered(SOURCE, at, summary([pod.row for pod in found]), data)


def worst(pods: Sequence[Pod], at: datetime) -> list[Pod]:
    """Those that tell most first: in a loop of crashes, not ready, most restarts; of equal ones the newest."""
    return sorted(pods, key=lambda pod: _badness(pod, at), reverse=True)


def summary(rows: Sequence[PodRow]) -> str:
    """``3/6 ready, 3 CrashLoopBackOff, 12 restarts, last exit 1 (Error)``."""
    ready = sum(1 for row in rows if row.ready)
    parts = [f"{ready}/{len(rows)} ready"]
    waiting: dict[str, int] = {}
    for row in rows:
        if row.waiting:
            waiting[row.waiting] = waiting.get(row.waiting, 0) + 1
    parts += counted(waiting)
    restarts = sum(row.restarts for row in rows)
    if restarts:
        parts.append(plural(restarts, "restart"))
    last = max((row for row in rows if row.exit_code is not None), key=lambda row: row.terminated_at, default=None)
    if last is not None:
        parts.append(f"last exit {last.exit_code} ({last.terminated or 'no reason given'})")
    return ", ".join(parts)


def _badness(pod: Pod, at: datetime) -> tuple[bool, bool, int, str]:
    finished = pod.row.phase == "Succeeded"
    return pod.crash_looping(at), not pod.row.ready and not finished, pod.row.restarts, pod.row.created_at
