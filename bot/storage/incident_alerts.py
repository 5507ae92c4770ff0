"""What the alerts of one incident say, for the stages after intake: label sets and times, without writing anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain.snapshot import AlertSeen
from bot.storage.fields import from_text
from bot.storage.tx import Tx

MOST = 200
"""Label sets that are read of one incident: a storm of thousands means the same few workloads."""


def labels_of(tx: Tx, incident_id: int) -> list[Mapping[str, str]]:
    """The label sets of the alerts that fire, of all if none does; newest first, erased bodies left out.

    What resolved says nothing about what is wrong now: an incident that reopened may be about another workload.
    """
    rows = tx.execute(
        "SELECT labels FROM alerts WHERE incident_id = ? AND labels IS NOT NULL AND (status = 'firing' OR NOT EXISTS "
        "(SELECT 1 FROM alerts f WHERE f.incident_id = ? AND f.status = 'firing')) ORDER BY id DESC LIMIT ?",
        (incident_id, incident_id, MOST),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def seen(tx: Tx, incident_id: int) -> tuple[AlertSeen, ...]:
    """The same alerts as ``labels_of``, whole: what findings and collectors are told of them."""
    rows = tx.execute(
        "SELECT labels, annotations, starts_at, status, generator_url, fingerprint FROM alerts "
        "WHERE incident_id = ? AND labels IS NOT NULL AND (status = 'firing' OR NOT EXISTS "
        "(SELECT 1 FROM alerts f WHERE f.incident_id = ? AND f.status = 'firing')) ORDER BY id DESC LIMIT ?",
        (incident_id, incident_id, MOST),
    ).fetchall()
    return tuple(
        AlertSeen(json.loads(row[0]), json.loads(row[1] or "{}"), from_text(row[2]), row[3] == "firing", row[4], row[5])
        for row in rows
    )


def failing_since(tx: Tx, incident_id: int) -> datetime | None:
    """The earliest ``startsAt`` of the alerts that fire now, None when none does."""
    row = tx.execute(
        "SELECT min(starts_at) FROM alerts WHERE incident_id = ? AND status = 'firing'", (incident_id,)
    ).fetchone()
    return from_text(row[0]) if row and row[0] else None


def firing(tx: Tx, incident_id: int) -> frozenset[str]:
    """The fingerprints of all alerts of this incident that fire."""
    rows = tx.execute("SELECT fingerprint FROM alerts WHERE incident_id = ? AND status = 'firing'", (incident_id,))
    return frozenset(row[0] for row in rows.fetchall())


def of_others(tx: Tx, fingerprints: Iterable[str], incident_id: int) -> list[int]:
    """Other incidents to which any of these belongs while it fires."""
    marks = sorted(set(fingerprints))[:MOST]
    if not marks:
        return []
    sql = (
        "SELECT DISTINCT incident_id FROM alerts WHERE status = 'firing' AND incident_id <> ? AND fingerprint IN "  # noqa: S608 - question marks alone
        f"({', '.join('?' * len(marks))}) ORDER BY incident_id"
    )
    return [row[0] for row in tx.execute(sql, (incident_id, *marks)).fetchall()]
