"""The page in a real Chromium: what a newcomer presses and sees."""

import re
from pathlib import Path

from playwright.async_api import Page, expect

from tests.integration.sandbox_page.browsing import BROWSED, LOWEST_CONTRAST
from tests.integration.sandbox_page.conftest import REASON_VIEW, World

pytestmark = BROWSED


async def test_a_card_appears_by_itself_and_approve_asks_first_then_runs(world: World, page: Page) -> None:
    await expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    await world.post_card()
    approve = page.get_by_role("button", name="Approve restart")
    await approve.click()
    confirm = page.get_by_role("dialog", name="Restart shop/api?")
    await expect(confirm).to_contain_text("Restarts 6 pods of shop/api, 25 % at a time.")
    await confirm.get_by_role("button", name="Not now").click()
    await expect(confirm).to_be_hidden()
    assert world.heard.actions == []
    await approve.click()
    await confirm.get_by_role("button", name="Restart").click()
    await expect(page.locator("#messages")).to_contain_text("approved by @ana · running")
    await expect(approve).to_have_count(0)
    assert len(world.heard.actions) == 1


async def test_a_modal_shows_errors_in_place_keeps_what_was_typed_and_closes_when_right(
    world: World, page: Page
) -> None:
    await world.post_card()
    await page.get_by_role("button", name="Reject").click()
    modal = page.get_by_role("dialog", name="Reject the restart")
    reason = modal.get_by_label("Reason")
    await expect(reason).to_be_focused()
    await modal.get_by_role("button", name="Reject").click()
    await expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
    await reason.fill("no")
    await modal.get_by_role("button", name="Reject").click()
    await expect(modal.get_by_text("Say it in a few words.")).to_be_visible()
    await expect(reason).to_have_value("no")
    await expect(reason).to_have_attribute("aria-invalid", "true")
    await reason.fill("It is a config error.")
    await modal.get_by_label("Instead").select_option("rollback")
    await modal.get_by_label("Workload").fill("we")
    await modal.get_by_role("option", name="shop/web").click()
    await modal.get_by_role("button", name="Reject").click()
    await expect(modal).to_be_hidden()
    values = world.heard.submitted[0]
    assert values["why"]["text"]["value"] == "It is a config error."
    assert values["kind"]["one"]["selected_option"]["value"] == "rollback"
    assert values["target"]["find"]["selected_option"]["value"] == "shop/web"


async def test_an_open_list_of_options_moves_nothing_under_the_pointer(world: World, page: Page) -> None:
    await world.post_card()
    await page.get_by_role("button", name="Reject").click()
    modal = page.get_by_role("dialog", name="Reject the restart")
    before = await modal.bounding_box()
    await modal.get_by_label("Workload").fill("w")
    await expect(modal.get_by_role("option", name="shop/web")).to_be_in_viewport()
    assert await modal.bounding_box() == before
    await modal.get_by_role("button", name="Cancel").click()
    await expect(modal).to_be_hidden()


async def test_an_update_of_the_view_loses_nothing_that_is_being_searched_for(world: World, page: Page) -> None:
    await world.post_card()
    await page.get_by_role("button", name="Reject").click()
    modal = page.get_by_role("dialog", name="Reject the restart")
    await modal.get_by_label("Workload").press_sequentially("we")
    (view,) = world.server.workspace.open_views("U0ANA")
    renamed = {**REASON_VIEW["blocks"][-1], "block_id": "target:shop"}
    body = {**REASON_VIEW, "blocks": [{"type": "divider"}, *REASON_VIEW["blocks"][:-1], renamed]}
    await world.client.views_update(view_id=view.id, view=body)
    await expect(modal.get_by_role("separator")).to_have_count(1)
    await expect(modal.get_by_label("Workload")).to_be_focused()
    await expect(modal.get_by_label("Workload")).to_have_value("we")
    await modal.get_by_role("option", name="shop/web").click()
    await expect(modal.get_by_role("button", name="Remove shop/web")).to_be_visible()


async def test_escape_closes_a_modal_on_the_server_too(world: World, page: Page) -> None:
    await world.post_card()
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("dialog", name="Reject the restart")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert world.server.workspace.open_views("U0ANA") == []


async def test_a_slash_command_is_completed_sent_and_answered_for_the_person_alone(world: World, page: Page) -> None:
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.press_sequentially("/re")
    await expect(page.get_by_role("option", name=re.compile("restart namespace.name"))).to_be_visible()
    await line.press("Tab")
    await expect(line).to_have_value("/restart ")
    await line.press_sequentially("shop/api")
    await line.press("Enter")
    await expect(page.locator("#messages")).to_contain_text("Noted: restart shop/api")
    await expect(page.locator("#messages")).to_contain_text("Only visible to you")
    assert world.heard.commands == ["shop/api"]
    await page.get_by_label("Act as").select_option("U0BO")
    await page.wait_for_url("**as=U0BO**")
    await expect(page.get_by_text("Nothing here yet.")).to_be_visible()


