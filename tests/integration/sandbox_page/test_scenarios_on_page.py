"""Every scenario in a browser: its presses are made on the page, and what a person would see is seen there."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.sandbox.scenarios import schema
from bot.sandbox.scenarios.schema import Scenario
from tests.chance import most
from tests.integration.sandbox_page.browsing import BROWSED
from tests.integration.sandbox_page.walk import walk_through

pytestmark = BROWSED
AT_ONCE = 4
"""Side by side in one browser: a scenario mostly waits."""


@pytest.mark.timeout(1200)
async def test_scenarios_are_walked_through_on_the_page(browser: Browser, tmp_path: Path) -> None:
    scenarios = most(list(schema.load_all().values()), 4)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(scenario: Scenario) -> None:
        async with gate:
            folder = tmp_path / scenario.name
            folder.mkdir()
            await walk_through(scenario, browser, folder)

    ends = await asyncio.gather(*(one(scenario) for scenario in scenarios), return_exceptions=True)
    bad = [f"{scenario.name}: {end}" for scenario, end in zip(scenarios, ends, strict=True) if end is not None]
    assert not bad, "\n\n".join(bad)
