"""Draws pictures in a process of its own, started at the first one and ended when none was wanted for a while.

So the bot stays light, and a picture that takes long blocks nobody. Without the extra ``[plots]`` there is no press.
It refuses to know what is drawn.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context

from bot.domain.chart import Chart
from bot.domain.errors import UnavailableError

LONGEST = 20.0
"""Seconds for one picture, the start of the process and matplotlib's first look at the fonts included.

With Slack's time limits behind it, all of it ends before the lease of the row that asks for it.
"""
REST = 60.0
"""Seconds without a picture after which the process ends: it holds some 80 MB."""


@cache
def installed() -> bool:
    """Whether matplotlib is there."""
    return find_spec("matplotlib") is not None


class Press:
    """One process for one picture at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._drawing = 0

    async def draw(self, charts: Sequence[Chart]) -> bytes:
        """A PNG; raises ``UnavailableError`` when the process died or took too long."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("forkserver"), initializer=_quiet)
        self._drawing += 1
        try:
            async with asyncio.timeout(LONGEST):
                return await asyncio.get_running_loop().run_in_executor(self._pool, _png, tuple(charts))
        except (TimeoutError, BrokenProcessPool, OSError) as exc:
            self._end()
            raise UnavailableError(f"The picture could not be drawn ({type(exc).__name__}).") from exc
        finally:
            self._drawing -= 1
            if not self._drawing and self._pool is not None:
                self._ending = asyncio.get_running_loop().call_later(REST, self._end)

    def close(self) -> None:
        """Ends the process."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        self._end()

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        if self._drawing:  # it hangs, or hasn't ended yet: nobody waits for what it draws
            for process in processes:
                process.kill()


def _quiet() -> None:
    """Ctrl-C at a terminal reaches this process too; it ends when the bot ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _png(charts: tuple[Chart, ...]) -> bytes:
    from bot.slack.charts.picture import png  # noqa: PLC0415 - here alone matplotlib is loaded

    return png(charts)
