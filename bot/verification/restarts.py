"""Did the new pods stay up through the soak? Pure, on one snapshot and what was remembered of the first.

A Deployment whose pods are killed for memory but are Ready in between *completes* its rollout, so restart counts are
watched after it; the time of the last end too, because an ended container that wasn't started again yet hasn't
counted. Both are compared with what the same pods showed when the rollout completed: no clock of ours enters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.verification import Check, CheckState
from bot.kube.objects import instant
from bot.kube.pods import Pod

NAME = "restarts"
MARKS = "marks"
"""Key in ``Verification.progress`` under which the first look's marks are kept."""


@dataclass(frozen=True)
class Soak:
    """``since`` is when the rollout was first seen complete, None before; ``length`` what must pass after it."""

    since: datetime | None
    length: timedelta
    deadline: datetime


def marks(fresh: Sequence[Pod]) -> dict[str, dict[str, Any]]:
    """What the new pods show now: restarts and the newest end of a container, by pod; JSON-able."""
    return {
        pod.row.name: {"restarts": pod.row.restarts, "ended": pod.finished_at.isoformat() if pod.finished_at else ""}
        for pod in fresh
    }


def grown(fresh: Sequence[Pod], before: Mapping[str, Any]) -> list[str]:
    """A phrase for each new pod whose containers ended or restarted since ``before``; a pod unknown then began at 0."""
    phrases = []
    for pod in fresh:
        mark = before.get(pod.row.name) or {}
        more = pod.row.restarts - int(mark.get("restarts", 0))
        ended = instant(mark.get("ended"))
        later = pod.finished_at is not None and (ended is None or pod.finished_at > ended)
        if more > 0 or later:
            why = pod.row.terminated or pod.row.waiting or "restarted"
            code = f", exit {pod.row.exit_code}" if pod.row.exit_code is not None else ""
            phrases.append(f"{pod.row.name} +{max(more, 1)} ({why}{code})")
    return phrases


def check(fresh: Sequence[Pod], before: Mapping[str, Any], soak: Soak, at: datetime) -> Check:
    """The row for the card. Growth after the rollout is final; before it, pods may still find their feet."""
    expected = f"no restart of a new pod for {words(soak.length)}"
    if soak.since is None:
        restarts = sum(pod.row.restarts for pod in fresh)
        so_far = f"{restarts} restarts so far" if restarts else "none so far"
        return Check(NAME, CheckState.WAITING, expected, f"{so_far}; counted from the end of the rollout", at)
    phrases = grown(fresh, before)
    if phrases:
        more = f" and {len(phrases) - 3} more" if len(phrases) > 3 else ""
        return Check(NAME, CheckState.BAD, expected, f"{', '.join(phrases[:3])}{more}", at, final=True)
    passed = at - soak.since
    if passed >= soak.length:
        return Check(NAME, CheckState.GOOD, expected, f"none for {words(passed)}", at)
    if soak.since + soak.length > soak.deadline:
        return _seen_late(fresh, expected, soak, at)
    return Check(NAME, CheckState.WAITING, expected, f"none for {words(passed)}", at)


def words(length: timedelta) -> str:
    """``45 s``, ``2 min``, ``10 min``."""
    seconds = max(0, int(length.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _seen_late(fresh: Sequence[Pod], expected: str, soak: Soak, at: datetime) -> Check:
    """Nobody watched when the rollout ended, and the deadline leaves no whole soak: ask the pods' own times.

    Containers that never restarted in pods that are ready since longer than the soak have soaked. Otherwise it wasn't
    measured, which is inconclusive; it is no failure of the pods.
    """
    since = [pod.ready_since for pod in fresh]
    whole = bool(since) and all(one is not None and at - one >= soak.length for one in since)
    if whole and not any(pod.row.restarts or pod.finished_at for pod in fresh):
        oldest = max(one for one in since if one is not None)
        return Check(NAME, CheckState.GOOD, expected, f"none; all ready since {oldest:%H:%M:%S} UTC", at)
    return Check(
        NAME, CheckState.UNMEASURED, expected, "I wasn't watching when the rollout ended; too little was seen", at
    )
