"""One press, command or submission, read from Slack's payload once; listeners see this instead of raw JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.note import PUSHPIN
from bot.domain.redaction import redact
from bot.slack.modals import Place


@dataclass(frozen=True)
class Asked:
    """Who asked for what, and where to answer. Empty strings stand for what this kind of payload doesn't have.

    ``command`` is the slash command as typed, with a suffix if it has one.
    ``value`` is the button's or the picked option's opaque value; ``thread_ts`` is set when the pressed message or
    its root is known; ``view`` is the modal for presses inside one and for submissions. ``message`` is the one that
    a shortcut was chosen on, whose callback id is ``action_id`` then. ``at`` is when it came in.
    """

    user_id: str
    channel: str = ""
    response_url: str = ""
    trigger_id: str = ""
    command: str = ""
    text: str = ""
    action_id: str = ""
    value: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    view: Mapping[str, Any] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    @property
    def place(self) -> Place:
        """Where a modal that was opened from here finds its way back; a modal's own place when asked in one."""
        if self.view:
            return Place.unpacked(str(self.view.get("private_metadata", "")))
        return Place(self.channel, self.response_url, self.value, asked_on=self.asked_on)

    @property
    def asked_on(self) -> str:
        """The same for whoever asks again: the message, the command as typed, or that of a modal; "" if unknown.

        Two commands that differ are two questions, and each is owed its answer.
        """
        if self.view:
            return self.place.asked_on
        if self.message_ts:
            return f"{self.channel} {self.message_ts}"
        return f"{self.command} {self.text}"[:200].strip()

    def follows(self, older: Asked) -> bool:
        """Whether it is the same person on the same thing, so that an answer to the older one is out of date."""
        return bool(self.asked_on) and (self.user_id, self.asked_on) == (older.user_id, older.asked_on)

    @property
    def named(self) -> str:
        """``command /restart``, ``form``, ``press``, ``shortcut`` or 📌: what a late answer says that it answers."""
        if self.command:
            return f"command {self.command}"
        if self.action_id == PUSHPIN:
            return "📌"
        if self.message:
            return "shortcut"
        return "press" if self.action_id else "form"


def asked(body: Mapping[str, Any], at: datetime | None = None) -> Asked:
    """Reads any interactive payload or slash command, which came in ``at``."""
    if "command" in body:
        return Asked(
            user_id=str(body.get("user_id", "")),
            channel=str(body.get("channel_id", "")),
            response_url=str(body.get("response_url", "")),
            trigger_id=str(body.get("trigger_id", "")),
            command=str(body["command"]),
            text=redact(str(body.get("text", "")).strip()),  # it may be quoted in an answer
            at=at,
        )
    user = body.get("user") or {}
    view = body.get("view") or {}
    place = Place.unpacked(str(view.get("private_metadata", ""))) if view else Place()
    actions = body.get("actions") or [{}]
    container = body.get("container") or {}
    message = body.get("message") or {}
    option = actions[0].get("selected_option") or {}
    chosen = body.get("type") == "message_action"
    return Asked(
        user_id=str(user.get("id", "")),
        channel=str((body.get("channel") or {}).get("id") or container.get("channel_id") or place.channel),
        response_url=str(body.get("response_url") or place.response_url),
        trigger_id=str(body.get("trigger_id", "")),
        action_id=str(actions[0].get("action_id") or (body.get("callback_id", "") if chosen else "")),
        value=str(actions[0].get("value") or option.get("value") or ""),
        message_ts=str(container.get("message_ts") or message.get("ts") or ""),
        thread_ts=str(message.get("thread_ts") or container.get("thread_ts") or place.thread_ts),
        view=view,
        message=message if chosen else {},
        at=at,
    )
