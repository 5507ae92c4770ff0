"""Slack's limits for the `data_visualization` block, from its reference page."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

TITLE = 50
SERIES = 6
CATEGORIES = 20
LABEL = 20
AXIS_LABEL = 50
BLOCKS = 2  # in one message


def _long(value: Any, most: int, at: str) -> Iterator[str]:
    if isinstance(value, str) and not 1 <= len(value) <= most:
        yield f"must be 1 to {most} characters [json-pointer:{at}]"


def _dicts(items: Any) -> list[Json]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _number(items: Any, most: int, at: str) -> Iterator[str]:
    if isinstance(items, list) and not 1 <= len(items) <= most:
        yield f"needs 1 to {most} items [json-pointer:{at}]"


def problems(block: Json, at: str) -> Iterator[str]:
    """What is beyond the limits of one block."""
    yield from _long(block.get("title"), TITLE, f"{at}/title")
    chart = block.get("chart")
    if not isinstance(chart, dict):
        return
    if chart.get("type") == "pie":
        yield from _number(chart.get("segments"), SERIES, f"{at}/chart/segments")
        for n, segment in enumerate(_dicts(chart.get("segments"))):
            yield from _long(segment.get("label"), LABEL, f"{at}/chart/segments/{n}/label")
        return
    yield from _curves(chart, f"{at}/chart")


def _curves(chart: Json, at: str) -> Iterator[str]:
    axis = chart.get("axis_config")
    axis = axis if isinstance(axis, dict) else {}
    categories = axis.get("categories")
    yield from _number(categories, CATEGORIES, f"{at}/axis_config/categories")
    for n, category in enumerate(categories if isinstance(categories, list) else []):
        yield from _long(category, LABEL, f"{at}/axis_config/categories/{n}")
    if isinstance(categories, list) and len(set(map(str, categories))) < len(categories):
        yield f"categories must be unique [json-pointer:{at}/axis_config/categories]"
    for name in ("x_label", "y_label"):
        yield from _long(axis.get(name), AXIS_LABEL, f"{at}/axis_config/{name}")
    yield from _number(chart.get("series"), SERIES, f"{at}/series")
    seen: set[str] = set()
    for n, series in enumerate(_dicts(chart.get("series"))):
        name = str(series.get("name"))
        yield from _long(series.get("name"), LABEL, f"{at}/series/{n}/name")
        if name in seen:
            yield f"series names must be unique [json-pointer:{at}/series/{n}/name]"
        seen.add(name)
        if [point.get("label") for point in _dicts(series.get("data"))] != categories:
            yield f"each category needs its one point [json-pointer:{at}/series/{n}/data]"
