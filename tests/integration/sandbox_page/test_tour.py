"""A scenario on the page: its bar, the viewer's own press in place of the player's, and the end."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.sandbox.scenarios import gate as gate_module
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.tour import Tour
from tests.integration.sandbox_page.browsing import BROWSED, LOWEST_CONTRAST, opened
from tests.integration.sandbox_page.person import Person
from tests.patience import PATIENT

pytestmark = BROWSED
SLOW = int(PATIENT * 1000)
WATCHED = {
    "name": "watched",
    "title": "A crash loop, one press",
    "steps": [
        {"crash": {"workload": "shop/api"}},
        {"fire": {"alert": "KubePodCrashLooping", "workload": "shop/api"}},
        {"expect_card": {"containing": ["shop/api"], "buttons": ["Approve"]}},
        {"press": {"button": "Approve", "by": "ana"}},
        {"expect_card": {"containing": ["approved by @ana"]}},
        {"say": "Fettle restarts it and looks whether that helped"},
        {"expect_card": {"containing": ["PASS"], "within": 30}},
    ],
}


@pytest_asyncio.fixture(loop_scope="session")
async def tours(tmp_path: Path) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:

        async def begin(**changed: Any) -> tuple[Tour, asyncio.Task[None]]:
            tour = Tour(Scenario.model_validate({**WATCHED, **changed}), tmp_path)
            return tour, await stack.enter_async_context(tour.running())

        yield begin


async def test_the_viewer_steps_presses_approve_themselves_and_plays_to_the_end(
    tours: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the keyboard where it can be; on a phone nothing of it is wider than the screen, its title is one line."""
    monkeypatch.setattr(gate_module, "READING", 0.3)
    title = "A crash loop, and what one press of somebody who may approve does about it, with the end that it has"
    tour, playing = await tours(title=title)
    async with opened(browser, tour.world.slack_server.url, width=390) as page:
        bar = page.get_by_role("region", name="Scenario")
        words = bar.get_by_role("status")
        await expect(words).to_contain_text("Pods of shop/api crash, again and again.", timeout=SLOW)
        await expect(bar).to_contain_text("step 1 of 7")
        step = bar.get_by_role("button", name="Step")
        await step.focus()
        await page.keyboard.press("Enter")
        await expect(words).to_contain_text("Alertmanager fires KubePodCrashLooping for shop/api.", timeout=SLOW)
        await page.keyboard.press("Enter")
        # What is only looked at goes by itself; it holds where a person acts.
        await expect(words).to_contain_text("Now act as ana and press Approve on the card", timeout=SLOW)
        await expect(step).to_be_focused()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        head, first = await bar.locator(".tour-title").bounding_box(), await step.bounding_box()
        assert head is not None
        assert first is not None
        assert head["y"] < first["y"] < head["y"] + 30, "one line, and the buttons follow"
        await _no_text_is_faint(page)
        card = page.locator("#messages .message").filter(has_text="INC-1")
        await card.get_by_role("button", name="Approve restart").click()
        await page.get_by_role("dialog").get_by_role("button", name="Restart").click()
        await expect(words).to_contain_text("Fettle restarts it and looks", timeout=SLOW)
        await bar.get_by_text("All steps").click()
        await expect(bar.locator("details").get_by_text(title)).to_be_visible()
        await expect(bar.locator("li", has_text="Now act as ana")).to_contain_text("by you")
        await bar.get_by_role("button", name="Play").focus()
        await page.keyboard.press("Enter")
        await expect(words).to_contain_text("✓ It ended as it should", timeout=SLOW)
        await expect(words).to_be_focused()
        await expect(bar.get_by_role("button")).to_have_count(0)
        await expect(card).to_contain_text("PASS")
        await _no_text_is_faint(page)
    await playing
    assert tour.bar.ended.ok
    assert "@ana press" not in tour.bar.ended.transcript.text, "the player left it to the viewer"


async def test_with_a_dialog_in_front_one_may_close_it_where_it_is_only_seen_and_let_the_player_submit(
    tours: Any, browser: Browser
) -> None:
    """The bar stands in the dialog meanwhile, for beside one nothing can be pressed; nothing moves for its sake."""
    opening = {"press": {"button": "Reject", "by": "ana"}}
    steps = [
        *WATCHED["steps"][:3],
        opening,
        {"view": {"by": "ana", "containing": ["Reason"]}},
        opening,
        {"submit": {"by": "ana", "values": {"Reason": "It is a drill."}}},
        {"expect_card": {"containing": ["Rejected", "It is a drill."]}},
    ]
    tour, playing = await tours(steps=steps)
    async with opened(browser, tour.world.slack_server.url, width=390) as page:
        person = Person(page, tour.world.slack_server.workspace, "C0ONCALL")
        bar = page.get_by_role("region", name="Scenario")
        words, step = bar.get_by_role("status"), bar.get_by_role("button", name="Step")
        for said in ("crash, again", "fires KubePodCrashLooping", "press Reject on the card of INC-1"):
            await expect(words).to_contain_text(said, timeout=SLOW)
            if "press" not in said:
                await step.click()
        top = await page.locator("#room").bounding_box()
        await person.press(1, "Reject")
        await expect(words).to_contain_text("has a dialog that says “Reason”, and close it (or Step", timeout=SLOW)
        over, dialog = await bar.bounding_box(), await person.view.bounding_box()
        assert over["y"] == 0
        assert over["y"] + over["height"] <= dialog["y"] < 844
        assert await page.locator("#room").bounding_box() == top
        await _no_text_is_faint(page)
        await person.close()
        await expect(words).to_contain_text("press Reject on the card", timeout=SLOW)
        assert await page.locator("#room").bounding_box() == top
        await person.press(1, "Reject")
        await expect(words).to_contain_text("Reason: “It is a drill.”", timeout=SLOW)
        await step.focus()
        await page.keyboard.press("Enter")
        await expect(words).to_contain_text("✓ It ended as it should", timeout=SLOW)
        await expect(page.locator("dialog[open]")).to_have_count(0)
        await expect(bar.locator("li", has_text="has a dialog")).to_contain_text("by you")
        await expect(bar.locator("li", has_text="submit the dialog")).not_to_contain_text("by you")
    await playing
    assert tour.bar.ended.ok


async def test_it_plays_by_itself_and_says_why_where_it_ends_otherwise(
    tours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "PRESSING", 0.1)
    typed = {"slash": {"by": "bo", "line": "/incident list"}}
    wrong = {"expect_card": {"containing": ["a word that no card says"], "within": 0.1}}
    async with asyncio.timeout(PATIENT):
        tour, playing = await tours(steps=[typed, wrong, {"say": "never"}])
        tour.gate.play()
        await playing
    assert "@bo types /incident list" in tour.bar.ended.transcript.text
    html = tour.bar.html()
    assert "✗ It did not end as it should." in html
    assert "step 2 (expect_card): No card said" in html
    states = re.findall(r'<li class="tour-(\w+)"', html)
    assert states == ["done", "wrong", "later"]


async def _no_text_is_faint(page: Page) -> None:
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        contrast, words = await page.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, f"{words!r} has {contrast:.2f} in {scheme}"


async def test_a_page_without_a_scenario_has_no_bar_to_press(page: Page) -> None:
    await expect(page.get_by_role("region", name="Scenario")).to_have_count(0)
    answer = await page.request.post(f"{page.url.split('/?')[0].rstrip('/')}/page/panel/tour/play", data={})
    assert "There is no panel tour here." in await answer.text()
