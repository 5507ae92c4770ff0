"""The left column: channels, direct messages and the app, each with what the acting person has not read yet.

Marks of what was read are kept by person, in memory: whoever acts as somebody else sees what that person missed. It
reads the workspace and changes nothing but the marks, and the direct message with the app, which everybody has.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.page.fragments import Place, digest, room_name
from bot.sandbox.page.render import render
from bot.sandbox.slack.models import Channel, Message
from bot.sandbox.slack.workspace import Workspace

HOME = "home"
"""Stands where a channel's id would: the app's own tab."""
_LOUD = re.compile(r"<(?:@([A-Z0-9]+)|!subteam\^([A-Z0-9]+)|!(here|channel|everyone))")
_ELEMENT = re.compile(r'"(?:user_id|usergroup_id)": "([A-Z0-9]+)"|"range": "(here|channel|everyone)"')
_KEPT = 5000


@dataclass(frozen=True)
class Room:
    """One line of the column. ``mentions`` are messages that concern the person, among the unread ones."""

    id: str
    label: str
    unread: bool = False
    mentions: int = 0
    here: bool = False


class ReadMarks:
    """Up to which message each person has read each channel."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], str] = {}
        self._named: dict[tuple[str, str, int], frozenset[str]] = {}

    def read(self, workspace: Workspace, user: str, channel: str) -> None:
        """The person has seen the channel down to its end."""
        newest = next((m.ts for m in reversed(workspace.all_messages.get(channel, [])) if not m.is_reply), "")
        if newest > self._read.get((user, channel), ""):
            self._read[user, channel] = newest

    def unread(self, workspace: Workspace, user: str, channel: str) -> list[Message]:
        """What others wrote in the channel since the person was there."""
        read = self._read.get((user, channel), "")
        said = workspace.messages(channel) + workspace.ephemerals(user, channel)
        return [m for m in said if m.ts > read and m.user != user and (not m.is_reply or m.reply_broadcast)]

    def concerns(self, workspace: Workspace, message: Message, user: str) -> bool:
        """Whether the message names the person, a group of theirs, or everybody."""
        key = (message.channel, message.ts, len(message.versions))
        if key not in self._named:
            if len(self._named) > _KEPT:
                self._named.clear()
            text = f"{message.text} {json.dumps(message.blocks)}"
            found = _LOUD.findall(text) + _ELEMENT.findall(text)
            self._named[key] = frozenset(word for words in found for word in words if word)
        groups = {group.id for group in workspace.usergroups.values() if user in group.users}
        return bool(self._named[key] & {user, "here", "channel", "everyone", *groups})


def channels_of(workspace: Workspace, user: str) -> list[Channel]:
    """The channels that a person's client lists; direct messages are not among them."""
    rooms = [room for room in workspace.channels.values() if not room.is_archived and not room.is_im]
    return [room for room in rooms if workspace.may_see(user, room.id)]


def direct_of(workspace: Workspace, user: str) -> list[Channel]:
    """The person's direct messages. Whoever belongs to the workspace has one with the app."""
    if workspace.people[user].kind in {"member", "guest"}:
        workspace.direct_message(user)
    return [room for room in workspace.channels.values() if room.is_im and user in room.members]


def column(workspace: Workspace, place: Place, marks: ReadMarks) -> dict[str, str]:
    """The column as a fragment, with its digest."""
    user = place.user

    def line(room: Channel) -> Room:
        unread = marks.unread(workspace, user, room.id)
        loud = len(unread) if room.is_im else sum(marks.concerns(workspace, one, user) for one in unread)
        name = room_name(workspace, room) if not room.is_im else app_name(workspace)
        return Room(room.id, name, bool(unread), loud, here=room.id == place.channel)

    sections = [("Channels", [line(room) for room in channels_of(workspace, user)])]
    direct = direct_of(workspace, user)
    if direct:
        sections.append(("Direct messages", [line(room) for room in direct]))
        sections.append(("Apps", [Room(HOME, f"{app_name(workspace)} Home", here=place.channel == HOME)]))
    html = render("sidebar.html", sections=sections, user=user)
    return {"digest": digest(html), "html": html}


def app_name(workspace: Workspace) -> str:
    """What the app is called here."""
    app = workspace.people[workspace.bot_user_id]
    return app.real_name or app.name


def head(workspace: Workspace, place: Place, manifest: Mapping[str, Any]) -> dict[str, str]:
    """What stands over the messages and in the message line; ``closed`` says why nothing can be written here."""
    if place.channel == HOME:
        name = app_name(workspace)
        return {"name": name, "topic": "Home", "placeholder": "", "closed": "", "channel": HOME}
    room = workspace.channels[place.channel]
    name = app_name(workspace) if room.is_im else room_name(workspace, room)
    closed = ""
    if room.is_im and not _writable(manifest):
        closed = "Sending messages to this app has been turned off."
    elif place.user not in room.members:
        closed = f"{workspace.people[place.user].real_name} is not in {name}."
    return {
        "name": name, "topic": room.topic, "placeholder": f"Message {name} or type / for commands",
        "closed": closed, "channel": room.id,
    }  # fmt: skip


def _writable(manifest: Mapping[str, Any]) -> bool:
    """Whether the app's manifest lets people write to it; Slack's own default is that it doesn't."""
    if not manifest:
        return True
    home = (manifest.get("features") or {}).get("app_home") or {}
    return bool(home.get("messages_tab_enabled")) and home.get("messages_tab_read_only_enabled") is False
