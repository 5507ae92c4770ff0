"""Are the evicted pods gone, and do others of the same workload hold in their place? Pure, on one snapshot.

The new pod is told by its name, or where names come again by its uid, from those that were there before; no clock
enters. It refuses to count an old pod that happens to be well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.proposal import TargetState
from bot.domain.verification import Check, CheckState, Verification
from bot.kube.pods import Pod
from bot.kube.reads import Snapshot
from bot.verification import rollout
from bot.verification.baseline import as_it_was
from bot.verification.judged import Judged, living

NAME = "replacement"


def evicted(found: Snapshot, verification: Verification, binding: Mapping[str, Any], at: datetime) -> Judged:
    """After an eviction: every uid is gone, and as many pods that weren't there before are ready."""
    state, meant = found.state, _meant(binding)
    still = [pod.row.name for pod in found.pods if pod.uid in meant]
    before: Mapping[str, Any] = verification.baseline.get("restarts") or {}
    names = set(meant.values())
    fresh = tuple(
        pod
        for pod in living(found.pods)
        if pod.uid not in meant and (pod.row.name in names or pod.row.name not in before)
    )
    ready = [pod.row.name for pod in fresh if pod.row.ready]
    spared = _spared(found, verification)
    fewer = _fewer(found, verification)
    done = not still and not fewer and (len(ready) >= len(meant) or spared)
    progress = {
        **rollout.progress(state, fresh), "desired": len(meant), "updated": min(len(meant), len(fresh)),
        "ready": min(len(meant), len(ready)), "word": "replaced",
    }  # fmt: skip
    row = _row(tuple(meant.values()), still, fresh, at, done=done)
    if fewer and not still and len(ready) >= len(meant):
        row = replace(row, measured=f"gone, {', '.join(ready[:3])} {'is' if len(ready) == 1 else 'are'} ready; {fewer}")
    if sum(pod.uid in meant and not pod.deleting for pod in found.pods) == len(meant):
        # The eviction was accepted, so whoever answers this doesn't know of it yet: that is no measurement.
        untouched = f"{rollout.OLDER}: {', '.join(still[:3])} as before the eviction"
        row = replace(row, state=CheckState.UNMEASURED, measured=untouched)
    return Judged(_moved(state, verification), fresh, done, row, progress)


def _meant(binding: Mapping[str, Any]) -> Mapping[str, str]:
    """Uid -> name."""
    pods = binding.get("pods") or [{"name": binding["pod"], "uid": binding["uid"]}]
    return {str(one["uid"]): str(one["name"]) for one in pods}


def _spared(found: Snapshot, verification: Verification) -> bool:
    """An autoscaler wants fewer by now, and has them: then nothing takes the pod's place, rightly. None is nothing."""
    state, was = found.state, verification.baseline.get("replicas")
    fewer = state.hpa is not None and isinstance(was, int) and 0 < state.replicas < was
    return fewer and state.available >= state.replicas


def _fewer(found: Snapshot, verification: Verification) -> str:
    """That fewer pods are ready than were before the first of it, though as many are wanted; empty where that isn't so.

    Another one may go while the first is replaced: then what the eviction was for isn't there.
    """
    before = verification.baseline.get("ready")
    if not isinstance(before, int):
        return ""
    now = sum(1 for pod in living(found.pods) if pod.row.ready)
    return f"{now} ready, {before} were before" if now < min(before, found.state.replicas) else ""


def _row(names: Sequence[str], still: Sequence[str], fresh: tuple[Pod, ...], at: datetime, *, done: bool) -> Check:
    count = len(names)
    expected = f"{names[0]} gone, another ready" if count == 1 else f"{count} pods gone, {count} others ready"
    if still:
        ends = "is" if len(still) == 1 else "are"
        return Check(NAME, CheckState.WAITING, expected, f"{', '.join(still[:3])} {ends} still ending", at)
    ready = [pod.row.name for pod in fresh if pod.row.ready]
    if done:
        told = f"gone, {', '.join(ready[:3])} {'is' if len(ready) == 1 else 'are'} ready" if ready else ""
        return Check(NAME, CheckState.GOOD, expected, told or "gone, fewer wanted", at)
    why = rollout.trouble(fresh)
    ill = next((pod.row.name for pod in fresh if not pod.row.ready), "")
    there = (
        f"{ill} isn't ready" if ill else "none in its place yet" if count == 1 else f"{len(ready)} in their place yet"
    )
    return Check(NAME, CheckState.WAITING, expected, f"gone, {there}{f' ({why})' if why else ''}", at)


def _moved(state: TargetState, verification: Verification) -> str:
    """An eviction makes no generation: any newer one is somebody's, but an autoscaler's count."""
    return rollout.superseded(state, as_it_was(verification, made=0))
