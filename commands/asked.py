"""One press, command or submission, read from Slack's payload once; listeners see this instead of raw JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.redaction import redact
from bot.slack.modals import Place


@dataclass(frozen=True)
class Asked:
    """Who asked for what, and where to answer. Empty strings stand for what this kind of payload doesn't have.

    ``command`` is the slash command as typed, with a suffix if it has one.
    ``value`` is the button's or the picked option's opaque value; ``thread_ts`` is set when the pressed message or
    its root is known; ``view`` is the modal for presses inside one and for submissions.
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

    @property
    def place(self) -> Place:
        """Where a modal that was opened from here finds its way back; a modal's own place when asked in one."""
        if self.view:
            return Place.unpacked(str(self.view.get("private_metadata", "")))
        return Place(channel=self.channel, response_url=self.response_url, value=self.value)


def asked(body: Mapping[str, Any]) -> Asked:
    """Reads any interactive payload or slash command."""
    if "command" in body:
        return Asked(
            user_id=str(body.get("user_id", "")),
            channel=str(body.get("channel_id", "")),
            response_url=str(body.get("response_url", "")),
            trigger_id=str(body.get("trigger_id", "")),
            command=str(body["command"]),
            text=redact(str(body.get("text", "")).strip()),  # it may be quoted in an answer
        )
    user = body.get("user") or {}
    view = body.get("view") or {}
    place = Place.unpacked(str(view.get("private_metadata", ""))) if view else Place()
    actions = body.get("actions") or [{}]
    container = body.get("container") or {}
    message = body.get("message") or {}
    option = actions[0].get("selected_option") or {}
    return Asked(
        user_id=str(user.get("id", "")),
        channel=str((body.get("channel") or {}).get("id") or container.get("channel_id") or place.channel),
        response_url=str(body.get("response_url") or place.response_url),
        trigger_id=str(body.get("trigger_id", "")),
        action_id=str(actions[0].get("action_id", "")),
        value=str(actions[0].get("value") or option.get("value") or ""),
        message_ts=str(container.get("message_ts") or message.get("ts") or ""),
        thread_ts=str(message.get("thread_ts") or container.get("thread_ts") or ""),
        view=view,
    )
