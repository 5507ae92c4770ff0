"""How long the suite waits: until it is so, however slow or busy the machine is.

No law is about how many seconds something takes. ``PATIENT`` stands wherever a number must be given for what will come,
and ``until`` looks again and again; both end by themselves only so that a hang says where. That something has a limit is
shown by a counterpart that never answers, that nothing happens by what must come afterwards, and order by order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

PATIENT = 400.0
"""Seconds; less than pytest's own limit of a test, so that what was waited for is told."""
STRETCHED = 40
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
