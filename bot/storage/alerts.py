"""Intake's statements: fixed SQL, a few for a whole delivery, because this path decides how many alerts a second fit.

It refuses to decide anything: ``workflow.intake`` says what a delivery does, these functions write it down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.alert import Alert, AlertStatus, Effect, Episode, Poison
from bot.domain.proposal import canonical
from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

AT_ONCE = 200
"""Rows of one multi-row statement: SQLite's and PostgreSQL's limits on parameters are far beyond it."""


@dataclass(frozen=True)
class Known:
    """The newest episode of a fingerprint; ``closed_at`` is when its incident was resolved, None while open."""

    id: int
    episode: Episode
    incident_id: int | None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Opened:
    """A new alert episode to insert; ``incident_id`` is None for what is never posted or was never seen firing."""

    alert: Alert
    starts_at: datetime
    status: AlertStatus
    incident_id: int | None
    severity: int
    ends_at: datetime | None = None
    resolved_arrived_at: datetime | None = None


def newest(tx: Tx, fingerprints: Iterable[str]) -> dict[str, Known]:
    """Fingerprint -> its newest episode; fingerprints that were never seen are left out."""
    wanted = sorted(set(fingerprints))
    found: dict[str, Known] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        marks = ",".join(["(?)"] * len(part))
        # One seek in the index for each fingerprint, however many episodes it has had.
        rows = tx.execute(
            f"WITH wanted (fingerprint) AS (VALUES {marks}) "  # noqa: S608 - marks only
            "SELECT a.fingerprint, a.id, a.starts_at, a.status, a.resolved_arrived_at, a.incident_id, "
            "(SELECT i.resolved_at FROM incidents i WHERE i.id = a.incident_id AND i.state = 'resolved') "
            "FROM wanted w JOIN alerts a ON a.fingerprint = w.fingerprint AND a.starts_at = "
            "(SELECT max(b.starts_at) FROM alerts b WHERE b.fingerprint = w.fingerprint)",
            part,
        ).fetchall()
        for fingerprint, row_id, starts_at, status, resolved, incident_id, closed in rows:
            arrived = from_text(resolved) if resolved else None
            episode = Episode(from_text(starts_at), AlertStatus(status), arrived)
            found[fingerprint] = Known(row_id, episode, incident_id, from_text(closed) if closed else None)
    return found


def record(tx: Tx, rows: Sequence[tuple[str, datetime, AlertStatus, datetime | None, Effect]], now: datetime) -> int:
    """Writes delivery records, once for each identity; returns how many were there before (duplicates).

    A row is (fingerprint, starts_at, status, ends_at if resolved, effect).
    """
    fresh = 0
    at = to_text(now)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        values = ",".join(["(?,?,?,?,?,?)"] * len(part))
        params = [
            value
            for fingerprint, starts_at, status, ends_at, effect in part
            for value in (
                fingerprint,
                to_text(starts_at),
                status.value,
                to_text(ends_at) if ends_at and status is AlertStatus.RESOLVED else "",
                at,
                effect.value,
            )
        ]
        inserted = tx.execute(
            "INSERT INTO deliveries (fingerprint, starts_at, status, ends_at, received_at, effect) "  # noqa: S608 - marks only
            f"VALUES {values} ON CONFLICT DO NOTHING RETURNING id",
            params,
        ).fetchall()
        fresh += len(inserted)
    return len(rows) - fresh


def open_episodes(tx: Tx, opened: Sequence[Opened], external_url: str, now: datetime) -> None:
    """Inserts alert episodes with their (already redacted) bodies."""
    at = to_text(now)
    tx.execute_many(
        "INSERT INTO alerts (fingerprint, starts_at, status, ends_at, resolved_arrived_at, incident_id, severity, "
        "name, namespace, labels, annotations, generator_url, external_url, first_seen_at, last_seen_at, deliveries) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,1) ON CONFLICT (fingerprint, starts_at) DO NOTHING",
        [
            (
                one.alert.fingerprint,
                to_text(one.starts_at),
                one.status.value,
                to_text(one.ends_at) if one.ends_at else None,
                to_text(one.resolved_arrived_at) if one.resolved_arrived_at else None,
                one.incident_id,
                one.severity,
                one.alert.name,
                one.alert.namespace,
                canonical(dict(one.alert.labels)),
                canonical(dict(one.alert.annotations)),
                one.alert.generator_url,
                external_url,
                at,
                at,
            )
            for one in opened
        ],
    )


def last_seen(tx: Tx, besides: str) -> tuple[str, datetime] | None:
    """Name and time of the alert that came last, leaving out those named ``besides``; None if none ever came."""
    sql = "SELECT name, last_seen_at FROM alerts WHERE name <> ? ORDER BY last_seen_at DESC LIMIT 1"
    row = tx.execute(sql, (besides,)).fetchone()
    return (str(row[0]), from_text(row[1])) if row else None


def seen_again(tx: Tx, ids: Sequence[int], now: datetime) -> None:
    """Counts another delivery of episodes that stay as they are."""
    at = to_text(now)
    tx.execute_many(
        "UPDATE alerts SET last_seen_at = ?, deliveries = deliveries + 1 WHERE id = ?", [(at, one) for one in ids]
    )


def resolve(tx: Tx, ends: Mapping[int, datetime | None], now: datetime) -> None:
    """Ends episodes: id -> endsAt as delivered."""
    at = to_text(now)
    tx.execute_many(
        "UPDATE alerts SET status = 'resolved', ends_at = ?, resolved_arrived_at = ?, late_at = NULL, last_seen_at = ? "
        "WHERE id = ?",
        [(to_text(end) if end else None, at, at, one) for one, end in ends.items()],
    )


def reopen(tx: Tx, ids: Mapping[int, int | None], now: datetime) -> None:
    """Episodes that fire again with the same start: id -> incident."""
    at = to_text(now)
    tx.execute_many(
        "UPDATE alerts SET status = 'firing', ends_at = NULL, resolved_arrived_at = NULL, late_at = NULL, "
        "last_seen_at = ?, deliveries = deliveries + 1, incident_id = ? WHERE id = ?",
        [(at, incident, one) for one, incident in ids.items()],
    )


def late(tx: Tx, ids: Sequence[int], now: datetime) -> None:
    """A firing right after its own resolve: noted, the next delivery decides."""
    at = to_text(now)
    tx.execute_many("UPDATE alerts SET late_at = ?, last_seen_at = ? WHERE id = ?", [(at, at, one) for one in ids])


def quarantine(tx: Tx, poison: Sequence[Poison], receiver: str, now: datetime) -> None:
    """Keeps what could not be used, with the reason."""
    at = to_text(now)
    tx.execute_many(
        "INSERT INTO quarantine (received_at, receiver, reason, body) VALUES (?,?,?,?)",
        [(at, receiver, one.reason, one.raw) for one in poison],
    )


_COUNT = """
UPDATE incidents SET updated_at = ?, flaps = flaps + ?,
  alerts_firing = (SELECT count(*) FROM alerts WHERE incident_id = incidents.id AND status = 'firing'),
  alerts_total = alerts_total + ?
WHERE id = ? RETURNING alerts_firing, alerts_total, flaps
"""


def count(tx: Tx, incident_id: int, joined: int, flaps: int, now: datetime) -> tuple[int, int, int]:
    """Counts what fires anew, adds what ``joined`` and ``flaps``: (fingerprints firing, fingerprints in all, flaps).

    Only what fires is counted by looking: an incident that lives for months has thousands of episodes behind it.
    """
    row = tx.execute(_COUNT, (to_text(now), flaps, joined, incident_id)).fetchone()
    return int(row[0]), int(row[1]), int(row[2])
