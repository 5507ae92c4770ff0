"""Facts about this database by key: the cluster it belongs to, the bot's own user. Text only."""

from __future__ import annotations

from bot.storage.tx import Tx


def get(tx: Tx, key: str) -> str | None:
    """The value, None if it was never put."""
    row = tx.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def put(tx: Tx, key: str, value: str) -> None:
    """Keep a value; an earlier one is replaced."""
    tx.execute(
        "INSERT INTO facts (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


PROBE = (
    "INSERT INTO facts (key, value) VALUES ('probe', '1') "
    "ON CONFLICT (key) DO UPDATE SET value = CASE facts.value WHEN '1' THEN '0' ELSE '1' END"
)
"""A write that changes something each time: an UPDATE that finds no row succeeds on a full disk, too."""


def probe(tx: Tx) -> None:
    """A real write of a few bytes; what it writes means nothing."""
    tx.execute(PROBE)
