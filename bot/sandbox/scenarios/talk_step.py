"""The steps in which people talk: a message that somebody writes, and what somebody chooses in a message's menu."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Post(_Part):
    """A person writes a message in the channel, or in the thread of the card that is looked at."""

    by: str
    text: str
    thread: bool = False


class React(_Part):
    """A person puts an emoji on the newest message that says so, or takes it ``away``; the page's menu has four."""

    by: str
    name: Literal["pushpin", "eyes", "white_check_mark", "+1"] = "pushpin"
    to: str
    away: bool = False


class Shortcut(_Part):
    """A person chooses a shortcut of the app, by its ``name`` in the menu of the newest message that says so."""

    by: str
    name: str
    to: str
