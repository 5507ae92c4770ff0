"""Freeze windows: which of them is on, and until when, by the clock on the wall of its zone.

Pure; the time is an argument. Where the clocks are changed a wall time may come twice or never: of the two readings the
one counts that makes the window longer. An undo isn't held up: it leads back to what was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.decision import Reason, Rule
from bot.domain.rules import Case, Dates, Policy, Weekly, Window

WEEK = timedelta(days=7)
SOON = timedelta(days=6)
"""An end within so long is told by its day of the week, a later one by its date."""
MOST = 64
"""Spans that follow each other without a gap; of a window that has more no end is told."""
ENDLESS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class On:
    """A window that is on, and its end in its own zone; ``ENDLESS`` where none is in sight."""

    window: Window
    until: datetime

    @property
    def told(self) -> str:
        """``weekend (Fri 16:00 - Mon 08:00, Europe/Berlin)``."""
        return f"{self.window.name} ({', '.join(self.window.written)}, {self.window.zone})"


def check(policy: Policy, case: Case, now: datetime, *, undo: bool, glass: str) -> Iterator[Reason]:
    """A reason for each window that holds this case up; ``glass`` says how it may be overridden."""
    if undo:
        return
    for one in on_now(policy, case, now):
        reason = one.window.reason.rstrip(".")
        why = f" {reason[:1].upper()}{reason[1:]}." if reason else ""
        said = f"The freeze window {one.told} is on {end_words(one.until, now)}: nothing is done.{why} {glass}"
        yield Reason(Rule.WINDOW, said.rstrip())


def end_words(until: datetime, now: datetime) -> str:
    """``until Mon 08:00 CET``, with the date where that is far, or that no end is in sight."""
    if until == ENDLESS:
        return "without an end"
    return until.strftime("until %a %H:%M %Z" if until - now < SOON else "until %Y-%m-%d %H:%M %Z")


def on_now(policy: Policy, case: Case, now: datetime) -> tuple[On, ...]:
    """Every window that is on for this case, in the order of the policy."""
    return tuple(
        On(window, until)
        for window in policy.windows
        if window.match.fits(case) and (until := ends(window, now)) is not None
    )


def ends(window: Window, now: datetime) -> datetime | None:
    """When the window that is on ends, in its zone; None while it isn't on. Spans that touch are one."""
    zone = ZoneInfo(window.zone)
    end: datetime | None = None
    at = now
    for _ in range(MOST):
        found = max((last for first, last in _around(window, at, zone) if first <= at < last), default=None)
        if found is None:
            return end.astimezone(zone) if end is not None else None
        end = at = found
    return ENDLESS


def _around(window: Window, now: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The spans that could hold this moment, in UTC."""
    today = now.astimezone(zone).date()
    for span in window.spans:
        if isinstance(span, Dates):
            yield _first(span.since, zone), _last(span.until, zone)
            continue
        begin = today - timedelta(days=(today.weekday() - span.day) % 7)
        for day in (begin - WEEK, begin, begin + WEEK):
            yield _week(span, day, zone)


def _week(span: Weekly, begin: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    days = (span.last - span.day) % 7
    if days == 0 and span.until <= span.since:
        days = 7
    return _first(_wall(begin, span.since), zone), _last(_wall(begin + timedelta(days=days), span.until), zone)


def _wall(day: date, at: time) -> datetime:
    return datetime.combine(day, at)


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """What a time on the wall may mean: the same twice, but for the hour that comes twice or never."""
    return (
        wall.replace(tzinfo=zone, fold=0).astimezone(UTC),
        wall.replace(tzinfo=zone, fold=1).astimezone(UTC),
    )


def _first(wall: datetime, zone: ZoneInfo) -> datetime:
    return min(_readings(wall, zone))


def _last(wall: datetime, zone: ZoneInfo) -> datetime:
    return max(_readings(wall, zone))
