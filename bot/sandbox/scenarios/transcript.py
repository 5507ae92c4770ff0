"""The record of a scenario as a person reads it: times since the start, what was done, what was seen.

It refuses to decide how a scenario ended.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence

QUOTED = "          │ "
"""What stands before a line that somebody sees, on a card for one."""


def folded(line: str, width: int) -> str:
    """A line that quotes what somebody sees, in as many lines as it takes at this width; others stay as they are."""
    said = line.removeprefix(QUOTED)
    if len(line) <= width or said == line:
        return line
    under = QUOTED + " " * (len(said) - len(said.lstrip()) + 2)
    return "\n".join(textwrap.wrap(line, width, subsequent_indent=under, break_on_hyphens=False))


class Transcript:
    """Lines with the seconds since the start before them; each goes to ``show`` as soon as it is written."""

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self.lines: list[str] = []
        self._show = show
        self._start = time.monotonic()
        self._last_seen: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    def write(self, line: str) -> None:
        """A line as it is."""
        self.lines.append(line)
        if self._show is not None:
            self._show(line)

    def say(self, words: str) -> None:
        """Something that happened."""
        self.write(f"{self.seconds:6.1f} s  {words}")

    def quote(self, heading: str, seen: Sequence[str]) -> None:
        """What somebody sees, under a heading; the same under the same heading once more is not repeated."""
        if (heading, *seen) == self._last_seen:
            self.say(f"{heading} as before")
            return
        self.say(heading)
        self._last_seen = (heading, *seen)
        for line in seen:
            self.write(f"{QUOTED}{line}")

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)
