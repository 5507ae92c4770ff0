"""What makes the page fit for a phone at night: sizes, places, the focus, and that nothing moves by itself."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.integration.sandbox_page.browsing import BROWSED, opened
from tests.integration.sandbox_page.conftest import REASON_VIEW, SAMPLES, World, words

pytestmark = BROWSED
# What can be pressed and is smaller than a finger, or has no name; a box counts with its label.
_TOO_SMALL = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, summary, [role=option]")]
  .filter((one) => one.checkVisibility() && !one.matches(".skip"))
  .map((one) => {
    const box = ((one.matches("[type=checkbox], [type=radio]") && one.closest("label")) || one).getBoundingClientRect();
    const named = one.ariaLabel || (one.labels && one.labels.length) || one.textContent.trim() || one.title;
    return box.width && (box.height < 39.5 || !named) ? `${one.outerHTML.slice(0, 90)} ${box.height}` : "";
  })
  .filter(Boolean)"""
_BEYOND = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.checkVisibility() && !one.closest(".b-table, pre, svg, .sr, .skip, .tabs"))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 90))"""
_WATCH_SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shifts += one.value; })
    .observe({ type: "layout-shift" });
}"""
_NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_FROM_END = (
    "() => { const at = document.getElementById('messages'); return at.scrollHeight - at.scrollTop - at.clientHeight; }"
)


def card(name: str = "proposed", **changed: str) -> list[dict[str, Any]]:
    """A sample card's blocks, with some words changed."""
    (sample,) = [one for one in json.loads(SAMPLES.read_text()) if one["name"] == name]
    text = json.dumps(sample["blocks"], ensure_ascii=False)
    for old, new in changed.items():
        text = text.replace(old.replace("_", " "), new)
    blocks: list[dict[str, Any]] = json.loads(text)
    return blocks


@pytest_asyncio.fixture(loop_scope="session")
async def phone(world: World, browser: Browser) -> AsyncIterator[Page]:
    async with opened(browser, world.server.url, width=390) as shown:
        await shown.set_viewport_size({"width": 390, "height": 844})
        yield shown


async def _fits(page: Page) -> None:
    assert await page.evaluate(_TOO_SMALL) == []
    for width in (390, 320):  # 320 px is what is left of 640 at a zoom of 200 %
        await page.set_viewport_size({"width": width, "height": 844})
        await page.evaluate(_NEXT_FRAME)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(_BEYOND) == []
    await page.set_viewport_size({"width": 640, "height": 400})  # 1280 px at a zoom of 200 %
    await page.evaluate(_NEXT_FRAME)
    assert await page.locator(".bar").evaluate("bar => bar.getBoundingClientRect().height") < 60, "one row"
    await page.set_viewport_size({"width": 390, "height": 844})


async def test_on_a_phone_all_that_is_pressed_has_a_fingers_height_and_a_name_and_nothing_is_beyond_the_edge(
    world: World, phone: Page
) -> None:
    ts = await world.post_card("verified")
    await world.client.reactions_add(channel="C0ONCALL", timestamp=ts, name="eyes")
    await world.post_card()
    await expect(phone.get_by_role("button", name="Approve restart")).to_be_visible()
    await _fits(phone)
    await phone.get_by_label("What to do next").click()
    await expect(phone.get_by_text("Press Approve restart.")).to_be_in_viewport(ratio=1)
    await _fits(phone)
    await phone.keyboard.press("Escape")
    await phone.get_by_role("button", name="Message menu").last.click()
    await _fits(phone)
    await phone.keyboard.press("Escape")
    await phone.get_by_role("button", name="Reject").click()
    await expect(phone.get_by_role("dialog", name="Reject the restart")).to_be_visible()
    await _fits(phone)


async def test_the_menu_of_a_message_at_the_edge_is_whole_and_closes_without_losing_the_focus(
    world: World, phone: Page
) -> None:
    options = [{"text": words(f"Report number {number}"), "value": str(number)} for number in range(4)]
    row = [{"type": "button", "action_id": f"b{number}", "text": words("Press")} for number in range(3)]
    await world.post(text="x", blocks=[
        {"type": "actions", "elements": [*row, {"type": "overflow", "action_id": "o", "options": options}]}
    ])  # fmt: skip
    more = phone.get_by_label("More actions")
    await more.focus()
    await phone.keyboard.press("Enter")
    last = phone.get_by_role("button", name="Report number 3")
    await expect(last).to_be_in_viewport(ratio=1)
    await phone.keyboard.press("ArrowUp")
    await expect(last).to_be_focused()
    await phone.keyboard.press("Escape")
    await expect(last).to_be_hidden()
    await expect(more).to_be_focused()


