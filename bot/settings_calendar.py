"""The calendar of freeze windows as people write it: ``Fri 16:00 - Mon 08:00``, ``2026-12-20 - 2027-01-03``.

Times are those of the clock on the wall; the zone comes beside them. It refuses a span that is empty or runs backwards.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.rules import Dates, Weekly

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKLY = "write such as Fri 16:00 - Mon 08:00, Mon-Thu 22:00 - 06:00 or daily 00:00 - 05:00"
ONCE = "write such as 2026-12-20 - 2027-01-03, or 2026-12-20 18:00 - 2027-01-03 08:00"
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_TO = r"\s*(?:[-\u2013]|to)\s*"
_DAY = r"[a-z]{3,9}"
_FROM_TO = re.compile(rf"({_DAY})\s+{_CLOCK}{_TO}({_DAY})\s+{_CLOCK}")
_EACH = re.compile(rf"(daily|{_DAY}(?:\s*[-\u2013,]\s*{_DAY})*)\s+{_CLOCK}{_TO}{_CLOCK}")
_DATE = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
_DATES = re.compile(rf"{_DATE}(?:[ tT]+{_CLOCK})?(?:\s*(?:[-\u2013]|to)\s*{_DATE}(?:[ tT]+{_CLOCK})?)?")


def zone(value: Any) -> str:
    """The name of a zone that the IANA database has."""
    text = str(value).strip()
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("write a zone of the IANA database, such as Europe/Berlin") from None
    return text


def weekly(value: Any) -> tuple[Weekly, ...]:
    """One line: from a day to a day, or the same hours on each of several days; raises ``ValueError``."""
    text = " ".join(str(value).lower().split())
    if found := _FROM_TO.fullmatch(text):
        day, hour, minute, last, last_hour, last_minute = found.groups()
        since, until = time(int(hour), int(minute)), time(int(last_hour), int(last_minute))
        if weekday(day) == weekday(last) and since == until:
            raise ValueError(f"{value} ends where it begins; {WEEKLY}")
        return (Weekly(weekday(day), since, weekday(last), until),)
    found = _EACH.fullmatch(text)
    if not found:
        raise ValueError(f"{value} can't be read; {WEEKLY}")
    days, hour, minute, last_hour, last_minute = found.groups()
    since, until = time(int(hour), int(minute)), time(int(last_hour), int(last_minute))
    next_day = 0 if since < until else 1
    return tuple(Weekly(day, since, (day + next_day) % 7, until) for day in _days(days))


def dates(value: Any) -> Dates:
    """One line: whole days, the last one included, or with times; raises ``ValueError``."""
    found = _DATES.fullmatch(str(value).strip())
    if not found:
        raise ValueError(f"{value} can't be read; {ONCE}")
    first, hour, minute, last, last_hour, last_minute = found.groups()
    if (hour is None) != (last_hour is None) or (hour is not None and last is None):
        raise ValueError(f"{value} has one time and needs two; {ONCE}")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise ValueError(f"{value} names a day that no calendar has; {ONCE}") from None
    if hour is None:
        since, until = datetime.combine(begin, time()), datetime.combine(end + timedelta(days=1), time())
    else:
        since = datetime.combine(begin, time(int(hour), int(minute)))
        until = datetime.combine(end, time(int(last_hour), int(last_minute)))
    if since >= until:
        raise ValueError(f"{value} ends before it begins; {ONCE}")
    return Dates(since, until)


def _days(text: str) -> tuple[int, ...]:
    """``daily``, ``mon-thu``, ``sat,sun``; a range may come round the end of the week."""
    if text == "daily":
        return tuple(range(7))
    found: list[int] = []
    for part in re.split(r"\s*,\s*", text):
        first, _, last = re.sub(r"\s*[-\u2013]\s*", "-", part).partition("-")
        begin = weekday(first)
        end = weekday(last) if last else begin
        found += [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]
    return tuple(dict.fromkeys(found))


def weekday(word: str) -> int:
    """Monday is 0; ``mon`` and ``monday`` are it."""
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for number, (short, name) in enumerate(zip(DAYS, names, strict=True)):
        if word in {short, name}:
            return number
    raise ValueError(f"“{word}” is no day of the week; {WEEKLY}")
