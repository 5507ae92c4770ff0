from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import timedelta

from bot.domain.incident import IncidentEvent
from bot.domain.owed import MessageKind, Priority
from bot.storage import digests, incidents, outbox
from bot.storage.db import Tx
from tests.integration.delivery import desk as d
from tests.integration.delivery.desk import CHANNEL, FAST, Desk


async def test_an_owed_card_is_posted_once_and_then_edited(desk: Desk) -> None:
    async with desk.working():
        incident = await desk.do(d.add_incident)
        await desk.idle()
        await desk.do(d.propose, incident)
        await desk.idle()
    [card] = desk.cards()
    assert card.text == "SEV2 · shop/api · KubePodCrashLooping · approve restart?"
    assert len(card.versions) == 2
    assert card.bot_id == desk.server.workspace.bot_id
    assert await desk.store.read(outbox.posted, f"card:{incident.id}") == (CHANNEL, card.ts)


async def test_a_late_message_shows_the_state_of_its_sending(desk: Desk) -> None:
    """What was owed while Slack was away is one message with the newest state."""
    incident = await desk.do(d.add_incident)
    await desk.do(d.propose, incident)
    await desk.do(resolve, incident.id)
    async with desk.working():
        await desk.idle()
    [card] = desk.cards()
    assert "resolved after" in card.text
    assert len(card.versions) == 1


def resolve(tx: Tx, incident_id: int) -> None:
    now = d.clock()
    incident = incidents.move(tx, incident_id, IncidentEvent.RESOLVE, now, resolved_at=now, resolution="person")
    d.owe_card(tx, incident)


async def test_the_thread_waits_for_its_card(desk: Desk) -> None:
    def all_at_once(tx: Tx) -> None:
        incident = d.add_incident(tx)
        d.owe_thread(tx, incident, "rolled out")
        d.owe_thread(tx, incident, "it fires again", broadcast=True)
        d.owe_evidence(tx, incident, "3 of 6 pods crash")

    desk.server.faults.slow("chat.postMessage", 0.2, times=1)
    await desk.do(all_at_once)
    async with desk.working():
        await desk.idle()
    card, *broadcasts = desk.cards()
    thread = desk.server.workspace.messages(CHANNEL, card.ts)
    assert [message.text for message in broadcasts] == ["it fires again"]
    assert {message.text for message in thread[1:]} == {"rolled out", "it fires again", "Evidence for INC-1: 1 item"}
    assert all(message.thread_ts == card.ts for message in thread[1:])


async def test_evidence_is_one_message_that_is_edited(desk: Desk) -> None:
    async with desk.working():
        incident = await desk.do(d.add_incident)
        await desk.do(d.owe_evidence, incident, "1 of 6 pods crash")
        await desk.idle()
        await desk.do(d.owe_evidence, incident, "6 of 6 pods crash")
        await desk.idle()
    [_, evidence] = desk.server.workspace.messages(CHANNEL, desk.cards()[0].ts)
    assert len(evidence.versions) == 2
    assert "6 of 6" in str(evidence.blocks)


async def test_many_edits_become_one(desk: Desk) -> None:
    """Fifty edits owed within the interval of progress edits are at most a few calls; the last state is shown."""
    ahead = [0.0]
    async with desk.working(dataclasses.replace(FAST, edit_interval=3600.0, ahead=lambda: ahead[0])):
        incident = await desk.do(d.add_incident)
        await desk.idle()
        for _ in range(50):
            await desk.do(d.owe_card, incident, Priority.EXECUTION)
        await desk.do(d.propose, incident)
        ahead[0] = 3600.0
        desk.store.messages_owed.set()
        await desk.idle()
    [card] = desk.cards()
    assert len(card.versions) <= 5
    assert "approve restart?" in card.text


async def test_a_press_is_answered_before_what_waits(desk: Desk) -> None:
    """Order in a channel: an edit after a press goes out while new cards still wait for their second."""
    async with desk.working(dataclasses.replace(FAST, post_interval=3600.0)):
        first = await desk.do(d.add_incident)
        await desk.until(lambda: len(desk.cards()) == 1)
        for number in range(2, 14):
            await desk.do(d.add_incident, number)
        await desk.do(d.propose, first)
        await desk.do(d.owe_card, first, Priority.PRESS)
        await desk.until(lambda: "approve" in desk.cards()[0].text)
        assert len(desk.cards()) < 8


async def test_new_cards_keep_a_second_apart_so_that_slack_never_refuses(desk: Desk) -> None:
    desk.server.enforce_rates = True
    for number in range(1, 9):
        await desk.do(d.add_incident, number)
    begun = time.time()
    async with desk.working(dataclasses.replace(FAST, post_interval=0.6, first_card_wait=2.0)):
        await desk.idle()
    assert len(desk.cards()) == 8
    assert [call.status for call in desk.server.calls if call.status == 429] == []
    # Each is sent so long after the one before; how long it is on its way is the machine's affair.
    times = sorted(float(message.ts) for message in desk.cards())
    assert all(at - begun >= 0.6 * number - 0.3 for number, at in enumerate(times))


async def test_the_first_card_waits_for_its_evidence_but_not_long(desk: Desk) -> None:
    options = dataclasses.replace(FAST, first_card_wait=1.0)
    async with desk.working(options):
        begin = asyncio.get_running_loop().time()
        await desk.do(d.add_incident, investigated_at=None)
        await desk.until(lambda: len(desk.cards()) == 1)
        waited = asyncio.get_running_loop().time() - begin
        assert "evidence is being collected" in desk.cards()[0].text
        assert waited > 0.7


