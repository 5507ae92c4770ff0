"""Is the evicted pod gone, and does another of the same workload hold in its place? Pure, on one snapshot.

The new pod is told by its name, or where names come again by its uid, from those that were there before; no clock
enters. It refuses to count an old pod that happens to be well.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.proposal import TargetState
from bot.domain.verification import Check, CheckState, Verification
from bot.kube.pods import Pod
from bot.kube.reads import Snapshot
from bot.verification import rollout
from bot.verification.judged import Judged, living
from bot.verification.rollout import Bound

NAME = "replacement"


def evicted(found: Snapshot, verification: Verification, binding: Mapping[str, Any], at: datetime) -> Judged:
    """After an eviction: the uid is gone, and a pod that wasn't there before is ready."""
    state, name = found.state, str(binding["pod"])
    gone = all(pod.uid != binding["uid"] for pod in found.pods)
    before: Mapping[str, Any] = verification.baseline.get("restarts") or {}
    fresh = tuple(
        pod
        for pod in living(found.pods)
        if pod.uid != binding["uid"] and (pod.row.name == name or pod.row.name not in before)
    )
    ready = sum(1 for pod in fresh if pod.row.ready)
    spared = _spared(found, verification)
    done = gone and (ready > 0 or spared)
    progress = {
        **rollout.progress(state, fresh), "desired": 1, "updated": min(1, len(fresh)), "ready": min(1, ready),
        "word": "replaced",
    }  # fmt: skip
    row = _row(name, fresh, at, gone=gone, done=done)
    return Judged(_moved(state, verification), fresh, done, row, progress)


def _spared(found: Snapshot, verification: Verification) -> bool:
    """An autoscaler wants fewer by now, and has them: then nothing takes the pod's place, rightly."""
    state, was = found.state, verification.baseline.get("replicas")
    fewer = state.hpa is not None and isinstance(was, int) and state.replicas < was
    return fewer and state.available >= state.replicas


def _row(name: str, fresh: tuple[Pod, ...], at: datetime, *, gone: bool, done: bool) -> Check:
    expected = f"{name} gone, another ready"
    if not gone:
        return Check(NAME, CheckState.WAITING, expected, f"{name} is still ending", at)
    if done:
        ready = next((pod.row.name for pod in fresh if pod.row.ready), "")
        return Check(NAME, CheckState.GOOD, expected, f"gone, {ready} is ready" if ready else "gone, fewer wanted", at)
    why = rollout.trouble(fresh)
    there = f"{fresh[0].row.name} isn't ready" if fresh else "none in its place yet"
    return Check(NAME, CheckState.WAITING, expected, f"gone, {there}{f' ({why})' if why else ''}", at)


def _moved(state: TargetState, verification: Verification) -> str:
    """An eviction makes no generation: any newer one is somebody's, but an autoscaler's count."""
    generation, known = verification.baseline.get("generation"), str(verification.baseline.get("template_hash", ""))
    seen = generation if isinstance(generation, int) else None
    return rollout.superseded(state, Bound(verification.target.uid, seen, template_hash=known))
