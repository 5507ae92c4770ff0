"""The state of the incident's alerts beside the checks: judged by Prometheus' own rules, else shown and never judged.

An alert may fire for minutes after its cure, so one that still fires is waited for until the deadline and is then no
failure; and one whose rule wasn't evaluated since the action says nothing yet. Without Prometheus to ask, what
Alertmanager sent is no measurement: it resolves when its Prometheus is down, too.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.measured import AlertsNow
from bot.domain.verification import Check, CheckState

NAME = "alerts"
EXPECTED = "cleared"


def check(firing: int, total: int, at: datetime) -> Check:
    """A grey row; ``firing`` of ``total`` alerts of the incident."""
    measured = f"{firing} of {total} still firing" if firing else f"all {total} cleared" if total else "none"
    return Check(NAME, CheckState.ABSENT, "shown, not judged", measured, at, required=False)


def judged(now: AlertsNow, since: datetime | None, at: datetime) -> Check:
    """The row by Prometheus' rules; ``since`` is the end of the rollout, None before it."""

    def row(state: CheckState, measured: str) -> Check:
        return Check(NAME, state, EXPECTED, measured, at, required=False)

    if now.problem:
        return row(CheckState.UNMEASURED, now.problem)
    if now.missing and not now.firing:
        # No rule, so nothing can fire there: that is no sign of health.
        named = ", ".join(now.missing[:3])
        return Check(
            NAME, CheckState.ABSENT, "shown, not judged", f"Prometheus has no rule {named}", at, required=False
        )
    firing = f"{now.firing} of {now.total} still firing" if now.firing else "none fires"
    if since is None:
        return row(CheckState.WAITING, f"{firing}; counted from the end of the rollout")
    if now.evaluated_at is None:
        return row(CheckState.UNMEASURED, f"{firing}, but Prometheus doesn't say when it evaluated the rule")
    if now.evaluated_at <= since:
        return row(CheckState.WAITING, f"{firing}, evaluated before the rollout ended")
    if now.firing:
        return row(CheckState.WAITING, firing)
    return row(CheckState.GOOD, f"cleared, evaluated {now.evaluated_at:%H:%M:%S} UTC")
