"""What series of measurements say: how high, since when, rising or jumping.

It takes series as they are, of whatever step; a series of too few points says nothing (None). It refuses to compare
series of different units.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from bot.domain.observed import SeriesSeen

ENOUGH = 6
"""Points below which a course can't be told."""


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None


def latest(rows: Sequence[SeriesSeen]) -> float | None:
    """The highest newest value of these series, over their last three points each."""
    return max((max(value for _, value in row.points[-3:]) for row in rows), default=None)


def around(rows: Sequence[SeriesSeen], at: datetime) -> tuple[float | None, float | None]:
    """The mean before and the mean after a moment, over all series."""
    edge = at.timestamp()
    before = [value for row in rows for when, value in row.points if when < edge]
    after = [value for row in rows for when, value in row.points if when >= edge]
    return mean(before), mean(after)


def rose(rows: Sequence[SeriesSeen], at: datetime, *, by: float = 2.0, least: float = 0.0) -> bool | None:
    """Whether the level after a moment is ``by`` times that before and at least ``least``; None if nobody can tell."""
    before, after = around(rows, at)
    if before is None or after is None:
        return None
    return after >= least and after >= by * max(before, 1e-9)


def course(row: SeriesSeen, bound: float) -> str:
    """How a level came to its bound: ``leak`` (a steady rise), ``spike`` (a jump), ``level`` (always near), or empty.

    A fall of more than a third is a start anew; the longest climb before one is what counts.
    """
    climbs = _climbs([value for _, value in row.points])
    longest = max(climbs, key=len, default=[])
    if len(longest) < ENOUGH or bound <= 0:
        return ""
    parts = [value / bound for value in longest]
    if min(parts) > 0.8:
        return "level"
    rise = parts[-1] - parts[0]
    steepest = max(late - early for early, late in pairwise(parts))
    if max(parts) < 0.7:
        return "spike" if len(climbs) > 1 else ""  # it was killed between two measurements
    if rise > 0.2 and steepest < 0.5 * rise:
        return "leak"
    return "spike" if steepest >= 0.3 else ""


def _climbs(values: Sequence[float]) -> list[list[float]]:
    runs: list[list[float]] = [[]]
    for value in values:
        if runs[-1] and value < runs[-1][-1] * 0.66:
            runs.append([])
        runs[-1].append(value)
    return [run for run in runs if run]


def onset(rows: Sequence[SeriesSeen]) -> datetime | None:
    """When the first of these series left its level for good: three points in a row above twice the level before.

    The level is the mean of the first quarter of the points; None when nothing rose or the points are too few.
    """
    found = [at for row in rows if (at := _leaves(row)) is not None]
    return min(found, default=None)


def _leaves(row: SeriesSeen) -> datetime | None:
    values = [value for _, value in row.points]
    if len(values) < ENOUGH:
        return None
    level = mean(values[: max(len(values) // 4, 2)]) or 0.0
    bound = max(2 * level, level + 0.1 * max(values))
    for place in range(1, len(values)):
        following = values[place : place + 3]
        if values[place] > bound and all(value > bound for value in following):
            return datetime.fromtimestamp(row.points[place][0], UTC)
    return None


def seconds_until(row: SeriesSeen, bound: float) -> float | None:
    """By the straight line through the points, when a level reaches its bound; None while it doesn't rise to it.

    A line through a rise of less than a hundredth of the bound over the whole window says nothing.
    """
    if len(row.points) < ENOUGH:
        return None
    times, values = [at for at, _ in row.points], [value for _, value in row.points]
    middle, level = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    slope = sum((at - middle) * (value - level) for at, value in row.points) / spread if spread > 0 else 0.0
    if slope * (times[-1] - times[0]) < 0.01 * bound:
        return None
    return max((bound - values[-1]) / slope, 0.0)
