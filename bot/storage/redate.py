"""Moves the times that are compared with the present, for a machine whose clock was set; what is over keeps its times.

That is whatever waits, and all of an incident that is open: its times are compared with each other, too (what was
found or measured before it was reopened says nothing of now). It refuses to know why: the caller says by how much. On
PostgreSQL it is for one process alone on its database: the clocks of others were not set.
"""

from __future__ import annotations

from datetime import timedelta

from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

_OPEN = "incident_id IN (SELECT id FROM incidents WHERE state <> 'resolved')"

MOVED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("due", "id", ("due_at", "claimed_until"), "TRUE"),
    ("outbox", "id", ("owed_at", "due_at", "claimed_until"), "version > sent_version AND NOT dropped"),
    ("executions", "id", ("intent_at",), "state = 'running'"),
    ("executions", "id", ("created_at",), _OPEN),
    ("group_refreshes", "group_id", ("refreshed_at",), "TRUE"),
    ("silences", "id", ("created_at", "ends_at", "intent_at", "check_by"), "in_force"),
    ("incidents", "id", ("opened_at", "episode_at", "updated_at", "investigated_at"), "state <> 'resolved'"),
    ("artifacts", "id", ("expires_at",), "gone_at IS NULL"),
    ("pins", "id", ("heard_at",), "EXISTS (SELECT 1 FROM due WHERE due.stage = 'pin' AND due.subject = pins.id)"),
    ("evidence", "id", ("observed_at",), _OPEN),
    ("findings", "id", ("found_at",), _OPEN),
    ("proposals", "id", ("created_at", "expires_at", "decided_at"), _OPEN),
    ("verifications", "id", ("started_at", "deadline", "rolled_out_at", "settled_at"), _OPEN),
)
"""Table, its key, the columns, and the rows that move."""

_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'fettle%'
  AND application_name <> current_setting('application_name')
"""


def alone(tx: Tx) -> bool:
    """Whether no other process of Fettle has this database open; on SQLite the lock file says so."""
    return tx.dialect == "sqlite" or not tx.execute(_OTHERS).fetchone()[0]


def shift(tx: Tx, by: timedelta) -> int:
    """Moves them; the number of rows."""
    moved = 0
    for table, key, columns, where in MOVED:
        found = tx.execute(f"SELECT {key}, {', '.join(columns)} FROM {table} WHERE {where}").fetchall()  # noqa: S608 - constants
        changes = ", ".join(f"{column} = ?" for column in columns)
        rows = [(*(_moved(at, by) for at in times), number) for number, *times in found]
        tx.execute_many(f"UPDATE {table} SET {changes} WHERE {key} = ?", rows)  # noqa: S608 - constants
        moved += len(rows)
    return moved


def _moved(at: str | None, by: timedelta) -> str | None:
    return to_text(from_text(at) + by) if at else at
