"""Presses of several people at the same moment, some made on the page and the others by the player.

Each is held back until all are there or a moment has passed; then all are made at once, else the first one would be
over before the next begins. It refuses to know which step they belong to.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from bot.sandbox.slack_room import CardHandle

TOGETHER = 3.0
"""Seconds within which presses on two pages are at the same moment; a person needs one to change the window."""
_APPROVED_BY = re.compile(r"approved by @(\w+)")
Answer = dict[str, Any]


class Race:
    """``missing`` presses for whom nobody did on the page; ``well`` when every press of the page was taken."""

    def __init__(self, people: AbstractSet[str], missing: Callable[[str], Awaitable[None]]) -> None:
        self.pressed: dict[str, Callable[[], Awaitable[Answer]]] = {}
        self.begun = self.well = False
        self._people, self._missing = people, missing
        self._all_there = asyncio.Event()
        self._run: asyncio.Task[dict[str, Answer]] | None = None

    async def join(self, person: str, perform: Callable[[], Awaitable[Answer]]) -> Answer:
        """The person's press, made together with the others'; its own answer."""
        self.pressed[person] = perform
        if self.pressed.keys() >= self._people:
            self._all_there.set()
        if self._run is None:
            self._run = asyncio.create_task(self._start())
        answers = await asyncio.shield(self._run)
        return answers[person]

    async def _start(self) -> dict[str, Answer]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER):
                await self._all_there.wait()
        self.begun = True
        here = dict(self.pressed)
        absent = asyncio.gather(*(self._missing(one) for one in self._people if one not in here))
        answers, _ = await asyncio.gather(_together(here), absent)
        self.well = all(answer["ok"] for answer in answers.values())
        return answers


async def _together(presses: dict[str, Callable[[], Awaitable[Answer]]]) -> dict[str, Answer]:
    answers = await asyncio.gather(*(press() for press in presses.values()))
    return dict(zip(presses, answers, strict=True))


async def first(card: CardHandle, people: Sequence[str]) -> tuple[str, str]:
    """Whose approval the card has, and the first of the others; ``UnmetError`` where it has none."""
    await card.expect("approved by @", within=10)
    found = _APPROVED_BY.search(card.text)
    winner = found[1] if found else ""
    return winner, next(name for name in people if name != winner)
