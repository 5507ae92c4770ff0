"""Alert episodes that a look at Alertmanager may settle: those that fire, and those that fired after their resolve.

It refuses to settle anything itself; ``workflow.sweep`` decides, and intake writes it down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

MOST = 5000
"""Episodes of one look; in a storm beyond it the newest wait for the next."""
LOOKED_BACK = timedelta(hours=24)
_OPEN = "('triggered', 'acknowledged', 'mitigating', 'mitigated')"


@dataclass(frozen=True)
class Loose:
    """One episode. ``told_at`` is when something was last heard of it (of a late one: when its resolve arrived)."""

    id: int
    fingerprint: str
    starts_at: datetime
    told_at: datetime
    incident_id: int
    key: str


def firing(tx: Tx) -> list[Loose]:
    """Episodes that fire by what was delivered, of incidents that are open."""
    rows = tx.execute(
        "SELECT a.id, a.fingerprint, a.starts_at, a.last_seen_at, i.id, i.key FROM incidents i "  # noqa: S608 - a constant
        f"JOIN alerts a ON a.incident_id = i.id AND a.status = 'firing' WHERE i.state IN {_OPEN} ORDER BY a.id LIMIT ?",
        (MOST,),
    ).fetchall()
    return [_loose(row) for row in rows]


def late(tx: Tx, now: datetime) -> list[Loose]:
    """Resolved episodes of the last day of which a firing came right after the resolve; the newest of their alert."""
    rows = tx.execute(
        "SELECT a.id, a.fingerprint, a.starts_at, a.resolved_arrived_at, i.id, i.key FROM alerts a "
        "JOIN incidents i ON i.id = a.incident_id WHERE a.late_at IS NOT NULL AND a.status = 'resolved' "
        "AND a.late_at > ? AND a.resolved_arrived_at IS NOT NULL AND a.current ORDER BY a.id LIMIT ?",
        (to_text(now - LOOKED_BACK), MOST),
    ).fetchall()
    return [_loose(row) for row in rows]


def over(tx: Tx, ids: list[int]) -> None:
    """The late firing meant nothing: these stay resolved."""
    tx.execute_many("UPDATE alerts SET late_at = NULL WHERE id = ?", [(one,) for one in ids])


def _loose(row: tuple[int, str, str, str, int, str]) -> Loose:
    return Loose(row[0], row[1], from_text(row[2]), from_text(row[3]), row[4], row[5])
