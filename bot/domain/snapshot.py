"""All that is known of an incident at one moment, typed: the input of findings, and what recorded tests are made of.

It reads the JSON of ``Evidence.data`` back into rows. A source that failed or wasn't asked reads as None ("not known"),
one that answered reads as rows, none included ("there is none"): a finding must never take the first for the second.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from bot.domain import observed as seen
from bot.domain.evidence import EventRow, Evidence, EvidenceStatus, PodRow
from bot.domain.target import Target

T = TypeVar("T")


@dataclass(frozen=True)
class AlertSeen:
    """One alert of the incident; ``starts_at`` by its sender's clock.

    ``generator_url`` holds the expression that made it fire; it is parsed and never fetched. ``fingerprint`` is its
    sender's name for it, empty where none is known.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: datetime | None = None
    firing: bool = True
    generator_url: str = ""
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """The alert's name, empty without one."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True)
class Snapshot:
    """One incident as observed. ``evidence`` is by source; ``target`` None while no workload is known."""

    now: datetime
    alerts: tuple[AlertSeen, ...] = ()
    target: Target | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The alerts' names, each once, in their order."""
        return tuple(dict.fromkeys(alert.name for alert in self.alerts if alert.name))

    @property
    def since(self) -> datetime | None:
        """When the earliest of the firing alerts began."""
        return min((one.starts_at for one in self.alerts if one.firing and one.starts_at is not None), default=None)

    @property
    def pods(self) -> tuple[PodRow, ...] | None:
        """The target's pods."""
        return self.rows("pods", "pods", PodRow)

    @property
    def events(self) -> tuple[EventRow, ...] | None:
        """Events of the target, its revisions and its pods."""
        return self.rows("events", "events", EventRow)

    @property
    def workload(self) -> seen.WorkloadSeen | None:
        """The target itself."""
        data = self._data("workload")
        row = data.get("workload") if data else None
        return row_of(seen.WorkloadSeen, row) if isinstance(row, Mapping) else None

    @property
    def revisions(self) -> tuple[seen.RevisionSeen, ...] | None:
        """Revisions of the pod template, newest first."""
        return self.rows("changes", "revisions", seen.RevisionSeen)

    @property
    def changes(self) -> tuple[seen.ChangeSeen, ...] | None:
        """What changed, newest first."""
        return self.rows("changes", "changes", seen.ChangeSeen)

    @property
    def logs(self) -> tuple[seen.LogSeen, ...] | None:
        """What containers said."""
        return self.rows("logs", "logs", seen.LogSeen)

    @property
    def budgets(self) -> tuple[seen.BudgetSeen, ...] | None:
        """Disruption budgets over the target's pods."""
        return self.rows("budgets", "budgets", seen.BudgetSeen)

    @property
    def quotas(self) -> tuple[seen.QuotaSeen, ...] | None:
        """The namespace's quotas."""
        return self.rows("quotas", "quotas", seen.QuotaSeen)

    @property
    def autoscalers(self) -> tuple[seen.AutoscalerSeen, ...] | None:
        """Autoscalers of the target."""
        return self.rows("autoscalers", "autoscalers", seen.AutoscalerSeen)

    @property
    def nodes(self) -> tuple[seen.NodeSeen, ...] | None:
        """Nodes of the target's pods, or the alert's own."""
        return self.rows("nodes", "nodes", seen.NodeSeen)

    @property
    def services(self) -> tuple[seen.ServiceSeen, ...] | None:
        """Services in front of the target."""
        return self.rows("endpoints", "services", seen.ServiceSeen)

    @property
    def jobs(self) -> tuple[seen.JobSeen, ...] | None:
        """The Job, or the newest of a CronJob."""
        return self.rows("jobs", "jobs", seen.JobSeen)

    @property
    def volumes(self) -> tuple[seen.VolumeSeen, ...] | None:
        """Claims of the target's pods, or the alert's own."""
        return self.rows("volumes", "volumes", seen.VolumeSeen)

    @property
    def references(self) -> tuple[seen.ReferenceSeen, ...] | None:
        """ConfigMaps and Secrets that the pod template names."""
        return self.rows("config", "references", seen.ReferenceSeen)

    @property
    def images(self) -> tuple[seen.ImageSeen, ...] | None:
        """Images that can't be pulled, and what their registries have."""
        return self.rows("registry", "images", seen.ImageSeen)

    @property
    def series(self) -> tuple[seen.SeriesSeen, ...] | None:
        """What Prometheus measured."""
        return self.rows("metrics", "series", seen.SeriesSeen)

    def measured(self, query: str) -> tuple[seen.SeriesSeen, ...]:
        """The series of one query that have points; empty when it wasn't measured."""
        return tuple(row for row in self.series or () if row.query == query and row.points)

    def log_errors(self, window: str) -> seen.LogCountSeen | None:
        """Error lines by Loki in the window ``before``, ``after`` or ``since_rollout``."""
        data = self._data("log_errors")
        row = data.get(window) if data else None
        return row_of(seen.LogCountSeen, row) if isinstance(row, Mapping) else None

    def failed(self, source: str) -> bool:
        """Whether this source was asked and didn't answer."""
        found = self.evidence.get(source)
        return found is not None and found.status is EvidenceStatus.FAILED

    def rows(self, source: str, key: str, kind: type[T]) -> tuple[T, ...] | None:
        """The rows of one source; None when it wasn't asked or didn't answer."""
        data = self._data(source)
        if data is None:
            return None
        found = data.get(key)
        return tuple(row_of(kind, row) for row in found or () if isinstance(row, Mapping))

    def _data(self, source: str) -> Mapping[str, Any] | None:
        found = self.evidence.get(source)
        return None if found is None or found.status is EvidenceStatus.FAILED else found.data


def row_of(kind: type[T], row: Mapping[str, Any]) -> T:
    """A row from its JSON; unknown keys are ignored, missing ones take their default (text: empty, numbers: 0).

    Raises ``TypeError`` or ``ValueError`` for a value of another shape: such evidence wasn't made by a collector.
    """
    made: dict[str, Any] = {}
    shaped: Any = kind  # a dataclass; the type variable can't say so and be hashed
    for name, hint, required in _shape(shaped):
        if row.get(name) is not None:
            made[name] = _value(hint, row[name])
        elif required:
            made[name] = _empty(hint)
    return kind(**made)


@lru_cache(maxsize=64)
def _shape(kind: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (one.name, hints[one.name], one.default is MISSING and one.default_factory is MISSING) for one in fields(kind)
    )


def _value(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return _value(next(one for one in get_args(hint) if one is not type(None)), value)
    if origin is tuple:
        inner = get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_value(inner[0], one) for one in value)
        return tuple(_value(one_hint, one) for one_hint, one in zip(inner, value, strict=True))
    if origin is dict:
        return {str(key): _value(get_args(hint)[1], one) for key, one in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        wanted: type[Any] = hint
        return row_of(wanted, value) if isinstance(value, Mapping) else value
    plain = hint in {str, int, float, bool} or (isinstance(hint, type) and issubclass(hint, Enum))
    return hint(value) if plain else value


def _empty(hint: Any) -> Any:
    return hint() if hint in {str, int, float, bool} else None
