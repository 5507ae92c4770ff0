"""What a Web API method may use: the workspace, triggers, sockets, and where the server listens.

It also holds the questions every family asks: which channel is meant, may the bot speak there.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Channel, Json, Message, Person
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.workspace import Workspace

Emit = Callable[[str, Json], None]


@dataclass
class Api:
    """Everything the methods share. `scopes` None means that every scope is granted.

    `unknown_blocks` are types that this workspace doesn't take: Slack rolls new ones out in phases.
    """

    workspace: Workspace
    triggers: Triggers
    sockets: Sockets
    scopes: frozenset[str] | None
    base_url: Callable[[], str]
    invalid: list[Json] = field(default_factory=list)
    uploads: dict[str, str] = field(default_factory=dict)
    listeners: list[Emit] = field(default_factory=list)
    unknown_blocks: set[str] = field(default_factory=set)

    def emit(self, kind: str, body: Json) -> None:
        """Tell the events side that something happened."""
        for listener in self.listeners:
            listener(kind, body)

    def granted(self, *names: str) -> bool:
        """Whether the app has any of these scopes."""
        return self.scopes is None or any(name in self.scopes for name in names)

    def require(self, *names: str) -> None:
        """Raise `missing_scope` unless any of these scopes is granted."""
        if not self.granted(*names):
            provided = ",".join(sorted(self.scopes or ()))
            raise ApiError("missing_scope", needed=names[0], provided=provided)

    def refuse(self, method: str, code: str, problems: list[str], payload: Any) -> ApiError:
        """Keep a payload that failed validation and return the error to raise."""
        self.invalid.append({"method": method, "problems": problems, "payload": payload})
        messages = [f"[ERROR] {problem}" for problem in problems]
        extra: Json = {"response_metadata": {"messages": messages}}
        if code == "invalid_blocks":
            extra["errors"] = problems
        return ApiError(code, **extra)

    # -- channels, messages, people -------------------------------------------------------------

    def channel(self, name: str) -> Channel:
        """A channel the bot can know of; `channel_not_found` otherwise."""
        room = self.workspace.find_channel(name)
        if room is None or (room.is_private and self.workspace.bot_user_id not in room.members):
            raise ApiError("channel_not_found")
        return room

    def room_to_post(self, name: str) -> Channel:
        """A channel the bot may post to; a user id means the direct message with them."""
        person = self.workspace.people.get(name)
        room = self.workspace.direct_message(name) if person else self.channel(name)
        if room.is_archived:
            raise ApiError("is_archived")
        # Without a manifest every scope is granted but this one: an app rarely has it, and to be
        # told `not_in_channel` is what its author should meet first.
        public = not (room.is_im or room.is_private) and "chat:write.public" in (self.scopes or ())
        if self.workspace.bot_user_id not in room.members and not public:
            raise ApiError("not_in_channel")
        return room

    def require_read(self, room: Channel, what: str) -> None:
        """Raise `missing_scope` unless e.g. `channels:history` fits the kind of channel."""
        kind = "im" if room.is_im else "groups" if room.is_private else "channels"
        self.require(f"{kind}:{what}")

    def message(self, room: Channel, ts: str, error: str = "message_not_found") -> Message:
        """A message of a history (no ephemerals)."""
        found = self.workspace.message(room.id, ts)
        if found is None or found.ephemeral_to:
            raise ApiError(error)
        return found

    def person(self, user: str) -> Person:
        """A person by id; `user_not_found` otherwise."""
        found = self.workspace.people.get(user)
        if found is None:
            raise ApiError("user_not_found")
        return found


def page(items: list[Any], args: Args, default: int = 100) -> tuple[list[Any], Json]:
    """One page of `items` by `limit` and `cursor`, and the `response_metadata` to answer with."""
    start = 0
    cursor = args.text("cursor")
    if cursor:
        try:
            start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
        except (binascii.Error, ValueError):
            raise ApiError("invalid_cursor") from None
    limit = args.number("limit", default, 1000)
    if limit < 1:
        raise ApiError("invalid_limit")
    end = start + limit
    after = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], {"next_cursor": after}
