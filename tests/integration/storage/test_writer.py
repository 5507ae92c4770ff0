"""One writer: group commit, savepoints, lanes, saturation, crash points."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from bot.domain.audit import AuditNote
from bot.domain.errors import IntegrityError, NotFoundError, RequestError, StoreUnavailableError
from bot.storage import audit
from bot.storage.db import Lane, Store, Tx
from tests.patience import PATIENT

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
Opener = Callable[..., Store]


def put(tx: Tx, key: str, value: str = "1") -> str:
    tx.execute("INSERT INTO facts (key, value) VALUES (?, ?)", (key, value))
    return key


def put_and_fail(tx: Tx, key: str) -> None:
    put(tx, key)
    raise NotFoundError("changed my mind")


def keys(tx: Tx) -> list[str]:
    return [row[0] for row in tx.execute("SELECT key FROM facts WHERE key <> 'probe' ORDER BY key")]


async def hold(store: Store) -> tuple[threading.Event, asyncio.Task[None]]:
    """Keep the writer busy until the event is set."""
    begun, go = threading.Event(), threading.Event()

    def wait(_tx: Tx) -> None:
        begun.set()
        go.wait(10)

    task = asyncio.create_task(store.transact(wait, lane=Lane.PRESS))
    await asyncio.to_thread(begun.wait, 10)
    return go, task


async def test_a_result_is_there_only_after_the_commit(store: Store) -> None:
    assert await store.transact(put, "a") == "a"
    assert await store.read(keys) == ["a"]


async def test_a_function_that_fails_is_undone_and_its_neighbours_commit(store: Store) -> None:
    go, held = await hold(store)
    tasks = [asyncio.create_task(store.transact(fn, key)) for fn, key in ((put, "a"), (put_and_fail, "b"), (put, "c"))]
    await asyncio.sleep(0)
    go.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert results[1] == "a"
    assert isinstance(results[2], NotFoundError)
    assert results[3] == "c"
    assert await store.read(keys) == ["a", "c"]


async def test_of_those_taken_together_only_the_bad_one_fails(store: Store) -> None:
    """What waits for one function is one call of it; where that fails each is tried alone, with the audit whole."""
    calls: list[list[str]] = []

    def put_all(tx: Tx, items: Sequence[str]) -> list[str]:
        calls.append(list(items))
        for item in items:
            tx.audit(AuditNote("alert:delivery:received", "test", f"delivery:{item}", "1 accepted"), NOW)
            put_and_fail(tx, item) if item == "b" else put(tx, item)
        return list(items)

    go, held = await hold(store)
    tasks = [asyncio.create_task(store.transact_item(put_all, key, lane=Lane.INTAKE)) for key in "abc"]
    await asyncio.sleep(0)
    go.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert (results[1], results[3]) == ("a", "c")
    assert isinstance(results[2], NotFoundError)
    assert calls == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert await store.read(keys) == ["a", "c"]
    assert [entry.subject for entry in await store.read(audit.entries)] == ["delivery:a", "delivery:c"]
    assert await store.read(audit.verify_chain) == []


async def test_a_function_that_fails_alone_in_its_group_leaves_nothing(store: Store) -> None:
    """It had no savepoint: its whole transaction was undone, and the next group's numbers follow without a gap."""

    def audited(tx: Tx, key: str, *, fails: bool) -> None:
        tx.audit(AuditNote("alert:delivery:received", "test", f"delivery:{key}", "1 accepted"), NOW)
        put_and_fail(tx, key) if fails else put(tx, key)

    for key, fails in (("a", False), ("b", True), ("c", False)):
        if fails:
            with pytest.raises(NotFoundError, match="changed my mind"):
                await store.transact(audited, key, fails=fails)
        else:
            await store.transact(audited, key, fails=fails)
    assert await store.read(keys) == ["a", "c"]
    assert [(entry.seq, entry.subject) for entry in await store.read(audit.entries)] == [
        (1, "delivery:a"),
        (2, "delivery:c"),
    ]
    assert await store.read(audit.verify_chain) == []
    assert store.write_errors == (0, "")


async def test_functions_that_differ_are_never_one_call(store: Store) -> None:
    def one(_tx: Tx, items: Sequence[str]) -> list[str]:
        return [f"one{len(items)}" for _ in items]

    def two(_tx: Tx, items: Sequence[str]) -> list[str]:
        return [f"two{len(items)}" for _ in items]

    go, held = await hold(store)
    tasks = [asyncio.create_task(store.transact_item(fn, "x", lane=Lane.INTAKE)) for fn in (one, one, two, one)]
    await asyncio.sleep(0)
    go.set()
    assert (await asyncio.gather(held, *tasks))[1:] == ["one2", "one2", "two1", "one1"]


async def test_what_the_database_refuses_is_our_error_and_undone(store: Store) -> None:
    await store.transact(put, "a")
    go, held = await hold(store)
    tasks = [asyncio.create_task(store.transact(put, key)) for key in ("b", "a", "c")]
    await asyncio.sleep(0)
    go.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert isinstance(results[2], IntegrityError)
    assert results[2].__cause__ is not None
    assert await store.read(keys) == ["a", "b", "c"]


async def test_presses_and_work_go_before_intake(store: Store) -> None:
    order: list[str] = []

    def note(_tx: Tx, name: str) -> None:
        order.append(name)

    go, held = await hold(store)
    tasks = [
        asyncio.create_task(store.transact(note, lane.name, lane=lane)) for lane in (Lane.INTAKE, Lane.WORK, Lane.PRESS)
    ]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(held, *tasks)
    assert order == ["PRESS", "WORK", "INTAKE"]


