"""A rotation reckoned: who is on call when, by the clock on the wall of its zone.

Pure; times are arguments. Where the clocks are changed a handover is read as the first of two times, and one in the gap
as if the clocks hadn't been changed yet, so that there is always exactly one on call.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.domain.oncall import Rotation, Shift

DAY = timedelta(days=1)


def shifts(rotation: Rotation, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """The shifts that reach into this time, each to its own end; an override wins over the turn, a later one more."""
    zone = ZoneInfo(rotation.zone)
    overrides = [(_at(one.since, zone), _at(one.until, zone), one.who) for one in rotation.overrides]
    marks = dict(_handovers(rotation, since, until, zone))
    ends = {at for first, last, _ in overrides for at in (first, last) if min(marks) < at < max(marks)}
    found: list[Shift] = []
    turn = ""
    for at, after in pairwise(sorted(ends | marks.keys())):
        turn = marks.get(at, turn)
        who = next((name for first, last, name in reversed(overrides) if first <= at < last), turn)
        if found and found[-1].slack_id == who:
            found[-1] = Shift(who, found[-1].since, after)
        else:
            found.append(Shift(who, at, after))
    return tuple(one for one in found if one.since < until and one.until > since)


def _handovers(rotation: Rotation, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, str]]:
    """(when, who takes over), from two handovers before the time to two after it."""
    step = 1 if rotation.weekday is None else 7
    first = _first(rotation)
    day = since.astimezone(zone).date() - 2 * step * DAY
    day += ((first - day).days % step) * DAY
    last = until.astimezone(zone).date() + 2 * step * DAY
    while day <= last:
        turn = ((day - first).days // step) % len(rotation.people)
        yield _at(datetime.combine(day, rotation.at), zone), rotation.people[turn]
        day += step * DAY


def _first(rotation: Rotation) -> date:
    """The day of the first handover: ``starts``, or the first of that day of the week from then on."""
    if rotation.weekday is None:
        return rotation.starts
    return rotation.starts + ((rotation.weekday - rotation.starts.weekday()) % 7) * DAY


def _at(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
