"""chat.*: posting, editing, deleting, ephemerals and permalinks.

Slack has no idempotency here and neither have we: two posts are two messages. An update with
text and no blocks removes the blocks; metadata that is not sent is kept.
"""

import re
from typing import Any

from bot.sandbox.slack import shapes
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Channel, Json, Message
from bot.sandbox.slack.validation import check, limits

TS = re.compile(r"^\d{1,10}\.\d{6}$")


def checked_blocks(api: Api, method: str, blocks: Any) -> list[Json]:
    """Blocks that passed validation, with Slack's own additions; [] when there are none."""
    if blocks is None or blocks == []:
        return []
    kinds = (
        {str(block.get("type")) for block in blocks if isinstance(block, dict)} if isinstance(blocks, list) else set()
    )
    for kind in sorted(api.unknown_blocks & kinds):
        raise ApiError("invalid_blocks", errors=[f"unsupported type: {kind} [json-pointer:/blocks]"])
    problems = check.message_blocks(blocks)
    if problems:
        code = "invalid_blocks" if isinstance(blocks, list) else "invalid_blocks_format"
        raise api.refuse(method, code, problems, blocks)
    characters = limits.text_characters(blocks)
    if characters > limits.MESSAGE_CHARACTERS:
        sentence = f"{characters} characters of text, at most {limits.MESSAGE_CHARACTERS}"
        raise api.refuse(method, "msg_blocks_too_long", [sentence], blocks)
    return shapes.filled_blocks(blocks)


def checked_metadata(api: Api, method: str, value: Any) -> Json | None:
    """Metadata that passed validation, None when there is none."""
    if value is None:
        return None
    problems = check.metadata(value)
    if problems:
        raise api.refuse(method, "invalid_metadata_format", problems, value)
    metadata: Json = value
    return metadata


def content(api: Api, method: str, args: Args) -> tuple[str, list[Json], list[Json]]:
    """The checked (text, blocks, attachments) of a call; `no_text` when all are empty."""
    text = args.text("text")
    blocks = checked_blocks(api, method, args.structure("blocks"))
    attachments = args.structure("attachments") or []
    if not isinstance(attachments, list):
        raise ApiError("invalid_attachments")
    for attachment in attachments:
        if isinstance(attachment, dict) and attachment.get("blocks"):
            checked_blocks(api, method, attachment["blocks"])
    if not text.strip() and not blocks and not attachments:
        raise ApiError("no_text")
    return text, blocks, attachments


def thread_of(api: Api, room: Channel, args: Args) -> str | None:
    """The checked `thread_ts` of a call: the root's, also when a reply was named.

    A root that is not there is `thread_not_found`; Slack itself may say ok and show it nowhere.
    """
    thread_ts = args.text("thread_ts")
    if not thread_ts:
        return None
    if not TS.match(thread_ts):
        raise ApiError("invalid_thread_ts")
    root = api.workspace.message(room.id, thread_ts)
    if root is None or root.ephemeral_to:
        raise ApiError("thread_not_found")
    return root.thread_ts or root.ts


def new_bot_message(api: Api, room: Channel, **fields: Any) -> Message:
    """A message of the app in this channel, with a fresh ts, not yet posted."""
    space = api.workspace
    return Message(room.id, space.new_ts(), space.bot_user_id, bot_id=space.bot_id, **fields)


def post_message(api: Api, args: Args) -> Json:
    """chat.postMessage."""
    room = api.room_to_post(args.need("channel", "channel_not_found"))
    text, blocks, attachments = content(api, "chat.postMessage", args)
    metadata = checked_metadata(api, "chat.postMessage", args.structure("metadata"))
    said = new_bot_message(
        api,
        room,
        text=text[: limits.MESSAGE_TEXT],
        blocks=blocks,
        attachments=attachments,
        metadata=metadata,
        thread_ts=thread_of(api, room, args),
        reply_broadcast=args.flag("reply_broadcast"),
        unfurl_links=args.flag("unfurl_links") if "unfurl_links" in args else None,
    )
    api.workspace.post(said)
    shown = shapes.message(api.workspace, said, api.base_url(), with_metadata=True)
    api.emit("message", {**shown, "channel": room.id})
    return {"channel": room.id, "ts": said.ts, "message": shown}


def update(api: Api, args: Args) -> Json:
    """chat.update: only the app's own messages, never an ephemeral one.

    Blocks that are not sent stay only when no text is sent either.
    """
    room = api.channel(args.need("channel", "channel_not_found"))
    said = api.message(room, args.need("ts", "message_not_found"))
    if said.bot_id != api.workspace.bot_id:
        raise ApiError("cant_update_message")
    if room.is_archived:
        raise ApiError("is_archived")
    text, blocks, attachments = content(api, "chat.update", args)
    if len(text) > limits.UPDATE_TEXT:
        raise ApiError("msg_too_long")
    metadata = said.metadata
    if "metadata" in args:
        metadata = checked_metadata(api, "chat.update", args.structure("metadata"))
    if "attachments" in args:
        said.attachments = attachments
    if "text" not in args and "blocks" not in args:
        text, blocks = said.text, said.blocks
    api.workspace.edit(said, text, blocks, metadata, api.workspace.bot_user_id)
    shown = shapes.message(api.workspace, said, api.base_url())
    return {"channel": room.id, "ts": said.ts, "text": text, "message": shown}


def delete(api: Api, args: Args) -> Json:
    """chat.delete: only the app's own messages."""
    room = api.channel(args.need("channel", "channel_not_found"))
    said = api.message(room, args.need("ts", "message_not_found"))
    if said.bot_id != api.workspace.bot_id:
        raise ApiError("cant_delete_message")
    api.workspace.delete(said)
    return {"channel": room.id, "ts": said.ts}


def post_ephemeral(api: Api, args: Args) -> Json:
    """chat.postEphemeral: the user must be in the channel."""
    room = api.room_to_post(args.need("channel", "channel_not_found"))
    user = args.need("user", "user_not_found")
    api.person(user)
    if user not in room.members:
        raise ApiError("user_not_in_channel")
    text, blocks, attachments = content(api, "chat.postEphemeral", args)
    said = new_bot_message(
        api,
        room,
        text=text[: limits.MESSAGE_TEXT],
        blocks=blocks,
        attachments=attachments,
        thread_ts=thread_of(api, room, args),
        ephemeral_to=user,
    )
    api.workspace.post(said)
    return {"message_ts": said.ts}


def get_permalink(api: Api, args: Args) -> Json:
    """chat.getPermalink."""
    room = api.channel(args.need("channel", "channel_not_found"))
    said = api.message(room, args.need("message_ts", "message_not_found"))
    link = shapes.permalink(api.base_url(), room.id, said.ts, said.thread_ts)
    return {"channel": room.id, "permalink": link}
