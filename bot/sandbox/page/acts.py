"""What a person does on the page, as acts on the Slack server, and its outcome as a sentence.

One function a verb. A press that Slack would not offer, an app that does not answer and a view that
refuses its values all end as words for the person; nothing here decides who may do what, because
in Slack only the app does.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.sandbox.page.render import text_only
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.models import Reply
from bot.sandbox.slack.server import SlackServer

Json = Mapping[str, Any]
Answer = dict[str, Any]
Fire = Callable[[str], Awaitable[str]]

# What Slack's own error codes mean to someone who tries the sandbox.
_SENTENCES = {
    "operation_timed_out": "The app did not answer within three seconds; Slack shows "
    '"operation timed out" here. Is the bot running?',
    "dispatch_failed": "No app is connected to this workspace, so nothing received this. Is the bot running?",
    "not_confirmed": "Not confirmed; nothing was sent.",
    "query_too_short": "Type more to search.",
    "invalid_options": "The app's options are not what Slack accepts; see the sandbox's log.",
}


_DONE: Answer = {"ok": True, "message": "", "errors": {}}


class BadActError(ValueError):
    """The page sent something that it never sends by itself; `str` says what is missing."""


def _word(body: Json, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise BadActError(f"The request lacks {key}.")
    return value


def _answer(reply: Reply) -> Answer:
    """`{"ok", "message", "errors"}` for the page: `message` is "" when there is nothing to say."""
    message = ""
    # Problems of single fields are shown at the fields and need no sentence of their own.
    if reply.error and not reply.errors:
        message = _SENTENCES.get(reply.error, f"Slack would show an error here: {reply.error}.")
    return {"ok": not reply.error and not reply.errors, "message": message, "errors": reply.errors}


def _in_front(body: Json) -> dict[str, Any]:
    """The message or view that a control stands in: keyword arguments of the server's acts."""
    if body.get("view_id"):
        return {"view_id": _word(body, "view_id")}
    return {"channel": _word(body, "channel"), "ts": _word(body, "ts")}


def _typed(body: Json) -> dict[str, dict[str, Any]]:
    """What stands in a view's inputs, by block_id and action_id; null is an empty input."""
    values = body.get("values") or {}
    if not isinstance(values, dict) or not all(isinstance(one, dict) for one in values.values()):
        raise BadActError("values are not by block and action.")
    return values


async def _keep_typed(server: SlackServer, body: Json) -> None:
    """Inputs reach the server before a control beside them is used, so that the app sees both."""
    user = _word(body, "user")
    if not body.get("view_id"):
        return
    for block_id, actions in _typed(body).items():
        for action_id, value in actions.items():
            await server.choose(user, action_id=action_id, block_id=block_id, value=value, **_in_front(body))


async def press(server: SlackServer, body: Json) -> Answer:
    """Press a button; the page has asked for the confirmation already."""
    await _keep_typed(server, body)
    reply = await server.press(
        _word(body, "user"),
        action_id=_word(body, "action_id"),
        block_id=body.get("block_id") or None,
        **_in_front(body),
    )
    return _answer(reply)


async def choose(server: SlackServer, body: Json) -> Answer:
    """Set a select, overflow menu, picker, group of boxes or input to `value` (null empties it)."""
    await _keep_typed(server, body)
    reply = await server.choose(
        _word(body, "user"),
        action_id=_word(body, "action_id"),
        block_id=body.get("block_id") or None,
        value=body.get("value"),
        **_in_front(body),
    )
    return _answer(reply)


async def options(server: SlackServer, body: Json) -> Answer:
    """Search in an external select: `{"ok", "message", "options": [{"value", "label"}]}`."""
    reply = await server.options(
        _word(body, "user"),
        _word(body, "action_id"),
        str(body.get("query") or ""),
        block_id=body.get("block_id") or None,
        **_in_front(body),
    )
    payload = reply.payload or {}
    found = list(payload.get("options") or [])
    for group in payload.get("option_groups") or []:
        found += group.get("options") or []
    offered = [{"value": str(option.get("value", "")), "label": text_only(option.get("text"))} for option in found]
    return {**_answer(reply), "options": offered}


async def submit(server: SlackServer, body: Json) -> Answer:
    """Submit the modal on top; `errors` are sentences by block_id, to be shown at the inputs."""
    view_id = _word(body, "view_id")
    await _keep_typed(server, body)
    return _answer(await server.submit(_word(body, "user"), view_id))


async def close(server: SlackServer, body: Json) -> Answer:
    """Close the modal on top."""
    return _answer(await server.close_view(_word(body, "user"), _word(body, "view_id")))


async def slash(server: SlackServer, body: Json) -> Answer:
    """Send a slash command typed into the message line, e.g. `/restart shop/api`."""
    command, _, rest = _word(body, "text").strip().partition(" ")
    return _answer(await server.slash(_word(body, "user"), _word(body, "channel"), command, rest.strip()))


async def post(server: SlackServer, body: Json) -> Answer:
    """Post a message, into a thread if `thread_ts` is given."""
    thread = body.get("thread_ts")
    await server.post_as(
        _word(body, "user"),
        _word(body, "channel"),
        _word(body, "text"),
        thread_ts=str(thread) if thread else None,
    )
    return dict(_DONE)


async def shortcut(server: SlackServer, body: Json) -> Answer:
    """Use a shortcut of the app: a message's with `ts`, else a global one."""
    ts = _word(body, "ts") if body.get("ts") else None
    channel = _word(body, "channel") if ts else None
    return _answer(await server.shortcut(_word(body, "user"), _word(body, "callback_id"), channel, ts))


async def react(server: SlackServer, body: Json) -> Answer:
    """Add an emoji to a message, or take one's own away again."""
    user, channel, ts, name = (_word(body, key) for key in ("user", "channel", "ts", "name"))
    said = server.workspace.message(channel, ts)
    if said is not None and user in said.reactions.get(name, []):
        await server.unreact(user, channel, ts, name)
    else:
        await server.react(user, channel, ts, name)
    return dict(_DONE)


async def home(server: SlackServer, body: Json) -> Answer:
    """Open the app's home tab: the app hears of it and draws it."""
    await server.open_home(_word(body, "user"))
    return dict(_DONE)


async def invite(server: SlackServer, body: Json) -> Answer:
    """Somebody takes the person into the channel; one of another workspace makes it a shared one."""
    person = server.workspace.person(_word(body, "user"))
    room = server.workspace.find_channel(_word(body, "channel"))
    if room is None or room.is_im:
        raise NotThere("There is no such channel to invite anybody to.")
    server.workspace.add_member(room.id, person.id)
    shared = " It is shared with another workspace now." if person.kind == "stranger" else ""
    return {**_DONE, "message": f"{person.real_name} is in #{room.name}.{shared}"}


async def fire(hook: Fire | None, body: Json) -> Answer:
    """Fire an alert by the hook that the sandbox gave; its sentence is shown."""
    if hook is None:
        raise NotThere("This sandbox has no alerts to fire; send one to the bot's webhook.")
    return {"ok": True, "message": await hook(_word(body, "name")), "errors": {}}


ACTS: dict[str, Callable[[SlackServer, Json], Awaitable[Answer]]] = {
    "press": press,
    "choose": choose,
    "options": options,
    "submit": submit,
    "close": close,
    "slash": slash,
    "post": post,
    "shortcut": shortcut,
    "react": react,
    "home": home,
    "invite": invite,
}
