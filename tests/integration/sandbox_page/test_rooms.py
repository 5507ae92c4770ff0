"""The column of channels, direct messages and the app, the message's menu, and acting as somebody else."""

import re

from playwright.async_api import Page, expect

from tests.integration.sandbox_page.browsing import BROWSED
from tests.integration.sandbox_page.conftest import World

pytestmark = BROWSED


async def test_app_home_is_drawn_when_it_is_opened_and_its_buttons_act(world: World, page: Page) -> None:
    await page.get_by_role("link", name="Fettle Home").click()
    await expect(page.get_by_text("The tab of U0ANA")).to_be_visible()
    await expect(page.get_by_label("Message or slash command")).to_be_hidden()
    await page.get_by_role("button", name="Freeze").click()
    await expect(page.get_by_role("button", name="Freeze")).to_be_enabled()
    assert world.heard.actions[0]["view"]["type"] == "home"
    await page.go_back()
    await expect(page.get_by_text("Nothing here yet.")).to_be_visible()


async def test_whoever_acts_as_somebody_else_sees_that_persons_home_and_direct_message(
    world: World, page: Page
) -> None:
    await world.client.chat_postMessage(channel="U0ANA", text="For Ana alone.")
    await page.get_by_role("link", name="Fettle 1 for you").click()
    await expect(page.locator("#messages")).to_contain_text("For Ana alone.")
    await expect(page.get_by_text("Sending messages to this app has been turned off.")).to_be_visible()
    await page.get_by_label("Act as").select_option("U0LI")
    await expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    await page.get_by_role("link", name="Fettle Home").click()
    await expect(page.get_by_text("The tab of U0LI")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("The tab of U0LI")).to_be_visible()


async def test_what_somebody_missed_is_marked_until_they_look(world: World, page: Page) -> None:
    world.server.workspace.add_channel("C0DEPLOYS", "deploys", members=["U0FETTLE", "U0ANA", "U0LI"])
    deploys = page.get_by_role("link", name=re.compile("#deploys"))
    await expect(deploys).to_have_accessible_name("#deploys")
    await world.client.chat_postMessage(channel="C0DEPLOYS", text="Rolled out.")
    await expect(deploys).to_have_accessible_name("#deploys , not read")
    await world.client.chat_postMessage(channel="C0DEPLOYS", text="<!subteam^S0SRE> have a look, <@U0BO> too")
    await expect(deploys).to_have_accessible_name("#deploys 1 for you")
    await deploys.click()
    await expect(page.locator("#messages")).to_contain_text("have a look")
    await expect(deploys).to_have_accessible_name("#deploys")
    await page.get_by_label("Act as").select_option("U0LI")
    await page.get_by_role("link", name="#oncall").click()
    await page.get_by_label("Act as").select_option("U0ANA")
    await expect(deploys).to_have_accessible_name("#deploys")


async def test_the_menu_of_a_message_offers_its_shortcuts_and_reactions(world: World, page: Page) -> None:
    ts = await world.post(text="What happened at noon")
    await page.get_by_role("button", name="Message menu").click()
    menu = page.get_by_role("menu", name="Message")
    await expect(menu.get_by_role("menuitem", name="Declare an incident")).to_have_count(0)
    await menu.get_by_role("menuitem", name="Note in the timeline").click()
    await expect(menu).to_be_hidden()
    await page.get_by_role("button", name="Message menu").press("Enter")
    await page.keyboard.press("Enter")
    seen = page.get_by_role("button", name="eyes, 1")
    await expect(seen).to_have_attribute("aria-pressed", "true")
    assert world.heard.shortcuts[0]["message_ts"] == ts
    await seen.click()
    await expect(seen).to_have_count(0)


async def test_a_pushpin_is_put_on_and_taken_off_by_keyboard_alone(world: World, page: Page) -> None:
    ts = await world.post(text="What happened at noon")
    await page.get_by_role("button", name="Message menu").press("Enter")
    await expect(page.get_by_role("menuitem", name="React with eyes")).to_be_focused()
    for _ in range(2):
        await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("menuitem", name="React with pushpin")).to_be_focused()
    await page.keyboard.press("Enter")
    mine = page.get_by_role("button", name="pushpin, 1")
    await expect(mine).to_have_attribute("aria-pressed", "true")
    assert world.server.workspace.message("C0ONCALL", ts).reactions == {"pushpin": ["U0ANA"]}
    await mine.press("Enter")
    await expect(mine).to_have_count(0)
    assert world.server.workspace.message("C0ONCALL", ts).reactions == {}


async def test_a_global_shortcut_is_offered_beside_the_commands(world: World, page: Page) -> None:
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.press_sequentially("/decl")
    await line.press("Tab")
    await expect(line).to_have_value("")
    await expect(page.get_by_role("listbox", name="Commands")).to_be_hidden()
    await world.server.workspace.wait_change(world.server.workspace.last_change, 0.5)
    assert world.heard.shortcuts[0]["callback_id"] == "declare"


async def test_a_stranger_sees_nothing_until_invited_and_acts_then(world: World, page: Page) -> None:
    await world.post_card()
    await page.get_by_label("Act as").select_option("U0MALLORY")
    await expect(page.get_by_text("belongs to another workspace and is not in #oncall")).to_be_visible()
    await expect(page.get_by_role("link", name="Fettle Home")).to_have_count(0)
    await page.get_by_role("button", name="Invite Mallory Outside here").click()
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.locator("#messages")).to_contain_text("@mallory, noted: ack")
    assert world.heard.actions[0]["user"]["id"] == "U0MALLORY"


async def test_a_link_to_a_message_opens_it_within_the_page(world: World, page: Page) -> None:
    ts = await world.post(text="The root")
    await world.client.chat_postMessage(channel="C0ONCALL", thread_ts=ts, text="The reply")
    link = (await world.client.chat_getPermalink(channel="C0ONCALL", message_ts=ts))["permalink"]
    await world.post(text=f"see <{link}|there>")
    await page.get_by_label("Act as").select_option("U0BO")
    await page.get_by_role("link", name="there").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread).to_contain_text("The reply")
    await expect(page.get_by_label("Act as")).to_have_value("U0BO")
    await page.goto(link)
    await expect(thread).to_contain_text("The reply")


async def test_what_looks_like_a_real_token_is_refused_and_kept_nowhere(world: World, page: Page) -> None:
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.fill("it is xoxb-123456789012-1234567890123-" + "a" * 24)
    await line.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("looks like a real Slack token")
    assert world.server.workspace.messages("C0ONCALL") == []


async def test_the_column_is_behind_a_button_on_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    link = page.get_by_role("link", name="Fettle Home")
    await expect(link).to_be_hidden()
    await page.get_by_role("button", name="Channels").click()
    await link.click()
    await expect(page.get_by_text("The tab of U0ANA")).to_be_visible()
    await expect(link).to_be_hidden()
