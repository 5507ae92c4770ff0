"""Keeps evidence from crowding the API server: a token bucket for relaxed calls, none for urgent ones.

Verification and execution never wait behind evidence. Loop time only; it refuses to know what a call is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

RELAXED_PER_SECOND = 10.0
"""Evidence stays under this many calls a second (issue: a storm must not become load on the cluster)."""
RELAXED_AT_ONCE = 8
URGENT_AT_ONCE = 32


class Pace:
    """Two lanes to one API server. ``rate`` is relaxed calls a second, ``burst`` how many may come at once."""

    def __init__(self, rate: float = RELAXED_PER_SECOND, burst: int = 10) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at: float | None = None
        self._turn = asyncio.Lock()
        self._relaxed = asyncio.Semaphore(RELAXED_AT_ONCE)
        self._urgent = asyncio.Semaphore(URGENT_AT_ONCE)

    @asynccontextmanager
    async def lane(self, *, urgent: bool) -> AsyncIterator[None]:
        """Holds a place while a call runs."""
        if urgent:
            async with self._urgent:
                yield
            return
        async with self._relaxed:
            await self._take()
            yield

    async def _take(self) -> None:
        async with self._turn:
            loop = asyncio.get_running_loop()
            now = loop.time()
            if self._filled_at is not None:
                self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            if self._tokens < 1:
                await asyncio.sleep((1 - self._tokens) / self._rate)
                now = loop.time()
                self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
                self._filled_at = now
            self._tokens -= 1
