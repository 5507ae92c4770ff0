"""Answers that several askers share: one question in flight at a time, its answer good for a few seconds.

For evidence and for what could be proposed: what decides is always asked afresh. Bounded by bytes and by age, so that a
storm of incidents costs a list a namespace and not a list an incident. Shared answers are never to be changed by who
gets them. It refuses to know what a question means.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

FRESH, FRESH_IN_STORM = 5.0, 15.0
"""Seconds from the question for which an answer serves other looks too; in a storm all is late anyway."""
KEPT = 15.0
"""Seconds for which an answer is kept: a proposal follows a look, which may have taken that long."""
STORM = 8
"""Targets looked at together, in all namespaces, beyond which it is a storm."""
MOST_BYTES, MOST_EACH = 8_000_000, 4_000_000
"""Of answers as they came; parsed they take some ten times as much. A larger one is shared only while in flight."""
CROWD = 3
"""Targets of one namespace looked at together from which on a list of the whole namespace is the cheaper one."""
TOGETHER = 10.0
"""Seconds within which looks count as one crowd."""

Json = dict[str, Any]


@dataclass
class _Flight:
    task: asyncio.Task[tuple[Json, int]]
    forgotten: int
    askers: int = 0


@dataclass(frozen=True)
class _Kept:
    asked_at: float
    size: int
    answer: Json


class Shared:
    """The questions of one cluster's slow lane."""

    def __init__(self, fresh: float = FRESH, in_storm: float = FRESH_IN_STORM) -> None:
        self._calm, self._storm = fresh, in_storm
        self._flying: dict[Hashable, _Flight] = {}
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0
        self._looks: dict[str, dict[str, float]] = {}
        self._forgotten = 0

    async def ask(
        self,
        key: Hashable,
        read: Callable[[], Awaitable[tuple[Json, int]]],
        *,
        keep: bool = True,
        within: float | None = None,
    ) -> Json:
        """The answer to ``key``: a fresh one if kept, the one in flight, else what ``read`` brings with its size.

        ``within`` are the seconds that an answer may be old; else the crowd says. One asker's deadline doesn't cost the
        others their answer; when all have gone the question is dropped.
        """
        loop = asyncio.get_running_loop()
        kept = self._fresh(key, loop.time(), within)
        if kept is not None:
            return kept.answer
        flight = self._flying.get(key)
        if flight is None or flight.forgotten != self._forgotten:
            flight = self._flying[key] = _Flight(asyncio.ensure_future(_awaited(read)), self._forgotten)
            asked_at = loop.time() if keep else -math.inf
            flight.task.add_done_callback(lambda done: self._landed(key, done, asked_at))
        flight.askers += 1
        try:
            return (await asyncio.shield(flight.task))[0]
        except asyncio.CancelledError:
            if flight.askers == 1 and not flight.task.done():
                if self._flying.get(key) is flight:
                    del self._flying[key]
                flight.task.cancel()
            raise
        finally:
            flight.askers -= 1

    def age(self, key: Hashable, within: float | None = None) -> float:
        """Seconds since the question whose answer ``ask`` would give; 0 where it would ask."""
        now = asyncio.get_running_loop().time()
        kept = self._fresh(key, now, within)
        return now - kept.asked_at if kept is not None else 0.0

    def forget(self) -> None:
        """Everything is asked for again: somebody wants to see how it is now, or something is about to change."""
        self._kept.clear()
        self._bytes = 0
        self._forgotten += 1

    def look(self, namespace: str, name: str) -> None:
        """Notes that a target of a namespace is looked at now."""
        self._looks.setdefault(namespace, {})[name] = asyncio.get_running_loop().time()

    def crowd(self, namespace: str | None = None) -> int:
        """How many targets were looked at within the last seconds, in one namespace or in all."""
        oldest = asyncio.get_running_loop().time() - TOGETHER
        for space, names in list(self._looks.items()):
            left = {name: at for name, at in names.items() if at > oldest}
            self._looks[space] = left
            if not left:
                del self._looks[space]
        if namespace is not None:
            return len(self._looks.get(namespace, ()))
        return sum(len(names) for names in self._looks.values())

    def _fresh(self, key: Hashable, now: float, within: float | None) -> _Kept | None:
        self._expire(now)
        kept = self._kept.get(key)
        serves = within or (self._storm if self.crowd() > STORM else self._calm)
        return kept if kept is not None and now - kept.asked_at < serves else None

    def _landed(self, key: Hashable, done: asyncio.Task[tuple[Json, int]], asked_at: float) -> None:
        flight = self._flying.get(key)
        stale = flight is None or flight.task is not done or flight.forgotten != self._forgotten
        if flight is not None and flight.task is done:
            del self._flying[key]
        if done.cancelled() or done.exception() is not None:  # looked at, or asyncio complains when no asker is left
            return
        answer, size = done.result()
        loop = done.get_loop()
        if size > MOST_EACH or loop.time() - asked_at >= KEPT or stale:
            return
        self._expire(loop.time())
        if key in self._kept:
            self._drop(key)
        self._kept[key] = _Kept(asked_at, size, answer)
        self._bytes += size
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._kept)))
        loop.call_later(KEPT, lambda: self._expire(loop.time()))

    def _expire(self, now: float) -> None:
        for key in [key for key, kept in self._kept.items() if now - kept.asked_at >= KEPT]:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        self._bytes -= self._kept.pop(key).size


async def _awaited(read: Callable[[], Awaitable[tuple[Json, int]]]) -> tuple[Json, int]:
    return await read()
