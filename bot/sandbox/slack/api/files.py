"""files.*: the three steps of an upload, and looking a file up. Old files.upload does not exist."""

import secrets

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api import chat
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Channel, File, Json


def get_upload_url(api: Api, args: Args) -> Json:
    """files.getUploadURLExternal: where to send the bytes."""
    name = args.need("filename")
    length = args.number("length", 0, 1 << 30)
    if length < 1:
        raise ApiError("invalid_arguments")
    space = api.workspace
    item = File(
        space.new_id("F"),
        name,
        name,
        length,
        space.bot_user_id,
        created=int(space.now()),
        alt_text=args.text("alt_txt"),
    )
    space.files[item.id] = item
    secret = secrets.token_urlsafe(16)
    api.uploads[secret] = item.id
    return {"upload_url": f"{api.base_url()}/upload/v1/{secret}", "file_id": item.id}


def complete_upload(api: Api, args: Args) -> Json:
    """files.completeUploadExternal: name the files and, if asked, share them as a message."""
    named = args.structure("files")
    if not isinstance(named, list) or not named:
        raise ApiError("invalid_arguments")
    items = []
    for entry in named:
        item = api.workspace.files.get(str(entry.get("id"))) if isinstance(entry, dict) else None
        if item is None or item.content is None:
            raise ApiError("file_not_found")
        item.title = str(entry.get("title") or item.name)
        item.complete = True
        items.append(item)
    where = args.names("channels") or args.names("channel_id")
    for room in [api.room_to_post(name) for name in where]:
        _share(api, room, items, args)
    shown = [shapes.file(api.workspace, item, api.base_url()) for item in items]
    return {"files": shown}


def _share(api: Api, room: Channel, items: list[File], args: Args) -> None:
    blocks = chat.checked_blocks(api, "files.completeUploadExternal", args.structure("blocks"))
    said = chat.new_bot_message(
        api,
        room,
        text=args.text("initial_comment"),
        blocks=blocks,
        files=[item.id for item in items],
        thread_ts=chat.thread_of(api, room, args),
    )
    for item in items:
        item.shares.append((room.id, said.ts))
    api.workspace.post(said)


def info(api: Api, args: Args) -> Json:
    """files.info."""
    item = api.workspace.files.get(args.need("file", "file_not_found"))
    if item is None or not item.complete:
        raise ApiError("file_not_found")
    return {"file": shapes.file(api.workspace, item, api.base_url())}
