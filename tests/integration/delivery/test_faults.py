from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from bot.domain.owed import MessageKind, Priority
from bot.sandbox.slack.server import SlackServer
from bot.storage import outbox
from bot.storage.db import Tx
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import CHANNEL, FAST, Desk
from tests.patience import PATIENT


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "drop_before", "fatal_error", 503])
async def test_no_answer_never_makes_two_messages(desk: Desk, fault: str | int) -> None:
    """Posted and dropped, posted and silent, never posted: the key is looked for before the next try."""
    faults = desk.server.faults
    if isinstance(fault, int) or fault == "fatal_error":
        faults.error("chat.postMessage", fault, times=1)
    else:
        getattr(faults, fault)("chat.postMessage", times=1)
    incident = await desk.do(d.add_incident)
    if fault == "hang_after":
        desk.limit(0.8)
    async with desk.working():
        await desk.until(lambda: bool(desk.cards()))
        desk.limit(PATIENT)
        await desk.idle()
        await desk.do(d.propose, incident)
        await desk.idle()
    [card] = desk.cards()
    assert "approve restart?" in card.text
    assert desk.calls("conversations.history") == 1


async def test_a_lost_answer_in_the_thread_is_looked_for_in_the_thread(desk: Desk) -> None:
    async with desk.working():
        incident = await desk.do(d.add_incident)
        await desk.idle()
        desk.server.faults.drop_after("chat.postMessage")
        await desk.do(d.owe_thread, incident, "resolved")
        await desk.idle()
    assert len(desk.server.workspace.messages(CHANNEL, desk.cards()[0].ts)) == 2
    assert desk.calls("conversations.replies") == 1


@pytest.mark.parametrize("point", ["before:post", "after:post", "before:update", "after:update"])
async def test_a_crash_at_each_point_of_a_call_makes_no_second_card(desk: Desk, point: str) -> None:
    """The claim runs out, the next process finds the message by its key and goes on editing it."""

    class Killed(BaseException):
        pass

    died: list[str] = []

    def die(name: str) -> None:
        if name == point:
            died.append(name)
            raise Killed

    incident = await desk.do(d.add_incident)
    if point.endswith("update"):
        async with desk.working():
            await desk.idle()
        await desk.do(d.propose, incident)
    desk.slack.crash_point = die
    async with desk.working():
        await desk.until(lambda: bool(died))
        await asyncio.sleep(0.05)
        desk.slack.crash_point = None
    there = await desk.store.read(outbox.posted, f"card:{incident.id}")
    assert (len(desk.cards()), there is not None) == {
        "before:post": (0, False), "after:post": (1, False), "before:update": (1, True), "after:update": (1, True),
    }[point]  # fmt: skip
    desk.clock = lambda: d.clock() + FAST.lease
    if point.endswith("post"):
        await desk.do(d.propose, incident)
    async with desk.working():
        await desk.idle()
    [card] = desk.cards()
    assert "approve restart?" in card.text
    assert await desk.store.read(outbox.posted, f"card:{incident.id}") == (CHANNEL, card.ts)


async def test_a_rate_limit_is_waited_out_as_long_as_slack_says(desk: Desk) -> None:
    desk.server.faults.rate_limit("chat.postMessage", 1, times=1)
    for number in (1, 2, 3):
        await desk.do(d.add_incident, number)
    async with desk.working():
        begin = asyncio.get_running_loop().time()
        await desk.idle()
        assert asyncio.get_running_loop().time() - begin >= 0.9
    assert len(desk.cards()) == 3
    refused = [call for call in desk.server.calls if call.status == 429]
    # Those already on their way may be refused too; nothing is sent into the closed gate afterwards.
    assert len(refused) == 1


async def test_a_limit_on_the_look_before_a_second_try_holds_up_nobody_else(desk: Desk) -> None:
    """Reading a channel back has a rate of its own, far below that of posts."""
    desk.server.faults.drop_after("chat.postMessage", times=1)
    desk.server.faults.rate_limit("conversations.history", 3600, times=1)
    await desk.do(d.add_incident)
    async with desk.working() as dispatcher:
        await desk.until(lambda: desk.calls("conversations.history") == 1 and dispatcher.resting)
        await desk.do(d.add_incident, 2)
        await desk.until(lambda: dispatcher.resting)
        assert len(desk.cards()) == 2


