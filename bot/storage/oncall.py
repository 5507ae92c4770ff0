"""Who was and is on call, as last read from each schedule; read by policy from here, so that no decision waits.

What was so stays for a day: an approval counts by who was on call when it was given. It refuses to ask anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.oncall import Shift
from bot.storage.oncall_table import ShiftRow
from bot.storage.people import groups, refreshed
from bot.storage.tx import Tx

KEPT = timedelta(hours=25)
"""Longer than an approval can be good for."""


def keep(tx: Tx, source: str, shifts: Iterable[Shift], now: datetime) -> bool:
    """Replaces what was known of a schedule from ``now`` on; whether somebody else is on call than at the last time."""
    read_at = groups(tx).get(source, ((), None, ""))[1]
    before = on_at(tx, read_at or now).get(source)
    mine = ShiftRow.source == source
    wanted = {(one.slack_id, max(one.since, now), one.until) for one in shifts if one.until > now}
    known = tx.all(ShiftRow.select().where(mine, ShiftRow.until > now))
    if {(row.slack_id, max(row.since, now), row.until) for row in known} != wanted:  # else the rows say it already
        tx.run(ShiftRow.delete().where(mine, ShiftRow.since >= now))
        tx.run(ShiftRow.update(until=now).where(mine, ShiftRow.until > now))
        for slack_id, since, until in sorted(wanted):
            row = ShiftRow.insert(source=source, slack_id=slack_id, since=since, until=until)
            tx.all(row.returning(ShiftRow))
    tx.run(ShiftRow.delete().where(mine, ShiftRow.until < now - KEPT))
    refreshed(tx, source, now, "")
    return on_at(tx, now).get(source) != before


def on_at(tx: Tx, at: datetime) -> dict[str, dict[str, datetime]]:
    """Schedule -> who is on call by it then, and until when."""
    found: dict[str, dict[str, datetime]] = {}
    for row in tx.all(ShiftRow.select().where(ShiftRow.since <= at, ShiftRow.until > at).order_by(ShiftRow.id)):
        found.setdefault(row.source, {})[row.slack_id] = row.until
    return found
