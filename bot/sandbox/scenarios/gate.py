"""The gate between two steps of a scenario that somebody watches: play, pause, one step, or the viewer's own hand.

What is only looked at is never held up: it would be missed. A step in which a person acts is done by whoever is first,
the viewer on the page or the player. It refuses to carry out anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.sandbox import reading
from bot.sandbox.scenarios.captions import OWN_HAND
from bot.sandbox.scenarios.race import Race
from bot.sandbox.scenarios.schema import Press, Step, ViewShown
from bot.sandbox.scenarios.steps import Player
from bot.sandbox.scenarios.talk_step import Post, React, Shortcut
from bot.sandbox.slack.controls import controls
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.workspace import Workspace
from bot.sandbox.slack_room import UnmetError

LOOKS = frozenset({
    "expect_card", "expect_cards", "expect_cluster", "expect_object", "expect_audit", "expect_silences",
    "expect_sockets", "thread", "told", "wait",
})  # fmt: skip
READING, PRESSING = 2.5, 6.0
"""Seconds for a caption while it plays; longer where the viewer may be about to press."""
Json = Mapping[str, Any]
Answer = dict[str, Any]


class Gate:
    """``at`` is the step that is on, or next where ``waiting``; ``by_viewer`` are those that the viewer did."""

    def __init__(self, steps: Sequence[Step], workspace: Workspace) -> None:
        self.steps = steps
        self.at = -1
        self.playing = False
        self.waiting = False
        self.by_viewer: set[int] = set()
        self._workspace = workspace
        self._begun: set[int] = set()
        self._races: dict[int, Race] = {}
        self._one = False
        self._player: Player | None = None
        self._word = asyncio.Event()

    # -- the engine's side ------------------------------------------------------------------------

    async def turn(self, at: int, step: Step, player: Player) -> bool:
        """Wait until this step may go on; whether the player carries it out, because the viewer didn't."""
        self.at, self._player = at, player
        if step.verb in LOOKS:
            return True
        self.waiting = True
        try:
            await self._until_let(at, PRESSING if step.verb in OWN_HAND else READING)
        finally:
            self.waiting = self._one = False
        return at not in self.by_viewer

    async def _until_let(self, at: int, patience: float) -> None:
        due = time.monotonic() + patience
        while at not in self.by_viewer:
            if at not in self._begun:
                if self._one:
                    self._one = False
                    return
                if not self.playing:
                    due = time.monotonic() + patience
                elif time.monotonic() >= due:
                    return
            self._word.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, due - time.monotonic())):
                    await self._word.wait()

    # -- the viewer's side ------------------------------------------------------------------------

    def play(self) -> None:
        """Go on by itself from now on."""
        self.playing = True
        self._word.set()

    def pause(self) -> None:
        """Hold before the next thing that is done."""
        self.playing = False
        self._word.set()

    def step(self) -> bool:
        """Let the step that waits go, and hold before the next; whether one waits."""
        self.playing = False
        self._one = self.waiting and self.at not in self._begun
        self._word.set()
        return self._one

    async def acted(self, verb: str, body: Json, perform: Callable[[], Awaitable[Answer]]) -> Answer:
        """An act of the viewer: where it is what the next step does, that step is done once it was taken."""
        at = self._due()
        if at is None or not self._is(self.steps[at], verb, body):
            return await perform()
        press = self.steps[at].press
        if press is not None and len(press.by) > 1:
            return await self._pressed_with_others(at, press, str(body["user"]), perform)
        if at in self._begun:
            return await perform()
        wanted = press is None or not press.unheard
        return await self._taken(at, perform, lambda answer: bool(answer.get("ok")) is wanted)

    async def _taken(self, at: int, perform: Callable[[], Awaitable[Answer]], well: Callable[[Answer], bool]) -> Answer:
        self._begun.add(at)
        try:
            answer = await perform()
            if well(answer):
                self.by_viewer.add(at)
            return answer
        finally:
            self._begun.discard(at)
            self._word.set()

    async def _pressed_with_others(
        self, at: int, press: Press, user: str, perform: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """One of several presses at the same moment: it waits for the others', and the player makes those that lack."""
        names = {self._id(name): name for name in press.by}
        race = self._races.get(at)
        if race is not None and (race.begun or user in race.pressed):
            return await perform()
        if race is not None:
            return await race.join(user, perform)
        player = self._player
        if player is None:
            return await perform()

        async def for_absent(one: str) -> None:
            try:
                await player.press_for(press, names[one])
            except UnmetError as error:
                raise NotThere(str(error)) from error

        race = self._races[at] = Race(names.keys(), for_absent)
        try:
            return await self._taken(at, lambda: race.join(user, perform), lambda _: race.well)
        finally:
            del self._races[at]

    def _due(self) -> int | None:
        """The step that waits, or the first one after what is being looked at."""
        if self.at < 0:
            return None
        if not self.waiting and self.steps[self.at].verb not in LOOKS:
            return None
        later = range(self.at, len(self.steps))
        return next((at for at in later if self.steps[at].verb not in LOOKS and at not in self.by_viewer), None)

    def _is(self, step: Step, verb: str, body: Json) -> bool:
        user = str(body.get("user", ""))
        if step.view is not None:
            return verb == "close" and self._id(step.view.by) == user and self._shown(step.view, user)
        if verb != step.verb:
            return False
        if step.press is not None:
            return user in {self._id(name) for name in step.press.by} and self._pressed(step.press, body)
        if step.post is not None:
            return self._id(step.post.by) == user and self._written(step.post, body)
        if step.react is not None:
            return self._id(step.react.by) == user and self._reacted(step.react, user, body)
        if step.shortcut is not None:
            return self._id(step.shortcut.by) == user and self._chosen(step.shortcut, body)
        if step.slash is not None:
            return self._id(step.slash.by) == user and step.slash.line == str(body.get("text", "")).strip()
        return step.submit is not None and self._id(step.submit.by) == user

    def _id(self, name: str) -> str:
        return self._workspace.person(name).id

    def _shown(self, shown: ViewShown, user: str) -> bool:
        """Whether the dialog in front of the person says what it must say; closing another one is no such step."""
        views = self._workspace.open_views(user)
        if not views or self._player is None:
            return False
        said = "\n".join([views[-1].title, *reading.lines(views[-1].blocks, self._workspace)])
        return all(words in said for words in self._player.filled(shown.containing))

    def _written(self, post: Post, body: Json) -> bool:
        """Whether these are the words, in the place where they belong."""
        card = self._player.card if self._player is not None else None
        thread = card.message.ts if post.thread and card is not None else None
        return post.text == str(body.get("text", "")).strip() and (body.get("thread_ts") or None) == thread

    def _chosen(self, shortcut: Shortcut, body: Json) -> bool:
        """Whether it is that shortcut, on a message that says so."""
        said = self._workspace.message(str(body.get("channel", "")), str(body.get("ts", "")))
        if said is None or self._player is None:
            return False
        there = "\n".join([said.text, *reading.lines(said.blocks, self._workspace)])
        wanted = self._player.world.slack_server.manifest.shortcut(shortcut.name)
        return shortcut.to in there and wanted == body.get("callback_id")

    def _reacted(self, react: React, user: str, body: Json) -> bool:
        """Whether it is that emoji, on a message that says so, and is put on or taken off as it should be."""
        said = self._workspace.message(str(body.get("channel", "")), str(body.get("ts", "")))
        if said is None or str(body.get("name", "")) != react.name:
            return False
        there = "\n".join([said.text, *reading.lines(said.blocks, self._workspace)])
        return react.to in there and (user in said.reactions.get(react.name, [])) is react.away

    @property
    def card(self) -> int:
        """The incident of the card that is looked at; 0 before there is one."""
        card = self._player.card if self._player is not None else None
        return card.incident if card is not None else 0

    def _pressed(self, press: Press, body: Json) -> bool:
        """Whether it is that button of the card that is looked at."""
        card = self._player.card if self._player is not None else None
        if card is None or card.message.ts != body.get("ts"):
            return False
        there = [one.element for one in controls(card.message.blocks) if one.action_id == body.get("action_id")]
        return any(str((one.get("text") or {}).get("text", "")).startswith(press.button) for one in there)
