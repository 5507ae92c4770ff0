"""Intake's statements: fixed SQL, a few for a whole delivery, because this path decides how many alerts a second fit.

It refuses to decide anything: ``workflow.intake`` says what a delivery does, these functions write it down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
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


def record(tx: Tx, deliveries: Sequence[tuple[Sequence[Record], datetime]]) -> list[int]:
    """Writes the records of deliveries that share no alert, once for each identity.

    Returns for each delivery how many of its records were there before (duplicates).
    """
    rows: list[tuple[str, ...]] = []
    for records, now in deliveries:
        at = to_text(now)
        for fingerprint, starts_at, status, ends_at, effect in records:
            end = to_text(ends_at) if ends_at and status is _RESOLVED else ""
            rows.append((fingerprint, to_text(starts_at), _text(status), end, at, _text(effect)))
    fresh = 0
    for part in _parts(rows):
        sql = _values(_RECORD, "(?,?,?,?,?,?)", len(part), " ON CONFLICT DO NOTHING")
        fresh += tx.execute(sql, _flat(part)).rowcount
    if fresh == len(rows):
        return [0] * len(deliveries)
    # Only where some were there and some not, they have to be told apart: what is new has the highest ids.
    newest = tx.execute("SELECT fingerprint FROM deliveries ORDER BY id DESC LIMIT ?", (fresh,)) if fresh else ()
    new = Counter(row[0] for row in newest)
    return [len(records) - sum(new[mark] for mark in {one[0] for one in records}) for records, _ in deliveries]


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


def seen_again(tx: Tx, seen: Sequence[tuple[Sequence[int], datetime]]) -> None:
    """Counts another delivery of episodes that stay as they are: ids, and when they came."""
    rows = [(one, to_text(now), times) for ids, now in seen if ids for one, times in Counter(ids).items()]
    for part in _parts(rows):
        tx.execute(_values(_SEEN, "(?,?,?)", len(part), _SEEN_AGAIN), _flat(part))


# One statement for rows that get different values costs half of a statement for each.
_SEEN = "WITH seen (id, at, times) AS (VALUES "
_SEEN_AGAIN = (
    ") UPDATE alerts SET last_seen_at = seen.at, deliveries = alerts.deliveries + seen.times FROM seen "
    "WHERE alerts.id = seen.id"
)


def resolve(tx: Tx, ends: Sequence[End]) -> None:
    """Ends stored episodes."""
    for last, tail in ((True, _END), (False, _END_PAST)):
        rows = [
            (one, to_text(ends_at) if ends_at else None, to_text(at))
            for one, ends_at, at, current in ends
            if current is last
        ]
        for part in _parts(rows):
            tx.execute(_values(_ENDED, "(?,?,?)", len(part), tail), _flat(part))


_ENDED = "WITH ended (id, ends_at, at) AS (VALUES "
_ENDING = (
    ") UPDATE alerts SET status = 'resolved', ends_at = ended.ends_at, resolved_arrived_at = ended.at, "
    "late_at = NULL, last_seen_at = ended.at{} FROM ended WHERE alerts.id = ended.id"
)
_END, _END_PAST = _ENDING.format(""), _ENDING.format(", current = FALSE")


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


def _flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return list(chain.from_iterable(rows))


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


Counted = tuple[int, datetime, int, int]
"""An incident's id, the time, and how many alerts joined it and fired in it again."""


def count(tx: Tx, changed: Sequence[Counted]) -> dict[int, int]:
    """Counts what fires in incidents anew and adds what joined and flapped: id -> fingerprints firing.

    Only what fires is counted by looking: an incident that lives for months has thousands of episodes behind it.
    """
    found: dict[int, int] = {}
    for part in _parts([(number, to_text(now), joined, flaps) for number, now, joined, flaps in changed]):
        found.update(tx.execute(_values(_CHANGED, "(?,?,?,?)", len(part), _COUNT), _flat(part)).fetchall())
    return found


_CHANGED = "WITH changed (id, at, joined, flaps) AS (VALUES "
_COUNT = """)
UPDATE incidents SET updated_at = changed.at, flaps = incidents.flaps + changed.flaps,
  alerts_firing = (SELECT count(*) FROM alerts WHERE incident_id = incidents.id AND status = 'firing'),
  alerts_total = incidents.alerts_total + changed.joined
FROM changed WHERE incidents.id = changed.id RETURNING incidents.id, incidents.alerts_firing
"""
