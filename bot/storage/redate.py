"""Moves the times of whatever still waits, for a machine whose clock was set; what has happened keeps its times.

It refuses to know why: the caller says by how much. On PostgreSQL it moves nothing while another process of Fettle
works on the same database: its clock was not set.
"""

from __future__ import annotations

from datetime import timedelta

from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

WAITING: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("due", "id", ("due_at", "claimed_until"), "TRUE"),
    ("outbox", "id", ("owed_at", "due_at", "claimed_until"), "version > sent_version AND NOT dropped"),
    ("proposals", "id", ("expires_at",), "state = 'pending'"),
    ("executions", "id", ("intent_at",), "state = 'running'"),
    ("verifications", "id", ("deadline", "rolled_out_at"), "verdict = 'measuring'"),
    ("group_refreshes", "group_id", ("refreshed_at",), "TRUE"),
)
"""Table, its key, the columns that are compared with the present, and the rows that still wait."""

_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'fettle%'
  AND application_name <> current_setting('application_name')
"""


def alone(tx: Tx) -> bool:
    """Whether no other process of Fettle has this database open; on SQLite the lock file says so."""
    return tx.dialect == "sqlite" or not tx.execute(_OTHERS).fetchone()[0]


def shift(tx: Tx, by: timedelta) -> int:
    """Moves all times that waiting rows are compared by; the number of rows."""
    moved = 0
    for table, key, columns, where in WAITING:
        found = tx.execute(f"SELECT {key}, {', '.join(columns)} FROM {table} WHERE {where}").fetchall()  # noqa: S608 - constants
        changes = ", ".join(f"{column} = ?" for column in columns)
        rows = [(*(_moved(at, by) for at in times), number) for number, *times in found]
        tx.execute_many(f"UPDATE {table} SET {changes} WHERE {key} = ?", rows)  # noqa: S608 - constants
        moved += len(rows)
    return moved


def _moved(at: str | None, by: timedelta) -> str | None:
    return to_text(from_text(at) + by) if at else at
