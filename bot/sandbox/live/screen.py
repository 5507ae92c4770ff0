"""A terminal's other screen, on which a picture is drawn in place; whatever ends it, the terminal is as it was before.

The size is asked anew for each picture, so that a terminal that changes its size is filled again. It refuses to know
what is drawn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence

from rich.console import Console, ConsoleDimensions, Group
from rich.control import Control
from rich.screen import Screen
from rich.text import Text

TICK = 0.2
"""Seconds between two looks at whether something changed."""
ALWAYS = 1.0
"""Seconds after which it is drawn even so: the time goes on, and what was typed meanwhile goes away."""
LEAST = 20, 6
"""Columns and lines below which a terminal only says something about its size, or nothing true."""
USUAL = 80, 24
"""Columns and lines where nobody says how many there are."""
Draw = Callable[[int, int], Sequence[Text]]


class _Kept(logging.Handler):
    """What would be written into the picture is kept until it is over."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def console() -> Console:
    """Where it is drawn: standard output, without colour where NO_COLOR says so; words stand as they are."""
    return Console(highlight=False, markup=False, emoji=False)


def size() -> tuple[int, int]:
    """Columns and lines of the terminal now; a terminal that says it has none doesn't know its size."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return USUAL
    columns, lines = found.columns or USUAL[0], found.lines or USUAL[1]
    return max(LEAST[0], columns), max(LEAST[1], lines)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Logs of this process wait until the picture is gone, and come then."""
    kept, root = _Kept(), logging.getLogger()
    root.addHandler(kept)
    try:
        yield
    finally:
        root.removeHandler(kept)
        sys.stderr.write("".join(f"{line}\n" for line in kept.lines))


@contextlib.asynccontextmanager
async def following(to: Console, mark: Callable[[], Hashable], draw: Draw) -> AsyncIterator[None]:
    """While this runs, what ``draw`` draws for a size is shown, and anew when the mark or the size changes."""
    with _quiet(), to.screen(hide_cursor=True):

        async def follow() -> None:
            shown: Hashable = None
            due = 0.0
            while True:
                now, here = time.monotonic(), size()
                if now >= due or (mark(), here) != shown:
                    shown, due = (mark(), here), now + ALWAYS
                    to.size = ConsoleDimensions(*here)
                    with to:  # one write: nobody sees half of it
                        to.control(Control.home())
                        to.print(Screen(Group(*draw(*here))), end="")
                await asyncio.sleep(TICK)

        task = asyncio.create_task(follow())
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
    if ended is not None and not isinstance(ended, asyncio.CancelledError):
        raise ended
