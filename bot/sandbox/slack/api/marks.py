"""reactions.*, pins.* and bookmarks.*: small marks on messages and channels."""

import re

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Channel, Json, Message

EMOJI = re.compile(r"^[a-z0-9_+'\-]+(::skin-tone-[2-6])?$")


def _item(api: Api, args: Args) -> tuple[Channel, Message]:
    room = api.channel(args.need("channel", "channel_not_found"))
    return room, api.message(room, args.need("timestamp", "no_item_specified"))


def _emoji(args: Args) -> str:
    name = args.need("name", "invalid_name").strip(":")
    if not EMOJI.match(name):
        raise ApiError("invalid_name")
    return name


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
    api.workspace.changed("reaction", channel=room.id, ts=said.ts, user=bot)
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
    api.workspace.changed("reaction", channel=room.id, ts=said.ts, user=bot)
    return {}


def reactions_get(api: Api, args: Args) -> Json:
    """reactions.get."""
    room, said = _item(api, args)
    shown = shapes.message(api.workspace, said, api.base_url())
    return {"type": "message", "channel": room.id, "message": shown}


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
