"""Intake's statements: fixed SQL, a few for a whole delivery, because this path decides how many alerts a second fit.

It refuses to decide anything: ``workflow.intake`` says what a delivery does, these functions write it down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from bot.domain.alert import AlertStatus, Effect, Episode, Poison
from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

T = TypeVar("T")

AT_ONCE = 64
"""Rows of one statement: SQLite's and PostgreSQL's limits on parameters are far beyond it."""
FEW = 16
"""Up to here a statement has as many rows as there are; beyond, numbers are rounded, so that each is prepared once."""


@dataclass(slots=True)
class Known:
    """The newest episode of a fingerprint; ``closed_at`` is when its incident was resolved, None while open.

    ``id`` is 0 for one that this transaction is about to write.
    """

    id: int
    episode: Episode
    incident_id: int | None
    closed_at: datetime | None = None


@dataclass(slots=True)
class Opened:
    """A new alert episode to insert, redacted, its labels and annotations as canonical JSON.

    ``incident_id`` is None for what is never posted or was never seen firing; ``current``: none is newer.
    """

    fingerprint: str
    starts_at: datetime
    status: AlertStatus
    incident_id: int | None
    severity: int
    name: str
    namespace: str
    labels: str
    annotations: str
    generator_url: str
    external_url: str
    seen_at: datetime
    ends_at: datetime | None = None
    resolved_arrived_at: datetime | None = None
    current: bool = True


Record = tuple[str, datetime, AlertStatus, datetime | None, Effect]
"""What one delivery says of one alert: fingerprint, startsAt, status, endsAt (counts if resolved), effect."""
End = tuple[int, datetime | None, datetime, bool]
"""The end of a stored episode: id, endsAt as delivered, when that arrived, and whether no newer one follows."""


def newest(tx: Tx, fingerprints: Iterable[str]) -> dict[str, Known]:
    """Fingerprint -> its newest episode; fingerprints that were never seen are left out."""
    found: dict[str, Known] = {}
    for part in _parts(sorted(set(fingerprints))):
        rows = tx.execute(_newest(len(part)), part).fetchall()
        for fingerprint, row_id, starts_at, status, resolved, incident_id, closed in rows:
            arrived = from_text(resolved) if resolved else None
            episode = Episode(from_text(starts_at), _STATUSES[status], arrived)
            found[fingerprint] = Known(row_id, episode, incident_id, from_text(closed) if closed else None)
    return found


_STATUSES = {status.value: status for status in AlertStatus}
_text = str.__str__
"""A word as the drivers take it at once; asking a member for its value, or looking one up, costs more."""


@lru_cache(maxsize=AT_ONCE)
def _newest(count: int) -> str:
    return (
        "SELECT fingerprint, id, starts_at, status, resolved_arrived_at, incident_id, (SELECT i.resolved_at "  # noqa: S608 - marks only
        "FROM incidents i WHERE i.id = alerts.incident_id AND i.state = 'resolved') "
        f"FROM alerts WHERE current AND fingerprint IN ({marks(count)})"
    )


def record(tx: Tx, rows: Sequence[Record], now: datetime) -> int:
    """Writes the records of one delivery, once for each identity; returns how many were there before (duplicates)."""
    fresh = 0
    at = to_text(now)
    for part in _parts(rows):
        params: list[Any] = []
        for fingerprint, starts_at, status, ends_at, effect in part:
            end = to_text(ends_at) if ends_at and status is _RESOLVED else ""
            params += (fingerprint, to_text(starts_at), _text(status), end, at, _text(effect))
        fresh += tx.execute(_values(_RECORD, "(?,?,?,?,?,?)", len(part), " ON CONFLICT DO NOTHING"), params).rowcount
    return len(rows) - fresh


_RESOLVED = AlertStatus.RESOLVED
_RECORD = "INSERT INTO deliveries (fingerprint, starts_at, status, ends_at, received_at, effect) VALUES "


def open_episodes(tx: Tx, opened: Sequence[Opened]) -> None:
    """Inserts alert episodes with their bodies; whatever was current before them is so no more."""
    newest = [one for one in opened if one.current]
    if len(newest) < len(opened):
        _open(tx, [one for one in opened if not one.current], _PAST)
    _open(tx, newest, _CURRENT)


def _open(tx: Tx, opened: Sequence[Opened], row: str) -> None:
    for part in _parts(opened):
        params: list[Any] = []
        for one in part:
            seen = to_text(one.seen_at)
            params += (
                one.fingerprint, to_text(one.starts_at), _text(one.status),
                to_text(one.ends_at) if one.ends_at else None,
                to_text(one.resolved_arrived_at) if one.resolved_arrived_at else None, one.incident_id, one.severity,
                one.name, one.namespace, one.labels, one.annotations, one.generator_url, one.external_url, seen, seen,
            )  # fmt: skip
        tx.execute(_values(_OPEN, row, len(part), " ON CONFLICT (starts_at, fingerprint) DO NOTHING"), params)


_OPEN = (
    "INSERT INTO alerts (fingerprint, starts_at, status, ends_at, resolved_arrived_at, incident_id, severity, "
    "name, namespace, labels, annotations, generator_url, external_url, first_seen_at, last_seen_at, current) VALUES "
)
# A boolean stands in the text: as a parameter, sqlite3 would look for an adapter each time.
_CURRENT, _PAST = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,TRUE)", "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,FALSE)"


def last_seen(tx: Tx, besides: str) -> tuple[str, datetime] | None:
    """Name and time of the alert that came last, leaving out those named ``besides``; None if none ever came."""
    sql = "SELECT name, last_seen_at FROM alerts WHERE name <> ? ORDER BY last_seen_at DESC LIMIT 1"
    row = tx.execute(sql, (besides,)).fetchone()
    return (str(row[0]), from_text(row[1])) if row else None


def seen_again(tx: Tx, ids: Sequence[int], now: datetime) -> None:
    """Counts another delivery of episodes that stay as they are."""
    if not ids:
        return
    at = to_text(now)
    often: dict[int, list[int]] = {}
    for one, times in Counter(ids).items():
        often.setdefault(times, []).append(one)
    for times, some in often.items():
        _update(tx, "last_seen_at = ?, deliveries = deliveries + ?", (at, times), some)


def resolve(tx: Tx, ends: Iterable[End]) -> None:
    """Ends stored episodes."""
    alike: dict[tuple[datetime | None, datetime, bool], list[int]] = {}
    for one, ends_at, at, current in ends:
        alike.setdefault((ends_at, at, current), []).append(one)
    for (ends_at, at, current), ids in alike.items():
        end, seen = to_text(ends_at) if ends_at else None, to_text(at)
        _update(tx, _END if current else _END_PAST, (end, seen, seen), ids)


_END = "status = 'resolved', ends_at = ?, resolved_arrived_at = ?, late_at = NULL, last_seen_at = ?"
_END_PAST = f"{_END}, current = FALSE"


def outdate(tx: Tx, ids: Sequence[int]) -> None:
    """Episodes, resolved before, that a newer one follows now."""
    _update(tx, "current = FALSE", (), ids)


def reopen(tx: Tx, ids: Mapping[int, int | None], now: datetime) -> None:
    """Episodes that fire again with the same start: id -> incident."""
    if not ids:
        return
    at = to_text(now)
    tx.execute_many(
        "UPDATE alerts SET status = 'firing', ends_at = NULL, resolved_arrived_at = NULL, late_at = NULL, "
        "last_seen_at = ?, deliveries = deliveries + 1, incident_id = ? WHERE id = ?",
        [(at, incident, one) for one, incident in ids.items()],
    )


def late(tx: Tx, ids: Sequence[int], now: datetime) -> None:
    """A firing right after its own resolve: noted, the next delivery decides."""
    if not ids:
        return
    at = to_text(now)
    _update(tx, "late_at = ?, last_seen_at = ?", (at, at), sorted(set(ids)))


def quarantine(tx: Tx, poison: Sequence[Poison], receiver: str, now: datetime) -> None:
    """Keeps what could not be used, with the reason."""
    at = to_text(now)
    tx.execute_many(
        "INSERT INTO quarantine (received_at, receiver, reason, body) VALUES (?,?,?,?)",
        [(at, receiver, one.reason, one.raw) for one in poison],
    )


def _update(tx: Tx, what: str, values: Sequence[Any], ids: Sequence[int]) -> None:
    for part in _parts(ids):
        tx.execute(_where_id(what, len(part)), (*values, *part))


@lru_cache(maxsize=512)
def _where_id(what: str, count: int) -> str:
    return f"UPDATE alerts SET {what} WHERE id IN ({marks(count)})"  # noqa: S608 - texts of this file


@lru_cache(maxsize=512)
def _values(head: str, row: str, count: int, tail: str) -> str:
    return head + ",".join([row] * count) + tail


def marks(count: int) -> str:
    """Placeholders of a list."""
    return ",".join("?" * count)


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    start, count = 0, len(rows)
    while start < count:
        left = count - start
        size = left if left <= FEW else min(AT_ONCE, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size


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
