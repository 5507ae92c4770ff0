"""Every scenario in a browser: its presses are made on the page, and what a person would see is seen there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from bot.sandbox.scenarios import schema
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.slack_room import SlackRoom
from tests.chance import most
from tests.integration.sandbox_page.browsing import BROWSED
from tests.integration.sandbox_page.form_view import GOT, PUT, bare
from tests.integration.sandbox_page.person import Person
from tests.integration.sandbox_page.walk import walk_through

pytestmark = BROWSED
AT_ONCE = 4
"""Side by side in one browser: a scenario mostly waits."""
ALWAYS = ("glass-broken", "two-press-at-once")
"""Every kind of act on a message, and everything that is told to one person, in the shortest that has it."""


@pytest.mark.timeout(3000)
async def test_scenarios_are_walked_through_on_the_page(browser: Browser, tmp_path: Path) -> None:
    everything = schema.load_all()
    others = [one for name, one in everything.items() if name not in ALWAYS]
    scenarios = [*map(everything.__getitem__, ALWAYS), *most(others, 1)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(scenario: Scenario) -> None:
        async with gate:
            folder = tmp_path / scenario.name
            folder.mkdir()
            await walk_through(scenario, browser, folder)

    ends = await asyncio.gather(*(one(scenario) for scenario in scenarios), return_exceptions=True)
    bad = [f"{scenario.name}: {end}" for scenario, end in zip(scenarios, ends, strict=True) if end is not None]
    assert not bad, "\n\n".join(bad)


async def test_an_input_of_every_kind_is_filled_in_by_its_label(world: Any, page: Page) -> None:
    """A scenario may submit any of them, so a person must be able to; the headless player puts the same in."""
    person = Person(page, world.server.workspace, "C0ONCALL")
    await person.become("ana")
    await person.slash("/form")
    await person.sees_view(["Every kind"], 10)
    await person.submit(PUT)
    await expect(person.view).to_be_hidden()
    assert bare(world.heard.submitted[0]) == GOT
    await world.server.slash("U0BO", "C0ONCALL", "/form")
    by_value = dict(zip(PUT, GOT.values(), strict=True))
    await SlackRoom(world.server).submit("bo", by_value)
    assert bare(world.heard.submitted[1]) == GOT
