"""Due work: claimed once, not lost when it is owed again meanwhile, not finished by somebody whose lease ran out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.owed import DueWork, Stage
from bot.storage import due
from bot.storage.db import Store

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


async def owe(store: Store, subject: int = 1, at: datetime = NOW, params: dict[str, Any] | None = None) -> None:
    await store.transact(due.owe, Stage.VERIFY, subject, at, params)


async def claim(store: Store, now: datetime = NOW, limit: int = 10) -> list[DueWork]:
    return await store.transact(due.claim, now, Stage.VERIFY, LEASE, limit)


async def claim_one(store: Store, now: datetime = NOW) -> DueWork:
    (work,) = await claim(store, now)
    return work


async def test_due_work_is_claimed_once_the_oldest_first(store: Store) -> None:
    await owe(store, 1, NOW)
    await owe(store, 2, NOW - SECOND, {"look": 3})
    await owe(store, 3, NOW + SECOND)
    await store.transact(due.owe, Stage.EXPIRE, 4, NOW)
    assert [work.subject for work in await claim(store, limit=1)] == [2]
    assert [work.subject for work in await claim(store)] == [1]
    assert await claim(store) == []
    (other,) = await store.transact(due.claim, NOW, Stage.EXPIRE, LEASE, 5)
    assert (other.stage, other.subject, other.attempts) == (Stage.EXPIRE, 4, 1)
    assert await store.read(due.counts) == {"expire": 1, "verify": 3}


async def test_done_is_gone(store: Store) -> None:
    await owe(store)
    assert await store.transact(due.done, await claim_one(store))
    assert await store.read(due.counts) == {}


async def test_of_several_debts_the_earliest_counts_and_the_last_params(store: Store) -> None:
    await owe(store, at=NOW + 9 * SECOND, params={"a": 1})
    await owe(store, at=NOW, params={"a": 2})
    await owe(store, at=NOW + 5 * SECOND)
    assert (await claim_one(store)).params == {"a": 2}


async def test_owed_again_while_it_is_worked_on_it_stays_and_nobody_else_gets_it_meanwhile(store: Store) -> None:
    await owe(store)
    work = await claim_one(store)
    await owe(store, params={"new": True})
    assert await claim(store) == []
    assert not await store.transact(due.done, work)
    again = await claim_one(store)
    assert (again.params, again.attempts) == ({"new": True}, 1)
    assert await store.transact(due.done, again)


async def test_a_worker_that_owes_its_next_look_is_not_called_before_that(store: Store) -> None:
    await owe(store)
    work = await claim_one(store)
    await owe(store, at=NOW + 5 * SECOND)
    await store.transact(due.done, work)
    assert await claim(store, NOW + 4 * SECOND) == []
    await claim_one(store, NOW + 5 * SECOND)


async def test_later_is_due_then_and_counts_attempts_only_for_errors(store: Store) -> None:
    await owe(store, params={"n": 0})
    assert await store.transact(due.later, await claim_one(store), NOW + SECOND, "no answer")
    assert await claim(store) == []
    work = await claim_one(store, NOW + SECOND)
    assert (work.attempts, work.params) == (2, {"n": 0})
    assert await store.transact(due.later, work, NOW + 2 * SECOND, params={"n": 1})
    work = await claim_one(store, NOW + 2 * SECOND)
    assert (work.attempts, work.params) == (1, {"n": 1})


async def test_later_does_not_put_off_a_newer_debt(store: Store) -> None:
    await owe(store)
    work = await claim_one(store)
    await owe(store, params={"new": True})
    await store.transact(due.later, work, NOW + 60 * SECOND, params={"old": True})
    assert (await claim_one(store)).params == {"new": True}


async def test_whose_lease_ran_out_can_finish_nothing(store: Store) -> None:
    await owe(store)
    first = await claim_one(store)
    second = await claim_one(store, NOW + LEASE)
    assert (second.epoch, second.attempts) == (first.epoch + 1, 2)
    assert not await store.transact(due.done, first)
    assert not await store.transact(due.later, first, NOW)
    assert not await store.transact(due.give_back, first)
    assert await claim(store, NOW + LEASE) == []
    assert await store.transact(due.done, second)


async def test_a_finished_claim_can_not_erase_a_later_debt_for_the_same_subject(store: Store) -> None:
    await owe(store)
    work = await claim_one(store)
    await store.transact(due.done, work)
    await owe(store)
    again = await claim_one(store)
    assert again.epoch == work.epoch
    assert not await store.transact(due.done, work)
    assert await store.transact(due.done, again)


async def test_given_back_and_forgotten(store: Store) -> None:
    await owe(store)
    assert await store.transact(due.give_back, await claim_one(store))
    assert (await claim_one(store)).attempts == 1
    await store.transact(due.forget, Stage.VERIFY, 1)
    assert await store.read(due.counts) == {}


async def test_a_bot_alone_on_its_database_frees_its_predecessors_claims(store: Store) -> None:
    await owe(store)
    work = await claim_one(store)
    assert await store.transact(due.free_claims) == 1
    again = await claim_one(store)
    assert again.epoch == work.epoch + 1
    assert not await store.transact(due.done, work)


async def test_what_is_not_due_yet_can_be_spared_and_nothing_else(store: Store) -> None:
    await owe(store, 1, NOW + SECOND)
    await owe(store, 2, NOW)
    await owe(store, 3, NOW + SECOND)
    await owe(store, 3, NOW)  # news came meanwhile
    for subject in (1, 2, 3):
        await store.transact(due.spare, Stage.VERIFY, subject, NOW)
    assert sorted(work.subject for work in await claim(store, NOW + SECOND)) == [2, 3]
    await store.transact(due.spare, Stage.VERIFY, 2, NOW - SECOND)  # somebody works on it
    assert await store.read(due.counts) == {"verify": 2}
