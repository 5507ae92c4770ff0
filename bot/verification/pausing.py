"""Does the rollout really hold still? Pure, on one snapshot and what the first one after the pause showed.

A paused Deployment still replaces pods that end, so what counts is how many pods of the newest template it has ordered
from its ReplicaSet. It refuses to judge before the controller has seen the pause, and to promise that pods
get well: a pause cures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.measured import Supporting
from bot.domain.proposal import TargetState
from bot.domain.verification import HELD, Check, CheckState, Measurement, Verification
from bot.kube.reads import Snapshot
from bot.verification import alerts, rollout
from bot.verification.baseline import restarted_at
from bot.verification.restarts import words
from bot.verification.rollout import Bound

NAME = "paused"
SHORT = timedelta(seconds=30)
"""How long it is watched at most: a rollout that goes on shows within a few seconds."""


def assess(
    found: Snapshot,
    verification: Verification,
    at: datetime,
    alerts_firing: tuple[int, int] | None,
    supporting: Supporting,
) -> Measurement:
    """One look after a pause; what a playbook measures isn't asked, since holding still makes nothing better."""
    state = found.state
    bound = Bound(
        uid=verification.target.uid,
        generation=verification.generation,
        execution=verification.execution_uid,
        template_hash=str(verification.baseline.get("template_hash", "")),
        newest=True,
        paused=True,
        restarted_at=restarted_at(verification),
        strategy=str(verification.baseline.get("strategy", "")),
    )
    since, held = verification.rolled_out_at, verification.progress.get(HELD)
    now = [state.pods_wanted, state.replicas]
    seen = state.paused and state.observed_generation >= max(state.generation, verification.generation or 0)
    if seen and (since is None or not isinstance(held, list) or held[1] != state.replicas):
        since, held = at, now  # an autoscaler shares its pods out among the templates: counted anew
    soak = min(timedelta(seconds=verification.soak), SHORT)
    more = state.pods_wanted - held[0] if held else 0
    row = check(state, more, soak, at - since if since is not None else None, at)
    if row.state is CheckState.WAITING and since is not None and at >= verification.deadline:
        row = replace(row, state=CheckState.UNMEASURED, measured=f"{row.measured}; I wasn't watching before")
    if state.generation < (verification.generation or 0):
        row = replace(row, state=CheckState.UNMEASURED, measured=rollout.OLDER, final=False)
    checks = [row]
    if supporting.alerts is not None and not supporting.alerts.problem:
        checks.append(alerts.check(supporting.alerts.firing, supporting.alerts.total, at))
    elif alerts_firing is not None:
        checks.append(alerts.check(*alerts_firing, at))
    fresh = rollout.new_pods(state, found.pods, bound)
    progress: Mapping[str, Any] = {**rollout.progress(state, fresh), **({HELD: held} if held else {})}
    # Whoever keeps the object in Git or a chart took the pause back: that is a fail with a name.
    moved = "" if state.keeper is not None and not state.paused else rollout.superseded(state, bound)
    return Measurement(at, tuple(checks), progress, moved, since)


def check(state: TargetState, more: int, soak: timedelta, passed: timedelta | None, at: datetime) -> Check:
    """The row for the card; ``passed`` since the controller saw it, None before. One pod more is final."""
    expected = f"no further pod of the newest template for {words(soak)}"
    if not state.paused:
        by = f", by {state.keeper.words}" if state.keeper is not None and passed is not None else ""
        return Check(NAME, CheckState.BAD, expected, f"the rollout isn't paused{by}", at, final=passed is not None)
    if passed is None:
        return Check(NAME, CheckState.WAITING, expected, "the controller hasn't seen the pause yet", at)
    if more > 0:
        return Check(NAME, CheckState.BAD, expected, f"{more} more since the pause", at, final=True)
    measured = f"{state.updated}/{state.replicas} are of the newest template, none more for {words(passed)}"
    return Check(NAME, CheckState.GOOD if passed >= soak else CheckState.WAITING, expected, measured, at)
