"""What verification needs to remember of a target from before the action, and the times that follow from it.

It refuses to read anything: the state comes from whoever proposed or claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.proposal import TargetState
from bot.verification import metrics
from bot.verification.rollout import EXCEEDED

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


def soak_for(before: Mapping[str, Any], setting: timedelta) -> timedelta:
    """``max(setting, 2 x minReadySeconds)``; the caller chooses the setting (after a crash loop or not)."""
    return max(setting, timedelta(seconds=2 * int(before.get("min_ready_seconds", 0))))


def deadline(before: Mapping[str, Any], soak: timedelta, now: datetime) -> datetime:
    """Absolute: rollout deadline + soak + 60 s from now; survives restarts of the process.

    Where a playbook's numbers take longer than the soak, their time counts instead.
    """
    longest = max(soak, metrics.longest(metrics.planned(before)))
    return now + timedelta(seconds=int(before.get("progress_deadline", 600))) + longest + MARGIN
