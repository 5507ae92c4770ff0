"""What must be right at Slack before anything starts: tokens, permissions, channel; a sentence for each that is wrong.

Without it a wrong app token hangs for ever and a missing permission shows at the first incident. It asks Slack and
posts nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.domain.errors import ConfigError, FettleError, ForbiddenError, RejectedError
from bot.slack.client import SlackClient
from bot.slack.workspace import ChannelFacts, Identity

SCOPES: Mapping[str, str] = {
    "channels:history": "finds a message again after a lost answer, instead of posting it twice",
    "channels:read": "sees which channels the bot is in, and whether one is shared with other organisations",
    "chat:write": "posts and edits the incident cards",
    "commands": "offers /incident, /restart and /verify",
    "files:write": "puts charts as pictures, and long logs as files, into the card's thread",
    "groups:history": "the same as channels:history, for a private channel",
    "groups:read": "the same as channels:read, for a private channel",
    "reactions:read": "hears of 📌 on a message and reads the message, for the incident's timeline",
    "usergroups:read": "reads who is in an approver group",
    "users:read": "tells members from guests, strangers and bots at a press",
}
"""Every permission with its reason; ``manifest.yml`` asks for exactly these."""

EMAILS = "users:read.email"
"""Only where people are found by their address: ``fettle manifest --emails`` asks for it too."""

SPARED: Mapping[str, str] = {
    "files:write": "there are no pictures in threads",
    "reactions:read": "📌 on a message notes nothing in a timeline",
}
"""Permissions without which all but their own purpose works, with what is lost: an app of before them starts."""


@dataclass(frozen=True)
class Ready:
    """What preflight found; ``warning`` is a sentence or two for what works less than it could."""

    identity: Identity
    channel: ChannelFacts
    warning: str = ""


async def preflight(slack: SlackClient, app_token: str, channel_id: str, *, allow_shared: bool = False) -> Ready:
    """Checks all and raises ``ConfigError`` with every sentence at once; ``SlackUnavailableError`` if Slack is away."""
    wrong: list[str] = []
    identity: Identity | None = None
    try:
        identity = await slack.whoami()
    except (ForbiddenError, RejectedError) as error:
        wrong.append(
            f"SLACK_BOT_TOKEN isn't accepted. {error} It stands under OAuth & Permissions and begins with xoxb-."
        )
    try:
        await slack.may_connect(app_token)
    except (ForbiddenError, RejectedError) as error:
        wrong.append(
            f"SLACK_APP_TOKEN isn't accepted. {error} It begins with xapp- and needs the scope connections:write."
        )
    if identity is None:
        raise ConfigError(wrong)
    wrong += _missing(identity)
    channel: ChannelFacts | None = None
    try:
        channel = await _channel(slack, channel_id)
    except FettleError as error:
        if error.retry:
            raise
        wrong += error.sentences if isinstance(error, ConfigError) else [f"SLACK_CHANNEL_ID {channel_id}: {error}"]
    if wrong or channel is None:
        raise ConfigError(wrong)
    warnings = (shared_warning(channel, allow_shared=allow_shared), spared(identity))
    return Ready(identity, channel, " ".join(one for one in warnings if one))


def _missing(identity: Identity) -> list[str]:
    if not identity.scopes:
        return []  # not told; the calls themselves will say
    missing = sorted(set(SCOPES) - set(SPARED) - identity.scopes)
    return [f"The app lacks {', '.join(missing)}; reinstall it from manifest.yml."] if missing else []


def surplus(identity: Identity, wanted: Collection[str] = ()) -> str:
    """The sentence for permissions that Fettle never uses, empty when there are none."""
    more = sorted(identity.scopes - set(SCOPES) - set(wanted))
    if not more:
        return ""
    return (
        f"The app also holds {', '.join(more)}, which Fettle never uses: whoever gets the bot token could. "
        "Take them out under OAuth & Permissions and reinstall the app."
    )


def spared(identity: Identity) -> str:
    """The sentences for permissions that the app could have and hasn't, empty when it has all."""
    missing = sorted(set(SPARED) - identity.scopes) if identity.scopes else []
    if not missing:
        return ""
    told = " ".join(f"The app lacks {one}: {SPARED[one]}." for one in missing)
    return f"{told} Reinstall it from manifest.yml."


async def _channel(slack: SlackClient, channel_id: str) -> ChannelFacts:
    if not channel_id:
        return await only_channel(slack)
    channel = await slack.channel(channel_id)
    named = f"SLACK_CHANNEL_ID {channel_id} (#{channel.name})"
    if channel.archived:
        raise ConfigError([f"{named} is archived; unarchive it or set another one."])
    if not channel.member:
        raise ConfigError([f"{named}: the bot isn't in it. Invite it there with /invite."])
    return channel


async def only_channel(slack: SlackClient) -> ChannelFacts:
    """The one channel that the bot is in; ``ConfigError`` when there is none or more than one."""
    found = await slack.own_channels()
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(["The bot is in no channel. Invite it to one with /invite, or set SLACK_CHANNEL_ID."])
    names = ", ".join(f"#{channel.name} ({channel.id})" for channel in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    raise ConfigError(
        [f"The bot is in {len(found)} channels: {names}{more}. Set SLACK_CHANNEL_ID to the one for cards."]
    )


def shared_warning(channel: ChannelFacts, *, allow_shared: bool) -> str:
    """The sentence for a channel that other organisations read, empty when posting there is fine."""
    if not channel.shared or allow_shared:
        return ""
    return (
        f"#{channel.name} is shared with another organisation, so nothing is posted there. "
        "Set POST_TO_SHARED_CHANNELS=true if they may read every card, or choose another channel."
    )
