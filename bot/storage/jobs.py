"""One function waiting for its turn, and the way its result gets back to whoever waits: a loop or a thread.

A waiter that was cancelled changes nothing: what was submitted is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from bot.domain.errors import FettleError
from bot.storage.tx import Tx

Outcome = asyncio.Future[Any] | Future[Any]


class Job:
    """``future`` is asyncio's (then ``loop`` is set) or a thread's; filled in by the worker, delivered later."""

    __slots__ = ("_args", "_fn", "_kwargs", "error", "future", "loop", "message", "result", "work")

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        future: Outcome,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._fn, self._args, self._kwargs = fn, args, kwargs
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None
        self.work = False
        self.message = False

    @property
    def name(self) -> str:
        """The function's name, the one that crash points and logs use."""
        return getattr(self._fn, "__name__", type(self._fn).__name__)

    def call(self, tx: Tx) -> Any:
        """Run the function."""
        return self._fn(tx, *self._args, **self._kwargs)

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
