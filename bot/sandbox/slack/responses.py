"""What an app answers to an interaction: messages sent to a response URL or with an ack.

The default is an ephemeral message to the person who acted; `replace_original` and
`delete_original` touch the message the interaction came from, ephemeral or not.
"""

from typing import Any

from bot.sandbox.slack.api import chat
from bot.sandbox.slack.api.args import Args
from bot.sandbox.slack.api.context import Api
from bot.sandbox.slack.errors import ApiError
from bot.sandbox.slack.models import Json, Message
from bot.sandbox.slack.triggers import ResponseTarget
from bot.sandbox.slack.validation import limits


def answer(api: Api, target: ResponseTarget, body: Any) -> Message | None:
    """Carry out one answer; the message it wrote or changed. ApiError if Slack would refuse it."""
    if not isinstance(body, dict):
        raise ApiError("invalid_payload")
    args = Args(body)
    original = api.workspace.message(target.channel, target.ts) if target.ts else None
    if args.flag("delete_original"):
        if original is not None:
            api.workspace.delete(original)
        return original
    text, blocks, attachments = chat.content(api, "response_url", args)
    if args.flag("replace_original") and original is not None:
        api.workspace.edit(original, text, blocks, original.metadata, api.workspace.bot_user_id)
        return original
    in_channel = args.text("response_type") == "in_channel"
    room = api.workspace.channels[target.channel]
    said = chat.new_bot_message(
        api,
        room,
        text=text[: limits.MESSAGE_TEXT],
        blocks=blocks,
        attachments=attachments,
        metadata=chat.checked_metadata(api, "response_url", args.structure("metadata")),
        thread_ts=args.text("thread_ts") or target.thread_ts or None,
        ephemeral_to=None if in_channel else target.user,
    )
    return api.workspace.post(said)


def ack_message(api: Api, user: str, channel: str, payload: Json | None) -> Message | None:
    """The message in a slash command's ack, if there is one."""
    if not payload or not (payload.get("text") or payload.get("blocks")):
        return None
    target = ResponseTarget(channel, user, api.workspace.now())
    return answer(api, target, {**payload, "replace_original": False, "delete_original": False})
