"""Events of both APIs read as rows: times where they are, counts where they are, repeats folded.

Scheduler events have a null ``lastTimestamp`` and only ``eventTime``; series count apart. It refuses to interpret.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.domain.evidence import EventRow
from bot.kube.objects import Json, count, dig, instant, text

_NEVER = datetime.min.replace(tzinfo=UTC)


def event_time(item: Json) -> datetime | None:
    """When the event last happened: the series, then the old field, then ``eventTime``, then its creation."""
    places = (
        ("series", "lastObservedTime"),
        ("lastTimestamp",),
        ("deprecatedLastTimestamp",),
        ("eventTime",),
        ("firstTimestamp",),
        ("metadata", "creationTimestamp"),
    )
    return next((at for at in (instant(dig(item, *place)) for place in places) if at is not None), None)


def event_count(item: Json) -> int:
    """How often it happened; at least once."""
    return max(count(item, "series", "count"), count(item, "count"), count(item, "deprecatedCount"), 1)


def fold(items: Iterable[Json]) -> list[EventRow]:
    """One row per (type, reason, object), newest message kept, counts added; newest first."""
    rows: dict[tuple[str, str, str], tuple[datetime, EventRow]] = {}
    for item in items:
        about = item.get("involvedObject") or item.get("regarding") or {}
        named = f"{text(about, 'kind')} {text(about, 'name')}"
        key = (text(item, "type"), text(item, "reason"), named)
        at = event_time(item) or _NEVER
        before = rows.get(key)
        total = event_count(item) + (before[1].count if before else 0)
        newest = before is None or at >= before[0]
        message = text(item, "message") or text(item, "note")
        if before is not None and not newest:
            at, message = before[0], before[1].message
        last = "" if at == _NEVER else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        rows[key] = (at, EventRow(key[0], key[1], message, named, total, last))
    return [row for _, row in sorted(rows.values(), key=lambda pair: pair[0], reverse=True)]
