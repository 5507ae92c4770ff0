"""Asks who is on call from now on: a rotation is reckoned, PagerDuty is asked and its people found in Slack.

The answer goes into the store (``bot.groups``); nothing decides by asking here. Somebody of PagerDuty's who can't be
found in Slack is nobody: then the others count, and if there are none, nobody does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from bot.domain.errors import ConfigError, ForbiddenError, NotFoundError, RejectedError
from bot.domain.oncall import Schedule, Shift
from bot.integrations.pagerduty_oncall import Duty, OnCalls
from bot.policy import rota
from bot.settings import Settings

log = structlog.get_logger(__name__)

AHEAD = timedelta(minutes=10)
"""So far ahead it is read, so that a handover counts to the second until the next reading."""
WITHIN = 5.0
"""Seconds for each question to PagerDuty."""
KNOWN_FOR = timedelta(hours=1)
"""How long an address is taken to be the same person's in Slack."""
SCOPE = "users:read.email"

ByEmail = Callable[[str], Awaitable[str]]
"""Asks Slack whose e-mail address this is: a Slack id; raises ``NotFoundError`` for nobody's."""


class Roster:
    """The schedules of the settings."""

    def __init__(self, settings: Settings, by_email: ByEmail) -> None:
        self._schedules: Mapping[str, Schedule] = settings.schedules
        self._by_email = by_email
        wanted = any(one.pagerduty for one in self._schedules.values())
        token = settings.secret("PAGERDUTY_API_TOKEN")
        self.pagerduty = OnCalls(settings.PAGERDUTY_API_URL, token) if wanted else None
        self._known: dict[str, tuple[datetime, str]] = {}

    async def close(self) -> None:
        """Closes the connections."""
        if self.pagerduty is not None:
            await self.pagerduty.close()

    async def shifts(self, source: str, now: datetime) -> tuple[Shift, ...]:
        """Who is on call by a schedule from now on; raises errors of the domain where that can't be told."""
        schedule = self._schedules.get(source)
        if schedule is None:
            raise ConfigError([f"ONCALL has no schedule {source}."])
        if schedule.rotation is not None:
            return rota.shifts(schedule.rotation, now, now + AHEAD)
        return await self._theirs(schedule, now)

    async def _theirs(self, schedule: Schedule, now: datetime) -> tuple[Shift, ...]:
        pagerduty = self.pagerduty
        if pagerduty is None:  # the settings have it then
            raise ConfigError(["ONCALL names a schedule of PagerDuty's without PAGERDUTY_API_TOKEN."])
        asked = (pagerduty.on_call(one, now, now + AHEAD, within=WITHIN) for one in schedule.pagerduty)
        duties = [duty for found in await asyncio.gather(*asked) for duty in found]
        if not any(duty.since <= now < duty.until for duty in duties):
            raise RejectedError(
                f"PagerDuty names nobody on call now by {', '.join(schedule.pagerduty)}. Is anybody, and is the "
                "schedule in an escalation policy?", "nobody",
            )  # fmt: skip
        found = [(duty, await self._slack_id(schedule, duty, now)) for duty in duties]
        strangers = sorted({duty.user for duty, slack_id in found if not slack_id})
        shifts = tuple(Shift(slack_id, duty.since, duty.until) for duty, slack_id in found if slack_id)
        if strangers and not any(one.holds(now) for one in shifts):
            raise NotFoundError(
                f"Slack knows nobody by the address of PagerDuty's user {', '.join(strangers)}: add "
                f"{strangers[0]}: U... to users of that schedule in ONCALL."
            )
        if strangers:
            log.warning("somebody on call isn't known in Slack", schedule=schedule.id, pagerduty_users=strangers)
        return shifts

    async def _slack_id(self, schedule: Schedule, duty: Duty, now: datetime) -> str:
        """Whose Slack id that is by the table, else by the address; empty where nobody's."""
        if duty.user in schedule.users:
            return schedule.users[duty.user]
        at, known = self._known.get(duty.email, (None, ""))
        if at is not None and now - at < KNOWN_FOR:
            return known
        if not duty.email:
            return ""
        try:
            known = await self._by_email(duty.email)
        except NotFoundError:
            return ""
        except ForbiddenError as error:
            raise ForbiddenError(
                f"People of PagerDuty's can't be found in Slack: {error} Add the scope {SCOPE} (fettle manifest "
                "--emails) and install the app again, or name them in users of that schedule in ONCALL."
            ) from error
        self._known[duty.email] = now, known
        return known