async def test_too_much_waiting_intake_is_refused_at_once_and_a_press_is_not(
    store_url: str, open_store: Opener
) -> None:
    store = open_store(store_url, max_waiting=2)
    go, held = await hold(store)
    waiting = [asyncio.create_task(store.transact(put, str(n), lane=Lane.INTAKE)) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailableError) as refused:
        await store.transact(put, "x", lane=Lane.INTAKE)
    assert refused.value.retry_after == 1.0
    with pytest.raises(StoreUnavailableError):
        await store.writable(PATIENT)
    press = asyncio.create_task(store.transact(put, "press", lane=Lane.PRESS))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(held, press, *waiting)
    assert await store.read(keys) == ["0", "1", "press"]


async def test_a_store_that_takes_no_write_in_time_is_not_writable(store: Store) -> None:
    await store.writable(PATIENT)
    go, held = await hold(store)
    with pytest.raises(StoreUnavailableError, match="no write within"):
        await store.writable(within=0.05)
    go.set()
    await held
    await store.writable(PATIENT)


async def test_a_read_can_not_write(store: Store) -> None:
    with pytest.raises(IntegrityError, match="read tried to write"):
        await store.read(put, "a")
    assert await store.read(keys) == []


async def test_a_read_sees_one_snapshot(store: Store) -> None:
    await store.transact(put, "a")
    between, go = threading.Event(), threading.Event()

    def twice(tx: Tx) -> tuple[list[str], list[str]]:
        first = keys(tx)
        between.set()
        go.wait(10)
        return first, keys(tx)

    reading = asyncio.create_task(store.read(twice))
    await asyncio.to_thread(between.wait, 10)
    await store.transact(put, "b")
    go.set()
    assert await reading == (["a"], ["a"])
    assert await store.read(keys) == ["a", "b"]


async def test_a_failed_read_leaves_the_reader_usable(store: Store) -> None:
    def broken(tx: Tx) -> None:
        tx.execute("SELECT nothing FROM nowhere")

    for _ in range(3):
        with pytest.raises(IntegrityError):
            await store.read(broken)
    assert await store.read(keys) == []


async def test_a_cancelled_waiter_changes_nothing(store: Store) -> None:
    go, held = await hold(store)
    task = asyncio.create_task(store.transact(put, "a"))
    await asyncio.sleep(0)
    task.cancel()
    go.set()
    await held
    await store.transact(put, "b")
    assert await store.read(keys) == ["a", "b"]


async def test_the_events_are_set_after_a_commit_that_owed_something(store: Store) -> None:
    def owe(tx: Tx, *, fail: bool) -> None:
        tx.owed_work()
        tx.owed_message()
        if fail:
            raise RequestError("no")

    with pytest.raises(RequestError):
        await store.transact(owe, fail=True)
    assert (store.work_owed.is_set(), store.messages_owed.is_set()) == (False, False)
    await store.transact(owe, fail=False)
    assert (store.work_owed.is_set(), store.messages_owed.is_set()) == (True, True)


async def test_what_a_thread_owes_wakes_the_loop(store: Store) -> None:
    await store.read(keys)
    waiting = asyncio.create_task(store.work_owed.wait())
    await asyncio.sleep(0)
    await asyncio.to_thread(store.transact_now, Tx.owed_work)
    await asyncio.wait_for(waiting, PATIENT)


async def test_closing_finishes_what_waits_and_refuses_the_rest(store_url: str) -> None:
    store = Store.open(store_url)
    go, held = await hold(store)
    waiting = asyncio.create_task(store.transact(put, "a"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0.05)
    with pytest.raises(StoreUnavailableError, match="closing"):
        await store.transact(put, "b")
    with pytest.raises(StoreUnavailableError, match="closing"):
        await store.read(keys)
    go.set()
    await asyncio.gather(held, waiting, closing)
    await store.close()
    again = Store.open(store_url)
    assert again.read_now(keys) == ["a"]
    again.close_now()


class Crash(BaseException):
    """What a crash point raises."""


@pytest.mark.parametrize(("point", "survives"), [("before:put", []), ("after:put", ["a"])])
async def test_a_crash_point_kills_the_store_before_or_after_the_commit(
    store_url: str, open_store: Opener, point: str, survives: list[str]
) -> None:
    store = open_store(store_url, group_size=1)
    passed: list[str] = []

    def hook(name: str) -> None:
        passed.append(name)
        if name == point:
            raise Crash(name)

    store.crash_point = hook
    assert store.crash_point is hook
    with pytest.raises(Crash):
        await store.transact(put, "a")
    assert passed[-1] == point
    with pytest.raises(Crash):
        await store.transact(put, "b")
    await store.close()
    assert open_store(store_url).read_now(keys) == survives


async def test_what_waits_behind_a_crash_is_not_answered_with_a_result(store_url: str, open_store: Opener) -> None:
    store = open_store(store_url, group_size=1)
    go, held = await hold(store)
    first, second = (asyncio.create_task(store.transact(put, key)) for key in "ab")
    await asyncio.sleep(0)

    def hook(name: str) -> None:
        if name == "before:put":
            raise Crash(name)

    store.crash_point = hook
    go.set()
    await held
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(result) for result in results] == [Crash, Crash]
    await store.close()
    assert open_store(store_url).read_now(keys) == []
