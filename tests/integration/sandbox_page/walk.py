"""Walks a scenario on the page: what a person does in it is done there by hand, what must be seen is seen there.

The engine plays the scenario beside it, as for anybody who watches. What a person sees is asserted in the document
before the next step begins; a state that passes is caught while it is painted.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from playwright.async_api import Browser, Page, expect

from bot.sandbox.breakages import telling
from bot.sandbox.scenarios import race, schema
from bot.sandbox.scenarios.captions import OWN_HAND, caption
from bot.sandbox.scenarios.checks import in_slacks_time
from bot.sandbox.scenarios.engine import Turn
from bot.sandbox.scenarios.schema import Scenario, Step
from bot.sandbox.scenarios.steps import Player
from bot.sandbox.scenarios.talk_step import Post, React, Shortcut
from bot.sandbox.slack_room import message_key
from bot.sandbox.tour import Tour
from tests.integration.sandbox_page import seen
from tests.integration.sandbox_page.browsing import opened
from tests.integration.sandbox_page.person import PATIENCE, Person
from tests.integration.sandbox_page.seen import Sight
from tests.patience import PATIENT

SLACK = 20.0
"""Seconds by which the page may be behind the workspace while the machine is busy."""
TOLD = re.compile(r"INC-(\d+) ([\w-]+): told")


class Walk:
    """One scenario, one page, and one more page for each further person who presses at the same moment."""

    def __init__(self, tour: Tour, scenario: Scenario, browser: Browser, page: Page, turn: Turn) -> None:
        self.tour, self.scenario, self.browser, self.page = tour, scenario, browser, page
        self.world = tour.world
        self.person = self._at(page)
        self.looked: set[int] = set()
        self._player: Player | None = None
        self._turn = turn
        self._looking: tuple[int, float] | None = None

    def _at(self, page: Page) -> Person:
        return Person(page, self.world.slack_server.workspace, self.world.slack.channel)

    # -- the engine's side ------------------------------------------------------------------------

    async def turn(self, at: int, step: Step, player: Player) -> bool:
        """Stands in front of the gate: what the step before must show is seen before the next one begins."""
        self._player = player
        await self.finish_look()
        if step.expect_card is not None and not step.expect_card.new and player.card is not None:
            await self.page.evaluate(seen.WATCH, player.card.message.ts)
        self._looking = (at, time.monotonic())
        return await self._turn(at, step, player)

    async def finish_look(self) -> None:
        """What the last step that is over must show is on the page."""
        if self._looking is None:
            return
        at, self._looking = self._looking[0], None
        step = self.scenario.steps[at]
        look = getattr(self, f"_see_{step.verb}", None)
        if look is None or self._player is None:
            return
        try:
            await look(getattr(step, step.verb), self._player)
        except AssertionError as error:
            raise AssertionError(f"step {at + 1} ({caption(step)}) isn't seen on the page: {error}") from error
        self.looked.add(at)

    # -- what must be seen ------------------------------------------------------------------------

    async def _see_expect_card(self, wanted: schema.ExpectCard, player: Player) -> None:
        card = player.card
        assert card is not None
        ts, containing = card.message.ts, player.filled(wanted.containing)
        if await self.page.evaluate("window.painted === undefined") or wanted.new:
            await self.page.evaluate(seen.WATCH, ts)

        def lacks(one: Sight) -> list[str]:
            return one.lacks(containing, wanted.without, wanted.buttons, wanted.no_buttons)

        async def look() -> bool:
            return any(one.text and not lacks(one) for one in await seen.painted(self.page))

        states: list[Sight] = []
        try:
            await seen.until(look, SLACK, lambda _: "")
        except AssertionError:
            states = await seen.painted(self.page)
        assert not states, f"the card lacks {lacks(states[-1])}; it was painted so: {states}"
        await self.page.evaluate("window.watching.disconnect(), window.painted = undefined")

    async def _see_told(self, told: schema.Told, player: Player) -> None:
        (to,) = player.filled((told.to,))
        await self.person.become(to)
        ts = await self.person.is_told(player.filled(told.containing), SLACK)
        # Nobody else sees it: neither whoever was told something else, nor an approver.
        other = "li" if to != "li" else "ana"
        await self.person.become(other)
        assert ts not in await seen.shown(self.page), f"@{other} sees what @{to} alone is told"
        await self.person.become(to)

    async def _see_thread(self, thread: schema.Thread, player: Player) -> None:
        assert player.card is not None
        await self.person.sees_thread(player.card.message.ts, player.filled(thread.containing), SLACK)

    async def _see_expect_cards(self, expected: schema.ExpectCards, _player: Player) -> None:
        owed = {number for one in self.world.alertmanager.deliveries for number in one.answer.get("incidents", [])}
        there: dict[str, Sight] = {}

        async def look() -> bool:
            there.update(await seen.shown(self.page))
            said = " ".join(one.text for one in there.values())
            return owed <= {int(number) for number in re.findall(r"INC-(\d+)", said)}

        await seen.until(look, SLACK, lambda _: f"of {sorted(owed)} some are neither on a card nor in the digest")
        cards = (
            await self.page.locator("#messages .message:has(.b-header)").filter(has_text=re.compile(r"INC-\d+")).count()
        )
        digests = [one for one in self.world.slack.messages("digest:") if one.ts in there]
        assert expected.count in (None, cards), f"{cards} cards are shown"
        assert not expected.digest or digests, "the digest isn't shown"

    async def _see_tell(self, _tell: schema.Tell, player: Player) -> None:
        broken = {one.breakage.name: one for one in self.world.broken}
        told = TOLD.findall(player.transcript.text)
        assert len(told) == len(broken)
        cards = {card.incident: card.message.ts for card in self.world.slack.cards()}

        async def lacks(number: str, name: str) -> list[str]:
            await self.page.evaluate(seen.WATCH, cards[int(number)])
            found = (await self.page.evaluate("window.painted"))[-1]
            lines = [seen.plain(line) for line in found["text"].split("\n")]
            return list(telling.lacking(lines, [seen.plain(one) for one in found["buttons"]], broken[name]))

        for number, name in told:

            async def look(number: str = number, name: str = name) -> bool:
                return not await lacks(number, name)

            await seen.until(look, SLACK, lambda _, name=name: f"the card of {name} doesn't say what is broken")

    async def everything_is_shown(self) -> None:
        """Each message of the channel that the headless reader reads is shown whole, but for its moments."""
        space = self.world.slack_server.workspace
        said = [one for one in space.messages(self.world.slack.channel)[-500:] if message_key(one)]

        async def missing() -> list[str]:
            there = await seen.shown(self.page)
            return [
                f"{message_key(one)}: {piece}"
                for one in said
                for piece in seen.pieces(one, space)
                if piece not in there.get(one.ts, Sight("")).text
            ]

        async def look() -> bool:
            return not await missing()

        try:
            await seen.until(look, SLACK, lambda _: "")
        except AssertionError:
            left = await missing()
            assert not left, f"the page doesn't show {left}"

    # -- the viewer's side ------------------------------------------------------------------------

    async def go(self, playing: asyncio.Task[None]) -> None:
        """Through all steps; ends when the tour has ended."""
        done = -1
        while not playing.done():
            gate = self.tour.gate
            if not gate.waiting or gate.at == done:
                await asyncio.sleep(0.02)
                continue
            done = gate.at
            await self._step(done)
        await playing
        await self.finish_look()

    async def _step(self, at: int) -> None:
        step = self.scenario.steps[at]
        words = self.page.locator("#tour").get_by_role("status")
        told = caption(step).rstrip(".").partition(" on the card")[0]
        await expect(words).to_contain_text(" ".join(told.split()), timeout=PATIENCE)
        if step.verb not in OWN_HAND:
            await self.page.locator("#tour").get_by_role("button", name="Step").click(timeout=PATIENCE)
            return
        act = getattr(step, step.verb)
        await getattr(self, f"_do_{step.verb}")(act, await words.inner_text())
        await self._until_taken(at)

    async def _until_taken(self, at: int) -> None:
        async def look() -> bool:
            return at in self.tour.gate.by_viewer

        said = self.page.locator("#said")
        try:
            await seen.until(look, SLACK, lambda _: "")
        except AssertionError:
            shown = await said.inner_text() if await said.is_visible() else "nothing"
            raise AssertionError(f"step {at + 1} was done on the page and isn't over; the page says {shown}") from None

    async def _do_press(self, press: schema.Press, words: str) -> None:
        found = re.search(r"on the card of INC-(\d+)", words)
        assert found, f"the caption doesn't name the card: {words}"
        incident, at = int(found[1]), self.tour.gate.at  # the next one may be on before the press has returned
        await self.person.become(press.by[0])
        if len(press.by) == 1:
            hurried = in_slacks_time(self.world.slack_server) if press.unheard else nullcontext()
            with hurried:
                await self.person.press(incident, press.button)
                await self._until_taken(at)
            return
        async with AsyncExitStack() as stack:
            people = [self.person]
            for name in press.by[1:]:
                page = await stack.enter_async_context(opened(self.browser, self.world.slack_server.url))
                people.append(self._at(page))
                await people[-1].become(name)
            aimed = [await one.aim(incident, press.button) for one in people]
            with patch.object(race, "TOGETHER", PATIENT):
                await asyncio.gather(*(one.click(timeout=PATIENCE) for one in aimed))
                await self._until_taken(at)

    async def _do_submit(self, submit: schema.Submit, _words: str) -> None:
        await self._in_front_of(submit.by)
        await self.person.sees_view(self._filled(submit.containing), SLACK)
        await self.person.submit(submit.values)

    async def _do_view(self, view: schema.ViewShown, _words: str) -> None:
        await self._in_front_of(view.by)
        await self.person.sees_view(self._filled(view.containing), view.within + SLACK)
        await self.person.close()

    async def _do_slash(self, slash: schema.Slash, _words: str) -> None:
        await self.person.become(slash.by)
        await self.person.slash(slash.line)

    async def _do_post(self, post: Post, _words: str) -> None:
        await self.person.become(post.by)
        card = self._player.card if self._player is not None else None
        await self.person.write(post.text, card.message.ts if post.thread and card is not None else "")

    async def _do_react(self, react: React, _words: str) -> None:
        await self.person.become(react.by)
        said = self.world.slack.saying(react.to)
        await self.person.react(said.ts, react.name, said.thread_ts or "", away=react.away)

    async def _do_shortcut(self, shortcut: Shortcut, _words: str) -> None:
        await self.person.become(shortcut.by)
        said = self.world.slack.saying(shortcut.to)
        await self.person.choose_shortcut(said.ts, shortcut.name, said.thread_ts or "")

    async def _in_front_of(self, name: str) -> None:
        """A dialog comes to whoever acts already; else one acts as that person first."""
        if self.person.name != name:
            await self.person.become(name)

    def _filled(self, words: schema.Words) -> tuple[str, ...]:
        return self._player.filled(words) if self._player is not None else tuple(words)


@asynccontextmanager
async def toured(tour: Tour, scenario: Scenario, browser: Browser) -> AsyncIterator[tuple[Walk, asyncio.Task[None]]]:
    """The tour plays, its page is open; an error of the page's scripts fails it at the end."""
    walk: asyncio.Future[Walk] = asyncio.get_running_loop().create_future()
    turn = tour.gate.turn

    async def watched(at: int, step: Step, player: Player) -> bool:
        return await (await walk).turn(at, step, player)

    with patch.object(tour.gate, "turn", watched):
        async with tour.running() as playing, opened(browser, tour.world.slack_server.url) as page:
            page.set_default_timeout(PATIENCE)
            walk.set_result(Walk(tour, scenario, browser, page, turn))
            yield walk.result(), playing


async def walk_through(
    scenario: Scenario, browser: Browser, folder: Path, settings: Mapping[str, str] | None = None
) -> Any:
    """Plays it on the page to its end; AssertionError for whatever couldn't be done or wasn't seen there."""
    tour = Tour(scenario, folder, settings=settings)
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    tour.world.options = replace(tour.world.options, extra=measured)
    async with toured(tour, scenario, browser) as (walk, playing):
        await walk.go(playing)
        ended = tour.bar.ended
        assert ended is not None
        assert ended.ok, "\n".join(ended.problems)
        bar = walk.page.locator("#tour")
        await expect(bar.get_by_role("status")).to_contain_text("✓ It ended as it should", timeout=PATIENCE)
        await bar.get_by_text("All steps").click()
        steps = await bar.locator("li").all_inner_texts()
        by_hand = [at for at, step in enumerate(scenario.steps) if step.verb in OWN_HAND]
        assert [at for at, words in enumerate(steps) if words.endswith("by you")] == by_hand
        looks = {at for at, step in enumerate(scenario.steps) if hasattr(walk, f"_see_{step.verb}")}
        assert walk.looked == looks, f"of the looks {looks} these were taken: {walk.looked}"
        await walk.everything_is_shown()
    return ended
