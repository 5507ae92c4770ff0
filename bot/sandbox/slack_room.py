"""The on-call channel as its people use it: find the card, press what is on it, read what comes back.

Expectations wait on the workspace's changes and end with a sentence that shows what was there instead. It refuses to
know anything of the bot but what a person in Slack (or the message's metadata) could see.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.sandbox import reading
from bot.sandbox.patience import stretched
from bot.sandbox.slack.controls import EXTERNAL, Control, controls
from bot.sandbox.slack.models import Message, Reply, View
from bot.sandbox.slack.server import SlackServer

T = TypeVar("T")
CARD, DIGEST = "card:", "digest:"


class UnmetError(AssertionError):
    """Something that was expected didn't come in time, or came and shouldn't have."""


def message_key(message: Message) -> str:
    """The key that the bot put into the message's metadata, "" without one."""
    payload = (message.metadata or {}).get("event_payload") or {}
    return str(payload.get("fettle_key", ""))


class CardHandle:
    """One card, followed through its edits."""

    def __init__(self, room: SlackRoom, message: Message) -> None:
        self.room, self.message = room, message

    @property
    def lines(self) -> list[str]:
        """What it says now, a visible line each."""
        return reading.lines(self.message.blocks, self.room.server.workspace)

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    @property
    def buttons(self) -> list[str]:
        """The words on its buttons."""
        return reading.buttons(self.message.blocks)

    @property
    def incident(self) -> int:
        """The incident's number, 0 for anything but a card."""
        _, mark, number = message_key(self.message).partition(CARD)
        return int(number) if mark and number.isdecimal() else 0

    def fits(self, containing: Sequence[str], without: Sequence[str] = (), buttons: Sequence[str] = ()) -> bool:
        """Whether all is there and nothing of ``without``; buttons are named by their first words."""
        text = self.text
        return (
            all(part in text for part in containing)
            and not any(part in text for part in without)
            and all(any(label.startswith(want) for label in self.buttons) for want in buttons)
        )

    async def expect(
        self,
        *containing: str,
        without: Sequence[str] = (),
        buttons: Sequence[str] = (),
        within: float = 10.0,
    ) -> CardHandle:
        """Wait until the card says so; ``UnmetError`` shows what it says instead."""

        def look() -> CardHandle | None:
            return self if self.fits(containing, without, buttons) else None

        wanted = _wanted(containing, without, buttons)
        return await self.room.until(
            look, within, lambda: f"The card never said {wanted}. It says:\n{_quoted(self.text)}"
        )

    async def click(self, label: str, by: str, *, confirm: bool = True) -> Reply:
        """Press the first button whose words start so."""
        found = [one for one in self.buttons if one.startswith(label)]
        if not found:
            raise UnmetError(f"There is no button {label} on the card; there are: {', '.join(self.buttons) or 'none'}.")
        return await self.press(found[0], by, confirm=confirm)

    async def press(self, words: str, by: str, *, confirm: bool = True) -> Reply:
        """Press the button with exactly these words, also one that the card showed a moment ago."""
        return await self.room.server.press(by, self.message.channel, self.message.ts, text=words, confirm=confirm)

    def thread(self) -> list[str]:
        """Every line of its thread."""
        space = self.room.server.workspace
        replies = space.replies(self.message.channel, self.message.ts)
        return [line for reply in replies for line in self.room.read(reply)]


