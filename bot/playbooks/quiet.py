"""Quiet hours: whether they hold at a time, and when they end, by the clock on the wall of their zone.

Pure; the time is an argument. Where the clocks are changed the hours are as long as the wall says.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.playbooks.schema import Quiet


def until(quiet: Quiet, now: datetime) -> datetime | None:
    """When the hours that hold at ``now`` end, in UTC; None when none hold."""
    zone = ZoneInfo(quiet.zone)
    local = now.astimezone(zone)
    since, end = time.fromisoformat(quiet.since), time.fromisoformat(quiet.until)
    wall = local.time()
    holds = since <= wall < end if since < end else wall >= since or wall < end
    if not holds:
        return None
    day = local.date() if wall < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).astimezone(UTC)
