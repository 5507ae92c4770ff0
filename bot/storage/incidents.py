"""Incidents as stored: found by key or target, moved by their state machine alone.

At most one incident that isn't resolved has a given key; the database holds that. This module refuses to decide
when something moves, and it audits nothing: the verbs that call it do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from bot.domain.errors import IllegalTransitionError, NotFoundError
from bot.domain.incident import INCIDENT, Incident, IncidentEvent, IncidentState
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage.rows import Columns, target_from, target_to
from bot.storage.tables import IncidentRow
from bot.storage.tx import Tx

COLUMNS = Columns(IncidentRow)
_OTHERS = frozenset(IncidentRow._meta.fields) - {field.name for field in fields(Incident)}  # noqa: SLF001 - peewee's documented metadata
"""Columns for the guards alone: ``target_key`` and ``digest_id``."""
KEYS = 32
"""Keys of one statement."""
_SELECT = f"SELECT {COLUMNS.text} FROM incidents"  # noqa: S608 - the model's own columns


def get(tx: Tx, incident_id: int) -> Incident:
    """One incident; raises ``NotFoundError`` with a sentence."""
    found = _one(tx, "WHERE id = ?", incident_id)
    if found is None:
        raise NotFoundError(f"There is no incident INC-{incident_id}.")
    return found


def find_open_by_key(tx: Tx, key: str) -> Incident | None:
    """The incident with this correlation key that isn't resolved."""
    return _one(tx, "WHERE key = ? AND state <> 'resolved'", key)


def latest_by_key(tx: Tx, key: str) -> Incident | None:
    """The newest incident with this correlation key, resolved or not."""
    return _one(tx, "WHERE key = ? ORDER BY id DESC LIMIT 1", key)


def latest_by_keys(tx: Tx, keys: Sequence[str]) -> dict[str, Incident]:
    """The same for many keys; a key that no incident ever had is left out."""
    found: dict[str, Incident] = {}
    for start in range(0, len(keys), KEYS):
        part = keys[start : start + KEYS]
        marks = ",".join("?" * len(part))
        newest = f"WHERE id IN (SELECT max(id) FROM incidents WHERE key IN ({marks}) GROUP BY key)"  # noqa: S608 - marks only
        found |= {incident.key: incident for incident in _many(tx, newest, *part)}
    return found


def open_on_target(tx: Tx, target_key: str) -> Incident | None:
    """The newest open incident on a target (``Target.key``)."""
    return _one(tx, "WHERE target_key = ? AND state <> 'resolved' ORDER BY id DESC LIMIT 1", target_key)


def related(tx: Tx, incident: Incident) -> list[Incident]:
    """Other open incidents on the same target, newest first."""
    if incident.target is None:
        return []
    where = "WHERE target_key = ? AND state <> 'resolved' AND id <> ? ORDER BY id DESC"
    return _many(tx, where, incident.target.key, incident.id)


def list_open(tx: Tx, limit: int = 50) -> list[Incident]:
    """Open incidents, worst severity first, then newest."""
    return _many(tx, "WHERE state <> 'resolved' ORDER BY severity, id DESC LIMIT ?", limit)


def list_recent(tx: Tx, limit: int = 50) -> list[Incident]:
    """The newest incidents, resolved ones too."""
    return _many(tx, "ORDER BY id DESC LIMIT ?", limit)


def counts(tx: Tx) -> dict[IncidentState, int]:
    """State to number of incidents; every state is there."""
    found = dict(tx.execute("SELECT state, count(*) FROM incidents GROUP BY state").fetchall())
    return {state: found.get(state.value, 0) for state in IncidentState}


def add(
    tx: Tx,
    *,
    key: str,
    title: str,
    alertname: str,
    namespace: str,
    severity: Severity,
    now: datetime,
    channel: str,
    target: Target | None = None,
    declared_by: str = "",
    foreign_cluster: str = "",
    **more: Any,
) -> Incident:
    """A new incident, triggered now; ``more`` are further fields of ``Incident``, or ``digest_id``.

    A second open one with the same key is ``IntegrityError``.
    """
    values = _values(
        {
            "key": key, "title": title, "alertname": alertname, "namespace": namespace,
            "state": INCIDENT.initial.value, "severity": severity, "opened_at": now, "episode_at": now,
            "updated_at": now, "channel": channel, "target": target, "declared_by": declared_by,
            "foreign_cluster": foreign_cluster, **more,
        }
    )  # fmt: skip
    marks = ", ".join("?" * len(values))
    sql = f"INSERT INTO incidents ({', '.join(values)}) VALUES ({marks}) RETURNING {COLUMNS.text}"  # noqa: S608 - checked names
    return _incident(tx.execute(sql, tuple(values.values())).fetchone())


