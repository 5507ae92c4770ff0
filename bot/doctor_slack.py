"""What ``fettle doctor`` asks Slack: tokens, scopes, channel, who may approve, who else uses the app, the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot import clock, doctor_oncall
from bot.doctor_table import Row, fail, ok, warn
from bot.domain.approval import is_oncall
from bot.domain.errors import ConfigError, FettleError, NotFoundError, RejectedError, UnavailableError
from bot.playbooks import loader
from bot.secret_file import text
from bot.settings import Settings
from bot.settings_values import is_person
from bot.slack.client import SlackClient
from bot.slack.preflight import EMAILS, preflight, shared_warning, spared, surplus
from bot.slack.sharing import shared
from bot.slack.workspace import Identity
from bot.standing import slack_away

MOST_CHANNELS = 40
"""So many channels of playbooks are looked up: conversations.info may be asked 50 times a minute."""
MOST_PEOPLE = 50
"""So many people of APPROVERS are looked up: half of what Slack allows in a minute."""
WARN_SKEW, FAIL_SKEW = 5.0, 60.0
"""Seconds between two clocks. A minute off, an approval's time and Slack's don't fit any more."""


async def rows(settings: Settings, running: Mapping[str, Any] | None) -> list[Row]:
    """All rows about Slack; ``running`` is the /status of the Fettle that runs here, None if none does."""
    slack = await SlackClient.connect(
        settings.secret("SLACK_BOT_TOKEN"), settings.SLACK_API_URL, settings.SLACK_TIMEOUT.total_seconds()
    )
    try:
        return await _rows(slack, settings, running)
    finally:
        await slack.close()


async def _rows(slack: SlackClient, settings: Settings, running: Mapping[str, Any] | None) -> list[Row]:
    token = text(settings.secret("SLACK_APP_TOKEN"))
    try:
        ready = await preflight(slack, token, settings.SLACK_CHANNEL_ID, allow_shared=settings.POST_TO_SHARED_CHANNELS)
    except ConfigError as error:
        return [fail("slack", sentence) for sentence in error.sentences]
    except UnavailableError as error:
        return [fail("slack", f"{error} {slack_away(settings)}")]
    except FettleError as error:
        return [fail("slack", str(error))]
    found = [
        ok("slack", f"The bot is {ready.identity.user_id} of {ready.identity.team}; both tokens work."),
        *_scopes(ready.identity, settings),
        warn("channel", told)
        if (told := shared_warning(ready.channel, allow_shared=settings.POST_TO_SHARED_CHANNELS))
        else ok("channel", f"Cards go to #{ready.channel.name} ({ready.channel.id})."),
    ]
    if not settings.SLACK_CHANNEL_ID:
        sentence = f"SLACK_CHANNEL_ID isn't set; set it to {ready.channel.id}, so that a start needs no word of Slack."
        found.append(warn("channel", sentence))
    if (theirs := slack.now()) is not None:
        found.append(skew("Slack's", (clock.now() - theirs).total_seconds()))
    groups = [_group(slack, group) for group in settings.approver_groups if not is_oncall(group)]
    return [
        *found,
        await _connections(slack, token, ready.identity, running),
        *await asyncio.gather(*groups),
        *await _routed(slack, settings, ready.channel.id),
        *await _people(slack, [one for one in settings.APPROVERS if is_person(one)]),
        *await _people(slack, _only_in_policy(settings), "POLICY"),
        *await doctor_oncall.rows(slack, settings),
    ]


async def _routed(slack: SlackClient, settings: Settings, known: str) -> list[Row]:
    """The channels that playbooks name beside that of the cards; a folder that can't be read has rows of its own."""
    try:
        playbooks = loader.load(settings.PLAYBOOKS_DIR).playbooks
    except ConfigError:
        return []
    wanted: dict[str, list[str]] = {}
    for playbook in playbooks:
        for channel in playbook.routing.channels:
            wanted.setdefault(channel, []).append(playbook.name)
    wanted.pop(known, None)
    asked = list(wanted)[:MOST_CHANNELS]
    found = await asyncio.gather(*(_takes_cards(slack, settings, one, wanted[one]) for one in asked))
    problems = [row for row in found if row is not None]
    fine = len(asked) - len(problems)
    more = f"; {len(wanted) - len(asked)} more weren't looked at" if len(wanted) > len(asked) else ""
    told = f"{fine} of the channels that playbooks name can be posted to{more}."
    return [*problems, *([ok("routing", told)] if fine else [])]


