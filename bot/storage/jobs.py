"""One function waiting for its turn, or one item of a call for several, and the way its result gets back.

Whoever waits is in a loop or a thread. A waiter that was cancelled changes nothing: what was submitted is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from bot.domain.errors import FettleError
from bot.storage.tx import Tx

Outcome = asyncio.Future[Any] | Future[Any]


class Job:
    """``future`` is asyncio's (then ``loop`` is set) or a thread's; filled in by the worker, delivered later."""

    __slots__ = ("_args", "_fn", "_kwargs", "error", "future", "item", "loop", "message", "result", "work")

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        future: Outcome,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._fn, self._args, self._kwargs = fn, args, kwargs
        self.item: Any = None
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None
        self.work = False
        self.message = False

    @classmethod
    def of_many(cls, fn: Callable[..., Any], item: Any, future: Outcome, loop: asyncio.AbstractEventLoop | None) -> Job:
        """One item for a function that takes several: ``fn(tx, items)``, a result for each."""
        job = cls(fn, (), {}, future, loop)
        job.item = item
        return job

    def joins(self, other: Job) -> bool:
        """Whether one call may do both."""
        return self.item is not None and other.item is not None and self._fn is other._fn

    @property
    def name(self) -> str:
        """The function's name, the one that crash points and logs use."""
        return getattr(self._fn, "__name__", type(self._fn).__name__)

    def call(self, tx: Tx, jobs: Sequence[Job]) -> Sequence[Any]:
        """Run the function for ``jobs``: this one alone, or this and others that it ``joins``; a result for each."""
        if self.item is None:
            return (self._fn(tx, *self._args, **self._kwargs),)
        results: Sequence[Any] = self._fn(tx, [job.item for job in jobs])
        return results

    def succeed(self, result: Any, *, work: bool, message: bool) -> None:
        """Note the result; it counts only when the group was committed."""
        self.result, self.work, self.message = result, work, message

    def fail(self, error: BaseException, cause: BaseException | None) -> None:
        """Note the error, whatever was noted before."""
        if isinstance(error, FettleError) and cause is not None:
            error.__cause__ = cause
        self.error = error
        self.result, self.work, self.message = None, False, False

    def deliver(self) -> None:
        """Settle the future; runs in the waiter's loop, or anywhere for a thread's future."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


Handover = Callable[[list[Job]], None]
