"""conversations.*: listing, reading and shaping channels, as the bot user sees them."""

import re
from typing import Any

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api, page
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Channel, Json, Message

NAME = re.compile(r"^[\w\-À-￿]+$")
NAME_LENGTH = 80
TOPIC_LENGTH = 250
READ = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}


def _kind(room: Channel) -> str:
    if room.is_im:
        return "im"
    return "private_channel" if room.is_private else "public_channel"


def wanted_channels(api: Api, args: Args) -> list[Channel]:
    """The channels of the asked `types` (public_channel by default), each type with its scope."""
    types = args.names("types") or ["public_channel"]
    for name in types:
        if name not in READ:
            raise ApiError("invalid_types")
        api.require(READ[name])
    bot = api.workspace.bot_user_id
    rooms = [c for c in api.workspace.channels.values() if _kind(c) in types]
    rooms = [c for c in rooms if bot in c.members or not (c.is_private or c.is_im)]
    if args.flag("exclude_archived"):
        rooms = [c for c in rooms if not c.is_archived]
    return rooms


def list_(api: Api, args: Args) -> Json:
    """conversations.list."""
    rooms, more = page(wanted_channels(api, args), args)
    shown = [shapes.channel(api.workspace, room) for room in rooms]
    return {"channels": shown, "response_metadata": more}


def info(api: Api, args: Args) -> Json:
    """conversations.info."""
    room = api.channel(args.need("channel", "channel_not_found"))
    api.require_read(room, "read")
    shown = shapes.channel(api.workspace, room)
    if not args.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


def members(api: Api, args: Args) -> Json:
    """conversations.members."""
    room = api.channel(args.need("channel", "channel_not_found"))
    api.require_read(room, "read")
    users, more = page(room.members, args)
    return {"members": users, "response_metadata": more}


def _within(said: Message, args: Args) -> bool:
    oldest, latest = args.text("oldest"), args.text("latest")
    try:
        low = float(oldest) if oldest else 0.0
        high = float(latest) if latest else float("inf")
    except ValueError:
        raise ApiError("invalid_ts_oldest" if oldest else "invalid_ts_latest") from None
    ts = float(said.ts)
    if args.flag("inclusive"):
        return low <= ts <= high
    return low < ts < high


def _shown(api: Api, messages: list[Message], args: Args) -> list[Json]:
    with_metadata = args.flag("include_all_metadata")
    base = api.base_url()
    return [shapes.message(api.workspace, m, base, with_metadata=with_metadata) for m in messages]


def _readable(api: Api, args: Args) -> Channel:
    room = api.channel(args.need("channel", "channel_not_found"))
    api.require_read(room, "history")
    if api.workspace.bot_user_id not in room.members:
        raise ApiError("not_in_channel")
    return room


def history(api: Api, args: Args) -> Json:
    """conversations.history: newest first, without replies and ephemerals."""
    room = _readable(api, args)
    found = [m for m in reversed(api.workspace.messages(room.id)) if _within(m, args)]
    messages, more = page(found, args)
    out: Json = {
        "messages": _shown(api, messages, args),
        "has_more": bool(more["next_cursor"]),
        "pin_count": len(room.pins),
    }
    if more["next_cursor"]:
        out["response_metadata"] = more
    return out


def replies(api: Api, args: Args) -> Json:
    """conversations.replies: the root, then its replies, oldest first."""
    room = _readable(api, args)
    ts = args.need("ts", "thread_not_found")
    named = api.message(room, ts, "thread_not_found")
    root = named.thread_ts or named.ts
    thread = api.workspace.messages(room.id, root)
    found = [m for m in thread if m.ts == root or _within(m, args)]
    messages, more = page(found, args, default=1000)
    out: Json = {"messages": _shown(api, messages, args), "has_more": bool(more["next_cursor"])}
    if more["next_cursor"]:
        out["response_metadata"] = more
    return out


