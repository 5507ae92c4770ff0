"""Events of both APIs read as rows: times where they are, counts where they are, repeats folded.

Scheduler events have a null ``lastTimestamp`` and only ``eventTime``; series count apart. It refuses to interpret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from bot.domain.evidence import EventRow
from bot.kube.objects import Json, count, dig, instant, stamp, text

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


def first_time(item: Json) -> datetime | None:
    """When the event first happened, as far as it says."""
    places = (("firstTimestamp",), ("deprecatedFirstTimestamp",), ("eventTime",), ("metadata", "creationTimestamp"))
    return next((at for at in (instant(dig(item, *place)) for place in places) if at is not None), None)


def fold(items: Iterable[Json]) -> list[EventRow]:
    """One row per (type, reason, object) and wording, counts added; newest first.

    Wordings that differ in numbers and ids alone are one, the newest kept. Two of one reason stay apart: "Failed" is
    the registry's answer as well as the kubelet's giving up. An event that both APIs brought counts once.
    """
    rows: dict[tuple[str, str, str, str], _Row] = {}
    known: set[str] = set()
    for item in items:
        uid = text(item, "metadata", "uid")
        if uid and uid in known:
            continue
        known.add(uid)
        about = item.get("involvedObject") or item.get("regarding") or {}
        message = text(item, "message") or text(item, "note")
        key = (text(item, "type"), text(item, "reason"), f"{text(about, 'kind')} {text(about, 'name')}", shape(message))
        row = rows.setdefault(key, _Row())
        row.add(item, message)
    ordered = sorted(rows.items(), key=lambda pair: pair[1].last, reverse=True)
    return [
        EventRow(kind, reason, row.message, named, row.count, _stamp(row.last), _stamp(row.first))
        for (kind, reason, named, _), row in ordered
    ]


def shape(message: str) -> str:
    """A message without what changes from repeat to repeat: numbers and generated ids."""
    return _VARYING.sub("#", message)[:_SHAPE]


_VARYING = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12,64}\b|\d+")
_SHAPE = 120


class _Row:
    """Repeats of one event as they are added up."""

    def __init__(self) -> None:
        self.count, self.message, self.first, self.last = 0, "", _NEVER, _NEVER

    def add(self, item: Json, message: str) -> None:
        at, first = event_time(item) or _NEVER, first_time(item) or _NEVER
        if not self.count or at >= self.last:
            self.message, self.last = message, at
        if not self.count or first < self.first:
            self.first = first
        self.count += event_count(item)


def _stamp(at: datetime) -> str:
    return "" if at == _NEVER else stamp(at)
