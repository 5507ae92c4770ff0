"""Artifacts as recorded: one for an execution, kept here for good, its file until it is deleted. It deletes no file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.artifact import Artifact, Kept
from bot.domain.errors import NotFoundError
from bot.domain.execution import Execution
from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

_COLUMNS = (
    "id, execution_id, incident_id, kind, store, ref, name, size, sha256, execution, link, made_at, expires_at, "
    "gone_at, problem"
)
_INSERT = """
INSERT INTO artifacts (execution_id, incident_id, kind, store, ref, name, size, sha256, execution, link, made_at,
                       expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""


def add(tx: Tx, execution: Execution, kind: str, kept: Kept, now: datetime, expires_at: datetime) -> Artifact:
    """What this execution left."""
    row = tx.execute(
        _INSERT,
        (
            execution.id, execution.incident_id, kind, kept.store, kept.ref, kept.name, kept.size, kept.sha256,
            kept.execution, kept.link, to_text(now), to_text(expires_at),
        ),
    ).fetchone()  # fmt: skip
    return get(tx, row[0])


def get(tx: Tx, artifact_id: int) -> Artifact:
    """One; raises ``NotFoundError``."""
    row = tx.execute(f"SELECT {_COLUMNS} FROM artifacts WHERE id = ?", (artifact_id,)).fetchone()  # noqa: S608 - constants
    if row is None:
        raise NotFoundError(f"There is no artifact {artifact_id}.")
    return _artifact(row)


def of_execution(tx: Tx, execution_id: int) -> Artifact | None:
    """What an execution left, None if nothing."""
    row = tx.execute(f"SELECT {_COLUMNS} FROM artifacts WHERE execution_id = ?", (execution_id,)).fetchone()  # noqa: S608 - the same
    return _artifact(row) if row else None


def left(tx: Tx) -> list[Artifact]:
    """Those whose file should be there, oldest first."""
    return [_artifact(row) for row in tx.execute(f"SELECT {_COLUMNS} FROM artifacts WHERE gone_at IS NULL ORDER BY id")]  # noqa: S608 - the same


def expired(tx: Tx, now: datetime, most: int) -> list[Artifact]:
    """Those whose file is to be deleted, the oldest first."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM artifacts WHERE gone_at IS NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?",  # noqa: S608 - the same
        (to_text(now), most),
    )
    return [_artifact(row) for row in rows]


def lendable(tx: Tx) -> bool:
    """Whether a file is kept of which somebody may want a link."""
    row = tx.execute("SELECT 1 FROM artifacts WHERE gone_at IS NULL AND substr(store, 1, 5) = 's3://' LIMIT 1")
    return row.fetchone() is not None


def any_made(tx: Tx) -> bool:
    """Whether a dump was ever kept; without one nobody has to ask the store anything."""
    return tx.execute("SELECT 1 FROM artifacts LIMIT 1").fetchone() is not None


def gone(tx: Tx, artifact_id: int, now: datetime) -> None:
    """The file isn't there any more."""
    tx.execute("UPDATE artifacts SET gone_at = ?, problem = '' WHERE id = ?", (to_text(now), artifact_id))


def kept_longer(tx: Tx, artifact_id: int, again: datetime, problem: str) -> None:
    """It could not be deleted; when to try again, and why."""
    tx.execute("UPDATE artifacts SET expires_at = ?, problem = ? WHERE id = ?", (to_text(again), problem, artifact_id))


def _artifact(row: Any) -> Artifact:
    (
        number,
        execution_id,
        incident_id,
        kind,
        store,
        ref,
        name,
        size,
        sha256,
        execution,
        link,
        made,
        ends,
        gone_at,
        why,
    ) = row
    made_at, expires_at = from_text(made), from_text(ends)
    if made_at is None or expires_at is None:
        raise NotFoundError(f"Artifact {number} has no time.")  # the columns are NOT NULL
    return Artifact(
        number,
        execution_id,
        incident_id,
        kind,
        Kept(store, ref, name, size, sha256, execution, link),
        made_at,
        expires_at,
        from_text(gone_at) if gone_at else None,
        why,
    )
