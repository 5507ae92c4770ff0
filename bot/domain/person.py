"""A person as Slack describes them, before they become a principal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SlackPerson:
    """What ``users.info`` says; ``stranger`` also covers another ``team_id`` than the workspace's."""

    slack_id: str
    name: str
    restricted: bool = False
    stranger: bool = False
    bot: bool = False
    deleted: bool = False
    email: str = ""
    """Empty where Slack doesn't tell it: that takes the scope users:read.email."""
