"""A snapshot as JSON and back: what a recorded incident is, for tests and for ``fettle playbooks explain --snapshot``.

It refuses to guess: a record of another form is a sentence, never half a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target


def dump(snapshot: Snapshot) -> dict[str, Any]:
    """``{"now", "target", "alerts", "evidence"}``; times are RFC 3339, evidence is by source."""
    target = snapshot.target
    return {
        "now": snapshot.now.isoformat(),
        "target": None if target is None else dict(vars(target)),
        "alerts": [_alert(one) for one in snapshot.alerts],
        "evidence": {source: _evidence(one) for source, one in snapshot.evidence.items()},
    }


def load(found: Any) -> Snapshot:
    """The snapshot of such a record; raises ``RequestError`` for anything else."""
    try:
        target = found["target"]
        return Snapshot(
            now=_time(found["now"]),
            alerts=tuple(_seen_alert(one) for one in found.get("alerts", ())),
            target=None if target is None else Target(**_texts(target)),
            evidence={str(source): _seen(str(source), one) for source, one in found["evidence"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(
            f"This is no recorded snapshot ({type(error).__name__}: {error}); it has now, target, alerts and evidence."
        ) from error


def _alert(one: AlertSeen) -> dict[str, Any]:
    return {**asdict(one), "starts_at": one.starts_at.isoformat() if one.starts_at else None}


def _seen_alert(one: Mapping[str, Any]) -> AlertSeen:
    known = {each.name for each in fields(AlertSeen)} - {"labels", "annotations", "starts_at"}
    return AlertSeen(
        labels=_texts(one["labels"]),
        annotations=_texts(one.get("annotations") or {}),
        starts_at=_time(one["starts_at"]) if one.get("starts_at") else None,
        **{name: value for name, value in one.items() if name in known},
    )


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "status": one.status.value,
        "summary": one.summary,
        "observed_at": one.observed_at.isoformat(),
        "data": dict(one.data),
        "problem": one.problem,
    }


def _seen(source: str, one: Mapping[str, Any]) -> Evidence:
    return Evidence(
        source=source,
        status=EvidenceStatus(one.get("status", "ok")),
        summary=str(one.get("summary", "")),
        observed_at=_time(one["observed_at"]),
        data=dict(one.get("data") or {}),
        problem=str(one.get("problem", "")),
    )


def _time(given: Any) -> datetime:
    at = datetime.fromisoformat(given)
    if at.tzinfo is None:
        raise ValueError(f"{given} has no zone")
    return at


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()}
