"""The state of the incident's alerts beside the checks: shown, never judged.

An alert may fire for minutes after its cure, and resolves when its Prometheus is down; without Prometheus itself to
ask, it is no measurement.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.verification import Check, CheckState

NAME = "alerts"


def check(firing: int, total: int, at: datetime) -> Check:
    """A grey row; ``firing`` of ``total`` alerts of the incident."""
    measured = f"{firing} of {total} still firing" if firing else f"all {total} cleared" if total else "none"
    return Check(NAME, CheckState.ABSENT, "shown, not judged", measured, at, required=False)
