"""Series of measurements as Prometheus gives them: sixty minutes, a point a minute, with a little noise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain.observed import SeriesSeen

if TYPE_CHECKING:
    from tests.findings_judge.scene import Scene

POINTS = 60


def course(scene: Scene, query: str, unit: str, shape: Callable[[float], float], labels: dict[str, str]) -> SeriesSeen:
    """``shape`` takes the minutes before now (60 to 0) and gives the level there."""
    end = scene.now.timestamp()
    points = []
    for ago in range(POINTS, -1, -1):
        level = shape(float(ago)) * scene.rng.uniform(0.95, 1.05)
        points.append((end - ago * 60, round(level, 6)))
    return SeriesSeen(query, query, unit, labels, tuple(points))


def flat(scene: Scene, query: str, unit: str, level: float, labels: dict[str, str]) -> SeriesSeen:
    """The same level all the time."""
    return course(scene, query, unit, lambda _: level, labels)


def step(
    scene: Scene, query: str, unit: str, before: float, after: float, at: datetime, labels: dict[str, str]
) -> SeriesSeen:
    """A level before a moment and another one after it."""
    edge = (scene.now - at).total_seconds() / 60
    return course(scene, query, unit, lambda ago: before if ago > edge else after, labels)


def swap(scene: Scene, row: SeriesSeen) -> None:
    """Puts a series in the place of those of the same query and labels."""
    scene.series[:] = [one for one in scene.series if (one.query, one.labels) != (row.query, row.labels)]
    scene.series.append(row)


def minutes(scene: Scene, at: datetime) -> float:
    """How many minutes ago a moment was."""
    return (scene.now - at).total_seconds() / 60
