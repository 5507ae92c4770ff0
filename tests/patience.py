"""How long the suite waits: until it is so, however slow or busy the machine is.

No law is about how many seconds something takes. ``PATIENT`` stands wherever a number must be given for what will
come, and ``until`` looks again and again; both end by themselves only so that a hang says where. That something has a
limit is shown by a counterpart that never answers, that nothing happens by what must come afterwards, order by order.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from inspect import isawaitable

import pytest

PATIENT = 400.0
"""Seconds; less than pytest's own limit of a test, so that what was waited for is told."""
GROWING = 0.5, 5.0, 50.0, 200.0
"""Seconds of a limit that one counterpart misses, whatever it is, and the other one keeps: if not this, the next."""
STRETCHED = 20
"""How much longer the sandbox waits than it says (``bot.sandbox.patience``)."""


async def until(
    look: Callable[[], object | Awaitable[object]], told: Callable[[], object] = lambda: "", every: float = 0.02
) -> None:
    """Returns when ``look`` finds it so; ``told`` says what there is instead."""
    end = time.monotonic() + PATIENT
    while True:
        found = look()
        if await found if isawaitable(found) else found:
            return
        assert time.monotonic() < end, f"never: {told()}"
        await asyncio.sleep(every)


LIMITS = {
    "bot.evidence.log_errors": "SLOWEST",
    "bot.evidence.metrics": "SLOWEST",
    "bot.health": "CLUSTER_WITHIN",
    "bot.integrations.artifacts_s3": "CONNECT",
    "bot.integrations.door": "CONNECT",
    "bot.integrations.ecr": "CONNECT READ",
    "bot.policy.cluster_rights": "MAX_AGE",
    "bot.policy.guardrails": "MAX_AGE",
    "bot.slack.charts.press": "LONGEST",
    "bot.workflow.freeze_file": "WITHIN",
    "bot.workflow.looking": "FINDING_THE_WORKLOAD",
    "bot.workflow.measuring": "WITHIN",
    "bot.workflow.picking": "WITHIN",
    "bot.workflow.targets": "DEADLINE",
    "commands.front": "TOLD_WITHIN",
}
"""Module -> constants: seconds within which something must have answered there, as a slow machine might not."""


@contextmanager
def unhurried() -> Iterator[None]:
    """Whatever answers is waited for in this process; a test of a limit sets it to what it likes."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in LIMITS.items():
            for name in names.split():
                there = importlib.import_module(module)
                limit = timedelta(seconds=PATIENT) if isinstance(getattr(there, name), timedelta) else PATIENT
                patch.setattr(there, name, limit)
        yield
