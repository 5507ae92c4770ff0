"""A channel that strangers may read gets nothing, and a card doesn't wait for a question that Slack doesn't answer."""

from __future__ import annotations

import asyncio

import pytest

from bot.delivery import channels
from bot.slack.workspace import ChannelFacts
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import CHANNEL, Desk

FACTS = ChannelFacts(CHANNEL, "oncall", member=True, archived=False, shared=False)


@pytest.fixture(autouse=True)
def _old_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "FACTS_FOR", 0.0)


async def test_where_nothing_is_known_of_a_channel_nothing_is_posted_before_slack_tells(desk: Desk) -> None:
    desk.server.faults.hang("conversations.info")
    async with desk.working():
        await desk.do(d.add_incident)
        await asyncio.sleep(1.2)
        assert desk.cards() == []
        desk.server.faults.clear()


@pytest.mark.parametrize("fault", ["hang", "error"])
async def test_a_channel_that_was_fine_a_while_ago_gets_its_card_while_slack_doesn_t_tell(
    desk: Desk, fault: str
) -> None:
    if fault == "hang":
        desk.server.faults.hang("conversations.info")
    else:
        desk.server.faults.error("conversations.info", 503)
    async with desk.working() as dispatcher:
        dispatcher.seen(FACTS)
        await desk.do(d.add_incident)
        await desk.until(lambda: bool(desk.cards()))
        desk.server.faults.clear()


async def test_a_channel_that_became_shared_meanwhile_gets_nothing(desk: Desk) -> None:
    desk.server.workspace.add_member(CHANNEL, "U0MALLORY")
    async with desk.working() as dispatcher:
        dispatcher.seen(FACTS)
        await desk.do(d.add_incident)
        await desk.until(lambda: bool(dispatcher.status()["problems"]))
    assert desk.cards() == []


async def test_what_was_fine_more_than_a_day_ago_is_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TRUSTED_FOR", 0.0)
    desk.server.faults.hang("conversations.info")
    async with desk.working() as dispatcher:
        dispatcher.seen(FACTS)
        await desk.do(d.add_incident)
        await asyncio.sleep(1.2)
        assert desk.cards() == []
        desk.server.faults.clear()
