"""Which charts an incident's evidence is worth, with the lines that give them meaning: limits, the alert, rollouts.

At most three, since nobody scrolls through ten at night; a curve that is all zero is none. It refuses to draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.chart import Chart, Level, Line, Mark, MarkKind
from bot.domain.evidence import Evidence, EvidenceStatus, PodRow
from bot.domain.observed import ChangeSeen, SeriesSeen
from bot.domain.snapshot import Snapshot

MOST, CURVES, FEWEST = 3, 5, 3
"""Charts of one incident, curves of one chart, points below which there is no curve."""
MARKS = 3
LABEL = 20
"""Characters of a curve's name: Slack takes no more in a block, and a legend on a phone neither."""
_WORTH = ("alert", "memory", "errors", "latency", "cpu", "restarts", "throttling", "disk", "replicas")
_LAST = ("traffic", "up")
_RESOURCES = {"memory": ("memory_limit", "memory_request"), "cpu": ("cpu_limit", "cpu_request")}


def charts_of(evidence: Sequence[Evidence], since: datetime | None, most: int = MOST) -> tuple[Chart, ...]:
    """The charts worth a look, best first; ``since`` is when the first of the alerts that fire began."""
    answered = {item.source: item for item in evidence if item.status is EvidenceStatus.OK}
    metrics = answered.get("metrics")
    if metrics is None:
        return ()
    seen = Snapshot(metrics.observed_at, evidence=answered)
    named: dict[str, list[SeriesSeen]] = {}
    for row in seen.series or ():
        if len(row.points) >= FEWEST:
            named.setdefault(row.query, []).append(row)
    ordered = sorted(named, key=_rank)
    made = (_chart(name, named[name], seen, since) for name in ordered if _tells(named[name]))
    return tuple(made)[:most]


def _rank(name: str) -> tuple[int, str]:
    if name in _WORTH:
        return _WORTH.index(name), ""
    return (len(_WORTH) + (name in _LAST), name)


def _tells(rows: Sequence[SeriesSeen]) -> bool:
    return any(value for row in rows for _, value in row.points)


def _chart(name: str, rows: Sequence[SeriesSeen], seen: Snapshot, since: datetime | None) -> Chart:
    rows = sorted(rows, key=lambda row: -max(value for _, value in row.points))[:CURVES]
    lines = tuple(Line(label, row.points) for label, row in zip(_labels(rows), rows, strict=True))
    begin, end = min(line.points[0][0] for line in lines), max(line.points[-1][0] for line in lines)
    marks = [mark for mark in _marks(seen.changes or (), since) if begin <= mark.at <= end]
    return Chart(name, rows[0].title or name, rows[0].unit, lines, tuple(_levels(name, rows, seen)), tuple(marks))


def _labels(rows: Sequence[SeriesSeen]) -> list[str]:
    """Names that tell the curves apart: what they have in common is left out; of a pod its own end."""
    keys = sorted({key for row in rows for key in row.labels}, key=lambda key: (key != "pod", key))
    telling = [key for key in keys if len({row.labels.get(key) for row in rows}) > 1] or keys[:1]
    made: list[str] = []
    for number, row in enumerate(rows):
        words = " ".join(_tail(row.labels.get(key, "")) for key in telling[:2] if row.labels.get(key))
        label = words[:LABEL].strip() or row.query[:LABEL]
        made.append(label if label not in made else f"{label[: LABEL - 3]} {number + 1}")
    return made


def _tail(value: str) -> str:
    """``api-7c9f8d-x2k4p`` is known by its end."""
    return value if len(value) <= 12 else f"…{value[-11:]}"


def _levels(name: str, rows: Sequence[SeriesSeen], seen: Snapshot) -> list[Level]:
    levels = [Level("threshold", row.threshold) for row in rows[:1] if row.threshold is not None]
    for key in _RESOURCES.get(name, ()):
        word = key.rpartition("_")[2]
        found = _resources(key, rows, seen.pods or ())
        for container, value in sorted(found.items(), key=lambda pair: -pair[1])[:2]:
            label = word if len(set(found.values())) == 1 else f"{word} {container}"[:LABEL]
            if not any(level.label == label for level in levels):
                levels.append(Level(label, value, asked=key.endswith("_request")))
    return levels


def _resources(key: str, rows: Sequence[SeriesSeen], pods: Sequence[PodRow]) -> Mapping[str, float]:
    """Container -> its limit or request, of the containers whose curves are shown."""
    shown = {row.labels.get("container", "") for row in rows}
    found: dict[str, float] = {}
    for pod in pods:
        for container in pod.containers:
            value: Any = getattr(container, key)
            if value and not container.init and (container.name in shown or shown == {""}):
                found[container.name] = max(value, found.get(container.name, 0.0))
    return found


def _marks(changes: Sequence[ChangeSeen], since: datetime | None) -> list[Mark]:
    marks = [Mark("alert", since.timestamp(), MarkKind.ALERT)] if since is not None else []
    words = {"template": "rollout", "restart": "restart", "scale": "scale", "config": "config", "autoscaler": "HPA"}
    for change in changes:
        at = _seconds(change.at)
        if at is not None and change.kind in words:
            revision = f" {change.revision}" if change.revision and change.kind == "template" else ""
            marks.append(Mark(f"{words[change.kind]}{revision}"[:LABEL], at, MarkKind.CHANGE))
    return marks[: MARKS + 1]


def _seconds(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else None
