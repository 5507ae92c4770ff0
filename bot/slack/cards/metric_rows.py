"""Metrics as text: one line a query, a curve of eight heights and the newest value, within a phone's width.

It stands in the thread's evidence whether charts are drawn or not: it is what is left when neither can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.evidence import Evidence
from bot.domain.observed import SeriesSeen
from bot.domain.snapshot import row_of
from bot.domain.units import told
from bot.slack.mrkdwn import clean, cut

BARS = "▁▂▃▄▅▆▇█"
NAME, CURVE, PROBLEM = 11, 12, 160
MOST = 12


def metric_lines(item: Evidence, _now: datetime) -> list[str]:
    """``memory      ▁▂▃▅▇█▁▂▃  504 MiB`` a query that was measured, then a sentence each for those that failed."""
    named: dict[str, list[SeriesSeen]] = {}
    problems: list[str] = []
    for row in _rows(item):
        if row.points:
            named.setdefault(row.query, []).append(row)
        elif row.problem:
            problems.append(cut(clean(f"{row.query}: {row.problem}"), PROBLEM))
    lines = [_line(name, rows) for name, rows in named.items() if _worth(name, rows)]
    return [*lines[:MOST], *problems[:4]]


def _rows(item: Evidence) -> list[SeriesSeen]:
    found: Any = item.data.get("series")
    return [row_of(SeriesSeen, row) for row in found or () if isinstance(row, Mapping)]


def _worth(name: str, rows: Sequence[SeriesSeen]) -> bool:
    """A rate of nothing is no news, unless it is of errors: there it is."""
    return name == "errors" or any(value for row in rows for _, value in row.points)


def _line(name: str, rows: Sequence[SeriesSeen]) -> str:
    newest = max(row.points[-1][1] for row in rows)
    words = told(newest, rows[0].unit)
    threshold = rows[0].threshold
    if threshold is not None:
        words = f"{words} (alert at {told(threshold, rows[0].unit)})"
    return f"{cut(clean(name), NAME).ljust(NAME)} {spark([row.points for row in rows]).ljust(CURVE)} {words}".rstrip()


def spark(curves: Sequence[Sequence[tuple[float, float]]], width: int = CURVE) -> str:
    """The highest of all curves over time as ``width`` bars at most; from zero, so that a flat line is flat."""
    points = sorted(point for curve in curves for point in curve)
    begin, end = points[0][0], points[-1][0]
    if end <= begin:
        return ""
    width = min(width, len({at for at, _ in points}))
    spans: list[list[float]] = [[] for _ in range(width)]
    for at, value in points:
        spans[min(int((at - begin) / (end - begin) * width), width - 1)].append(value)
    highest = max(value for _, value in points)
    lowest = min(0.0, *(value for _, value in points))
    height = (highest - lowest) or 1.0
    return "".join(
        BARS[min(int((max(span) - lowest) / height * len(BARS)), len(BARS) - 1)] if span else " " for span in spans
    ).rstrip()
