"""The outbox: one row a message, claimed once, edited as often as owed, never lost, never silently doubled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.owed import MessageKind, OutboxRow, Priority
from bot.storage import outbox
from bot.storage.db import Store

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


async def owe(store: Store, key: str = "card:1", priority: Priority = Priority.NEW_CARD, **more: Any) -> None:
    kind = MessageKind(key.split(":", maxsplit=1)[0])
    now = more.pop("now", NOW)
    await store.transact(
        outbox.owe, kind, int(key.split(":")[1]), more.pop("channel", "C1"), priority, now, key=key, **more
    )


async def claim(store: Store, now: datetime = NOW, limit: int = 10) -> list[OutboxRow]:
    return await store.transact(outbox.claim, now, LEASE, limit)


async def claim_one(store: Store, now: datetime = NOW) -> OutboxRow:
    (row,) = await claim(store, now)
    return row


async def test_what_is_owed_is_claimed_once_with_all_it_needs(store: Store) -> None:
    await owe(store, "ephemeral:3", Priority.PRESS, params={"user": "U1", "text": "no"})
    row = await claim_one(store)
    assert (row.kind, row.subject, row.channel, row.key, row.priority, row.params) == (
        MessageKind.EPHEMERAL, 3, "C1", "ephemeral:3", Priority.PRESS, {"user": "U1", "text": "no"},
    )  # fmt: skip
    assert (row.owed_at, row.attempts, row.version, row.posted_ts, row.uncertain) == (NOW, 1, 1, "", False)
    assert await claim(store) == []


async def test_better_priority_goes_first_then_the_older(store: Store) -> None:
    await owe(store, "card:1", Priority.NEW_CARD)
    await owe(store, "card:2", Priority.THREAD, now=NOW - SECOND)
    await owe(store, "card:3", Priority.NEW_CARD, now=NOW - SECOND)
    await owe(store, "card:4", Priority.PRESS)
    assert [row.subject for row in await claim(store, limit=3)] == [4, 3, 1]
    assert [row.subject for row in await claim(store)] == [2]


async def test_owed_again_while_it_waits_it_is_one_message_with_the_better_of_both(store: Store) -> None:
    await owe(store, "card:1", Priority.NEW_CARD, not_before=NOW + 2 * SECOND)
    assert await claim(store) == []
    await owe(store, "card:1", Priority.PRESS, now=NOW + SECOND)
    await owe(store, "card:1", Priority.THREAD, now=NOW + SECOND, not_before=NOW + 60 * SECOND)
    row = await claim_one(store, NOW + SECOND)
    assert (row.version, row.priority, row.owed_at) == (3, Priority.PRESS, NOW)


async def test_once_sent_an_edit_has_its_own_priority_and_keeps_the_place(store: Store) -> None:
    await owe(store, "card:1", Priority.PRESS)
    assert await store.transact(outbox.sent, await claim_one(store), NOW, "C1", "1.5")
    await owe(store, "card:1", Priority.EXECUTION, now=NOW + SECOND)
    row = await claim_one(store, NOW + SECOND)
    assert (row.priority, row.owed_at, row.posted_channel, row.posted_ts, row.version, row.attempts) == (
        Priority.EXECUTION, NOW + SECOND, "C1", "1.5", 2, 1,
    )  # fmt: skip
    assert await store.transact(outbox.sent, row, NOW + SECOND)
    assert await store.read(outbox.posted, "card:1") == ("C1", "1.5")
    assert await claim(store, NOW + LEASE) == []


async def test_an_edit_owed_while_it_is_sent_keeps_it_due(store: Store) -> None:
    await owe(store)
    row = await claim_one(store)
    await owe(store, priority=Priority.PRESS)
    store.messages_owed.clear()
    assert await store.transact(outbox.sent, row, NOW + SECOND, "C1", "1.5")
    assert store.messages_owed.is_set()
    again = await claim_one(store, NOW + SECOND)
    assert (again.version, again.posted_ts) == (2, "1.5")


async def test_a_lease_that_ran_out_makes_it_uncertain_and_the_first_owner_powerless(store: Store) -> None:
    await owe(store)
    first = await claim_one(store)
    assert await claim(store, NOW + LEASE - SECOND) == []
    second = await claim_one(store, NOW + LEASE)
    assert (second.uncertain, second.attempts) == (True, 2)
    assert not await store.transact(outbox.sent, first, NOW, "C1", "1.5")
    assert not await store.transact(outbox.retry, first, NOW, SECOND, "late")
    assert not await store.transact(outbox.give_back, first)
    assert not await store.transact(outbox.drop, first, "late", NOW)
    assert await store.transact(outbox.sent, second, NOW, "C1", "1.6")
    assert await store.read(outbox.posted, "card:1") == ("C1", "1.6")


@pytest.mark.parametrize("uncertain", [True, False])
async def test_a_retry_waits_and_what_is_uncertain_stays_so_until_it_is_sent(store: Store, uncertain: bool) -> None:
    await owe(store)
    await store.transact(outbox.retry, await claim_one(store), NOW, 5 * SECOND, "timeout", uncertain=uncertain)
    assert await claim(store, NOW + 4 * SECOND) == []
    row = await claim_one(store, NOW + 5 * SECOND)
    assert (row.uncertain, row.attempts) == (uncertain, 2)
    await store.transact(outbox.retry, row, NOW, 6 * SECOND, "ratelimited")
    row = await claim_one(store, NOW + 6 * SECOND)
    assert row.uncertain is uncertain
    await store.transact(outbox.sent, row, NOW, "C1", "1.5")
    await owe(store)
    row = await claim_one(store, NOW + 6 * SECOND)
    assert (row.uncertain, row.attempts) == (False, 1)


async def test_given_back_is_as_if_never_claimed(store: Store) -> None:
    await owe(store)
    await store.transact(outbox.give_back, await claim_one(store))
    row = await claim_one(store)
    assert (row.attempts, row.uncertain) == (1, False)


async def test_dropped_is_due_again_only_when_owed_anew(store: Store) -> None:
    await owe(store)
    await store.transact(outbox.drop, await claim_one(store), "is_archived", NOW)
    assert await claim(store, NOW + LEASE) == []
    assert await store.read(outbox.lag, NOW + LEASE) == (0, 0.0)
    await owe(store, priority=Priority.THREAD, now=NOW + SECOND)
    row = await claim_one(store, NOW + SECOND)
    assert (row.priority, row.owed_at) == (Priority.THREAD, NOW + SECOND)


async def test_a_thread_waits_for_the_message_it_hangs_on(store: Store) -> None:
    await owe(store, "thread:1", Priority.THREAD, thread_key="card:1")
    await owe(store, "card:1")
    (card,) = await claim(store)
    assert card.kind is MessageKind.CARD
    assert await store.read(outbox.lag, NOW) == (1, 0.0)
    await store.transact(outbox.sent, card, NOW, "C1", "1.5")
    row = await claim_one(store)
    assert (row.kind, row.thread_key) == (MessageKind.THREAD, "card:1")


async def test_a_message_is_found_by_its_place_and_not_before_it_stands(store: Store) -> None:
    await owe(store)
    assert await store.read(outbox.posted, "card:1") is None
    assert await store.read(outbox.by_message, "C1", "") is None
    await store.transact(outbox.sent, await claim_one(store), NOW, "C1", "1.5")
    found = await store.read(outbox.by_message, "C1", "1.5")
    assert found is not None
    assert found.key == "card:1"
    assert await store.read(outbox.by_message, "C2", "1.5") is None


async def test_lag_is_the_age_of_the_oldest_due_or_failing_one(store: Store) -> None:
    assert await store.read(outbox.lag, NOW) == (0, 0.0)
    await owe(store, "card:1", not_before=NOW + 60 * SECOND)
    assert await store.read(outbox.lag, NOW + SECOND) == (1, 0.0)
    await owe(store, "card:2", now=NOW + SECOND)
    assert await store.read(outbox.lag, NOW + 3 * SECOND) == (2, 2.0)
    row = await claim_one(store, NOW + 3 * SECOND)
    await store.transact(outbox.retry, row, NOW + 3 * SECOND, 600 * SECOND, "channel_not_found")
    assert await store.read(outbox.lag, NOW + 5 * SECOND) == (2, 4.0)


async def test_waiting_cards_are_those_never_posted_in_that_channel(store: Store) -> None:
    for number in range(4):
        await owe(store, f"card:{number}")
    await owe(store, "card:9", channel="C2")
    await owe(store, "digest:1", Priority.DIGEST)
    rows = await claim(store)
    posted = next(row for row in rows if row.key == "card:0")
    await store.transact(outbox.sent, posted, NOW, "C1", "1.5")
    await owe(store, "card:0")
    assert await store.read(outbox.waiting_cards, "C1") == 3
    assert await store.read(outbox.waiting_cards, "C2") == 1


async def test_a_bot_alone_on_its_database_frees_its_predecessors_claims_as_uncertain(store: Store) -> None:
    await owe(store, "card:1")
    await owe(store, "card:2")
    (first, *_rest) = await claim(store, limit=1)
    assert await store.transact(outbox.free_claims) == 1
    rows = await claim(store)
    assert {row.id: row.uncertain for row in rows} == {first.id: True, first.id + 1: False}