def join(api: Api, args: Args) -> Json:
    """conversations.join: the bot joins a public channel."""
    room = api.channel(args.need("channel", "channel_not_found"))
    if room.is_archived:
        raise ApiError("is_archived")
    if room.is_im or room.is_private:
        raise ApiError("method_not_supported_for_channel_type")
    extra: Json = {}
    if api.workspace.bot_user_id in room.members:
        extra = {
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    else:
        api.workspace.add_member(room.id, api.workspace.bot_user_id)
    return {"channel": shapes.channel(api.workspace, room), **extra}


def create(api: Api, args: Args) -> Json:
    """conversations.create: the bot is its first member."""
    private = args.flag("is_private")
    api.require(*(["groups:write"] if private else ["channels:manage", "channels:write"]))
    name = args.need("name", "invalid_name_required").removeprefix("#")
    if len(name) > NAME_LENGTH:
        raise ApiError("invalid_name_maxlength")
    if not NAME.match(name) or name != name.lower():
        raise ApiError("invalid_name_specials")
    if any(c.name == name for c in api.workspace.channels.values()):
        raise ApiError("name_taken")
    bot = api.workspace.bot_user_id
    room = api.workspace.add_channel(api.workspace.new_id("C"), name, [bot], is_private=private, creator=bot)
    return {"channel": shapes.channel(api.workspace, room)}


def _manage(api: Api, args: Args, *scopes: str) -> Channel:
    room = api.channel(args.need("channel", "channel_not_found"))
    api.require(*(["groups:write"] if room.is_private else ["channels:manage"]), *scopes)
    if room.is_archived:
        raise ApiError("is_archived")
    if api.workspace.bot_user_id not in room.members:
        raise ApiError("not_in_channel")
    return room


def invite(api: Api, args: Args) -> Json:
    """conversations.invite: all users must be there and new to the channel."""
    room = _manage(api, args, "channels:write.invites")
    users = args.names("users")
    if not users:
        raise ApiError("no_user")
    problems: list[Json] = []
    for user in users:
        code = _invite_problem(api, room, user)
        if code:
            problems.append({"user": user, "ok": False, "error": code})
    if problems:
        raise ApiError(str(problems[0]["error"]), errors=problems)
    for user in users:
        api.workspace.add_member(room.id, user)
    return {"channel": shapes.channel(api.workspace, room)}


def _invite_problem(api: Api, room: Channel, user: str) -> str | None:
    person = api.workspace.people.get(user)
    if person is None or person.kind == "deleted":
        return "user_not_found"
    if user == api.workspace.bot_user_id:
        return "cant_invite_self"
    if person.kind == "stranger":
        return "cant_invite"
    return "already_in_channel" if user in room.members else None


def set_topic(api: Api, args: Args) -> Json:
    """conversations.setTopic."""
    room = _manage(api, args, "channels:write.topic")
    topic = args.text("topic")
    if len(topic) > TOPIC_LENGTH:
        raise ApiError("too_long")
    room.topic = topic
    api.workspace.changed("channel", channel=room.id)
    return {"channel": shapes.channel(api.workspace, room)}


def set_purpose(api: Api, args: Args) -> Json:
    """conversations.setPurpose."""
    room = _manage(api, args, "channels:write.topic")
    purpose = args.text("purpose")
    if len(purpose) > TOPIC_LENGTH:
        raise ApiError("too_long")
    room.purpose = purpose
    api.workspace.changed("channel", channel=room.id)
    return {"channel": shapes.channel(api.workspace, room)}


def archive(api: Api, args: Args) -> Json:
    """conversations.archive."""
    room = api.channel(args.need("channel", "channel_not_found"))
    api.require("groups:write" if room.is_private else "channels:manage")
    if room.is_archived:
        raise ApiError("already_archived")
    room.is_archived = True
    api.workspace.changed("channel", channel=room.id)
    return {}


def open_(api: Api, args: Args) -> Json:
    """conversations.open: the direct message with one user."""
    users = args.names("users")
    if "channel" in args:
        room = api.channel(args.text("channel"))
    elif len(users) != 1:
        raise ApiError("users_list_not_supplied" if not users else "not_enough_users")
    else:
        api.person(users[0])
        room = api.workspace.direct_message(users[0])
    shown: dict[str, Any] = {"id": room.id}
    if args.flag("return_im"):
        shown = shapes.channel(api.workspace, room)
    return {"channel": shown}
