"""reactions.*, pins.* and bookmarks.*: small marks on messages and channels."""

import re

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Channel, Json, Message

SHOWN_USERS = 50
"""People of a reaction that are shown unless all are asked for; how many Slack shows isn't written down."""
THREAD = frozenset({
    "thread_ts", "reply_count", "reply_users_count", "reply_users", "latest_reply", "is_locked", "subscribed",
    "parent_user_id",
})  # fmt: skip
"""What reactions.get doesn't promise to tell of a message."""
EMOJI = re.compile(r"^[a-z0-9_+'\-]+(::skin-tone-[2-6])?$")


def _item(api: Api, args: Args) -> tuple[Channel, Message]:
    room = api.channel(args.need("channel", "channel_not_found"))
    return room, api.message(room, args.need("timestamp", "no_item_specified"))


def _emoji(args: Args) -> str:
    name = args.need("name", "invalid_name").strip(":")
    if not EMOJI.match(name):
        raise ApiError("invalid_name")
    return name


def _reacted(api: Api, kind: str, room: Channel, said: Message, name: str) -> None:
    """The app hears of its own reactions, too."""
    bot = api.workspace.bot_user_id
    api.workspace.changed("reaction", channel=room.id, ts=said.ts, user=bot)
    item = {"type": "message", "channel": room.id, "ts": said.ts}
    api.emit(kind, {"type": kind, "user": bot, "reaction": name, "item": item, "item_user": said.user})


def reactions_add(api: Api, args: Args) -> Json:
    """reactions.add."""
    room, said = _item(api, args)
    if room.is_archived:
        raise ApiError("is_archived")
    bot = api.workspace.bot_user_id
    if bot not in room.members:
        raise ApiError("not_in_channel")
    users = said.reactions.setdefault(_emoji(args), [])
    if bot in users:
        raise ApiError("already_reacted")
    users.append(bot)
    _reacted(api, "reaction_added", room, said, _emoji(args))
    return {}


def reactions_remove(api: Api, args: Args) -> Json:
    """reactions.remove: the bot's own reaction."""
    room, said = _item(api, args)
    name, bot = _emoji(args), api.workspace.bot_user_id
    if bot not in said.reactions.get(name, []):
        raise ApiError("no_reaction")
    said.reactions[name].remove(bot)
    if not said.reactions[name]:
        del said.reactions[name]
    _reacted(api, "reaction_removed", room, said, name)
    return {}


def reactions_get(api: Api, args: Args) -> Json:
    """reactions.get: the message with its reactions and its address, which alone says whose thread it is in.

    Without ``full`` Slack may cut the people of a reaction; the count is right.
    """
    room, said = _item(api, args)
    if api.workspace.bot_user_id not in room.members:
        raise ApiError("not_in_channel")
    shown = shapes.message(api.workspace, said, api.base_url())
    kept = {key: value for key, value in shown.items() if key not in THREAD}
    if not args.flag("full"):
        for one in kept.get("reactions", ()):
            one["users"] = one["users"][:SHOWN_USERS]
    kept["permalink"] = shapes.permalink(api.base_url(), room.id, said.ts, said.thread_ts)
    return {"type": "message", "channel": room.id, "message": kept}


def pins_add(api: Api, args: Args) -> Json:
    """pins.add."""
    room, said = _item(api, args)
    if said.ts in room.pins:
        raise ApiError("already_pinned")
    room.pins.append(said.ts)
    api.workspace.changed("channel", channel=room.id, ts=said.ts)
    return {}


def pins_remove(api: Api, args: Args) -> Json:
    """pins.remove."""
    room, said = _item(api, args)
    if said.ts not in room.pins:
        raise ApiError("no_pin")
    room.pins.remove(said.ts)
    api.workspace.changed("channel", channel=room.id, ts=said.ts)
    return {}


def pins_list(api: Api, args: Args) -> Json:
    """pins.list."""
    room = api.channel(args.need("channel", "channel_not_found"))
    items = []
    for ts in room.pins:
        said = api.workspace.message(room.id, ts)
        if said is not None:
            shown = shapes.message(api.workspace, said, api.base_url())
            items.append({"type": "message", "channel": room.id, "message": shown})
    return {"items": items}


def bookmarks_add(api: Api, args: Args) -> Json:
    """bookmarks.add: links only."""
    room = api.channel(args.need("channel_id", "channel_not_found"))
    if args.text("type", "link") != "link":
        raise ApiError("invalid_bookmark_type")
    link = args.need("link", "invalid_link")
    if not link.startswith(("https://", "http://")):
        raise ApiError("invalid_link")
    bookmark: Json = {
        "id": api.workspace.new_id("Bk"),
        "channel_id": room.id,
        "title": args.need("title"),
        "link": link,
        "emoji": args.text("emoji"),
        "type": "link",
    }
    room.bookmarks.append(bookmark)
    api.workspace.changed("channel", channel=room.id)
    return {"bookmark": bookmark}


def bookmarks_list(api: Api, args: Args) -> Json:
    """bookmarks.list."""
    return {"bookmarks": api.channel(args.need("channel_id", "channel_not_found")).bookmarks}
