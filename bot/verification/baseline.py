"""What verification needs to remember of a target from before the action, and the times that follow from it.

It refuses to read anything: the state comes from whoever proposed or claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.execution import RESTARTED_AT, WriteRequest
from bot.domain.proposal import TargetState
from bot.domain.verification import Verification
from bot.verification import metrics
from bot.verification.rollout import EXCEEDED, Bound

POINTED = RESTARTED_AT.replace("~", "~0").replace("/", "~1")
RESTARTED = "restarted_at"
"""Key of a baseline: the template's restartedAt as our write left it; whoever restarts it later writes another one."""
MARGIN = timedelta(seconds=60)
"""Deadline = rollout deadline + soak + 60 s (definitions, "Verdicts")."""


def baseline(state: TargetState) -> dict[str, Any]:
    """The JSON-able baseline of a proposal, refreshed at the claim."""
    return {
        "restarts": dict(state.crash_restarts),
        "crash_looping": state.crash_looping,
        "revision": state.revision,
        "template_hash": state.template_hash,
        "generation": state.generation,
        "replicas": state.replicas,
        "ready": state.ready,
        "images": list(state.images),
        "strategy": state.strategy,
        "min_ready_seconds": state.min_ready_seconds,
        "progress_deadline": state.progress_deadline,
        "stuck": state.conditions.get("Progressing") == EXCEEDED,
    }


def restarts_at(before: TargetState, request: WriteRequest) -> str | None:
    """The template's restartedAt once a request is carried out; None where it brings a template that isn't in it."""
    if request.template:
        return None
    ops = request.body if isinstance(request.body, list) else ()
    for one in ops:
        where, value = str(one.get("path", "")), one.get("value")
        if where.endswith("/spec/template/metadata/annotations") and isinstance(value, Mapping) and one["op"] == "add":
            return str(value.get(RESTARTED_AT, ""))
        if where == f"/spec/template/metadata/annotations/{POINTED}":
            return str(value)
    return before.template_annotations.get(RESTARTED_AT, "")


def restarted_at(verification: Verification) -> str | None:
    """The same, as a baseline keeps it; None where an older version kept none."""
    kept = verification.baseline.get(RESTARTED)
    return None if kept is None else str(kept)


def soak_for(before: Mapping[str, Any], setting: timedelta) -> timedelta:
    """``max(setting, 2 x minReadySeconds)``; the caller chooses the setting (after a crash loop or not)."""
    return max(setting, timedelta(seconds=2 * int(before.get("min_ready_seconds", 0))))


def deadline(before: Mapping[str, Any], soak: timedelta, now: datetime) -> datetime:
    """Absolute: rollout deadline + soak + 60 s from now; survives restarts of the process.

    Where a playbook's numbers take longer than the soak, their time counts instead.
    """
    longest = max(soak, metrics.longest(metrics.planned(before)))
    return now + timedelta(seconds=int(before.get("progress_deadline", 600))) + longest + MARGIN


def as_it_was(verification: Verification, *, made: int) -> Bound:
    """What a target is known by after an action that leaves its template alone and made so many generations."""
    before, known = verification.baseline, verification.baseline.get("generation")
    return Bound(
        verification.target.uid,
        known + made if isinstance(known, int) else None,
        template_hash=str(before.get("template_hash", "")),
        restarted_at=restarted_at(verification),
        strategy=str(before.get("strategy", "")),
    )
