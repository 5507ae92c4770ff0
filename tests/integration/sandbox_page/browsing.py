"""What the tests in a browser share: their marks, and how a page is opened that must not fail by itself."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page

from tests.integration.sandbox_page.card_shots import CHROMIUM

BROWSED = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.chromium,
    pytest.mark.skipif(
        shutil.which(CHROMIUM) is None,
        reason=f"NO BROWSER: {CHROMIUM} is missing, so nothing here was tested (apt-get install chromium)",
    ),
]


def _is_ours(told: ConsoleMessage) -> bool:
    """An error on the console, but for the browser's own note that a server went away."""
    return told.type == "error" and "Failed to load resource" not in told.text


@asynccontextmanager
async def opened(browser: Browser, url: str, width: int = 1280) -> AsyncIterator[Page]:
    """A page at the address; any error of its scripts fails the test at its end."""
    page = await browser.new_page(viewport={"width": width, "height": 800}, timezone_id="Europe/Zagreb")
    page.set_default_timeout(5000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: wrong.append(told.text) if _is_ours(told) else None)
    await page.goto(url)
    yield page
    await page.close()
    assert wrong == []