async def _below(field: Locator, option: Locator) -> bool:
    above, below = await field.bounding_box(), await option.bounding_box()
    assert above is not None
    assert below is not None
    return abs(above["x"] - below["x"]) < 20 and 0 <= below["y"] - above["y"] - above["height"] < 20


async def test_an_open_list_stays_at_its_field_when_the_screen_turns(world: World, page: Page) -> None:
    await world.post_card()
    await page.get_by_role("button", name="Reject").click()
    modal = page.get_by_role("dialog", name="Reject the restart")
    field, option = modal.get_by_label("Workload"), modal.get_by_role("option", name="shop/web")
    await field.fill("we")
    await expect(option).to_be_visible()
    assert await _below(field, option)
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.wait_for_timeout(100)
    assert await _below(field, option)


async def test_the_focus_comes_back_to_what_was_pressed_and_never_stays_in_what_is_gone(
    world: World, page: Page
) -> None:
    await world.post_card()
    reject = page.get_by_role("button", name="Reject")
    await reject.focus()
    await page.keyboard.press("Enter")
    modal = page.get_by_role("dialog", name="Reject the restart")
    await expect(modal).to_be_visible()
    (view,) = world.server.workspace.open_views("U0ANA")
    waiting = {**REASON_VIEW, "blocks": [{"type": "section", "text": words("One moment")}]}
    await world.client.views_update(view_id=view.id, view=waiting)
    await expect(modal).to_contain_text("One moment")
    await world.client.views_update(view_id=view.id, view=REASON_VIEW)
    await expect(modal.get_by_label("Reason")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(modal).to_be_hidden()
    await expect(reject).to_be_focused()


async def test_a_press_keeps_the_focus_while_it_is_under_way_and_counts_once(world: World, page: Page) -> None:
    await world.post_card()
    acknowledge = page.get_by_role("button", name="Acknowledge")
    await acknowledge.focus()
    await acknowledge.evaluate("button => { button.click(); button.click(); }")
    await expect(acknowledge).to_be_focused()
    await expect(page.locator("#messages")).to_contain_text("noted: ack")
    await expect(acknowledge).to_be_focused()
    assert len(world.heard.actions) == 1


async def test_an_edit_of_the_same_size_moves_nothing_and_is_not_read_out(world: World, page: Page) -> None:
    ts = await world.post_card()
    await expect(page.get_by_role("button", name="Approve restart")).to_be_visible()
    item = page.locator("#messages .item").last
    assert await item.get_attribute("aria-live") is None, "a new message is read out"
    await page.wait_for_timeout(200)
    await page.evaluate(_WATCH_SHIFTS)
    for minutes in ("8 min", "9 min"):
        await world.client.chat_update(channel="C0ONCALL", ts=ts, text="x", blocks=card(**{"7_min": minutes}))
        await expect(item).to_contain_text(minutes)
    await page.wait_for_timeout(100)
    assert await page.evaluate("shifts") < 0.001
    await expect(item).to_have_attribute("aria-live", "off")


async def test_whoever_reads_the_end_still_does_when_the_screen_turns(world: World, phone: Page) -> None:
    world.server.enforce_rates = False
    for name in ("verified", "proposed", "verified", "proposed", "verified"):
        await world.post_card(name)
    await expect(phone.locator("#messages .message")).to_have_count(5)
    for width, height in ((844, 390), (390, 844), (1024, 768), (390, 500)):
        await phone.set_viewport_size({"width": width, "height": height})
        await phone.wait_for_timeout(300)
        assert await phone.evaluate(_FROM_END) < 3


async def test_the_column_goes_away_with_escape_or_a_press_beside_it(phone: Page) -> None:
    opener, room = phone.get_by_role("button", name="Channels"), phone.get_by_role("link", name="Fettle Home")
    await opener.click()
    await expect(room).to_be_visible()
    await phone.keyboard.press("Escape")
    await expect(room).to_be_hidden()
    await expect(opener).to_be_focused()
    await opener.click()
    await phone.mouse.click(380, 500)
    await expect(room).to_be_hidden()


@pytest.mark.parametrize(("label", "value"), [("Helped", "up"), ("Didn't", "down")])
async def test_feedback_buttons_tell_which_was_pressed(world: World, page: Page, label: str, value: str) -> None:
    votes = {
        "type": "feedback_buttons", "action_id": "ack",
        "positive_button": {"text": words("Helped"), "value": "up"},
        "negative_button": {"text": words("Didn't"), "value": "down"},
    }  # fmt: skip
    await world.post(text="x", blocks=[{"type": "context_actions", "elements": [votes]}])
    await page.get_by_role("button", name=label).click()
    await expect(page.locator("#messages")).to_contain_text("noted: ack")
    assert world.heard.actions[0]["actions"][0]["value"] == value