def move(tx: Tx, incident_id: int, event: IncidentEvent, now: datetime, **changes: Any) -> Incident:
    """The next state by the table; raises ``IllegalTransitionError`` and ``NotFoundError``.

    Resolving sets ``resolved_at``. Reopening begins an episode: ``episode_at``, ``episodes`` + 1, and what was
    resolved or acknowledged is cleared. ``changes`` are further fields and win.
    """
    before = get(tx, incident_id)
    values: dict[str, Any] = {"state": INCIDENT.next(before.state, event).value}
    if event is IncidentEvent.RESOLVE:
        values["resolved_at"] = now
    if event is IncidentEvent.REOPEN:
        values |= {
            "resolved_at": None, "resolution": "", "reason": "", "acknowledged_by": "",
            "episode_at": now, "episodes": before.episodes + 1,
        }  # fmt: skip
    moved = _set(tx, incident_id, now, values | changes, guard=INCIDENT.sources(event))
    if moved is None:
        raise IllegalTransitionError(f"INC-{incident_id} was moved by somebody else meanwhile.")
    return moved


def update(tx: Tx, incident_id: int, now: datetime, **changes: Any) -> Incident:
    """Change fields of ``Incident``, or ``digest_id``, but never the state; raises ``NotFoundError``."""
    if "state" in changes:
        raise IllegalTransitionError("An incident's state is changed by `move` alone.")
    changed = _set(tx, incident_id, now, changes)
    if changed is None:
        raise NotFoundError(f"There is no incident INC-{incident_id}.")
    return changed


def digest_of(tx: Tx, incident_id: int) -> int | None:
    """The id of the digest that shows this incident instead of a card, None if it has a card."""
    row = tx.execute("SELECT digest_id FROM incidents WHERE id = ?", (incident_id,)).fetchone()
    return row[0] if row else None


def in_digest(tx: Tx, digest_id: int) -> list[Incident]:
    """The incidents of a digest, oldest first."""
    return _many(tx, "WHERE digest_id = ? ORDER BY id", digest_id)


def _set(
    tx: Tx, incident_id: int, now: datetime, changes: Mapping[str, Any], guard: Iterable[IncidentState] = ()
) -> Incident | None:
    values = _values({"updated_at": now, **changes})
    sources = [state.value for state in guard]
    where = f" AND state IN ({', '.join('?' * len(sources))})" if sources else ""
    settings = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE incidents SET {settings} WHERE id = ?{where} RETURNING {COLUMNS.text}"  # noqa: S608 - checked names
    row = tx.execute(sql, (*values.values(), incident_id, *sources)).fetchone()
    return _incident(row) if row else None


def _values(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as columns; a target brings its key."""
    values = dict(changes)
    if "target" in values:
        target = values["target"]
        values["target"] = target_to(target)
        values["target_key"] = target.key if target else ""
    if "candidates" in values:
        values["candidates"] = [target_to(candidate) for candidate in values["candidates"]]
    if "severity" in values:
        values["severity"] = int(values["severity"])
    if "links" in values:
        values["links"] = [list(link) for link in values["links"]]
    return COLUMNS.write(values)


def _one(tx: Tx, where: str, *params: Any) -> Incident | None:
    row = tx.execute(f"{_SELECT} {where}", params).fetchone()
    return _incident(row) if row else None


def _many(tx: Tx, where: str, *params: Any) -> list[Incident]:
    return [_incident(row) for row in tx.execute(f"{_SELECT} {where}", params).fetchall()]


def _incident(row: Sequence[Any]) -> Incident:
    values = COLUMNS.read(row)
    for name in _OTHERS:
        del values[name]
    values["state"] = IncidentState(values["state"])
    values["severity"] = Severity(values["severity"])
    values["target"] = target_from(values["target"])
    values["candidates"] = tuple(filter(None, map(target_from, values["candidates"])))
    values["links"] = tuple((str(title), str(address)) for title, address in values["links"])
    # What a frozen class's own __init__ does to thirty fields one by one costs more than the query.
    incident = Incident.__new__(Incident)
    incident.__dict__.update(values)
    return incident
