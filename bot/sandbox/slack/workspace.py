"""The state of the sandbox's workspace: people, channels, messages, views, files.

Every change is numbered and wakes whoever waits, so that a page can follow it live. It enforces
nothing about who may call what: that is the Web API's part.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Iterable

from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.models import (
    Change,
    Channel,
    File,
    Json,
    Kind,
    Message,
    Person,
    UserGroup,
    Version,
    View,
)

KEPT_CHANGES = 20_000


class Workspace:
    """One team with one installed app; all state is in memory and public to read."""

    def __init__(self, *, empty: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.team_id = "T0SANDBOX"
        self.team_name = "Sandbox"
        self.team_domain = "sandbox"
        self.other_team_id = "T0ELSEWHERE"
        self.plan = "standard"  # "free" makes usergroups.* answer plan_upgrade_required
        self.app_id = "A0FETTLE"
        self.bot_id = "B0FETTLE"
        self.bot_user_id = "U0FETTLE"
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.views: dict[str, View] = {}
        self.view_stacks: dict[str, list[str]] = {}
        self.homes: dict[str, View] = {}
        self.files: dict[str, File] = {}
        self.changes: list[Change] = []
        self.all_messages: dict[str, list[Message]] = {}
        self._numbers = itertools.count(1)
        self._last_micros = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self.add_person("U0FETTLE", "fettle", "Fettle", kind="bot")
        if not empty:
            self._furnish()

    def _furnish(self) -> None:
        self.add_person("U0ANA", "ana", "Ana Horvat")
        self.add_person("U0LI", "li", "Li Wei", tz="Asia/Singapore")
        self.add_person("U0BO", "bo", "Bo Lindqvist", tz="Europe/Stockholm")
        self.add_person("U0GUS", "gus", "Gus Guest", kind="guest")
        self.add_person("U0MALLORY", "mallory", "Mallory Outside", kind="stranger")
        self.add_usergroup("S0SRE", "sre-oncall", ["U0ANA", "U0LI"])
        members = ["U0FETTLE", "U0ANA", "U0LI", "U0BO", "U0GUS"]
        self.add_channel("C0ONCALL", "oncall", members=members)

    def now(self) -> float:
        """The workspace's time in epoch seconds; scenarios may put another `clock` in."""
        return self.clock()

    # -- change log ---------------------------------------------------------------------------

    def changed(self, kind: str, *, channel: str = "", ts: str = "", user: str = "", view_id: str = "") -> Change:
        """Append to the log of changes and wake the waiters; returns the entry."""
        change = Change(next(self._numbers), kind, self.now(), channel, ts, user, view_id)
        self.changes.append(change)
        if len(self.changes) > KEPT_CHANGES:
            del self.changes[: KEPT_CHANGES // 2]
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        return change

    @property
    def last_change(self) -> int:
        """The number of the newest change, 0 when nothing ever changed."""
        return self.changes[-1].number if self.changes else 0

    async def wait_change(self, after: int, timeout: float | None = None) -> list[Change]:  # noqa: ASYNC109 - the page's long poll names its own limit
        """The changes numbered above `after`, waiting up to `timeout` seconds for the first.

        An empty list means that nothing changed in that time.
        """
        if self.last_change <= after:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                async with asyncio.timeout(timeout):
                    await waiter
            except TimeoutError:
                return []
            finally:
                self._waiters.discard(waiter)
        return [change for change in self.changes if change.number > after]

    # -- ids ----------------------------------------------------------------------------------

    def new_ts(self) -> str:
        """A new message id; strictly greater than every earlier one."""
        self._last_micros = max(self._last_micros + 1, int(self.now() * 1_000_000))
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def after(self, stamps: Iterable[str]) -> None:
        """Let new message ids follow these ones."""
        for ts in stamps:
            seconds, _, micros = ts.partition(".")
            self._last_micros = max(self._last_micros, int(seconds) * 1_000_000 + int(micros))

    @staticmethod
    def new_id(prefix: str) -> str:
        """A new id of Slack's look: "V" gives one like V0A1B2C3D4E."""
        return f"{prefix}0{secrets.token_hex(5).upper()}"

    # -- building -----------------------------------------------------------------------------

    def add_person(
        self,
        id: str,  # noqa: A002 - Slack's own word
        name: str,
        real_name: str = "",
        kind: Kind = "member",
        tz: str = "Europe/Zagreb",
        email: str = "",
    ) -> Person:
        """Add or replace a person; strangers belong to another team."""
        team = self.other_team_id if kind == "stranger" else self.team_id
        mail = email or f"{name}@example.test"
        person = Person(id, name, real_name or name, kind, tz, team, mail)
        self.people[id] = person
        self.changed("person", user=id)
        return person

    def add_channel(
        self,
        id: str,  # noqa: A002 - Slack's own word
        name: str,
        members: list[str] | None = None,
        is_ext_shared: bool = False,
        is_private: bool = False,
        creator: str = "",
    ) -> Channel:
        """Add or replace a channel; `members` are user ids."""
        channel = Channel(
            id,
            name,
            list(members or []),
            is_private=is_private,
            is_ext_shared=is_ext_shared,
            creator=creator or self.bot_user_id,
            created=int(self.now()),
        )
        self.channels[id] = channel
        self.all_messages.setdefault(id, [])
        self.changed("channel", channel=id)
        return channel

    def add_usergroup(self, id: str, handle: str, users: list[str] | None = None) -> UserGroup:  # noqa: A002 - Slack's own word
        """Add or replace a user group; `handle` is written without the @."""
        group = UserGroup(id, handle, handle, list(users or []))
        self.usergroups[id] = group
        self.changed("usergroup")
        return group

    def add_member(self, channel: str, user: str) -> None:
        """Put a person into a channel; a stranger makes it a shared (Slack Connect) channel."""
        room = self.channels[channel]
        if user not in room.members:
            room.members.append(user)
        if self.people[user].kind == "stranger":
            room.is_ext_shared = True
        self.changed("channel", channel=channel, user=user)

    def remove_member(self, channel: str, user: str) -> None:
        """Take a person out of a channel, if they are in it."""
        room = self.channels[channel]
        if user in room.members:
            room.members.remove(user)
        self.changed("channel", channel=channel, user=user)

    def direct_message(self, user: str) -> Channel:
        """The direct message between the bot and `user`, made when there is none."""
        for channel in self.channels.values():
            if channel.is_im and channel.im_user == user:
                return channel
        channel = self.add_channel(self.new_id("D"), "", [self.bot_user_id, user])
        channel.is_im, channel.im_user = True, user
        return channel

    # -- reading ------------------------------------------------------------------------------

    def person(self, user: str) -> Person:
        """The person with this id or name; raises NotThere."""
        found = self.people.get(user) or next(
            (p for p in self.people.values() if p.name == user.removeprefix("@")), None
        )
        if found is None:
            raise NotThere(f"There is no person {user} in this workspace.")
        return found

    def find_channel(self, channel: str) -> Channel | None:
        """A channel by id, name or #name; None when there is none."""
        if channel in self.channels:
            return self.channels[channel]
        name = channel.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == name and name), None)

    def may_see(self, user: str, channel: str) -> bool:
        """Whether this person's client shows the channel at all."""
        person, room = self.people[user], self.channels[channel]
        if person.kind == "deleted":
            return False
        if user in room.members:
            return True
        return person.kind == "member" and not (room.is_private or room.is_im)

    def messages(self, channel: str, thread_ts: str | None = None, *, include_deleted: bool = False) -> list[Message]:
        """Messages oldest first, without ephemerals.

        Without `thread_ts` what the channel shows: no replies unless broadcast. With it the
        thread, root first.
        """
        found = []
        for message in self.all_messages.get(channel, []):
            if message.ephemeral_to or (message.deleted and not include_deleted):
                continue
            if thread_ts is None:
                if not message.is_reply or message.reply_broadcast:
                    found.append(message)
            elif thread_ts in (message.ts, message.thread_ts):
                found.append(message)
        return found

    def ephemerals(self, user: str, channel: str) -> list[Message]:
        """What only this person sees in the channel, oldest first."""
        everything = self.all_messages.get(channel, [])
        return [m for m in everything if m.ephemeral_to == user and not m.deleted]

    def message(self, channel: str, ts: str) -> Message | None:
        """A message that is not deleted, ephemerals included; None when there is none."""
        for message in self.all_messages.get(channel, []):
            if message.ts == ts and not message.deleted:
                return message
        return None

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The replies under a root, without the root."""
        return [m for m in self.messages(channel, ts) if m.ts != ts]

    def open_views(self, user: str) -> list[View]:
        """The user's stack of modals; the last one is on top."""
        return [self.views[view_id] for view_id in self.view_stacks.get(user, [])]

    # -- writing ------------------------------------------------------------------------------

    def post(self, message: Message) -> Message:
        """Append a message (its `ts` already given) and log the change."""
        message.versions.append(Version(self.now(), message.text, message.blocks, message.metadata))
        self.all_messages.setdefault(message.channel, []).append(message)
        kind = "ephemeral" if message.ephemeral_to else "message"
        self.changed(kind, channel=message.channel, ts=message.ts, user=message.ephemeral_to or message.user)
        return message

    def edit(self, message: Message, text: str, blocks: list[Json], metadata: Json | None, by: str) -> None:
        """Replace what a message says and keep the former version.

        As in Slack a message with blocks doesn't show that it was edited.
        """
        message.text, message.blocks, message.metadata = text, blocks, metadata
        message.edited = None if blocks else {"user": by, "ts": self.new_ts()}
        message.versions.append(Version(self.now(), text, blocks, metadata))
        self.changed("message_changed", channel=message.channel, ts=message.ts, user=by)

    def delete(self, message: Message) -> None:
        """Mark a message deleted; it stays readable in `all_messages`."""
        message.deleted = True
        self.changed("message_deleted", channel=message.channel, ts=message.ts)
