"""How much longer than it says a sandbox waits: ``SANDBOX_PATIENCE=10`` makes it ten times as long, for a slow machine.

Stretched is what somebody must have done by then: a bot its start and its answer to Slack, a step of a scenario what it
expects. What lasts by itself isn't: a pause, a soak, how long an approval is good. It refuses to wait less than said.
"""

from __future__ import annotations

import os

TIMES = float(os.environ.get("SANDBOX_PATIENCE", "1"))
"""One on a machine that has time to spare; a suite that shares its processors asks for more."""
LONGEST = 400.0
"""Seconds beyond which nothing is stretched: by then it hangs."""
UNHURRIED = "30s"
"""The bot's own limits of a request, where patience is asked for: it shares the machine."""


def stretched(seconds: float) -> float:
    """So many seconds, and on a slow machine as many more as were asked for."""
    return max(seconds, min(seconds * TIMES, LONGEST))


def limits() -> dict[str, str]:
    """Settings for a bot on a machine that is slow; none without that."""
    names = "KUBE_TIMEOUT", "SLACK_TIMEOUT", "EVIDENCE_TIMEOUT"
    return dict.fromkeys(names, UNHURRIED) if TIMES > 1 else {}
