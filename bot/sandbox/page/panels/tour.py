"""The bar of a scenario that plays on the page: what is on, how far it is, play, pause and step, and how it ended.

It refuses to carry out steps: the engine does, through the gate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any

from markupsafe import Markup

from bot.sandbox.page.panels.panel import Act, Json
from bot.sandbox.page.render import render
from bot.sandbox.scenarios.captions import OWN_HAND, caption
from bot.sandbox.scenarios.engine import Result
from bot.sandbox.scenarios.gate import LOOKS, Gate
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.slack.errors import NotThere

ENDING = "The steps are over. Looking at what must hold at every end: the audit's chain, one card an incident."
STARTING = "Slack and the cluster run; the bot starts."


class TourBar:
    """``looking_back`` when the steps are over, ``ended`` is the result, once there is one.

    ``may_choose`` offers what else can be played, which somebody else carries out.
    """

    name, title = "tour", "Scenario"

    def __init__(self, scenario: Scenario, gate: Gate, *, may_choose: bool = False) -> None:
        self.ended: Result | None = None
        self.looking_back = False
        self._scenario, self._gate, self._may_choose = scenario, gate, may_choose
        self._captions = [caption(step) for step in scenario.steps]
        self.acts: Mapping[str, Act] = {"play": self._play, "pause": self._pause, "step": self._step}

    async def acted(self, verb: str, body: Json, perform: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """An act on the page, which may be what the next step does."""
        return await self._gate.acted(verb, body, perform)

    def mark(self) -> Hashable:
        """Where it is, what was asked of it, how it ended."""
        gate = self._gate
        return gate.at, gate.waiting, gate.playing, len(gate.by_viewer), self.looking_back, self.ended is not None

    def html(self) -> Markup:
        """The whole bar."""
        gate, count = self._gate, len(self._captions)
        return render(
            "panels/tour.html",
            title=self._scenario.title,
            words=self._words(),
            number=min(gate.at + 1, count),
            done=count if self.ended is not None and self.ended.ok else max(gate.at, 0),
            count=count,
            playing=gate.playing,
            ended=self.ended,
            over=self.looking_back,
            again=self._scenario.name if self._may_choose else "",
            steps=[(self._state(at), words) for at, words in enumerate(self._captions)],
        )

    def _words(self) -> str:
        gate = self._gate
        if self.looking_back:
            return ENDING
        if gate.at < 0:
            return STARTING
        words, verb = self._captions[gate.at], self._scenario.steps[gate.at].verb
        if not gate.waiting:
            return words
        if verb not in OWN_HAND:
            return words
        named = words.rstrip(".").replace(" on the card", f" on the card of INC-{gate.card}") if gate.card else words
        return f"{named.rstrip('.')} ({self._wait()})."

    def _wait(self) -> str:
        """What becomes of an act that the viewer doesn't do."""
        gate = self._gate
        step = self._scenario.steps[gate.at]
        several = (
            "press as one of them, the other is pressed for you; " if len(getattr(step.press, "by", "")) > 1 else ""
        )
        done = "closed" if step.verb == "view" else "done"
        return several + (f"soon it is {done} for you" if gate.playing else "or Step does it for you")

    def _state(self, at: int) -> str:
        gate, ended = self._gate, self.ended
        if at in gate.by_viewer:
            return "you"
        if at < gate.at or (ended is not None and ended.ok):
            return "done"
        if at > gate.at:
            return "later"
        if ended is not None:
            return "wrong" if ended.problems[0].startswith(f"step {at + 1} ") else "done"
        return "now" if gate.waiting or self._scenario.steps[at].verb not in LOOKS else "looking"

    async def _play(self, _body: Json) -> str:
        self._gate.play()
        return ""

    async def _pause(self, _body: Json) -> str:
        self._gate.pause()
        return ""

    async def _step(self, _body: Json) -> str:
        if not self._gate.step():
            raise NotThere("It is at a step still; the next one can be let go when that is over.")
        return ""
