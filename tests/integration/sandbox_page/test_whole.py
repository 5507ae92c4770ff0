"""The page with the bot behind it: a card, its approval, the pods, the audit, faults, as one person goes through them.

One sandbox for all of it, and one browser: the tests build on each other as little as they can, and are few.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.sandbox import demo as demo_module
from bot.sandbox.demo import CRASH, Demo
from bot.sandbox.page.panels.every import beside
from bot.sandbox.page.routes import add_page
from bot.sandbox.world import World, WorldOptions
from tests.integration.sandbox_page.browsing import BROWSED, LOWEST_CONTRAST, opened
from tests.patience import PATIENT

pytestmark = BROWSED
SLOW = int(PATIENT * 1000)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    patch = pytest.MonkeyPatch()
    made = World(folder, WorldOptions(metrics=True, silences=True))
    demo = Demo(made)
    patch.setattr(demo_module, "CLEAR_AFTER", 4.0)
    add_page(made.slack_server, fire=demo.fire, hints=demo.hints, panels=beside(made, demo))
    async with made:
        await made.start_bot()
        await demo.fire(CRASH)
        attending = asyncio.create_task(demo.attend())
        yield made
        attending.cancel()
        with suppress(asyncio.CancelledError):
            await attending
    patch.undo()


@pytest_asyncio.fixture(loop_scope="session")
async def page(world: World, browser: Browser) -> AsyncIterator[Page]:
    async with opened(browser, world.slack_server.url, width=1440) as shown:
        yield shown


async def show(page: Page, panel: str) -> None:
    await page.get_by_role("tab", name=panel).click()


async def test_bo_is_told_why_not_ana_approves_and_all_panels_follow(page: Page) -> None:
    await page.get_by_label("Act as").select_option("U0BO")
    crash = page.locator("#messages .message").filter(has_text="INC-1")
    await crash.get_by_role("button", name="Approve restart").click(timeout=SLOW)
    await page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    await expect(page.locator("#messages")).to_contain_text("Only visible to you", timeout=SLOW)
    await page.get_by_label("Act as").select_option("U0ANA")
    before = await page.locator(".card", has_text="shop/api").locator(".tile").first.get_attribute("title")
    await crash.get_by_role("button", name="Approve restart").click()
    await page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    await expect(crash).to_contain_text("PASS", timeout=SLOW)
    api = page.get_by_role("region", name="Deployment shop/api")
    await expect(api).to_contain_text("revision 2")
    await expect(api).to_contain_text("3/3 ready")
    assert before
    await expect(api.get_by_title(before)).to_have_count(0)
    await show(page, "Audit")
    panel = page.get_by_role("tabpanel")
    await expect(panel).to_contain_text("proposal:approval:granted")
    await expect(panel).to_contain_text("@ana")
    await expect(panel.get_by_text("does not follow")).to_have_count(0)
    await page.get_by_role("button", name="Verify the whole chain").click()
    await expect(page.get_by_role("alert")).to_contain_text("The audit is whole", timeout=SLOW)
    opener = page.get_by_role("button", name="Cluster", exact=True)
    await expect(opener).to_have_attribute("aria-expanded", "true")
    await page.set_viewport_size({"width": 640, "height": 800})
    await expect(panel).to_be_hidden()
    await expect(opener).to_have_attribute("aria-expanded", "false")


async def test_an_alert_fired_from_the_panel_makes_a_card_and_its_end_resolves_it(page: Page) -> None:
    await show(page, "Alerts")
    await page.get_by_label("Alert to fire").select_option("HighLatency")
    await page.get_by_label("What the alert is about").select_option("shop/web")
    await page.get_by_role("button", name="Fire", exact=True).click()
    firing = page.get_by_role("region", name="HighLatency in shop")
    await expect(firing).to_contain_text("warning")
    made = page.locator("#messages .message").filter(has_text="HighLatency")
    await expect(made).to_contain_text("shop/web", timeout=SLOW)
    await firing.get_by_role("button", name="Resolve").click()
    await expect(made).to_contain_text("Resolved", timeout=SLOW)
    await expect(firing).to_have_count(0)
    await expect(page.get_by_role("tabpanel")).to_contain_text("all alerts resolved")


async def test_a_harm_is_told_by_its_alert_and_both_are_over_when_it_is_put_right(page: Page) -> None:
    await page.get_by_label("Workload to break").select_option("pay/ledger")
    await page.get_by_role("button", name="Next image crashes").click()
    made = page.locator("#messages .message").filter(has_text="pay/ledger").filter(has_text="KubePodCrashLooping")
    await expect(made.get_by_role("button", name="Approve rollback")).to_be_visible(timeout=SLOW)
    await page.get_by_role("button", name="Put right").click()
    await expect(page.get_by_role("region", name="Deployment pay/ledger")).to_contain_text("2/2 ready")
    await expect(made).to_contain_text("Resolved", timeout=SLOW)


async def test_a_closed_socket_is_named_and_presses_are_heard_again_when_it_is_open(world: World, page: Page) -> None:
    await show(page, "Faults")
    shut = page.get_by_role("button", name=re.compile("The socket is closed"))
    await shut.click()
    await expect(shut).to_have_attribute("aria-pressed", "true")
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.fill("/incident list")
    await line.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Is the bot running?")
    await shut.click()
    await expect(shut).to_have_attribute("aria-pressed", "false")
    # What could not be sent is in the line still; it is sent once the bot has connected again.
    await expect(line).to_have_value("/incident list")
    await world.slack_server.wait_connected()
    await line.press("Enter")
    await expect(page.locator("#messages .message-private").last).to_contain_text(
        re.compile("incident", re.IGNORECASE), timeout=SLOW
    )


async def test_a_command_without_words_opens_pickers_that_the_cluster_fills(page: Page) -> None:
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.fill("/restart")
    await line.press("Enter")
    modal = page.get_by_role("dialog", name="Restart a workload")
    await modal.get_by_role("button", name="Propose").click(timeout=SLOW)
    await expect(modal.get_by_text("Please complete this required field.")).to_have_count(2)
    await modal.get_by_label("Namespace").click()
    await modal.get_by_role("option", name="shop").click()
    await modal.get_by_label("Workload").fill("we")
    await modal.get_by_role("option", name="web").click()
    await modal.get_by_role("button", name="Propose").click()
    await expect(modal).to_be_hidden()
    await expect(page.locator("#messages .message").last).to_contain_text("shop/web", timeout=SLOW)


async def test_app_home_freezes_through_a_modal_and_thaws_after_asking(page: Page) -> None:
    await page.get_by_role("link", name="Fettle Home").click()
    await page.get_by_role("button", name="Freeze").click(timeout=SLOW)
    modal = page.get_by_role("dialog", name="Freeze all writes?")
    await modal.get_by_label("Reason").fill("a drill")
    await modal.get_by_role("button", name="Freeze").click()
    await expect(page.locator("#home")).to_contain_text("Writes are frozen", timeout=SLOW)
    await page.get_by_role("button", name="Thaw").click()
    await page.get_by_role("dialog", name="Thaw?").get_by_role("button", name="Thaw").click()
    await expect(page.locator("#home")).to_contain_text("Writes aren't frozen", timeout=SLOW)


async def test_no_panel_has_a_text_below_the_contrast_of_wcag_aa(page: Page) -> None:
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for panel in ("Cluster", "Alerts", "Audit", "Faults"):
            await show(page, panel)
            await page.wait_for_timeout(400)  # the tiles fade into their colours
            contrast, words = await page.evaluate(LOWEST_CONTRAST)
            assert contrast >= 4.5, f"{words!r} in {panel} has {contrast:.2f} in {scheme}"
