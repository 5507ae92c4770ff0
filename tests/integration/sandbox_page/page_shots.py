"""Makes the README's pictures of the sandbox: what a newcomer sees, as Chromium draws it.

    python -m tests.integration.sandbox_page.page_shots OUTPUT_FOLDER

It starts a sandbox with the bot, breaks something, approves something, and writes sandbox-rollout.png (light, with the
cluster), sandbox-thread.png (dark, with the evidence and the audit) and sandbox-phone.png. It needs Debian's chromium.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from bot.sandbox.demo import BUTTONS, CRASH, Demo
from bot.sandbox.page.panels.every import beside
from bot.sandbox.page.panels.playbill import Playbill
from bot.sandbox.page.routes import add_page
from bot.sandbox.world import World, WorldOptions
from tests.integration.sandbox_page.card_shots import CHROMIUM, CHROMIUM_ARGS
from tests.patience import PATIENT

PATIENCE = int(PATIENT * 1000)


async def _page(browser: Browser, url: str, width: int, height: int, scheme: str) -> Page:
    page = await browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        timezone_id="Europe/Zagreb",
    )
    page.set_default_timeout(PATIENCE)
    await page.goto(url)
    return page


async def _rollout(browser: Browser, url: str, to: Path) -> None:
    """A bad image on its way out, and the card that offers the way back."""
    page = await _page(browser, url, 1280, 780, "light")
    await page.get_by_label("Workload to break").select_option("pay/ledger")
    await page.get_by_role("button", name="Next image crashes").click()
    card = page.locator("#messages .message").filter(has_text="pay/ledger").filter(has_text="KubePodCrashLooping")
    await expect(card.get_by_role("button", name="Approve rollback")).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("button", name="Dismiss").click()
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(1000)
    await page.screenshot(path=to)
    await page.close()


async def _thread(browser: Browser, url: str, to: Path) -> None:
    """An approved restart with its verdict, its evidence and its entries in the audit."""
    page = await _page(browser, url, 1280, 800, "dark")
    card = page.locator("#messages .message").filter(has_text="INC-1")
    await card.get_by_role("button", name="Approve restart").click()
    await page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    await expect(card).to_contain_text("PASS", timeout=PATIENCE)
    await page.get_by_role("tab", name="Audit").click()
    await expect(page.get_by_role("tabpanel")).to_contain_text("proposal:approval:granted", timeout=PATIENCE)
    await page.wait_for_timeout(1000)
    await card.locator(".message-head").scroll_into_view_if_needed()
    await page.mouse.move(0, 0)
    await page.screenshot(path=to)
    await page.close()


async def _phone(browser: Browser, url: str, to: Path) -> None:
    """The first card on a phone."""
    page = await _page(browser, url, 390, 844, "light")
    await expect(page.get_by_role("button", name="Approve restart")).to_be_visible(timeout=PATIENCE)
    await page.wait_for_timeout(500)
    await page.screenshot(path=to)
    await page.close()


async def shoot(folder: Path) -> None:
    """All pictures, into a folder that exists."""
    with tempfile.TemporaryDirectory(prefix="fettle-shots-") as data:
        world = World(Path(data), WorldOptions(metrics=True, silences=True))
        demo = Demo(world)
        # The bar as `fettle sandbox` shows it; nothing is chosen here, so that there need be nothing to choose from.
        add_page(
            world.slack_server, fire=demo.fire, hints=demo.hints, fires=BUTTONS, panels=beside(world, demo),
            playbill=Playbill({}, "", "", str),
        )  # fmt: skip
        async with world, async_playwright() as playwright:
            await world.start_bot()
            await demo.fire(CRASH)
            attending = asyncio.create_task(demo.attend())
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
            url = world.slack_server.url
            await _phone(browser, url, folder / "sandbox-phone.png")
            await _thread(browser, url, folder / "sandbox-thread.png")
            await _rollout(browser, url, folder / "sandbox-rollout.png")
            await browser.close()
            attending.cancel()
            with suppress(asyncio.CancelledError):
                await attending


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the README's pictures of the sandbox.")
    parser.add_argument("folder", type=Path, help="where the PNGs go; made if missing")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(shoot(asked.folder))
    sys.stdout.write("".join(f"{path}\n" for path in sorted(asked.folder.glob("sandbox-*.png"))))


if __name__ == "__main__":
    main()
