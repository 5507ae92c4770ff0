"""The cluster beside Slack: pods as they roll, and what one press breaks, in a real Chromium."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.sandbox.harms import Harm
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.page.panels.cluster import ClusterPanel
from bot.sandbox.page.routes import add_page
from bot.sandbox.slack.server import SlackServer
from tests.integration.sandbox_page.browsing import BROWSED, LOWEST_CONTRAST, opened

pytestmark = BROWSED


class Place:
    """A cluster that lives, and what its panel told of."""

    def __init__(self) -> None:
        self.cluster = Cluster(ready_after=0.2)
        self.cluster.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.1")
        self.cluster.deployment("shop", "web", replicas=2)
        self.cluster.advance(120)
        self.server = SlackServer()
        self.owed: list[tuple[str, str, str]] = []
        self.broken: list[str] = []

    def owe(self, harm: Harm, workload: str, _shows: Callable[[], bool], node: str) -> None:
        """As the demo is told of a harm."""
        self.owed.append((harm.alert, workload, node))

    async def breaks(self, name: str) -> str:
        """As the world breaks."""
        self.broken.append(name)
        return f"Broken: {name}."


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def place() -> AsyncIterator[Place]:
    made = Place()
    add_page(made.server, panels=[ClusterPanel(made.cluster, made.owe, made.breaks)])
    await made.server.start()
    running = asyncio.create_task(made.cluster.run())
    try:
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await made.server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def page(place: Place, browser: Browser) -> AsyncIterator[Page]:
    async with opened(browser, place.server.url, width=1440) as shown:
        yield shown


async def test_pods_change_colour_in_their_place_while_a_bad_image_rolls_out(place: Place, page: Page) -> None:
    card = page.get_by_role("region", name="Deployment shop/api")
    await expect(card).to_contain_text("3/3 ready")
    stays = await card.locator(".tile.s-ok").first.element_handle()
    await page.get_by_label("Workload to break").select_option("shop/api")
    await page.get_by_role("button", name="Next image crashes").click()
    await expect(page.get_by_role("alert")).to_contain_text("KubePodCrashLooping follows as soon as it shows.")
    await expect(card.locator(".tile.s-bad")).to_contain_text("Crash loop")
    await expect(card).to_contain_text("revision 2")
    await expect(card).to_contain_text("rolling out: ReplicaSetUpdated")
    await expect(page.get_by_role("tabpanel")).to_contain_text("BackOff")
    assert stays is not None
    assert await stays.evaluate("tile => tile.isConnected && tile.classList.contains('s-ok')")
    assert place.owed[-1] == ("KubePodCrashLooping", "shop/api", "")
    # What was chosen is still chosen, although the panel has changed many times.
    await expect(page.get_by_label("Workload to break")).to_have_value("shop/api")
    await page.get_by_role("button", name="Put right").click()
    await expect(card).to_contain_text("3/3 ready")
    await expect(card).to_contain_text("rolled out")


async def test_a_node_that_is_down_is_told_with_its_word_and_its_pods(place: Place, page: Page) -> None:
    await page.get_by_label("Workload to break").select_option("shop/web")
    await page.get_by_role("button", name="Node down").click()
    await expect(page.locator(".tile", has_text="node-").filter(has_text="Not ready")).to_have_count(1)
    await expect(page.get_by_role("region", name="Deployment shop/web")).not_to_contain_text("2/2 ready")
    alert, workload, node = place.owed[-1]
    assert (alert, workload) == ("KubeNodeNotReady", "shop/web")
    assert node.startswith("sandbox-node-")
    await page.get_by_role("button", name="Put right").click()
    await expect(page.get_by_role("region", name="Deployment shop/web")).to_contain_text("2/2 ready")


async def test_a_breakage_with_a_past_is_chosen_from_the_list(place: Place, page: Page) -> None:
    more = page.get_by_text("more ways, each with its past")
    await more.click()
    await page.get_by_label("Way to break").select_option("quota-full")
    place.cluster.deployment("shop", "extra", replicas=1)
    await expect(page.get_by_role("region", name="Deployment shop/extra")).to_contain_text("1/1 ready")
    # It is open still, and the choice is too.
    await page.get_by_role("button", name="Break", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Broken: quota-full.")
    place.cluster.delete("Deployment", "shop", "extra")


async def test_many_pods_are_marks_whose_words_can_be_read_aloud(place: Place, page: Page) -> None:
    place.cluster.deployment("shop", "crowd", replicas=60)
    card = page.get_by_role("region", name="Deployment shop/crowd")
    await expect(card.locator(".tile.s-ok")).to_have_count(60)
    await expect(card.get_by_role("listitem").first).to_contain_text("Ready · revision 1 · on sandbox-node-")
    place.cluster.delete("Deployment", "shop", "crowd")
    await expect(card).to_have_count(0)


async def test_the_panel_is_closed_and_opened_and_fills_a_phone(page: Page) -> None:
    side = page.get_by_role("complementary", name="Beside Slack")
    await page.get_by_role("button", name="Close panels").click()
    await expect(side).to_be_hidden()
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.get_by_role("button", name="Cluster", exact=True).click()
    await expect(side).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.set_viewport_size({"width": 1024, "height": 800})
    await expect(side).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 1024


async def test_every_text_of_the_panel_has_the_contrast_of_wcag_aa(place: Place, page: Page) -> None:
    await page.get_by_role("button", name="Missing image").click()
    await expect(page.locator(".tile.s-bad")).to_contain_text("No image")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.wait_for_timeout(400)  # the tiles fade into their colours
        contrast, words = await page.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, f"{words!r} has {contrast:.2f} in {scheme}"
    await page.get_by_role("button", name="Put right").click()
    await expect(page.locator(".tile.s-bad")).to_have_count(0)
    place.owed.clear()
