"""Keeps evidence from crowding the API server: so many relaxed calls a second in all, none held back for urgent ones.

Verification and execution never wait behind evidence. Among relaxed calls the more important go first, and whoever gave
up asks nothing any more. A server that says 429 gets half as many; the rate comes back slowly. Loop time only; it
refuses to know what a call is for.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.domain.errors import UnavailableError

RELAXED_PER_SECOND = 10.0
"""Evidence makes no more calls than this in any second (a setting): a storm must not become load on the cluster."""
RELAXED_AT_ONCE = 8
URGENT_AT_ONCE = 32
WINDOW = 1.1
"""Seconds in which ``rate`` calls may be made: more than one, so that the server's clock sees no more either."""
LEAST = 0.5
"""Calls a second that are left after any number of 429."""
RECOVERS = 10.0
"""Seconds after which a tenth of the full rate comes back."""
LONGEST_PAUSE = 60.0
"""A Retry-After beyond this isn't believed."""


class Allowance:
    """How many calls one incident may still make; shared by all that looks at it."""

    def __init__(self, calls: int) -> None:
        self.calls, self.spent = calls, 0

    def spend(self) -> None:
        """Takes one call; raises ``UnavailableError`` when none is left."""
        if self.spent >= self.calls:
            raise UnavailableError(f"Not asked: the {self.calls} calls to the cluster for one incident are used up.")
        self.spent += 1


@dataclass
class _Sent:
    """When a call went out."""

    at: float


class Pace:
    """Two lanes to one API server; ``rate`` is relaxed calls a second at best."""

    def __init__(self, rate: float = RELAXED_PER_SECOND) -> None:
        self._full = rate
        self._slowed, self._slowed_at = rate, -math.inf
        self._paused_until = -math.inf
        self._sent: deque[_Sent] = deque(maxlen=max(1, math.floor(rate)))
        self._waiting: list[tuple[int, int, asyncio.Future[_Sent]]] = []
        self._order = 0
        self._running = 0
        self._wakes_at = 0.0  # of the loop; kept here, because uvloop's handle of a very short wait knows no time
        self._urgent = asyncio.Semaphore(URGENT_AT_ONCE)

    @asynccontextmanager
    async def lane(self, *, urgent: bool, rank: int = 0) -> AsyncIterator[None]:
        """Holds a place while a call runs; of those that wait, the lowest ``rank`` goes first."""
        if urgent:
            async with self._urgent:
                yield
            return
        await self._turn(rank)
        try:
            yield
        finally:
            self._running -= 1
            self._go()

    def rate(self) -> float:
        """Relaxed calls a second now."""
        steps = (asyncio.get_running_loop().time() - self._slowed_at) // RECOVERS
        return self._full if math.isinf(steps) else min(self._full, self._slowed + steps * self._full / 10)

    def slower(self, retry_after: float | None) -> None:
        """The server said 429: half the rate, once for all answers of a moment, and nothing before ``retry_after``."""
        now = asyncio.get_running_loop().time()
        if now - self._slowed_at >= 1:
            self._slowed, self._slowed_at = max(LEAST, self.rate() / 2), now
        if retry_after:
            self._paused_until = max(self._paused_until, now + min(retry_after, LONGEST_PAUSE))

    async def _turn(self, rank: int) -> None:
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[_Sent] = loop.create_future()
        self._order += 1
        heapq.heappush(self._waiting, (rank, self._order, mine))
        self._go()
        try:
            sent = await mine
            sent.at = loop.time()  # a loop that was busy lets it go later than it was let in
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # let in and given up in the same moment
                self._running -= 1
                self._go()
            raise

    def _go(self) -> None:
        """Lets in whoever may go now, and wakes up again when the next one may."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._running < RELAXED_AT_ONCE:
            if self._waiting[0][2].done():  # cancelled while it waited
                heapq.heappop(self._waiting)
                continue
            wait = self._wait(loop.time())
            if wait > 0:
                if self._wakes_at <= loop.time():
                    self._wakes_at = loop.time() + wait
                    loop.call_later(wait, self._woken)
                return
            _, _, turn = heapq.heappop(self._waiting)
            sent = _Sent(loop.time())
            self._sent.append(sent)
            self._running += 1
            turn.set_result(sent)

    def _woken(self) -> None:
        self._wakes_at = 0.0
        self._go()

    def _wait(self, now: float) -> float:
        """Seconds until the next call keeps both the rate and the pause."""
        rate = self.rate()
        calls = max(1, math.floor(rate))
        turn = self._sent[-calls].at + calls / rate * WINDOW - now if len(self._sent) >= calls else 0.0
        return max(turn, self._paused_until - now)
