"""Work that is owed to a stage: one row for (stage, subject), claimed with a lease, deleted when done.

What is owed again while somebody works on it isn't lost and isn't run twice at once: the row stays, and becomes free
when the first work ends. This module refuses to know what a stage does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.owed import DueWork, Stage
from bot.domain.proposal import canonical
from bot.storage.fields import JsonField, from_text, to_text
from bot.storage.tx import Tx

_JSON = JsonField()

_OWE = """
INSERT INTO due (stage, subject, due_at, params) VALUES (?, ?, ?, ?)
ON CONFLICT (stage, subject) DO UPDATE SET
  due_at = CASE WHEN due.claimed_until IS NOT NULL AND due.version = due.claimed_version THEN excluded.due_at
                WHEN excluded.due_at < due.due_at THEN excluded.due_at ELSE due.due_at END,
  params = CASE WHEN excluded.params = '{}' THEN due.params ELSE excluded.params END,
  version = due.version + 1
"""

_CLAIM = """
UPDATE due SET claimed_until = ?, epoch = epoch + 1, attempts = attempts + 1, claimed_version = version
WHERE id IN (
  SELECT id FROM due WHERE stage = ? AND due_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)
  ORDER BY due_at, id LIMIT ?)
RETURNING id, stage, subject, due_at, attempts, epoch, params
"""

_LATER = """
UPDATE due SET claimed_until = NULL, last_error = ?,
  due_at = CASE WHEN version > claimed_version AND due_at < ? THEN due_at ELSE ? END,
  attempts = CASE WHEN ? = '' THEN 0 ELSE attempts END,
  params = CASE WHEN version > claimed_version OR ? = '' THEN params ELSE ? END
WHERE id = ? AND epoch = ?
"""


def owe(tx: Tx, stage: Stage, subject: int, due_at: datetime, params: Mapping[str, Any] | None = None) -> None:
    """Owe work; of several debts that nobody works on yet the earliest time counts.

    Owed while it is being worked on: ``due_at`` is the time of the new debt. ``params`` replace older ones if given.
    """
    tx.execute(_OWE, (stage.value, subject, to_text(due_at), canonical(dict(params or {}))))
    tx.owed_work()


def claim(tx: Tx, now: datetime, stage: Stage, lease: timedelta, limit: int) -> list[DueWork]:
    """Take up to ``limit`` due rows of a stage, the oldest first, until ``now + lease``; nobody else gets them."""
    stamp = to_text(now)
    rows = tx.execute(_CLAIM, (to_text(now + lease), stage.value, stamp, stamp, limit)).fetchall()
    works = [
        DueWork(
            id=row[0], stage=Stage(row[1]), subject=row[2], due_at=from_text(row[3]), attempts=row[4], epoch=row[5],
            params=_JSON.python_value(row[6]),
        )
        for row in rows
    ]  # fmt: skip
    return sorted(works, key=lambda work: (work.due_at, work.id))


def done(tx: Tx, work: DueWork) -> bool:
    """The work is done: the debt is gone. False if it was owed again meanwhile, or claimed by somebody else."""
    gone = tx.execute(
        "DELETE FROM due WHERE id = ? AND epoch = ? AND version = claimed_version", (work.id, work.epoch)
    ).rowcount
    if not gone:
        freed = tx.execute(
            "UPDATE due SET claimed_until = NULL, attempts = 0, last_error = '' WHERE id = ? AND epoch = ?",
            (work.id, work.epoch),
        ).rowcount
        if freed:
            tx.owed_work()
    return bool(gone)


def later(tx: Tx, work: DueWork, due_at: datetime, error: str = "", params: Mapping[str, Any] | None = None) -> bool:
    """Not finished: due again at ``due_at``. ``error`` is kept for ``/status``; without one the attempts start anew.

    False if somebody else has claimed it meanwhile. A newer debt that is due earlier keeps its time and its params.
    """
    at, text = to_text(due_at), "" if params is None else canonical(dict(params))
    done_now = tx.execute(_LATER, (error, at, at, error, text, text, work.id, work.epoch)).rowcount
    tx.owed_work()
    return bool(done_now)


def give_back(tx: Tx, work: DueWork) -> bool:
    """Claimed but not begun: free again, as if never claimed. False if somebody else has claimed it meanwhile."""
    given = tx.execute(
        "UPDATE due SET claimed_until = NULL, attempts = attempts - 1 WHERE id = ? AND epoch = ?", (work.id, work.epoch)
    ).rowcount
    if given:
        tx.owed_work()
    return bool(given)


def claimed(tx: Tx, work: DueWork) -> bool:
    """Whether it is still this work's to do: neither void since, nor claimed by somebody else."""
    row = tx.execute("SELECT 1 FROM due WHERE id = ? AND epoch = ?", (work.id, work.epoch)).fetchone()
    return row is not None


def owed(tx: Tx, stage: Stage, subject: int) -> bool:
    """Whether this is owed, at whatever time."""
    row = tx.execute("SELECT 1 FROM due WHERE stage = ? AND subject = ?", (stage.value, subject)).fetchone()
    return row is not None


def terms(tx: Tx, stage: Stage, subject: int) -> tuple[datetime, Mapping[str, Any]] | None:
    """When it is due, and its parameters; None where it isn't owed."""
    row = tx.execute(
        "SELECT due_at, params FROM due WHERE stage = ? AND subject = ?", (stage.value, subject)
    ).fetchone()
    return (from_text(row[0]), _JSON.python_value(row[1])) if row else None


def forget(tx: Tx, stage: Stage, subject: int) -> None:
    """The debt is void, whoever works on it."""
    tx.execute("DELETE FROM due WHERE stage = ? AND subject = ?", (stage.value, subject))


def spare(tx: Tx, stage: Stage, subject: int, now: datetime) -> None:
    """What isn't due yet isn't needed any more; what is due by ``now``, or being worked on, stays owed."""
    tx.execute(
        "DELETE FROM due WHERE stage = ? AND subject = ? AND due_at > ? AND claimed_until IS NULL",
        (stage.value, subject, to_text(now)),
    )


def counts(tx: Tx) -> dict[str, int]:
    """Stage to rows owed, those of the future included."""
    return dict(tx.execute("SELECT stage, count(*) FROM due GROUP BY stage ORDER BY stage").fetchall())


def free_claims(tx: Tx) -> int:
    """Free every claim; only for the start of a bot that is alone on its database (its predecessor is dead)."""
    tx.owed_work()
    return tx.execute("UPDATE due SET claimed_until = NULL WHERE claimed_until IS NOT NULL").rowcount
