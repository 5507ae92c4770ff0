"""The `data_visualization` block as a simple drawing: curves in a box, with the figures that a person reads.

It draws lines for every kind of curves and a list for a pie; it refuses to look like Slack's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 320, 120
TINTS = 6


@dataclass(frozen=True)
class Curve:
    """One series: its name, its newest value, and its points for an SVG polyline."""

    name: str
    newest: str
    points: str
    tint: int


@dataclass(frozen=True)
class Drawing:
    """All that the template shows; `most` is the end of the scale, `marks` are the places of what is `marked`."""

    curves: Sequence[Curve]
    most: str
    first: str
    last: str
    marked: Sequence[str]
    marks: Sequence[str]


def _values(series: Mapping[str, Any]) -> list[float]:
    data = series.get("data")
    points = [point for point in data if isinstance(point, Mapping)] if isinstance(data, list) else []
    return [float(point["value"]) for point in points if isinstance(point.get("value"), int | float)]


def drawing(chart: Mapping[str, Any]) -> Drawing:
    """What to draw of the block's `chart`."""
    found = chart.get("series")
    series = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    axis = chart.get("axis_config")
    given = axis.get("categories") if isinstance(axis, Mapping) else None
    categories = [str(one) for one in given] if isinstance(given, list) else []
    unit, zone = (str(axis.get(key, "")) if isinstance(axis, Mapping) else "" for key in ("y_label", "x_label"))
    most = max((value for one in series for value in _values(one)), default=0.0) or 1.0
    curves = []
    for number, one in enumerate(series):
        values = _values(one)
        step = WIDTH / max(len(values) - 1, 1)
        points = " ".join(f"{step * n:.1f},{HEIGHT - HEIGHT * value / most:.1f}" for n, value in enumerate(values))
        newest = f"{values[-1]:g} {unit}".strip() if values else ""
        curves.append(Curve(str(one.get("name", "")), newest, points, number % TINTS))
    width = WIDTH / max(len(categories) - 1, 1)
    marked = {at: one for at, one in enumerate(categories) if " " in one}
    return Drawing(
        curves,
        f"{most:g} {unit}".strip(),
        f"{categories[0]} {zone}".strip() if categories else "",
        categories[-1] if categories else "",
        [one for at, one in marked.items() if 0 < at < len(categories) - 1],
        [f"{width * at:.1f}" for at in marked],
    )
