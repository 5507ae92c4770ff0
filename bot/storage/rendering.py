"""What delivery reads and no other room needs: the words of an incident's alerts, and a claimed row as it is now."""

from __future__ import annotations

from bot.domain.alert import AlertStatus
from bot.domain.owed import OutboxRow
from bot.storage.fields import JsonField
from bot.storage.tx import Tx

_JSON = JsonField()
SHOWN = 20
"""Alerts of one incident that are read for its card; the counters tell how many there are."""

_ALERTS = """
SELECT name, labels, annotations, generator_url, external_url FROM alerts
WHERE incident_id = ? ORDER BY CASE WHEN status = ? THEN 0 ELSE 1 END, severity, id LIMIT ?
"""


def alert_words(tx: Tx, incident_id: int) -> list[tuple[str, dict[str, str], dict[str, str], str, str]]:
    """(name, labels, annotations, generator url, external url) of alerts, firing and worst first; erased ones empty."""
    rows = tx.execute(_ALERTS, (incident_id, str(AlertStatus.FIRING), SHOWN)).fetchall()
    return [
        (row[0], _JSON.python_value(row[1]) or {}, _JSON.python_value(row[2]) or {}, row[3], row[4]) for row in rows
    ]


def version_now(tx: Tx, row: OutboxRow) -> int | None:
    """The version that this claimed row owes by now; None when somebody else has claimed it since."""
    found = tx.execute("SELECT version FROM outbox WHERE id = ? AND epoch = ?", (row.id, row.epoch)).fetchone()
    return int(found[0]) if found else None
