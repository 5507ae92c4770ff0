"""Messages owed to Slack: one row for each message for its whole life, with ids alone; the text is rendered late.

``version`` counts what is owed and ``sent_version`` what went out, so that any number of edits owed in a second is
one edit sent. A row that was claimed and neither finished nor given back is *uncertain*: it may have been posted.
This module refuses to know how a message looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.owed import MessageKind, OutboxRow, Priority
from bot.domain.proposal import canonical
from bot.storage.fields import JsonField, from_text, to_text
from bot.storage.tx import Tx

_JSON = JsonField()
_RANKS = tuple(Priority)

_COLUMNS = (
    "id, kind, subject, channel, key, rank, owed_at, attempts, epoch, version, posted_channel, posted_ts, "
    "thread_key, params, uncertain"
)

_WAITING = "version > sent_version AND NOT dropped"
_THREAD_STANDS = "(thread_key = '' OR thread_key IN (SELECT key FROM outbox WHERE posted_ts <> ''))"

_OWE = """
INSERT INTO outbox (key, kind, subject, channel, rank, owed_at, due_at, thread_key, params)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
  rank = CASE WHEN outbox.version > outbox.sent_version AND NOT outbox.dropped AND outbox.rank < excluded.rank
              THEN outbox.rank ELSE excluded.rank END,
  owed_at = CASE WHEN outbox.version > outbox.sent_version AND NOT outbox.dropped AND outbox.owed_at < excluded.owed_at
                 THEN outbox.owed_at ELSE excluded.owed_at END,
  due_at = CASE WHEN outbox.version > outbox.sent_version AND NOT outbox.dropped AND outbox.due_at < excluded.due_at
                THEN outbox.due_at ELSE excluded.due_at END,
  channel = excluded.channel, params = excluded.params, thread_key = excluded.thread_key,
  version = outbox.version + 1, dropped = FALSE
"""

_OWE_ONCE = """
INSERT INTO outbox (key, kind, subject, channel, rank, owed_at, due_at, thread_key, params)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
"""

_CLAIM = f"""
UPDATE outbox SET
  uncertain = CASE WHEN claimed_until IS NOT NULL THEN TRUE ELSE uncertain END,
  claimed_until = ?, epoch = epoch + 1, attempts = attempts + 1
WHERE id IN (
  SELECT id FROM outbox WHERE {_WAITING} AND due_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)
    AND {_THREAD_STANDS}
  ORDER BY rank, owed_at, id LIMIT ?)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this file

_SENT = """
UPDATE outbox SET sent_version = ?, sent_at = ?, claimed_until = NULL, attempts = 0, last_error = '',
  uncertain = FALSE, posted_channel = ?, posted_ts = ?,
  owed_at = CASE WHEN version > ? THEN ? ELSE owed_at END
WHERE id = ? AND epoch = ?
"""


def owe(
    tx: Tx,
    kind: MessageKind,
    subject: int,
    channel: str,
    priority: Priority,
    now: datetime,
    *,
    key: str,
    thread_key: str = "",
    params: Mapping[str, Any] | None = None,
    not_before: datetime | None = None,
    once: bool = False,
) -> None:
    """Owe a message, or another version of it; ``key`` names the message for ever (``card:12``).

    ``once``: what was ever owed under this key isn't owed again, for what can't be edited (a file).

    While it still waits, the better priority, the earlier time and the older ``owed_at`` count. ``thread_key`` is the
    key of the message in whose thread it goes: it isn't due before that one stands.
    """
    due_at = to_text(not_before or now)
    text = canonical(dict(params)) if params else "{}"
    tx.execute(
        _OWE_ONCE if once else _OWE,
        (key, kind.value, subject, channel, priority.rank, to_text(now), due_at, thread_key, text),
    )
    tx.owed_message()


def owe_many(tx: Tx, kind: MessageKind, priority: Priority, rows: Sequence[tuple[str, int, str, datetime]]) -> None:
    """The same for messages of one kind that stand in no thread: (key, subject, channel, time) of each."""
    if rows:
        params = [
            (key, kind.value, subject, channel, priority.rank, to_text(now), to_text(now), "", "{}")
            for key, subject, channel, now in rows
        ]
        tx.execute_many(_OWE, params)
        tx.owed_message()


