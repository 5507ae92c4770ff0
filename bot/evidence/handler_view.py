"""What a handler sees of an incident: a copy of the snapshot that nobody can write to, in a shape that is documented.

Its keys are those of ``docs/handlers.md``; they are added to and never renamed or removed without another ``schema``.
It refuses to hand out anything that wasn't redacted: it is made of what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.domain.evidence import Evidence
from bot.domain.snapshot import AlertSeen, Snapshot

SCHEMA = 1


def item(alert: AlertSeen) -> dict[str, Any]:
    """The alert as Alertmanager's webhook words it; a copy that the handler may change."""
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": alert.starts_at.isoformat() if alert.starts_at else "",
        "generatorURL": alert.generator_url,
    }


def view(snapshot: Snapshot, **more: Any) -> Mapping[str, Any]:
    """The snapshot, frozen; ``more`` beside it."""
    target = snapshot.target
    shown = {
        "schema": SCHEMA,
        "now": snapshot.now.isoformat(),
        "alerts": [item(one) for one in snapshot.alerts],
        "target": {"kind": target.kind, "namespace": target.namespace or "", "name": target.name} if target else None,
        "evidence": {source: _evidence(one) for source, one in snapshot.evidence.items()},
        **more,
    }
    frozen: Mapping[str, Any] = _frozen(shown)
    return frozen


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "status": one.status.value,
        "summary": one.summary,
        "problem": one.problem,
        "observed_at": one.observed_at.isoformat(),
        "data": one.data,
    }


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(below) for key, below in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_frozen(one) for one in value)
    return value
