"""What ``fettle doctor`` says of the schedules in ``ONCALL``: who is on call by each, and why nobody would be."""

from __future__ import annotations

import asyncio

from bot import clock
from bot.doctor_table import Row, fail, ok, warn
from bot.domain.errors import FettleError
from bot.domain.oncall import Schedule
from bot.roster import WITHIN, Roster
from bot.settings import Settings
from bot.slack.client import SlackClient


async def rows(slack: SlackClient, settings: Settings) -> list[Row]:
    """A row or two for each schedule; none without any."""
    roster = Roster(settings, slack.by_email)
    try:
        found = await asyncio.gather(*(_schedule(roster, slack, settings, one) for one in settings.schedules.values()))
    finally:
        await roster.close()
    return [row for each in found for row in each]


async def _schedule(roster: Roster, slack: SlackClient, settings: Settings, schedule: Schedule) -> list[Row]:
    now = clock.now()
    try:
        named = [f"{await roster.pagerduty.schedule(one, within=WITHIN)} ({one})" for one in schedule.pagerduty] if (
            roster.pagerduty is not None
        ) else []  # fmt: skip
        shifts = [one for one in await roster.shifts(schedule.id, now) if one.holds(now)]
    except FettleError as error:
        return [fail("ONCALL", f"{schedule.id}: {error} Until then nobody may approve by it.")]
    found: list[Row] = []
    for one in shifts:
        try:
            person = await slack.user(one.slack_id)
        except FettleError as error:
            found.append(fail("ONCALL", f"{schedule.id} has {one.slack_id} on call: {error}"))
            continue
        refused = person.deleted or person.bot or person.restricted or person.stranger
        if refused:
            told = f"{schedule.id} has @{person.name} on call, who is no full member here and may approve nothing."
            found.append(warn("ONCALL", told))
            continue
        where = ", ".join(named) or schedule.words
        found.append(
            ok("ONCALL", f"{schedule.id}: @{person.name} is on call until {one.until:%Y-%m-%d %H:%M} UTC ({where}).")
        )
    if schedule.id not in settings.approver_groups:
        found.append(
            warn("ONCALL", f"No list of approvers names {schedule.id}: it changes nothing. Name it, or take it out.")
        )
    return found