class SlackRoom:
    """One channel of a Slack server; people are named by user id or name."""

    def __init__(self, server: SlackServer, channel: str = "C0ONCALL") -> None:
        self.server, self.channel = server, channel
        self._read: dict[str, int] = {}

    def read(self, message: Message) -> list[str]:
        """What a person reads in it: its blocks, or its text where it has none."""
        space = self.server.workspace
        return reading.lines(message.blocks, space) or reading.plain(message.text, space).split("\n")

    def messages(self, prefix: str) -> list[Message]:
        """The channel's messages of the bot whose key starts so, oldest first."""
        return [one for one in self.server.workspace.messages(self.channel) if message_key(one).startswith(prefix)]

    def cards(self) -> list[CardHandle]:
        """Every card there is, oldest first."""
        return [CardHandle(self, message) for message in self.messages(CARD)]

    async def until(self, look: Callable[[], T | None], within: float, failure: Callable[[], str]) -> T:
        """The first result of ``look`` that isn't None, looked for after every change of the workspace."""
        end = time.monotonic() + stretched(within)
        while True:
            number = self.server.workspace.last_change
            found = look()
            if found is not None:
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise UnmetError(f"{failure()}\n(waited {within:g} s)")
            await self.server.workspace.wait_change(number, min(left, 0.5))

    async def expect_card(
        self, *containing: str, without: Sequence[str] = (), buttons: Sequence[str] = (), within: float = 10.0
    ) -> CardHandle:
        """Wait for a card that says so; the newest one that fits."""

        def look() -> CardHandle | None:
            return next((card for card in reversed(self.cards()) if card.fits(containing, without, buttons)), None)

        def failure() -> str:
            there = "\n\n".join(_quoted(card.text) for card in self.cards()) or "  (no card at all)"
            return f"No card said {_wanted(containing, without, buttons)}. There are:\n{there}"

        return await self.until(look, within, failure)

    async def expect_ephemeral(self, user: str, *containing: str, within: float = 5.0) -> list[str]:
        """Wait for a message to this person alone that wasn't read before; its lines."""
        person = self.server.workspace.person(user).id

        def look() -> list[str] | None:
            unread = self.server.workspace.ephemerals(person, self.channel)[self._read.get(person, 0) :]
            for number, message in enumerate(unread, start=1):
                said = self.read(message)
                if all(part in "\n".join(said) for part in containing):
                    self._read[person] = self._read.get(person, 0) + number
                    return said
            return None

        def failure() -> str:
            said = [line for one in self.server.workspace.ephemerals(person, self.channel) for line in self.read(one)]
            there = _quoted("\n".join(said)) if said else "  (nothing)"
            return f"@{user} was never told {_wanted(containing)}. They were told:\n{there}"

        return await self.until(look, within, failure)

    async def expect_thread(self, card: CardHandle, *containing: str, within: float = 10.0) -> list[str]:
        """Wait until the card's thread says so; its lines."""

        def look() -> list[str] | None:
            said = card.thread()
            return said if all(part in "\n".join(said) for part in containing) else None

        def failure() -> str:
            return f"The thread never said {_wanted(containing)}. It says:\n{_quoted(chr(10).join(card.thread()))}"

        return await self.until(look, within, failure)

    async def expect_view(self, user: str, *containing: str, within: float = 5.0) -> View:
        """Wait for a modal in front of this person that says so."""
        person = self.server.workspace.person(user).id

        def look() -> View | None:
            stack = self.server.workspace.open_views(person)
            if not stack:
                return None
            said = "\n".join([stack[-1].title, *self.view_lines(stack[-1])])
            return stack[-1] if all(part in said for part in containing) else None

        return await self.until(look, within, lambda: f"@{user} never got a dialog that says {_wanted(containing)}.")

    def view_lines(self, view: View) -> list[str]:
        """What a modal says."""
        return reading.lines(view.blocks, self.server.workspace)

    async def submit(self, user: str, values: Mapping[str, Any]) -> Reply:
        """Fill in the modal in front of this person, inputs named by their label's first words, and submit it."""
        view = await self.expect_view(user)
        filled: dict[str, Any] = {}
        for label, value in values.items():
            control = _labelled(view, label)
            if control.kind in EXTERNAL:
                where = {"view_id": view.id, "block_id": control.block_id}
                for one in [value] if isinstance(value, str) else value:
                    await self.server.options(user, control.action_id, one, **where)
            reports = bool(control.block.get("dispatch_action")) or control.block.get("type") != "input"
            if reports:
                where = {"view_id": view.id, "block_id": control.block_id}
                await self.server.choose(user, action_id=control.action_id, value=value, **where)
                view = await self.expect_view(user)
            else:
                filled[control.block_id] = {control.action_id: value}
        return await self.server.submit(user, view.id, filled)

    async def slash(self, user: str, line: str) -> Reply:
        """Type ``/restart shop/api`` into the channel."""
        command, _, words = line.partition(" ")
        return await self.server.slash(user, self.channel, command, words)

    async def post(self, user: str, text: str, thread_ts: str | None = None) -> None:
        """Write a message as a person."""
        await self.server.post_as(user, self.channel, text, thread_ts)

    def saying(self, words: str) -> Message:
        """The newest message that says so, in the channel or one of its threads."""
        space = self.server.workspace
        there = [one for one in space.all_messages.get(self.channel, ()) if not (one.deleted or one.ephemeral_to)]
        found = next((one for one in reversed(there) if words in "\n".join([one.text, *self.read(one)])), None)
        if found is None:
            raise UnmetError(f"No message says “{words}”.")
        return found

    async def react(self, user: str, name: str, words: str, *, off: bool = False) -> None:
        """Put an emoji on the newest message that says so as a person, or take it off."""
        ts = self.saying(words).ts
        await (self.server.unreact if off else self.server.react)(user, self.channel, ts, name)

    async def shortcut(self, user: str, name: str, words: str) -> Reply:
        """Choose a shortcut by its name, on the newest message that says so, as a person."""
        callback_id = self.server.manifest.shortcut(name)
        if not callback_id:
            raise UnmetError(f"The app offers no shortcut “{name}”.")
        return await self.server.shortcut(user, callback_id, self.channel, self.saying(words).ts)

    async def quiet(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)


def _labelled(view: View, label: str) -> Control:
    for control in controls(view.blocks):
        words = str((control.block.get("label") or control.block.get("text") or {}).get("text", ""))
        if words.lower().startswith(label.lower()) or label in (control.block_id, control.action_id):
            return control
    there = ", ".join(str((one.block.get("label") or {}).get("text", one.block_id)) for one in controls(view.blocks))
    raise UnmetError(f"There is no input {label} in the dialog; there are: {there}.")


def _wanted(containing: Sequence[str], without: Sequence[str] = (), buttons: Sequence[str] = ()) -> str:
    parts = [f"“{part}”" for part in containing]
    parts += [f"nothing of “{part}”" for part in without]
    parts += [f"a button “{part}”" for part in buttons]
    return " and ".join(parts) or "anything"


def _quoted(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.split("\n"))
