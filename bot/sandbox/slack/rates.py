"""Slack's rate limits: sliding windows per method, and a small bucket per channel for posting.

It only counts. `spend` either takes one and returns None, or returns the seconds to wait; refused
calls are not counted, as a client that waits `Retry-After` seconds is let in.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Hashable

MINUTE = 60.0
TIER = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute for one app in one workspace
POST_EVERY = 1.0  # seconds between posts to one channel
POST_BURST = 5  # posts to one channel that may come at once after a pause


class Rates:
    """Counts of recent calls; time is the monotonic clock unless another is given."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._calls: dict[Hashable, deque[float]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, method: str, tier: int, channel: str | None = None) -> int | None:
        """Count a call of `method`; the whole seconds to wait when it is one too many.

        With `channel` the limit is posting's own: one a second with a short burst.
        """
        if channel is not None:
            return self._spend_post(channel)
        now = self._now()
        calls = self._calls.setdefault(method, deque())
        while calls and now - calls[0] >= MINUTE:
            calls.popleft()
        if len(calls) >= TIER[tier]:
            return max(1, math.ceil(calls[0] + MINUTE - now))
        calls.append(now)
        return None

    def _spend_post(self, channel: str) -> int | None:
        now = self._now()
        left, then = self._buckets.get(channel, (float(POST_BURST), now))
        left = min(float(POST_BURST), left + (now - then) / POST_EVERY)
        if left < 1.0:
            self._buckets[channel] = (left, now)
            return max(1, math.ceil((1.0 - left) * POST_EVERY))
        self._buckets[channel] = (left - 1.0, now)
        return None

    def forget(self) -> None:
        """Start counting afresh."""
        self._calls.clear()
        self._buckets.clear()
