"""What one person sees of a workspace, as HTML fragments that the page's script puts in place.

Each message is one fragment with a key and a digest: an edit changes the digest, and the script
replaces that message alone, so that nothing else moves. It reads the workspace and changes nothing.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.page import emoji, mrkdwn
from bot.sandbox.page.drawn import Drawn
from bot.sandbox.page.mrkdwn import Directory
from bot.sandbox.page.render import Scene, render, render_blocks
from bot.sandbox.slack.models import Channel, Message, View
from bot.sandbox.slack.workspace import Workspace

# A channel shows its newest messages; a storm of thousands must not become one page of thousands.
SHOWN_MESSAGES = 500
FIRST_DRAWN, MORE_DRAWN = 60, 60
"""Messages of the first answer, and of each further one that the page asks for while it has not got them all."""

_TINTS = 6
_COLOUR = re.compile(r"#?[0-9a-fA-F]{6}")
_NAMED_COLOURS = {"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}
# Changes that alter how other messages read (a name, a group, a file): everything is drawn anew.
_FAR_REACHING = frozenset({"person", "usergroup", "file"})


@dataclass(frozen=True)
class Place:
    """Who looks at what: a user id, a channel id, the open thread's ts or ""."""

    user: str
    channel: str
    thread: str = ""


def directory(workspace: Workspace, viewer: str) -> Directory:
    """The names that a viewer's client shows for ids."""
    return Directory(
        users={person.id: person.name for person in workspace.people.values()},
        channels={room.id: room.name for room in workspace.channels.values()},
        usergroups={group.id: group.handle for group in workspace.usergroups.values()},
        viewer=viewer,
        viewer_groups=frozenset(group.id for group in workspace.usergroups.values() if viewer in group.users),
    )


def scene(workspace: Workspace, viewer: str, **more: Any) -> Scene:
    """A scene with everything that a workspace knows; `more` are the Scene's own fields."""
    return Scene(
        names=directory(workspace, viewer),
        people=[(person.id, person.name) for person in workspace.people.values() if person.kind in {"member", "guest"}],
        channels=[
            (room.id, room.name) for room in workspace.channels.values() if not room.is_im and not room.is_archived
        ],
        **more,
    )


def plain_value(state: Mapping[str, Any]) -> Any:
    """One entry of Slack's `state.values` in the page's plain form: a string or a list of them.

    Returns None for a kind that the page can't show again (rich text); dates with a time are
    epoch seconds.
    """
    if isinstance(state.get("selected_option"), Mapping):
        return str(state["selected_option"].get("value", ""))
    if isinstance(state.get("selected_options"), list):
        return [str(option.get("value", "")) for option in state["selected_options"]]
    for key, value in state.items():
        if key == "value" or key.startswith("selected_"):
            if isinstance(value, list):
                return [str(item) for item in value]
            return None if value is None or isinstance(value, Mapping) else str(value)
    return None


def values_of(view: View) -> dict[str, dict[str, Any]]:
    """What was typed and chosen in a view, in the page's plain form."""
    return {
        block_id: {action_id: plain_value(state) for action_id, state in actions.items()}
        for block_id, actions in view.values.items()
    }


def _iso(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), tz=UTC).isoformat(timespec="seconds")


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _attachments(message: Message, here: Scene) -> list[dict[str, Any]]:
    """Attachments: a bar of colour beside text or blocks. Their legacy fields are shown as text."""
    drawn = []
    for attachment in message.attachments:
        colour = str(attachment.get("color") or "")
        colour = _NAMED_COLOURS.get(colour, colour)
        blocks = attachment.get("blocks")
        legacy = ((key, attachment.get(key)) for key in ("pretext", "title", "text", "footer"))
        words = "\n".join(f"*{part}*" if key == "title" else str(part) for key, part in legacy if part)
        drawn.append(
            {
                "colour": f"#{colour.lstrip('#')}" if _COLOUR.fullmatch(colour) else "",
                "body": render_blocks(blocks, here)
                if blocks
                else render("words.html", html=mrkdwn.to_html(words, here.names)),
            }
        )
    return drawn


def _files(workspace: Workspace, message: Message) -> list[dict[str, Any]]:
    files = (workspace.files[file_id] for file_id in message.files if file_id in workspace.files)
    return [
        {
            "url": f"/page/file/{file.id}",
            "title": file.title or file.name,
            "alt": file.alt_text or file.title or file.name,
            "size": f"{file.size:,}",
            "is_image": file.name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".webp")),
        }
        for file in files
    ]


def _reactions(message: Message, names: Directory) -> list[dict[str, Any]]:
    return [
        {
            "emoji": emoji.character(name) or f":{name}:",
            "count": len(users),
            "name": name,
            "mine": names.viewer in users,
            "who": ", ".join(names.users.get(user, user) for user in users) + f" · :{name}:",
        }
        for name, users in message.reactions.items()
        if users
    ]