async def test_an_unknown_command_is_refused_in_a_sentence_and_kept_in_the_line(world: World, page: Page) -> None:
    world.server.faults.refuse_sockets(100)
    world.server.faults.close_sockets()
    line = page.get_by_role("combobox", name="Message or slash command")
    await line.fill("/restart shop/api")
    await line.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Is the bot running?")
    await expect(line).to_have_value("/restart shop/api")


async def test_a_select_in_a_message_is_told_at_once_and_stays_chosen(world: World, page: Page) -> None:
    await world.post_card()
    await page.get_by_role("combobox", name="Choose").select_option("4h")
    await expect(page.locator("#messages")).to_contain_text("@ana, noted: silence")
    assert world.heard.actions[0]["actions"][0]["selected_option"]["value"] == "4h"
    await expect(page.get_by_role("combobox", name="Choose")).to_have_value("4h")


async def test_the_thread_opens_beside_the_channel_and_takes_replies(world: World, page: Page) -> None:
    ts = await world.post_card()
    await world.client.chat_postMessage(channel="C0ONCALL", thread_ts=ts, text="What changed: *rev 42*")
    await page.get_by_role("button", name=re.compile("1 reply")).click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.locator("strong", has_text="rev 42")).to_be_visible()
    await thread.get_by_label("Reply").fill("looking")
    await thread.get_by_label("Reply").press("Enter")
    await expect(thread.locator(".message").last).to_contain_text("looking")
    await expect(page.get_by_role("button", name=re.compile("2 replies"))).to_be_visible()
    await page.get_by_role("link", name="Fettle Home").click()
    await expect(thread).to_be_hidden()
    await page.go_back()
    await expect(thread.locator(".message").last).to_contain_text("looking")
    await thread.get_by_label("Reply").focus()
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_an_open_thread_stays_when_somebody_else_acts_but_for_who_can_not_see_it(
    world: World, page: Page
) -> None:
    ts = await world.post_card()
    await world.client.chat_postMessage(channel="C0ONCALL", thread_ts=ts, text="What changed: *rev 42*")
    await page.get_by_role("button", name=re.compile("1 reply")).click()
    thread = page.get_by_role("complementary", name="Thread")
    await page.get_by_label("Act as").select_option("U0BO")
    await thread.get_by_label("Reply").fill("looking")
    await thread.get_by_label("Reply").press("Enter")
    await expect(thread.locator(".message").last).to_contain_text("looking")
    assert world.server.workspace.replies("C0ONCALL", ts)[-1].user == "U0BO"
    await page.get_by_label("Act as").select_option("U0MALLORY")
    await expect(thread).to_be_hidden()
    await expect(page.get_by_role("alert")).to_have_text(re.compile("Mallory Outside can't see the thread"))
    await page.get_by_label("Act as").select_option("U0BO")
    await expect(page.get_by_role("button", name=re.compile("2 replies"))).to_be_visible()
    await expect(thread).to_be_hidden()


async def test_an_edit_replaces_its_message_alone_and_keeps_the_focus_there(world: World, page: Page) -> None:
    await world.post(text="above")
    ts = await world.post_card()
    await page.get_by_role("button", name="Acknowledge").focus()
    above = await page.locator("#messages .item").first.element_handle()
    blocks = world.server.workspace.messages("C0ONCALL")[-1].blocks
    await world.client.chat_update(channel="C0ONCALL", ts=ts, text="new", blocks=[*blocks[:3], *blocks[-2:]])
    await expect(page.get_by_role("button", name="Approve restart")).to_have_count(0)
    await expect(page.get_by_role("button", name="Acknowledge")).to_be_focused()
    assert above is not None
    assert await above.evaluate("element => element.isConnected")


async def test_an_edit_in_the_middle_of_a_press_neither_loses_it_nor_makes_it_another_one(
    world: World, page: Page
) -> None:
    ts = await world.post_card()
    blocks = world.server.workspace.messages("C0ONCALL")[-1].blocks
    more = {"type": "section", "text": {"type": "mrkdwn", "text": "more evidence"}}
    await page.get_by_role("button", name="Acknowledge").hover()
    await page.mouse.down()
    await world.client.chat_update(channel="C0ONCALL", ts=ts, text="new", blocks=[blocks[0], more, *blocks[1:]])
    await expect(page.locator("#messages")).to_contain_text("more evidence")
    moved = await page.get_by_role("button", name="Acknowledge").bounding_box()
    assert moved is not None
    await page.mouse.move(moved["x"] + 5, moved["y"] + 5)
    await page.mouse.up()
    await expect(page.locator("#messages")).to_contain_text("noted: ack")
    await page.wait_for_timeout(300)  # the list has come to rest at its end
    await page.get_by_role("button", name="Approve restart").hover()
    await page.mouse.down()
    (decide,) = [block for block in blocks if block.get("block_id") == "decide"]
    reject = [part for part in decide["elements"] if part["action_id"] == "reject"]
    left = [{**block, "elements": reject} if block is decide else block for block in blocks]
    await world.client.chat_update(channel="C0ONCALL", ts=ts, text="new", blocks=left)
    await expect(page.get_by_role("button", name="Approve restart")).to_have_count(0)
    other = await page.get_by_role("button", name="Reject").bounding_box()
    assert other is not None
    await page.mouse.move(other["x"] + 8, other["y"] + 8)
    await page.mouse.up()
    await page.wait_for_timeout(500)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert [action["actions"][0]["action_id"] for action in world.heard.actions] == ["ack"]


