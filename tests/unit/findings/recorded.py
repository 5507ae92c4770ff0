"""Snapshots for tests of findings: those recorded in tests/snapshots, and small ones made of rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bot.domain.evidence import EventRow, Evidence, EvidenceStatus, PodRow
from bot.domain.finding import Cause, Finding
from bot.domain.observed import (
    ChangeSeen,
    ConditionSeen,
    ContainerSeen,
    LogSeen,
    RevisionSeen,
    SeriesSeen,
    SignatureSeen,
    WorkloadSeen,
)
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target
from bot.findings.case import Case
from bot.findings.ranked import FINDERS, rank

NOW = datetime(2026, 11, 25, 3, 14, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "snapshots"
SOURCES = {
    "pods": "pods", "events": "events", "changes": "changes", "revisions": "changes", "logs": "logs",
    "budgets": "budgets",
    "quotas": "quotas", "autoscalers": "autoscalers", "nodes": "nodes", "services": "endpoints", "jobs": "jobs",
    "volumes": "volumes",
    "references": "config", "images": "registry", "series": "metrics",
}  # fmt: skip
"""Key of the rows -> source."""
API = Target("Deployment", "shop", "api", "uid-api")


@cache
def recorded(name: str) -> Snapshot:
    """One of tests/snapshots."""
    found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    now = datetime.fromisoformat(found["now"])
    alerts = tuple(AlertSeen(one["labels"], {}, datetime.fromisoformat(one["starts_at"])) for one in found["alerts"])
    evidence = {key: Evidence(key, EvidenceStatus.OK, key, now, data) for key, data in found["evidence"].items()}
    return Snapshot(now, alerts, Target(**found["target"]), evidence)


def ago(minutes: float) -> str:
    """A time so many minutes before NOW."""
    return (NOW - timedelta(minutes=minutes)).isoformat(timespec="seconds").replace("+00:00", "Z")


def alert(name: str = "KubePodCrashLooping", minutes: float = 7, **labels: str) -> AlertSeen:
    """A firing alert of shop."""
    return AlertSeen(
        {"alertname": name, "namespace": "shop", **labels},
        {"summary": f"{name} fires"},
        NOW - timedelta(minutes=minutes),
    )


def part(**changes: Any) -> ContainerSeen:
    """A container that runs and is ready."""
    whole = ContainerSeen(
        "api", "registry.example.com/shop/api:1.4.2", ready=True, state="running", started_at=ago(600),
        memory_limit=2.0**29,
        cpu_limit=1.0, probes=("readiness", "liveness"),
    )  # fmt: skip
    return replace(whole, **changes)


def pod(name: str = "api-1", container: ContainerSeen | None = None, *, minutes: float = 600, **changes: Any) -> PodRow:
    """A pod made so many minutes ago, by default well, else as its container is."""
    one = container or part()
    ready = one.ready
    row = PodRow(
        name, "Running", ready=ready, restarts=one.restarts, node="node-a", image=one.image, created_at=ago(minutes),
        hash="old",
        containers=(one,), conditions=(ConditionSeen("Ready", str(ready), at=ago(min(minutes, 9))),),
    )  # fmt: skip
    return replace(row, **changes)


def crashing(
    name: str = "api-1", code: int = 1, reason: str = "Error", *, minutes: float = 600, **changes: Any
) -> PodRow:
    """A pod in back-off since some minutes, each run some seconds long."""
    of_pod = {key: changes.pop(key) for key in list(changes) if key not in ContainerSeen.__dataclass_fields__}
    usual = {"restarts": 4, "last_started_at": ago(1.1), "last_finished_at": ago(1)}
    one = part(
        ready=False, state="waiting", reason="CrashLoopBackOff", started_at="", last_exit=code, last_reason=reason,
        **{**usual, **changes},
    )  # fmt: skip
    return pod(name, one, minutes=minutes, **of_pod)


def unready(name: str = "api-1", **changes: Any) -> PodRow:
    """A pod that runs and isn't ready."""
    return pod(name, part(ready=False), **changes)


def waiting(reason: str, message: str, name: str = "api-9", *, minutes: float = 8, **changes: Any) -> PodRow:
    """A pod whose container waits since it was made."""
    one = part(ready=False, state="waiting", reason=reason, message=message, started_at="")
    return pod(name, one, minutes=minutes, phase="Pending", **changes)


def event(reason: str, message: str, about: str = "Pod api-1", minutes: float = 1, count: int = 6) -> EventRow:
    """A warning of some minutes ago."""
    return EventRow("Warning", reason, message, about, count, ago(minutes))


def said(*lines: str, name: str = "api-1", previous: bool = True, count: int = 4, first: float = 8) -> LogSeen:
    """What a container said: each line as a signature, and all of them as the tail."""
    found = tuple(SignatureSeen(line, count, line, (), ago(first), ago(1)) for line in lines)
    return LogSeen(name, "api", previous, found, lines, 40)


def series(query: str, *values: float, unit: str = "ratio", **labels: str) -> SeriesSeen:
    """Points a minute apart, the last one now."""
    end = NOW.timestamp()
    points = tuple((end - 60 * (len(values) - 1 - place), value) for place, value in enumerate(values))
    return SeriesSeen(query, query, unit, labels, points)


def change(
    what: str = "image api:1.4.1 → 1.4.2", minutes: float = 9, kind: str = "template", **rest: Any
) -> ChangeSeen:
    """A change so many minutes ago."""
    return ChangeSeen(kind, what, ago(minutes), rest.pop("by", "kubectl by kim"), rest.pop("revision", "42"), **rest)


REVISIONS = (
    RevisionSeen("42", ago(9), "t42", ("registry.example.com/shop/api:1.4.2",), current=True, replicas=2, hash="new"),
    RevisionSeen(
        "41", ago(90000), "t41", ("registry.example.com/shop/api:1.4.1",), replicas=4, ready=4, healthy=True, hash="old"
    ),
)
"""Rev 42, nine minutes old, and rev 41, which worked."""
UNCHANGED = {"changes": [], "revisions": [], "logs": [], "events": [], "nodes": [], "volumes": [], "autoscalers": []}
"""Everything was read, nothing was there."""


def snap(
    *alerts: AlertSeen, target: Target | None = API, workload: WorkloadSeen | None = None, **rows: Any
) -> Snapshot:
    """A snapshot of these rows by key; a source whose rows aren't given wasn't asked."""
    data: dict[str, dict[str, Any]] = {}
    for key, found in rows.items():
        data.setdefault(SOURCES[key], {})[key] = [asdict(row) for row in found]
    if workload is not None:
        data["workload"] = {"workload": asdict(workload)}
    evidence = {
        key: Evidence(key, EvidenceStatus.OK, key, NOW, json.loads(json.dumps(value))) for key, value in data.items()
    }
    return Snapshot(NOW, alerts or (alert(),), target, evidence)


def without(snapshot: Snapshot, *sources: str) -> Snapshot:
    """The same snapshot while these sources didn't answer."""
    evidence: Mapping[str, Evidence] = {
        key: replace(one, status=EvidenceStatus.FAILED, data={}, problem="No answer.") if key in sources else one
        for key, one in snapshot.evidence.items()
    }
    return replace(snapshot, evidence=evidence)


def find(cause: Cause, snapshot: Snapshot) -> Finding | None:
    """What one finder says."""
    return FINDERS[cause].find(Case(snapshot))


def first(snapshot: Snapshot) -> Finding:
    """What ranks first; there must be something."""
    found = rank(snapshot)
    assert found, "nothing was found"
    return found[0]