async def test_a_slow_slack_loses_nothing(desk: Desk) -> None:
    desk.server.faults.slow("*", 0.15)
    for number in range(1, 7):
        await desk.do(d.add_incident, number)
    async with desk.working():
        await desk.idle()
    assert len(desk.cards()) == 6


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "is_archived", "invalid_auth"])
async def test_what_a_person_must_mend_keeps_the_message_and_says_so(desk: Desk, code: str) -> None:
    """Nothing is dropped: once it is mended, the card comes."""
    desk.server.faults.error("chat.postMessage", code)
    await desk.do(d.add_incident)
    async with desk.working() as dispatcher:
        await desk.until(lambda: bool(dispatcher.status()["problems"]))
        assert code in dispatcher.status()["problems"][CHANNEL]
        waiting, _ = await desk.store.read(outbox.lag, d.clock())
        assert waiting == 1
    desk.server.faults.clear()

    def now_again(tx: Tx) -> None:
        tx.execute("UPDATE outbox SET due_at = owed_at")

    await desk.do(now_again)
    async with desk.working() as dispatcher:
        await desk.idle()
        assert dispatcher.status()["problems"] == {}
    assert len(desk.cards()) == 1


async def test_a_deleted_card_is_posted_anew_and_says_so(desk: Desk) -> None:
    async with desk.working():
        incident = await desk.do(d.add_incident)
        await desk.idle()
        [old] = desk.cards()
        await desk.slack.web.chat_delete(channel=CHANNEL, ts=old.ts)
        await desk.do(d.propose, incident)
        await desk.idle()
    [card] = desk.cards()
    assert card.ts != old.ts
    assert "the earlier card was deleted" in str(card.blocks)


async def test_a_drawing_that_slack_refuses_goes_out_as_text(desk: Desk, server: SlackServer) -> None:
    server.faults.error("chat.postMessage", "invalid_blocks", times=1)
    await desk.do(d.add_incident)
    async with desk.working():
        await desk.idle()
    [card] = desk.cards()
    assert card.blocks == []
    assert card.text.startswith("SEV2 · shop/api · KubePodCrashLooping")


async def test_late_delivery_is_said_on_the_card(desk: Desk) -> None:
    def long_ago(tx: Tx) -> None:
        incident = d.add_incident(tx)
        tx.execute("UPDATE outbox SET owed_at = ? WHERE subject = ?", ("2026-01-01T00:00:00.000000Z", incident.id))

    await desk.do(long_ago)
    async with desk.working():
        await desk.idle()
    assert "delivery delayed by" in str(desk.cards()[0].blocks)


async def test_nothing_goes_into_a_channel_that_strangers_read(desk: Desk) -> None:
    desk.server.workspace.add_member(CHANNEL, "U0MALLORY")
    await desk.do(d.add_incident)
    async with desk.working() as dispatcher:
        await desk.until(lambda: bool(dispatcher.status()["problems"]))
        assert "is shared with another organisation" in dispatcher.status()["problems"][CHANNEL]
    assert desk.cards() == []
    assert desk.calls("chat.postMessage") == 0


async def test_a_shared_channel_is_fine_when_the_setting_allows(desk: Desk) -> None:
    desk.server.workspace.add_member(CHANNEL, "U0MALLORY")
    await desk.do(d.add_incident)
    async with desk.working(dataclasses.replace(FAST, allow_shared=True)):
        await desk.idle()
    assert len(desk.cards()) == 1


async def test_two_dispatchers_share_the_work_without_doubles(desk: Desk) -> None:
    for number in range(1, 21):
        await desk.do(d.add_incident, number)
    async with desk.working(), Desk(desk.store, desk.server, desk.slack).working():
        await desk.idle()
    assert len(desk.cards()) == 20
    assert len({card.metadata["event_payload"]["fettle_key"] for card in desk.cards() if card.metadata}) == 20


async def test_a_message_that_shows_nothing_any_more_ends_quietly(desk: Desk) -> None:
    def owe(tx: Tx) -> None:
        outbox.owe(tx, MessageKind.DIGEST, 99, CHANNEL, Priority.DIGEST, d.clock(), key="digest:99")
        outbox.owe(tx, MessageKind.STATUS, 0, CHANNEL, Priority.DIGEST, d.clock(), key="s", params={"text": "hello"})

    await desk.do(owe)
    async with desk.working():
        await desk.idle()
    assert [message.text for message in desk.cards()] == ["hello"]


@pytest.mark.parametrize("hours", [-5, 5], ids=["behind", "ahead"])
async def test_a_lost_answer_is_found_though_our_clock_is_hours_off(desk: Desk, hours: int) -> None:
    """The message is looked for by Slack's own time: a machine whose clock is wrong posts no second card."""
    desk.clock = lambda: d.clock() + timedelta(hours=hours)
    await desk.do(lambda tx: d.add_incident(tx, now=desk.clock()))
    desk.server.faults.drop_after("chat.postMessage")
    async with desk.working():
        await desk.idle()
    assert len(desk.cards()) == 1
    assert desk.calls("chat.postMessage") == 1
