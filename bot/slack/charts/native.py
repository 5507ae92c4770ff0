"""A chart as Slack's own ``data_visualization`` block: crisp, in the reader's theme, and without a file.

Slack takes two in a message, six series of at most twenty points that all share their times, and labels of twenty
characters. It has no marks, so what happened within a point's span of time gives that point its own minute and its
word: ``11:17 alert``, as the card says it, not when the span began. A chart whose curves have gaps is refused here
(None): a block can't show a gap, and a made-up value would be a lie; the picture can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from bot.domain.chart import Chart, Line, Mark, MarkKind
from bot.slack.message import Block
from bot.slack.mrkdwn import clean, cut

BLOCKS, SERIES, POINTS, LABEL, TITLE = 2, 6, 20, 20, 50
_SCALES = (("TiB", 1024.0**4), ("GiB", 1024.0**3), ("MiB", 1024.0**2), ("KiB", 1024.0), ("bytes", 1.0))
_UNITS = {"cores": ("cores", 1.0), "ratio": ("%", 0.01), "seconds": ("s", 1.0), "per_second": ("per second", 1.0)}


def blocks_of(charts: Sequence[Chart]) -> list[Block] | None:
    """All charts as blocks; None when one of them doesn't fit: half of them would be less than a picture of all."""
    made = [block(chart) for chart in charts[:BLOCKS]]
    whole = [one for one in made if one is not None]
    return whole if whole and len(whole) == len(made) else None


def block(chart: Chart) -> Block | None:
    """One chart, or None where Slack's block can't show it as it is."""
    if not chart.lines or len(chart.lines) + len(chart.levels) > SERIES:
        return None
    edges = _edges(chart)
    rows = [(line.label, _thinned(line, edges)) for line in chart.lines]
    if any(values is None for _, values in rows):
        return None
    rows += [(level.label, [level.value] * (len(edges) - 1)) for level in chart.levels]
    unit, scale = _unit(chart)
    categories = _categories(chart, edges)
    series = [
        {
            "name": name,
            "data": [
                {"label": category, "value": float(f"{value / scale:.4g}")}
                for category, value in zip(categories, values or (), strict=True)
            ],
        }
        for name, (_, values) in zip(_distinct([label for label, _ in rows]), rows, strict=True)
    ]
    axis = {"categories": categories, "x_label": "UTC", **({"y_label": unit} if unit else {})}
    title = cut(clean(chart.title), TITLE) or "Chart"
    return {
        "type": "data_visualization",
        "title": title,
        "chart": {"type": "line", "series": series, "axis_config": axis},
    }


def _edges(chart: Chart) -> list[float]:
    """The borders of at most twenty equal spans of time, each wide enough to hold a point of every curve."""
    times = {at for line in chart.lines for at, _ in line.points}
    number = max(min(POINTS, len(times)), 1)
    width = max(chart.end - chart.begin, 1.0) / number
    return [chart.begin + width * step for step in range(number)] + [math.nextafter(chart.end, math.inf)]


def _thinned(line: Line, edges: Sequence[float]) -> list[float] | None:
    """The highest value in each span, so that a spike stays seen; None when a span in the middle has none."""
    values: list[float] = []
    missing = 0
    for begin, end in pairwise(edges):
        inside = [value for at, value in line.points if begin <= at < end]
        if inside:
            values.append(max(inside))
        elif values and missing == 0:
            values.append(values[-1])  # a single scrape that came late is no gap
        else:
            return None
        missing = 0 if inside else missing + 1
    return values


def _categories(chart: Chart, edges: Sequence[float]) -> list[str]:
    form = "%d %H:%M" if chart.end - chart.begin > 20 * 3600 else "%H:%M"
    return _distinct(
        [
            _told([mark for mark in chart.marks if begin <= mark.at < end], form) or _clock(begin, form)
            for begin, end in pairwise(edges)
        ]
    )


def _told(marks: Sequence[Mark], form: str) -> str:
    """``11:17 alert``: the minute of the alert, or of what happened first; the others in words alone."""
    if not marks:
        return ""
    first = min(marks, key=lambda mark: (mark.kind is not MarkKind.ALERT, mark.at))
    others = [mark.label for mark in marks if mark is not first]
    whole, kinds = (dict.fromkeys(f"+{label}" for label in told) for told in (others, map(_kind, others)))
    begun = [_clock(first.at, form), first.label]
    text = " ".join([*begun, *whole])
    return text if len(text) <= LABEL else " ".join([*begun, *kinds])


def _kind(label: str) -> str:
    """``rollout`` of ``rollout 42``: its number stands in the evidence too."""
    return label.partition(" ")[0]


def _clock(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime(form)


def _distinct(labels: Sequence[str]) -> list[str]:
    """Labels as Slack takes them: short, none of them empty, none twice."""
    made: list[str] = []
    for label in labels:
        text = cut(clean(label), LABEL) or "value"
        number = 2
        while text in made:
            text = f"{cut(clean(label), LABEL - 4)} {number}".strip()
            number += 1
        made.append(text)
    return made


def _unit(chart: Chart) -> tuple[str, float]:
    if chart.unit != "bytes":
        return _UNITS.get(chart.unit, ("", 1.0))
    most = max(value for line in chart.lines for _, value in line.points)
    return next((one for one in _SCALES if most >= one[1]), _SCALES[-1])