def claim(tx: Tx, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
    """Take up to ``limit`` due messages, best priority and oldest first, until ``now + lease``.

    A row whose earlier claim ran out comes back ``uncertain``: whoever had it may have posted it.
    """
    stamp = to_text(now)
    rows = tx.execute(_CLAIM, (to_text(now + lease), stamp, stamp, limit)).fetchall()
    return [_row(row) for row in sorted(rows, key=lambda row: (row[5], row[6], row[0]))]


def sent(tx: Tx, row: OutboxRow, now: datetime, channel: str = "", ts: str = "") -> bool:
    """It went out as ``row.version``; with ``ts`` it was posted (again), without it was edited or needed nothing.

    A version owed meanwhile keeps it due. False if the lease ran out and somebody else claimed it.
    """
    stamp = to_text(now)
    done = tx.execute(
        _SENT,
        (
            row.version, stamp, channel or row.posted_channel, ts or row.posted_ts, row.version, stamp,
            row.id, row.epoch,
        ),
    ).rowcount  # fmt: skip
    if done:
        # More may be owed for this message, and messages of its thread may have become due.
        tx.owed_message()
    return bool(done)


def retry(tx: Tx, row: OutboxRow, now: datetime, after: timedelta, error: str, *, uncertain: bool = False) -> bool:
    """It failed: due again ``after`` from now. ``uncertain``: it may have been posted; that stays until ``sent``."""
    done = tx.execute(
        "UPDATE outbox SET due_at = ?, claimed_until = NULL, last_error = ?, uncertain = ? WHERE id = ? AND epoch = ?",
        (to_text(now + after), error, row.uncertain or uncertain, row.id, row.epoch),
    ).rowcount
    return bool(done)


def give_back(tx: Tx, row: OutboxRow) -> bool:
    """Claimed but not tried: free again, as if never claimed."""
    done = tx.execute(
        "UPDATE outbox SET claimed_until = NULL, attempts = attempts - 1 WHERE id = ? AND epoch = ?",
        (row.id, row.epoch),
    ).rowcount
    if done:
        tx.owed_message()
    return bool(done)


def drop(tx: Tx, row: OutboxRow, error: str, now: datetime) -> bool:
    """Slack will never take it; kept with the error, due again only when it is owed anew. The caller audits it."""
    done = tx.execute(
        "UPDATE outbox SET dropped = TRUE, claimed_until = NULL, last_error = ?, sent_at = ? "
        "WHERE id = ? AND epoch = ?",
        (error, to_text(now), row.id, row.epoch),
    ).rowcount
    return bool(done)


def posted(tx: Tx, key: str) -> tuple[str, str] | None:
    """(channel, ts) of the message with this key, None while it doesn't stand."""
    row = tx.execute(
        "SELECT posted_channel, posted_ts FROM outbox WHERE key = ? AND posted_ts <> ''", (key,)
    ).fetchone()
    return (row[0], row[1]) if row else None


def priorities(tx: Tx, ids: Sequence[int]) -> dict[int, Priority]:
    """What claimed messages are worth by now: something better may have been owed since."""
    marks = ", ".join("?" * len(ids))
    rows = tx.execute(f"SELECT id, rank FROM outbox WHERE id IN ({marks})", tuple(ids)).fetchall()  # noqa: S608 - marks alone
    return {number: _RANKS[rank] for number, rank in rows}


def waits(tx: Tx, key: str) -> bool:
    """Whether a message with this key is owed and has not gone out as it is now."""
    sql = f"SELECT 1 FROM outbox WHERE key = ? AND {_WAITING}"  # noqa: S608 - a constant
    return tx.execute(sql, (key,)).fetchone() is not None


def by_message(tx: Tx, channel: str, ts: str) -> OutboxRow | None:
    """The row of a message that stands in Slack."""
    sql = f"SELECT {_COLUMNS} FROM outbox WHERE posted_channel = ? AND posted_ts = ? AND posted_ts <> ''"  # noqa: S608 - a constant
    row = tx.execute(sql, (channel, ts)).fetchone()
    return _row(row) if row else None


def lag(tx: Tx, now: datetime) -> tuple[int, float]:
    """(messages waiting, seconds that the oldest due one has been owed); threads without a head don't count."""
    sql = (
        "SELECT count(*), min(CASE WHEN due_at <= ? OR last_error <> '' THEN owed_at END) "  # noqa: S608 - constants
        f"FROM outbox WHERE {_WAITING} AND {_THREAD_STANDS}"
    )
    count, oldest = tx.execute(sql, (to_text(now),)).fetchone()
    return count, max(0.0, (now - from_text(oldest)).total_seconds()) if oldest else 0.0


def waiting_cards(tx: Tx, channel: str) -> int:
    """Cards that wait for their first post in a channel: the measure of a storm."""
    sql = (
        "SELECT count(*) FROM outbox WHERE kind = 'card' AND channel = ? AND posted_ts = '' "  # noqa: S608 - a constant
        f"AND {_WAITING}"
    )
    return int(tx.execute(sql, (channel,)).fetchone()[0])


def free_claims(tx: Tx) -> int:
    """Free every claim as uncertain; only for the start of a bot that is alone on its database."""
    tx.owed_message()
    return tx.execute(
        "UPDATE outbox SET claimed_until = NULL, uncertain = TRUE WHERE claimed_until IS NOT NULL"
    ).rowcount


def doubt_waiting(tx: Tx) -> int:
    """Free every claim, and take whatever waits for its first post as perhaps posted; for a store that was restored.

    What the copy calls waiting may have gone out since it was made: it is looked for before it is posted.
    """
    free_claims(tx)
    return tx.execute(f"UPDATE outbox SET uncertain = TRUE WHERE posted_ts = '' AND {_WAITING}").rowcount  # noqa: S608 - a constant


def _row(row: Sequence[Any]) -> OutboxRow:
    return OutboxRow(
        id=row[0], kind=MessageKind(row[1]), subject=row[2], channel=row[3], key=row[4], priority=_RANKS[row[5]],
        owed_at=from_text(row[6]), attempts=row[7], epoch=row[8], version=row[9], posted_channel=row[10],
        posted_ts=row[11], thread_key=row[12], params=_JSON.python_value(row[13]), uncertain=bool(row[14]),
    )  # fmt: skip