async def test_a_card_whose_answer_is_there_waits_no_longer(desk: Desk) -> None:
    async with desk.working(dataclasses.replace(FAST, first_card_wait=3600.0)):
        incident = await desk.do(d.add_incident)
        await desk.do(d.propose, incident)
        await desk.until(lambda: len(desk.cards()) == 1)
        assert "approve restart?" in desk.cards()[0].text
        assert len(desk.cards()[0].versions) == 1


async def test_a_digest_lists_what_has_no_card(desk: Desk) -> None:
    def storm(tx: Tx) -> int:
        number = digests.current(tx, CHANNEL, d.clock(), timedelta(hours=1))
        for each in range(1, 5):
            incidents.add(
                tx, key=f"k{each}", title="Noise", alertname="Noise", namespace="shop", severity=d.Severity.SEV4,
                now=d.clock(), channel=CHANNEL, digest_id=number,
            )  # fmt: skip
        outbox.owe(tx, MessageKind.DIGEST, number, CHANNEL, Priority.DIGEST, d.clock(), key=f"digest:{number}")
        return number

    await desk.do(storm)
    async with desk.working():
        await desk.idle()
    [message] = desk.cards()
    assert message.text.startswith("Digest · 4 incidents without a card")
    assert str(message.blocks).count("'Open card'") == 4


async def test_an_incident_in_the_digest_gets_its_card_when_opened(desk: Desk) -> None:
    incident = await desk.do(d.add_incident, digest_id=7)
    async with desk.working():
        await desk.idle()
        assert desk.cards() == []

        def opened(tx: Tx) -> None:
            incidents.update(tx, incident.id, d.clock(), digest_id=None)
            d.owe_card(tx, incident, Priority.PRESS)

        await desk.do(opened)
        await desk.idle()
    assert len(desk.cards()) == 1


async def test_an_ephemeral_message_is_seen_by_one_person(desk: Desk) -> None:
    def owe(tx: Tx) -> None:
        params = {"user": "U0ANA", "text": "Only for <you> & nobody else"}
        outbox.owe(tx, MessageKind.EPHEMERAL, 0, CHANNEL, Priority.PRESS, d.clock(), key="eph:1", params=params)

    await desk.do(owe)
    async with desk.working():
        await desk.idle()
    assert desk.cards() == []
    [message] = desk.server.workspace.ephemerals("U0ANA", CHANNEL)
    assert message.text == "Only for &lt;you&gt; &amp; nobody else"


async def test_stopping_hands_back_what_was_held(desk: Desk) -> None:
    """The next process sends it at once, and doesn't have to look for it."""
    async with desk.working(dataclasses.replace(FAST, first_card_wait=3600.0)) as dispatcher:
        await desk.do(d.add_incident, investigated_at=None)
        await desk.until(lambda: dispatcher.status()["held"] == 1)
    assert desk.cards() == []
    [row] = await desk.do(outbox.claim, d.clock(), FAST.lease, 5)
    assert not row.uncertain
    assert row.attempts == 1


async def test_status_tells_what_went_out(desk: Desk) -> None:
    async with desk.working() as dispatcher:
        await desk.do(d.add_incident)
        await desk.idle()
        await desk.until(lambda: dispatcher.status()["sending"] == 0)  # it is written down a moment before
        assert dispatcher.status() == {"held": 0, "sending": 0, "sent": {"chat.postMessage": 1}, "problems": {}}
        assert dispatcher.counts["chat.postMessage"] == 1


async def test_nothing_of_a_thread_stands_in_the_way_of_a_first_card(desk: Desk) -> None:
    """Slack takes one message a second in a channel: what is worth less waits until the card is out."""
    first = await desk.do(d.add_incident)
    ahead = [0.0]
    options = dataclasses.replace(FAST, post_interval=3600.0, first_card_wait=0.1, ahead=lambda: ahead[0])
    async with desk.working(options) as dispatcher:
        await desk.idle()
        await desk.do(lambda tx: d.add_incident(tx, 2, investigated_at=None))
        await desk.do(d.owe_thread, first, "a note")
        await desk.until(lambda: dispatcher.status()["held"] == 2 and dispatcher.resting)
        ahead[0] += 3600.0
        desk.store.messages_owed.set()
        await desk.until(lambda: len(desk.cards()) == 2)
        ahead[0] += 3600.0
        desk.store.messages_owed.set()
        await desk.idle()
    head, second = (float(card.ts) for card in desk.cards())
    [note] = desk.server.workspace.replies(CHANNEL, desk.cards()[0].ts)
    assert head < second < float(note.ts)


async def test_gates_open_by_the_time_that_a_sandbox_let_pass(desk: Desk) -> None:
    """What waits for its gate is at rest, what is on its way isn't: a sandbox lets time pass between the two."""
    ahead = [0.0]
    async with desk.working(dataclasses.replace(FAST, edit_interval=3600.0, ahead=lambda: ahead[0])) as dispatcher:
        incident = await desk.do(d.add_incident)
        await desk.idle()
        await desk.do(d.owe_card, incident, Priority.EXECUTION)
        assert not dispatcher.resting
        await desk.until(lambda: dispatcher.resting)
        [card] = desk.cards()
        assert len(card.versions) == 1
        ahead[0] = 3600.0
        desk.store.messages_owed.set()
        await desk.idle()
        assert len(card.versions) == 2
