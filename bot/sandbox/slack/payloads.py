"""The JSON of interactions, slash commands and events as the app receives them.

Shapes only; sending them and what follows from the answer is `acting`'s part.
"""

import secrets

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.controls import Control
from bot.sandbox.slack.models import Channel, Json, Message, View

VERIFICATION_TOKEN = "sandbox-verification"  # noqa: S105 - Slack's deprecated field, no secret


def team(api: Api) -> Json:
    """The `team` of a payload."""
    return {"id": api.workspace.team_id, "domain": api.workspace.team_domain}


def user(api: Api, user_id: str) -> Json:
    """The `user` of an interaction payload; strangers keep their own team_id."""
    person = api.workspace.people[user_id]
    name = person.name
    return {"id": person.id, "username": name, "name": name, "team_id": person.team_id}


def base(api: Api, kind: str, user_id: str, view_id: str | None = None) -> Json:
    """What every interaction payload has, a fresh trigger id included."""
    return {
        "type": kind,
        "team": team(api),
        "user": user(api, user_id),
        "api_app_id": api.workspace.app_id,
        "token": VERIFICATION_TOKEN,
        "trigger_id": api.triggers.new(user_id, view_id),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def response_url(api: Api, user_id: str, room: Channel, said: Message | None = None) -> str:
    """A new response URL; `said` is the message it may replace."""
    ts = said.ts if said else None
    thread = said.thread_ts if said else None
    secret = api.triggers.new_response(room.id, user_id, ts, thread)
    return f"{api.base_url()}/actions/{api.workspace.team_id}/{secret}"


def room_name(room: Channel) -> str:
    """A channel's name as payloads give it."""
    return "directmessage" if room.is_im else "privategroup" if room.is_private else room.name


def message_actions(api: Api, user_id: str, said: Message, action: Json, values: Json) -> Json:
    """block_actions on a message or an ephemeral message."""
    room = api.workspace.channels[said.channel]
    container: Json = {
        "type": "message",
        "message_ts": said.ts,
        "channel_id": room.id,
        "is_ephemeral": said.ephemeral_to is not None,
    }
    if said.thread_ts:
        container["thread_ts"] = said.thread_ts
    shown = shapes.message(api.workspace, said, api.base_url(), with_metadata=True)
    if said.ephemeral_to:
        shown = {"type": "message", "ts": said.ts, "user": said.user, "bot_id": said.bot_id}
        shown |= {"is_ephemeral": True, "text": said.text, "blocks": said.blocks}
    return {
        **base(api, "block_actions", user_id),
        "container": container,
        "channel": {"id": room.id, "name": room_name(room)},
        "message": shown,
        "state": {"values": values},
        "response_url": response_url(api, user_id, room, said),
        "actions": [action],
    }


def view_actions(api: Api, user_id: str, view: View, action: Json) -> Json:
    """block_actions inside a modal or home tab."""
    return {
        **base(api, "block_actions", user_id, view.id),
        "container": {"type": "view", "view_id": view.id},
        "view": shapes.view(api.workspace, view),
        "actions": [action],
    }


def view_submission(api: Api, user_id: str, view: View) -> Json:
    """view_submission with the view's state as it stands."""
    return {
        **base(api, "view_submission", user_id, view.id),
        "view": shapes.view(api.workspace, view),
        "response_urls": [],
    }


def view_closed(api: Api, user_id: str, view: View, *, cleared: bool) -> Json:
    """view_closed; it carries no trigger id."""
    payload = base(api, "view_closed", user_id)
    del payload["trigger_id"]
    return {**payload, "view": shapes.view(api.workspace, view), "is_cleared": cleared}


def suggestion(api: Api, user_id: str, control: Control, query: str, view: View | None, said: Message | None) -> Json:
    """block_suggestion of an external select; it carries no trigger id."""
    payload = base(api, "block_suggestion", user_id)
    del payload["trigger_id"]
    payload |= {"action_id": control.action_id, "block_id": control.block_id, "value": query}
    if view is not None:
        payload["container"] = {"type": "view", "view_id": view.id}
        payload["view"] = shapes.view(api.workspace, view)
    if said is not None:
        room = api.workspace.channels[said.channel]
        payload["container"] = {
            "type": "message",
            "message_ts": said.ts,
            "channel_id": room.id,
            "is_ephemeral": said.ephemeral_to is not None,
        }
        payload["channel"] = {"id": room.id, "name": room_name(room)}
        payload["message"] = shapes.message(api.workspace, said, api.base_url())
    return payload


def slash(api: Api, user_id: str, room: Channel, command: str, text: str) -> Json:
    """A slash command; every value is a string."""
    space = api.workspace
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": space.team_id,
        "team_domain": space.team_domain,
        "channel_id": room.id,
        "channel_name": room_name(room),
        "user_id": user_id,
        "user_name": space.people[user_id].name,
        "command": command,
        "text": text,
        "api_app_id": space.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url(api, user_id, room),
        "trigger_id": api.triggers.new(user_id),
    }


def shortcut(api: Api, user_id: str, callback_id: str, said: Message | None) -> Json:
    """A global shortcut, or a message action when `said` is given."""
    ts = api.workspace.new_ts()
    if said is None:
        extra = {"callback_id": callback_id, "action_ts": ts}
        return {**base(api, "shortcut", user_id), **extra}
    room = api.workspace.channels[said.channel]
    return {
        **base(api, "message_action", user_id),
        "callback_id": callback_id,
        "action_ts": ts,
        "message_ts": said.ts,
        "channel": {"id": room.id, "name": room_name(room)},
        "message": shapes.message(api.workspace, said, api.base_url(), with_metadata=True),
        "response_url": response_url(api, user_id, room, said),
    }


def event(api: Api, body: Json) -> Json:
    """The events_api wrapper around an event."""
    space = api.workspace
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": space.team_id,
        "context_team_id": space.team_id,
        "api_app_id": space.app_id,
        "event": body,
        "type": "event_callback",
        "event_id": "Ev" + secrets.token_hex(5).upper(),
        "event_time": int(space.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": space.team_id,
                "user_id": space.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