async def test_whoever_reads_the_end_goes_on_reading_it_and_whoever_does_not_is_left_alone(
    world: World, page: Page
) -> None:
    world.server.enforce_rates = False
    for _ in range(12):
        await world.post_card("verified")
    ts = await world.post(text="short")
    await expect(page.locator("#messages .message").last).to_be_in_viewport(ratio=0.9)
    blocks = world.server.workspace.messages("C0ONCALL")[0].blocks
    await world.client.chat_update(channel="C0ONCALL", ts=ts, text="long", blocks=blocks)
    await expect(page.locator("#messages .message").last.locator(".b").last).to_be_in_viewport(ratio=0.9)
    before = 5000.0
    for _ in range(1000):  # it follows the end for some frames after an update
        if before < 300:
            break
        await page.locator("#messages").evaluate("list => { list.scrollTop = 200; }")
        await page.wait_for_timeout(200)
        before = await page.locator("#messages").evaluate("list => list.scrollTop")
    assert before < 300
    await world.post(text="another")
    await expect(page.locator("#messages .message")).to_have_count(14)
    assert abs(await page.locator("#messages").evaluate("list => list.scrollTop") - before) < 50


async def test_times_are_in_the_readers_zone(world: World, page: Page) -> None:
    await world.post(text="since <!date^1763694420^{time}|03:07 UTC>")
    await expect(page.locator("#messages")).to_contain_text("since 04:07")


async def test_fire_says_what_it_did(page: Page) -> None:
    await page.get_by_role("button", name="Fire an alert").click()
    await expect(page.get_by_role("alert")).to_contain_text("Fired KubePodCrashLooping.")


async def test_the_page_says_that_the_sandbox_is_gone_and_comes_back_with_it(world: World, page: Page) -> None:
    gone = page.get_by_text("The sandbox does not answer.")
    await expect(gone).to_be_hidden()
    port = int(world.server.url.rpartition(":")[2])
    await world.server.stop()
    await expect(gone).to_be_visible()
    await world.server.start(port=port)
    await world.server.post_as("U0LI", "C0ONCALL", "Back again.")
    await expect(page.get_by_text("Back again.")).to_be_visible()
    await expect(gone).to_be_hidden()


async def test_nothing_is_wider_than_the_screen(world: World, page: Page, tmp_path: Path) -> None:
    ts = ""
    for name in ("verified", "proposed"):
        ts = await world.post_card(name)
    await world.client.chat_postMessage(channel="C0ONCALL", thread_ts=ts, text="```" + "x" * 300 + "```")
    await expect(page.get_by_role("button", name="Approve restart")).to_be_visible()
    shapes = [(width, scheme) for width in (1280, 1024, 390) for scheme in ("light", "dark")]
    for thread in ("channel", "thread"):
        for width, scheme in shapes:
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            await page.set_viewport_size({"width": width, "height": 844})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await page.screenshot(path=tmp_path / f"{thread}-{width}-{scheme}.png")
        if thread == "channel":
            await page.get_by_role("button", name=re.compile("1 reply")).click()
            await expect(page.get_by_role("complementary", name="Thread").locator("pre")).to_be_visible()


async def test_every_text_has_the_contrast_of_wcag_aa_in_both_schemes(world: World, page: Page) -> None:
    await world.post_card("verified")
    await world.post_card()
    await world.post(text="<!here> <@U0ANA> <@U0LI> `code` <https://example.test|link>")
    await world.client.chat_postEphemeral(channel="C0ONCALL", user="U0ANA", text="<!here> `a` <@U0ANA> <#C0ONCALL>")
    await page.get_by_role("button", name="Reject").click()
    modal = page.get_by_role("dialog", name="Reject the restart")
    await modal.get_by_role("button", name="Reject").click()
    await expect(modal.get_by_text("Please complete this required field.")).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        contrast, words = await page.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, f"{words!r} has {contrast:.2f} in {scheme}"


async def test_the_whole_approval_can_be_done_from_the_keyboard(world: World, page: Page) -> None:
    await world.post_card()
    approve = page.get_by_role("button", name="Approve restart")
    await expect(approve).to_be_visible()
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await approve.evaluate("element => element === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Restart shop/api?")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#messages")).to_contain_text("approved by @ana · running")