def message_html(
    workspace: Workspace,
    message: Message,
    place: Place,
    *,
    in_thread: bool,
    reply_times: Sequence[str] = (),
) -> str:
    """One message, with its author, time, files, reactions and the way into its thread.

    `reply_times` are the ts of its replies, oldest first.
    """
    prefix = "t" if in_thread else "m"
    here = scene(workspace, place.user, key=f"{prefix}{message.ts.replace('.', '-')}")
    author = workspace.people.get(message.user)
    name = (author.real_name or author.name) if author else message.user
    body = (
        render_blocks(message.blocks, here)
        if message.blocks
        else render("words.html", html=mrkdwn.to_html(message.text, here.names))
    )
    shown = {
        "ts": message.ts,
        "author": name,
        "initials": _initials(name),
        "tint": "app" if message.bot_id else str(sum(message.user.encode()) % _TINTS),
        "is_app": bool(message.bot_id),
        "kind": author.kind if author else "",
        "iso": _iso(message.ts),
        "clock": _iso(message.ts)[11:16],
        "edited": bool(message.edited) and not message.bot_id,
        "private": bool(message.ephemeral_to),
        "broadcast": message.is_reply and not in_thread and not message.ephemeral_to,
        "thread_ts": message.thread_ts or "",
        "body": body,
        "attachments": _attachments(message, here),
        "files": _files(workspace, message),
        "reactions": _reactions(message, here.names),
        "offer_menu": not message.ephemeral_to,
        "offer_thread": not in_thread and not message.is_reply and not message.ephemeral_to,
        "replies": len(reply_times),
        "last_reply": _iso(reply_times[-1]) if reply_times else "",
    }
    return render("message.html", m=shown)


def digest(*parts: object) -> str:
    """A short mark that changes with any of the parts."""
    return hashlib.blake2s(repr(parts).encode(), digest_size=8).hexdigest()


def _names_digest(workspace: Workspace, place: Place) -> str:
    """What all messages of a viewer depend on: who is called what, and who is in which group.

    A channel's name is left out: a new channel would otherwise redraw everything, and a mention of
    it is drawn with its name because the channel is there before the message that names it.
    """
    people = [(p.id, p.name, p.real_name, p.kind) for p in workspace.people.values()]
    groups = [(g.id, g.handle, place.user in g.users) for g in workspace.usergroups.values()]
    return digest(place.user, people, groups)


def _message_digest(workspace: Workspace, message: Message, names: str, reply_times: Sequence[str]) -> str:
    """Changes whenever the message would be drawn differently, without drawing it."""
    files = [(one, workspace.files[one].size) for one in message.files if one in workspace.files]
    return digest(
        names,
        message.channel,
        message.ts,
        len(message.versions),
        sorted(message.reactions.items()),
        files,
        len(reply_times),
        reply_times[-1:],
    )


@dataclass(frozen=True)
class _Drawing:
    """What drawing a list of messages takes: the workspace, the viewer, what is drawn already."""

    workspace: Workspace
    place: Place
    touched: frozenset[str] | None
    drawn: Drawn

    def items(self, messages: Sequence[Message], *, in_thread: bool = False) -> list[dict[str, str]]:
        """Keys and digests of all messages; HTML of those touched (None: of all)."""
        times: dict[str, list[str]] = {} if in_thread else self._reply_times()
        names = _names_digest(self.workspace, self.place)
        items = []
        for message in messages:
            reply_times = times.get(message.ts, [])
            mark = _message_digest(self.workspace, message, names, reply_times)
            item = {"key": message.ts, "digest": mark}
            if self.touched is None or message.ts in self.touched:
                item["html"] = self._html(message, mark, reply_times, in_thread=in_thread)
            items.append(item)
        return items

    def _reply_times(self) -> dict[str, list[str]]:
        times: dict[str, list[str]] = {}
        for message in self.workspace.all_messages.get(self.place.channel, []):
            if message.is_reply and not message.ephemeral_to and not message.deleted:
                times.setdefault(str(message.thread_ts), []).append(message.ts)
        return times

    def _html(self, message: Message, mark: str, reply_times: Sequence[str], *, in_thread: bool) -> str:
        def draw() -> str:
            return message_html(self.workspace, message, self.place, in_thread=in_thread, reply_times=reply_times)

        return self.drawn.html((mark, in_thread), draw)


def view_fragment(workspace: Workspace, view: View) -> dict[str, str]:
    """A modal as a form. Its digest follows the view's hash, so an update replaces it."""
    here = scene(workspace, view.user, key=view.id, surface="view", values=values_of(view))
    shown = {
        "id": view.id,
        "hash": view.hash,
        "title": view.title,
        "body": render_blocks(view.blocks, here),
        "submit": _label(view, "submit"),
        "close": _label(view, "close") or "Cancel",
    }
    html = render("view.html", v=shown)
    return {"key": view.id, "digest": digest(view.id, view.hash), "html": html}