async def _takes_cards(slack: SlackClient, settings: Settings, channel: str, playbooks: list[str]) -> Row | None:
    """What keeps cards out of a channel, None for nothing."""
    named = f"{channel}, to which {playbooks[0]}{' and others' if len(playbooks) > 1 else ''} routes"
    try:
        found = await slack.channel(channel)
    except UnavailableError as error:
        return warn("routing", f"The channel {named}, can't be looked at: {error}")
    except FettleError as error:
        return fail("routing", f"The channel {named}: {error}")
    if found.archived:
        return fail("routing", f"The channel {named}, is archived; unarchive it or change the playbook.")
    if not found.member:
        return fail("routing", f"The channel {named}: the bot isn't in it. Invite it there with /invite.")
    told = shared_warning(found, allow_shared=settings.POST_TO_SHARED_CHANNELS)
    return warn("routing", told) if told else None


def skew(whose: str, seconds: float) -> Row:
    """How far this machine's clock is from another one, which tells whole seconds only."""
    if abs(seconds) <= WARN_SKEW:
        return ok("clock", f"This machine's clock agrees with {whose}.")
    way = "ahead of" if seconds > 0 else "behind"
    sentence = f"This machine's clock is {abs(seconds):.0f} s {way} {whose}: let it be set by NTP."
    return (fail if abs(seconds) > FAIL_SKEW else warn)("clock", sentence)


def _scopes(identity: Identity, settings: Settings) -> list[Row]:
    if not identity.scopes:
        return [ok("scopes", "Slack doesn't tell the app's scopes; what is missing shows at the first call.")]
    by_address = [one.id for one in settings.schedules.values() if one.pagerduty and not one.users]
    why = [*(["CLUSTER_USERS"] if settings.wants_emails else []), *(["ONCALL"] if by_address else [])]
    if why and EMAILS not in identity.scopes:
        told = f"The app lacks {EMAILS}, by which {' and '.join(why)} find people"
        return [fail("scopes", f"{told}: install it again from fettle manifest --emails.")]
    more = surplus(identity, [EMAILS] if why or settings.schedules else ())
    found = [warn("scopes", one) for one in (spared(identity), more) if one]
    return found or [ok("scopes", "The app holds the scopes of manifest.yml and no others.")]


async def _connections(slack: SlackClient, token: str, identity: Identity, running: Mapping[str, Any] | None) -> Row:
    """Who else takes presses: asked of the Fettle that runs here, else counted by a connection of a moment."""
    told = (running or {}).get("slack") or {}
    if told.get("connected") and told.get("bot") == identity.bot_id:
        total, own = int(told.get("announced_connections", 0)), int(told.get("connected", 0))
        others = int(told.get("other_connections", 0))
        if others:
            return warn("connections", shared(others, own))
        return ok(
            "connections", f"The Fettle that runs here has {own} connections, and nobody else had any ({total} in all)."
        )
    try:
        greeting = await slack.greeting(token)
    except FettleError as error:
        return fail("connections", f"No Socket Mode connection opens: {error} Presses would not arrive.")
    if greeting.connections > 1:
        return warn("connections", shared(greeting.connections - 1, 0))
    return ok("connections", "A Socket Mode connection opens, and no other program uses the app now.")


async def _group(slack: SlackClient, group: str) -> Row:
    try:
        members = await slack.group_members(group)
    except FettleError as error:
        return fail("approvers", f"The user group {group} can't be read, so nobody of it can approve. {error}")
    if not members:
        return warn("approvers", f"The user group {group} has no members: nobody of it can approve.")
    return ok("approvers", f"The user group {group} has {len(members)} member{'s' * (len(members) != 1)}.")


def _only_in_policy(settings: Settings) -> list[str]:
    """The people whom POLICY names, for a rule or to break the glass, and APPROVERS doesn't."""
    return [one for one in settings.POLICY.approvers if is_person(one) and one not in settings.APPROVERS]


async def _people(slack: SlackClient, people: list[str], where: str = "APPROVERS") -> list[Row]:
    asked = people[:MOST_PEOPLE]
    problems = [row for row in await asyncio.gather(*(_person(slack, one, where) for one in asked)) if row is not None]
    fine = len(asked) - len(problems)
    told = f"{fine} of the people in {where} may {'approve' if where == 'APPROVERS' else 'do what it says'}."
    return problems + ([ok("approvers", told)] if fine else [])


async def _person(slack: SlackClient, user: str, where: str) -> Row | None:
    try:
        found = await slack.user(user)
    except (RejectedError, NotFoundError) as error:
        return warn("approvers", f"{user} of {where} isn't known here, so nobody approves by it. {error}")
    except FettleError as error:
        return warn("approvers", f"{user} of {where} can't be looked up: {error}")
    kinds = (
        (found.deleted, "is deactivated"),
        (found.bot, "is an app"),
        (found.stranger, "belongs to another organisation"),
        (found.restricted, "is a guest"),
    )
    what = next((kind for applies, kind in kinds if applies), "")
    return warn("approvers", f"{user} of {where} {what} and can't approve; take it out.") if what else None
