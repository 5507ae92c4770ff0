"""Who is on call: a schedule by its name, and the shifts that it says.

A schedule is a rotation that stands in the settings, or one of PagerDuty's. Words and times alone; ``policy.rota``
reckons a rotation, ``bot.roster`` asks PagerDuty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

ID = "oncall"
"""As an approver: ``oncall``, or ``oncall:sre`` where schedules have names."""


@dataclass(frozen=True)
class Shift:
    """One person, by Slack id, from one time to another; the end isn't in it."""

    slack_id: str
    since: datetime
    until: datetime

    def holds(self, at: datetime) -> bool:
        """Whether that person is on call then."""
        return self.since <= at < self.until


@dataclass(frozen=True)
class Override:
    """Somebody in another's place, by the clock on the wall."""

    who: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Rotation:
    """People in turn, each from one handover to the next: each day, or each week on ``weekday`` (Monday is 0).

    ``starts`` is the day on which the first of them takes over; ``written`` is the handover as the team wrote it.
    """

    people: tuple[str, ...]
    zone: str
    at: time
    starts: date
    weekday: int | None = None
    written: str = ""
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """One schedule; ``rotation``, or ids of PagerDuty's with a table of its users by Slack id."""

    name: str = ""
    rotation: Rotation | None = None
    pagerduty: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """As lists of approvers name it."""
        return f"{ID}:{self.name}" if self.name else ID

    @property
    def words(self) -> str:
        """By which schedule, for the audit: ``rotation Mon 09:00, Europe/Berlin``, ``PagerDuty PABC123``."""
        if self.rotation is not None:
            return f"rotation {self.rotation.written}, {self.rotation.zone}"
        return f"PagerDuty {', '.join(self.pagerduty)}"


def called(approver: str) -> str:
    """``whoever is on call (sre)``."""
    name = approver.partition(":")[2]
    return f"whoever is on call ({name})" if name else "whoever is on call"
