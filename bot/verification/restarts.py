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
MARKS, SIZE, ANEW, UNMADE, NEED = "marks", "size", "anew", "unmade", "need"
"""Keys in ``Verification.progress``: the marks of pods, how many were wanted at the last look, why the soak began anew,
when it was last seen that the rollout wasn't complete, and how many pods have to hold through the soak."""
SEEN = "seen"
"""Key of a mark: since when this very pod is watched, in seconds from the soak's beginning."""


@dataclass(frozen=True)
class Soak:
    """``since`` is when the rollout was first seen complete, None before; ``length`` what must pass after it.

    ``anew`` is why it was begun once more, ``unmade`` when it was last seen incomplete, by the clock that looks have.
    """

    since: datetime | None
    length: timedelta
    deadline: datetime
    anew: str = ""
    unmade: datetime | None = None


def marks(fresh: Sequence[Pod]) -> dict[str, dict[str, Any]]:
    """What the new pods show now: restarts, the newest end of a container, since when ready, by pod; JSON-able."""
    return {
        pod.row.name: {"restarts": pod.row.restarts, "ended": _told(pod.finished_at), **_itself(pod)} for pod in fresh
    }


def remembered(fresh: Sequence[Pod], before: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The marks for the next look: restarts as they were first seen, and none of a pod that is another one by now."""
    known = ((pod, _mark(pod, before)) for pod in fresh)
    return {
        pod.row.name: {"restarts": mark.get("restarts", 0), "ended": mark.get("ended", ""), **_itself(pod)}
        for pod, mark in known
    }


def watching(
    fresh: Sequence[Pod], before: Mapping[str, Any], soak: datetime | None, at: datetime
) -> dict[str, datetime]:
    """Since when each of these very pods is watched; ``soak`` is the beginning that the marks before go by.

    Those of which that isn't known are left out: they are watched at least as long as the soak.
    """
    found: dict[str, datetime] = {}
    for pod in fresh:
        mark = _mark(pod, before)
        if not mark:
            found[pod.row.name] = at
        elif soak is not None and SEEN in mark:
            found[pod.row.name] = soak + timedelta(seconds=float(mark[SEEN]))
    return found


def last_of(since: Mapping[str, datetime], need: int) -> tuple[datetime | None, str]:
    """The one that is watched the shortest of so many, those longest watched first; (None, "") of none.

    What an autoscaler takes away and adds again is another pod. Those beyond the number may be younger.
    """
    last = sorted((began, name) for name, began in since.items())[: max(0, need)][-1:]
    return last[0] if last else (None, "")


def seen_in(
    marks: Mapping[str, Mapping[str, Any]], since: Mapping[str, datetime], soak: datetime | None
) -> dict[str, dict[str, Any]]:
    """The marks with since when each is watched, in seconds from the soak's beginning: that moves with a set clock."""
    return {
        name: {**mark, **({SEEN: (since[name] - soak).total_seconds()} if soak is not None and name in since else {})}
        for name, mark in marks.items()
    }


def disturbed(fresh: Sequence[Pod], before: Mapping[str, Any], fewer: int) -> str:
    """Why what was seen good before isn't the same any more, though it is good now; empty where it is.

    Between two looks a pod may stop being ready and be ready again, or give way to another one that has no restarts.
    ``fewer`` is by how many pods the workload was made smaller since.
    """
    there = {pod.row.name: pod for pod in fresh}
    lost = [name for name in before if name not in there or not _mark(there[name], before)]
    if len(lost) > fewer:
        return f"{lost[0]} was replaced"
    for pod in fresh:
        was, now = _mark(pod, before).get("ready", ""), _told(pod.ready_since)
        if was and now and was != now:
            return f"{pod.row.name} wasn't ready in between"
    return ""


def _itself(pod: Pod) -> dict[str, Any]:
    return {"uid": pod.uid, "ready": _told(pod.ready_since)}


def _mark(pod: Pod, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was kept of this very pod; a StatefulSet's comes again by the same name."""
    mark: Mapping[str, Any] = before.get(pod.row.name) or {}
    return mark if mark.get("uid", pod.uid) == pod.uid else {}


def _told(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""


def grown(fresh: Sequence[Pod], before: Mapping[str, Any]) -> list[str]:
    """A phrase for each new pod whose containers ended or restarted since ``before``; a pod unknown then began at 0."""
    phrases = []
    for pod in fresh:
        mark = _mark(pod, before)
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
    told = f"none for {words(passed)}"
    if passed >= soak.length:
        return Check(NAME, CheckState.GOOD, expected, told, at)
    if soak.since + soak.length > soak.deadline:
        return _seen_late(fresh, expected, soak, at)
    return Check(NAME, CheckState.WAITING, expected, f"{told}, since {soak.anew}" if soak.anew else told, at)


def words(length: timedelta) -> str:
    """``45 s``, ``2 min``, ``10 min``."""
    seconds = max(0, int(length.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _seen_late(fresh: Sequence[Pod], expected: str, soak: Soak, at: datetime) -> Check:
    """Nobody watched when the rollout ended, and the deadline leaves no whole soak: ask the pods' own times.

    Containers that never restarted in pods that are ready since longer than the soak have soaked. Otherwise it wasn't
    measured, which is inconclusive; it is no failure of the pods. Their nodes' clocks may be behind: so no pod is ready
    since before it was made, or since before it was seen that not all are.
    """
    if soak.unmade is not None and at - soak.unmade < soak.length:
        told = soak.anew or "the rollout ended late"
        return Check(NAME, CheckState.UNMEASURED, expected, f"{told}, and the deadline leaves no whole soak", at)
    since = [max(filter(None, (pod.ready_since, pod.created_at)), default=None) for pod in fresh if pod.ready_since]
    ready = len(since) == len(fresh)
    whole = bool(since) and ready and all(one is not None and at - one >= soak.length for one in since)
    if whole and not any(pod.row.restarts or pod.finished_at for pod in fresh):
        oldest = max(one for one in since if one is not None)
        return Check(NAME, CheckState.GOOD, expected, f"none; all ready since {oldest:%H:%M:%S} UTC", at)
    return Check(
        NAME, CheckState.UNMEASURED, expected, "I wasn't watching when the rollout ended; too little was seen", at
    )