def _label(view: View, key: str) -> str:
    return str((view.body.get(key) or {}).get("text", ""))


def _touched(workspace: Workspace, since: int) -> frozenset[str] | None:
    """Messages changed after `since`, with the roots of their threads; None means all."""
    if since <= 0 or (workspace.changes and workspace.changes[0].number > since + 1):
        return None
    touched: set[str] = set()
    for change in reversed(workspace.changes):
        if change.number <= since:
            break
        if change.kind in _FAR_REACHING:
            return None
        touched.add(change.ts)
    for messages in workspace.all_messages.values():
        touched |= {str(m.thread_ts) for m in messages if m.thread_ts and m.ts in touched}
    return frozenset(touched)


@dataclass(frozen=True)
class Have:
    """What the page has: everything since a version, down to its oldest message ("" for none); and if it wants more."""

    since: int = 0
    oldest: str = ""
    older: bool = False

    def window(self, shown: Sequence[Message]) -> tuple[int, frozenset[str]]:
        """Where what is told begins, and which of it the page can't have yet."""
        if not self.oldest:
            return max(0, len(shown) - FIRST_DRAWN), frozenset()
        start = next((at for at, message in enumerate(shown) if message.ts >= self.oldest), len(shown))
        if not self.older:
            return start, frozenset()
        begin = max(0, start - MORE_DRAWN)
        return begin, frozenset(message.ts for message in shown[begin:start])


def state(
    workspace: Workspace, place: Place, have: Have | None = None, *, drawn: Drawn | None = None
) -> dict[str, Any]:
    """What the page shows, as JSON.

    `{"version", "unseen", "messages": [{"key", "digest", "html"?}], "thread": [...] | None,
    "home": None, "view": {...} | None, "more": bool}`; `unseen` says why there is nothing to see, "" if there is.
    What the page has carries no `html`; `more` says that there are older messages to ask for. `drawn`
    remembers between calls what was drawn.
    """
    version = workspace.last_change
    unseen = cannot_see(workspace, place)
    if unseen:
        nothing: dict[str, Any] = {"messages": [], "thread": None, "home": None, "view": None, "more": False}
        return {"version": version, "unseen": unseen, **nothing}
    have = have or Have()
    everything = workspace.ephemerals(place.user, place.channel)
    roots = workspace.messages(place.channel)
    shown = sorted([*roots, *(m for m in everything if not m.is_reply)], key=lambda m: m.ts)
    shown = shown[-SHOWN_MESSAGES:]
    start, lacking = have.window(shown)
    touched = _touched(workspace, have.since)
    touched = None if touched is None else touched | lacking
    drawing = _Drawing(workspace, place, touched, drawn or Drawn())
    thread = None
    if place.thread:
        inside = [m for m in everything if m.thread_ts == place.thread and m.is_reply]
        replies = sorted([*workspace.messages(place.channel, place.thread), *inside], key=lambda m: m.ts)
        thread = drawing.items(replies, in_thread=True)
    views = workspace.open_views(place.user)
    return {
        "version": version,
        "unseen": "",
        "messages": drawing.items(shown[start:]),
        "thread": thread,
        "home": None,
        "view": view_fragment(workspace, views[-1]) if views else None,
        "more": start > 0,
    }


def cannot_see(workspace: Workspace, place: Place) -> str:
    """Why this person's client shows nothing of the channel, as a sentence; "" if it does."""
    if workspace.may_see(place.user, place.channel):
        return ""
    person = workspace.people[place.user]
    room = room_name(workspace, workspace.channels[place.channel])
    about = "belongs to another workspace" if person.kind == "stranger" else f"is a {person.kind}"
    return f"{person.real_name} {about} and is not in {room}, so nothing of it can be seen here."


def room_name(workspace: Workspace, room: Channel) -> str:
    """A channel's name with its #, or the two sides of a direct message."""
    if not room.is_im:
        return f"#{room.name}"
    person = workspace.people.get(room.im_user)
    return f"Fettle with {person.name}" if person else room.id


def choices_of_people(workspace: Workspace) -> list[dict[str, str]]:
    """Everyone one can act as, with what sets them apart: user groups, guest, stranger."""
    people = []
    for person in workspace.people.values():
        if person.kind in {"bot", "deleted"}:
            continue
        groups = [g.handle for g in workspace.usergroups.values() if person.id in g.users]
        about = [f"@{handle}" for handle in groups]
        if person.kind != "member":
            about.append("outside stranger" if person.kind == "stranger" else person.kind)
        label = person.real_name + (f" · {', '.join(about)}" if about else "")
        people.append({"id": person.id, "label": label})
    return people
