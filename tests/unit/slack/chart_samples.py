"""Evidence as collectors make it, for charts: series, pods with limits, changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from bot.domain.evidence import Evidence, EvidenceStatus, PodRow
from bot.domain.observed import ChangeSeen, ContainerSeen, SeriesSeen

NOW = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
MIB = 1024.0 * 1024


def series(query: str, unit: str, values: Sequence[float], every: float = 60.0, **labels: str) -> SeriesSeen:
    """One curve whose last point is at NOW."""
    begin = NOW.timestamp() - every * (len(values) - 1)
    points = tuple((begin + every * number, float(value)) for number, value in enumerate(values))
    return SeriesSeen(query, query.capitalize(), unit, labels, points)


def metrics(*rows: SeriesSeen, summary: str = "memory at most 504 MiB") -> Evidence:
    return Evidence("metrics", EvidenceStatus.OK, summary, NOW, {"series": [asdict(row) for row in rows]})


def pods(*containers: ContainerSeen) -> Evidence:
    rows = [PodRow(f"api-{number}", "Running", ready=True, restarts=0, containers=containers) for number in range(2)]
    return Evidence("pods", EvidenceStatus.OK, "2/2 ready", NOW, {"pods": [asdict(row) for row in rows]})


def changes(*rows: ChangeSeen) -> Evidence:
    return Evidence("changes", EvidenceStatus.OK, "", NOW, {"changes": [asdict(row) for row in rows], "revisions": []})


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


API = ContainerSeen("api", memory_limit=512 * MIB, memory_request=256 * MIB, cpu_limit=2.0, cpu_request=0.5)
ROLLOUT = ChangeSeen("template", "image api:1.4.1 → 1.4.2", ago(40).isoformat(), "kim", "42")
LEAK = [200 * MIB + 5 * MIB * number for number in range(61)]
