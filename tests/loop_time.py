"""A loop whose time passes only where somebody waits for it, and then at once: laws about seconds, without any.

For what waits by the loop's clock and does nothing beside: with a socket or a thread in play it would jump over them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class Jumping(asyncio.SelectorEventLoop):
    """Begins at 1000 and goes on to the next moment that something waits for, once nothing else is to be done."""

    def __init__(self) -> None:
        self._at = 1000.0
        super().__init__()

    def time(self) -> float:
        """The moment."""
        return self._at

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            due = [one.when() for one in self._scheduled if not one.cancelled()]  # type: ignore[attr-defined]
            self._at = max(self._at, min(due, default=self._at))
        super()._run_once()  # type: ignore[misc]


def jumping(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The test, run in such a loop."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=Jumping) as runner:
            runner.run(test(*args, **kwargs))

    return run
