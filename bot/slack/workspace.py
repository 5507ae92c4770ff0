"""What Slack says of itself: who the bot is there, what a channel is, who else is connected.

It refuses to ask: the client does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.domain.person import SlackPerson


@dataclass(frozen=True)
class Identity:
    """Who the bot is; ``url`` is the workspace's address with a slash at its end, ``scopes`` empty when untold."""

    user_id: str
    bot_id: str
    team_id: str
    team: str
    url: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ChannelFacts:
    """What ``conversations.info`` says; ``shared`` means with another organisation, pending shares included."""

    id: str
    name: str
    member: bool
    archived: bool
    shared: bool


def described(user: Mapping[str, Any], asked: str, ours: str) -> SlackPerson:
    """A person as ``users.info`` tells; a stranger is whoever isn't of our team, or of its organisation's others."""
    profile = user.get("profile") or {}
    teams = {user.get("team_id"), *((user.get("enterprise_user") or {}).get("teams") or ())}
    return SlackPerson(
        slack_id=str(user.get("id", asked)),
        name=str(user.get("name") or profile.get("display_name") or asked),
        restricted=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        stranger=bool(user.get("is_stranger")) or ours not in teams,
        bot=bool(user.get("is_bot")) or asked == "USLACKBOT",
        deleted=bool(user.get("deleted")),
        email=str(profile.get("email") or ""),
    )


def channel_facts(data: Mapping[str, Any]) -> ChannelFacts:
    """A channel as ``conversations.info`` and ``users.conversations`` tell it."""
    shared = data.get("is_ext_shared") or data.get("is_pending_ext_shared") or data.get("pending_connected_team_ids")
    return ChannelFacts(
        id=str(data.get("id", "")),
        name=str(data.get("name", "")),
        member=bool(data.get("is_member")),
        archived=bool(data.get("is_archived")),
        shared=bool(shared),
    )


@dataclass(frozen=True)
class Greeting:
    """What Slack says when a Socket Mode connection opens: how many the app has now, with this one, and which app."""

    connections: int
    app_id: str


def is_loopback(url: str) -> bool:
    """Whether the address is this machine, so that no proxy may stand in between."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
