"""What a check of a target that is no workload hands over: its rows, what to remember, and whether others took over.

Such a target has no rollout: each action has a check of its own, chosen by ``measure``. It refuses to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.verification import Check, CheckState, Verification

TOLD = "told"
"""Key in ``Verification.progress``: how far it is, for the card."""


@dataclass(frozen=True)
class Seen:
    """One look. ``moved`` is a sentence when somebody else changed the target; ``since`` is when it took effect."""

    checks: tuple[Check, ...] = ()
    told: str = ""
    moved: str = ""
    since: datetime | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)


def waiting(verification: Verification, at: datetime, name: str, expected: str, measured: str) -> Check:
    """Not there yet; by the deadline it wasn't measured, because what goes on is no failure."""
    over = at >= verification.deadline
    state = CheckState.UNMEASURED if over else CheckState.WAITING
    return Check(name, state, expected, measured, at)


def bound(verification: Verification, key: str) -> str:
    """What the mitigation said its effect is known by."""
    return str((verification.baseline.get("binding") or {}).get(key, ""))
