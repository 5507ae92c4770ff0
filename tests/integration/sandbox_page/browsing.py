"""What the tests in a browser share: their marks, and how a page is opened that must not fail by itself."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.integration.sandbox_page.card_shots import CHROMIUM
from tests.patience import PATIENT

expect.set_options(timeout=1000 * PATIENT)

# The lowest contrast of any text on its ground, with its words, by WCAG 2's formula.
LOWEST_CONTRAST = """() => {
  const parse = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    // A mixed colour is told in parts of one.
    return text.startsWith("color(") ? parts.map((part, index) => (index < 3 ? part * 255 : part)) : parts;
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let lowest = [21, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.matches("script, .sr")) continue;
    const pair = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < lowest[0]) lowest = [contrast, node.data.trim()];
  }
  return lowest;
}"""

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
    page.set_default_timeout(1000 * PATIENT)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: wrong.append(told.text) if _is_ours(told) else None)
    await page.goto(url)
    yield page
    await page.close()
    assert not wrong, "\n".join(wrong)
