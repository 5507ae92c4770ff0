"""A chart as words: curves, level lines, marks in time. Whoever draws it decides how.

It refuses to hold anything that isn't text or a number: a chart goes to another process to be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MarkKind(StrEnum):
    """What happened at a moment."""

    ALERT = "alert"
    CHANGE = "change"


@dataclass(frozen=True)
class Line:
    """One curve: (Unix seconds, value), oldest first."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Level:
    """A value that the curves are seen against, such as a limit; ``asked`` for one that is a request."""

    label: str
    value: float
    asked: bool = False


@dataclass(frozen=True)
class Mark:
    """A moment: the alert's start, a rollout; ``at`` in Unix seconds."""

    label: str
    at: float
    kind: MarkKind


@dataclass(frozen=True)
class Chart:
    """``unit`` is cores, bytes, seconds, ratio, per_second or empty; ``name`` is the query's."""

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def begin(self) -> float:
        """The earliest point of all curves."""
        return min(line.points[0][0] for line in self.lines)

    @property
    def end(self) -> float:
        """The latest point of all curves."""
        return max(line.points[-1][0] for line in self.lines)
