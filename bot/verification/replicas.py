"""Did another number of replicas, or other bounds of their autoscaler, come to be, and do the pods hold? Pure.

Scaled by hand: the number is what it was set to; whoever sets another one supersedes it. By an autoscaler's bounds:
those stand as set, and what the autoscaler wants within them is ready; that it moves the count is its work and no
failure. It refuses to say whether more pods helped; that is for the metrics and the alerts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.proposal import TargetState
from bot.domain.verification import Check, CheckState, Verification
from bot.kube.reads import Snapshot
from bot.verification import rollout
from bot.verification.baseline import as_it_was
from bot.verification.judged import Judged, living

NAME = "replicas"
ENDED = frozenset({"Succeeded", "Failed"})


def scaled(found: Snapshot, verification: Verification, binding: Mapping[str, Any], at: datetime) -> Judged:
    """After a scale: exactly so many, all available."""
    state, to = found.state, int(binding["replicas"])
    fresh, done = living(found.pods), _reached(found, to)
    expected = f"{to} of {to} ready" if to else "none left"
    ending = [] if to else [pod.row.name for pod in found.pods if pod.deleting and pod.row.phase not in ENDED]
    done = done and not ending
    if state.keeper is not None and state.target.uid == verification.target.uid and state.replicas == binding["from"]:
        # A fail with a name, as for a template: the incident goes on as if nothing had been done.
        measured = f"reverted by {state.keeper.words}: {state.replicas} again"
        back = Check(NAME, CheckState.BAD, expected, measured, at, final=True)
        return Judged(moved="", fresh=fresh, done=False, row=back, progress=_progress(found, to))
    row = _row(found, done, expected, at)
    if state.replicas != to and _older(state, verification):
        row = replace(row, state=CheckState.UNMEASURED, measured=rollout.OLDER)
    if ending and not fresh:
        row = replace(row, state=CheckState.WAITING, measured=f"{len(ending)} still ending: {', '.join(ending[:3])}")
    return Judged(_scaled_away(state, verification, to), fresh, done, row, _progress(found, to))


def bounded(found: Snapshot, verification: Verification, binding: Mapping[str, Any], at: datetime) -> Judged:
    """After a change of bounds: they stand, and all that the autoscaler wants is available."""
    state = found.state
    least, most = int(binding["least"]), int(binding["most"])
    within = least <= state.replicas <= most
    done = within and _reached(found, state.replicas)
    expected = f"{least} to {most} replicas, all ready"
    return Judged(
        _rebounded(state, verification, binding),
        living(found.pods),
        done,
        _row(found, done, expected, at, moving=True),
        _progress(found, state.replicas),
    )


def _scaled_away(state: TargetState, verification: Verification, to: int) -> str:
    """Our own write made one new generation; one that is newer is somebody's."""
    label = state.target.label
    if state.target.uid == verification.target.uid and state.replicas != to and not _older(state, verification):
        who = f"autoscaler {state.hpa[0]}" if state.hpa is not None else "somebody else"
        return f"{label} was scaled to {state.replicas} by {who} after the action"
    return rollout.superseded(state, as_it_was(verification, made=1))


def _older(state: TargetState, verification: Verification) -> bool:
    """An answer from before our write."""
    before = verification.baseline.get("generation")
    return isinstance(before, int) and state.generation <= before


def _rebounded(state: TargetState, verification: Verification, binding: Mapping[str, Any]) -> str:
    label, name = state.target.label, binding["autoscaler"]
    if verification.target.uid == state.target.uid:
        if state.hpa is None or state.hpa[0] != name:
            return f"autoscaler {name} doesn't scale {label} any more"
        if state.hpa[1:] != (binding["least"], binding["most"]):
            return f"the bounds of autoscaler {name} were changed to {state.hpa[1]} to {state.hpa[2]} after the action"
    return rollout.superseded(state, as_it_was(verification, made=0))


def _reached(found: Snapshot, to: int) -> bool:
    """So many, all available, and no others beside them; nothing before the controller has seen the change."""
    state = found.state
    counted = state.observed_generation >= state.generation and state.replicas == to and state.current == to
    ready = sum(1 for pod in living(found.pods) if pod.row.ready)
    return counted and state.available >= to and ready == to


def _row(found: Snapshot, done: bool, expected: str, at: datetime, *, moving: bool = False) -> Check:
    """``moving`` says that the count may rightly be on its way: then pods that only start aren't held against it."""
    state = found.state
    if state.observed_generation < state.generation:
        seen = f"the controller hasn't seen the change yet (generation {state.observed_generation} seen)"
        return Check(NAME, CheckState.WAITING, expected, seen, at)
    measured = f"{state.available} of {state.replicas} available" if state.replicas else f"{state.current} left"
    if done:
        return Check(NAME, CheckState.GOOD, expected, measured, at)
    there = living(found.pods)
    if state.current == state.replicas and state.available >= state.replicas and len(there) != state.replicas:
        odd = f"the workload counts {state.replicas} available, and I see {len(there)} pods of it: one answer is old"
        return Check(NAME, CheckState.UNMEASURED, expected, odd, at)
    why = rollout.trouble(there)
    if why:
        return Check(NAME, CheckState.WAITING, expected, f"{measured} ({why})", at)
    if moving:
        return Check(NAME, CheckState.UNMEASURED, expected, f"{measured}; the autoscaler moves the count", at)
    return Check(NAME, CheckState.WAITING, expected, measured, at)


def _progress(found: Snapshot, to: int) -> Mapping[str, Any]:
    there = living(found.pods)
    return {
        **rollout.progress(found.state, there),
        "desired": to,
        "updated": min(len(there), to) if to else 0,
        "word": "there",
    }
