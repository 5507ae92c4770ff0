"""The nouns of a workspace as plain dataclasses; they know nothing of HTTP or sockets.

Times are epoch seconds (float); a `ts` is Slack's message id, a string like "1700000000.000100".
Blocks, views and metadata stay the JSON they came as.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["member", "guest", "stranger", "bot", "deleted"]


@dataclass
class Person:
    """A user as users.info knows them. `team_id` differs from the workspace's for strangers."""

    id: str
    name: str
    real_name: str
    kind: Kind = "member"
    tz: str = "Europe/Zagreb"
    team_id: str = "T0SANDBOX"
    email: str = ""
    is_admin: bool = False


@dataclass
class Channel:
    """A channel, private channel or direct message (`is_im`, with `im_user` the other side)."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_im: bool = False
    im_user: str = ""
    topic: str = ""
    purpose: str = ""
    creator: str = ""
    created: int = 0
    pins: list[str] = field(default_factory=list)
    bookmarks: list[Json] = field(default_factory=list)


@dataclass
class UserGroup:
    """A user group (`@handle`); `users` are user ids."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)


@dataclass
class Version:
    """What a message said from `at` on, until the next version."""

    at: float
    text: str
    blocks: list[Json]
    metadata: Json | None = None


@dataclass
class Message:
    """One message with every version it ever had (`versions[0]` is the original).

    `reactions` maps an emoji name to the user ids that added it. `files` are file ids.
    `ephemeral_to` names the only user who sees it; such a message is never in a history.
    """

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    bot_id: str | None = None
    thread_ts: str | None = None
    reply_broadcast: bool = False
    subtype: str | None = None
    edited: Json | None = None
    versions: list[Version] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    ephemeral_to: str | None = None
    deleted: bool = False
    unfurl_links: bool | None = None

    @property
    def is_reply(self) -> bool:
        """True for a message inside a thread (its root excepted)."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class View:
    """A modal or home tab as one user sees it; `values` is `state.values`, kept while they type."""

    id: str
    user: str
    type: str
    body: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    values: Json = field(default_factory=dict)

    @property
    def callback_id(self) -> str:
        """The app's own name for this kind of view, "" when it gave none."""
        return str(self.body.get("callback_id") or "")

    @property
    def blocks(self) -> list[Json]:
        """The view's blocks with the block ids and action ids Slack filled in."""
        blocks: list[Json] = self.body["blocks"]
        return blocks

    @property
    def title(self) -> str:
        """The title's text, "" for a home tab."""
        return str((self.body.get("title") or {}).get("text", ""))


@dataclass
class File:
    """An uploaded file. `content` is None until the bytes arrived."""

    id: str
    name: str
    title: str
    size: int
    user: str
    created: int
    content: bytes | None = None
    complete: bool = False
    alt_text: str = ""
    shares: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """One entry of the workspace's log of changes; `number` grows by one each time.

    `kind` is e.g. "message", "message_changed", "message_deleted", "ephemeral", "reaction",
    "view", "view_closed", "home", "channel", "person", "usergroup", "file".
    """

    number: int
    kind: str
    at: float
    channel: str = ""
    ts: str = ""
    user: str = ""
    view_id: str = ""


@dataclass
class Reply:
    """What came back for something a person did.

    `acked` within three seconds, after `ack_ms`; `payload` is the ack's response payload; `error`
    is what Slack would show ("operation_timed_out", "dispatch_failed", "not_confirmed",
    "invalid_input"); `errors` are a view's messages by block id; `sent` is the payload the app got.
    """

    acked: bool = False
    ack_ms: float | None = None
    payload: Json | None = None
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    sent: Json = field(default_factory=dict)
    envelope_id: str = ""


@dataclass(frozen=True)
class Call:
    """One Web API request as it arrived (the token left out) and how it was answered."""

    method: str
    args: Json
    at: float
    ok: bool
    error: str | None
    status: int
    ms: float
