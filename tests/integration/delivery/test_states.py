"""What changes a card's state doesn't wait for the pace of progress, and Slack's rates hold all the same."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from bot.delivery.pace import STATE
from bot.domain.owed import Priority
from bot.storage import outbox
from bot.storage.db import Tx
from bot.workflow import owing
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import FAST, Desk

HOURLY = dataclasses.replace(FAST, edit_interval=3600.0, lease=timedelta(hours=1))
"""Progress is edited once an hour: whatever comes within a test didn't wait for it."""
CARDS = 70


@pytest.mark.parametrize("priority", [Priority.EXECUTION, Priority.NEW_CARD, Priority.PRESS])
async def test_a_change_of_state_comes_though_progress_of_its_card_waits(desk: Desk, priority: Priority) -> None:
    """Owed while an edit that only counts further is held for its pace: that one is worth more from then on."""
    ahead = [0.0]
    async with desk.working(dataclasses.replace(HOURLY, ahead=lambda: ahead[0])) as dispatcher:
        incident = await desk.do(d.add_incident)
        await desk.idle()
        ahead[0] = STATE
        await desk.do(owing.progress, incident, d.clock())
        await desk.until(lambda: dispatcher.status()["held"] == 1)
        [card] = desk.cards()
        assert len(card.versions) == 1
        await desk.do(d.owe_card, incident, priority)
        await desk.until(lambda: dispatcher.resting)
        assert len(card.versions) == 2
        await desk.do(owing.progress, incident, d.clock())
        await desk.until(lambda: dispatcher.status()["held"] == 1)
        assert len(card.versions) == 2, "and what is counted after it keeps its pace"


async def test_a_storm_of_changed_states_stays_within_what_slack_takes(desk: Desk) -> None:
    """More cards change at once than Slack takes edits in a minute: none is refused, and presses keep their share."""

    def change(tx: Tx) -> None:
        for incident in storm:
            d.owe_card(tx, incident, Priority.EXECUTION)

    def press(tx: Tx) -> None:
        for incident in storm[-5:]:
            d.owe_card(tx, incident, Priority.PRESS)

    async with desk.working(HOURLY) as dispatcher:
        storm = [await desk.do(d.add_incident, number) for number in range(1, CARDS + 1)]
        await desk.idle()
        desk.server.enforce_rates = True
        await desk.do(change)
        await desk.until(lambda: desk.calls("chat.update") == 38)
        await desk.until(lambda: dispatcher.resting)
        await desk.do(press)
        await desk.until(lambda: desk.calls("chat.update") == 43)
        await desk.until(lambda: dispatcher.resting)
    assert desk.calls("chat.update") == 43
    assert all(call.ok for call in desk.server.calls)
    for incident in storm[-5:]:
        _, ts = await desk.store.read(outbox.posted, f"card:{incident.id}") or ("", "")
        assert [len(card.versions) for card in desk.cards() if card.ts == ts] == [2]
