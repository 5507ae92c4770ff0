"""What is killed, cut or full: nothing that was acknowledged is lost, nobody gets a row twice, and it goes on."""

import asyncio
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.domain.audit import AuditNote
from bot.domain.errors import StoreUnavailableError
from bot.domain.owed import MessageKind, Priority, Stage
from bot.storage import audit, due, facts, freeze, outbox
from bot.storage.db import Store, Tx

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
LEASE = timedelta(seconds=30)
ROOT = Path(__file__).parents[3]

LOAD = """
import asyncio, sys
from datetime import UTC, datetime
from bot.domain.audit import AuditNote
from bot.storage.db import Store

NOW = datetime(2026, 11, 21, tzinfo=UTC)

def put(tx, key):
    tx.execute("INSERT INTO facts (key, value) VALUES (?, ?)", (key, "1"))
    tx.audit(AuditNote("alert:delivery:received", "alertmanager", key, "received"), NOW)
    return key

async def one(store, worker):
    number = 0
    while True:
        number += 1
        print(await store.transact(put, f"{worker}-{number}"), flush=True)

async def main():
    store = Store.open(sys.argv[1])
    await asyncio.gather(*(one(store, worker) for worker in range(20)))

asyncio.run(main())
"""

CLAIM = """
import json, sys, time
from datetime import UTC, datetime, timedelta
from bot.domain.owed import Stage
from bot.storage import due, outbox
from bot.storage.db import Store

NOW, LEASE = datetime(2026, 11, 21, 3, 14, tzinfo=UTC), timedelta(seconds=30)
store = Store.open(sys.argv[1], lock=False)
print("open", flush=True)
input()
got = []
while True:
    works = store.transact_now(due.claim, NOW, Stage.VERIFY, LEASE, 3)
    rows = store.transact_now(outbox.claim, NOW, LEASE, 3)
    got += [f"due {work.id}" for work in works] + [f"outbox {row.id}" for row in rows]
    if not works and not rows:
        break
    time.sleep(0.005)
print(json.dumps(got), flush=True)
store.close_now()
"""


def child(code: str, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", textwrap.dedent(code), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_a_process_killed_under_load_loses_nothing_that_it_acknowledged(store_url: str, open_store: Opener) -> None:
    acknowledged: list[str] = []
    with child(LOAD, store_url) as process:
        assert process.stdout is not None
        while len(acknowledged) < 400:
            acknowledged.append(process.stdout.readline().strip())
        process.kill()
        rest = process.stdout.read()
        # The last line may be cut in the middle of a word; what was printed whole counts.
        acknowledged += rest.split("\n")[:-1]
    store = open_store(store_url)

    def keys(tx: Tx) -> set[str]:
        return {row[0] for row in tx.execute("SELECT key FROM facts")}

    there = store.read_now(keys)
    assert set(acknowledged) <= there
    assert store.read_now(audit.verify_chain) == []
    seq, _head = store.read_now(audit.head)
    assert seq == len(there)


def test_the_kill_switch_gets_in_while_a_bot_writes_without_pause(store_url: str, open_store: Opener) -> None:
    with child(LOAD, store_url) as process:
        assert process.stdout is not None
        process.stdout.readline()
        reading = threading.Thread(target=process.stdout.read, daemon=True)
        reading.start()
        guest = open_store(store_url, lock=False)
        for _ in range(3):
            guest.transact_now(freeze.set_frozen, True, "cli:ana", "drill", NOW)  # noqa: FBT003 - the switch
        assert process.poll() is None, "it writes on"
        process.kill()
        reading.join()


def test_two_processes_never_claim_the_same_row(store_url: str, open_store: Opener) -> None:
    def fill(tx: Tx) -> None:
        for number in range(40):
            due.owe(tx, Stage.VERIFY, number, NOW)
            outbox.owe(tx, MessageKind.CARD, number, "C1", Priority.NEW_CARD, NOW, key=f"card:{number}")

    open_store(store_url).transact_now(fill)
    with child(CLAIM, store_url) as one, child(CLAIM, store_url) as two:
        got: list[list[str]] = []
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in (one, two):
            assert process.stdout is not None
            got.append(json.loads(process.stdout.readline()))
    everything = got[0] + got[1]
    assert len(everything) == len(set(everything)) == 80
    assert got[0]
    assert got[1]


async def test_two_writers_on_one_server_share_one_chain(postgres_url: str, open_store: Opener) -> None:
    def note(tx: Tx, number: int) -> None:
        tx.audit(AuditNote("alert:delivery:received", "alertmanager", f"x:{number}", "received"), NOW)

    stores = [open_store(postgres_url, group_size=4) for _ in range(2)]
    await asyncio.gather(*(store.transact(note, number) for number in range(60) for store in stores))
    assert (await stores[0].read(audit.head))[0] == 120
    assert await stores[1].read(audit.verify_chain) == []


def cut(url: str) -> None:
    """End every other connection to this database, as a failing server or network does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_lost_connection_fails_the_group_and_the_next_goes_through(
    postgres_url: str, open_store: Opener
) -> None:
    store = open_store(postgres_url)
    await store.transact(facts.put, "a", "1")
    await store.read(facts.get, "a")
    cut(postgres_url)
    with pytest.raises(StoreUnavailableError) as lost:
        await store.transact(facts.put, "b", "1")
    assert lost.value.__cause__ is not None
    await store.transact(facts.put, "b", "2")
    # Each reader thread finds out for itself.
    for _ in range(4):
        try:
            assert await store.read(facts.get, "b") == "2"
        except StoreUnavailableError:
            continue
    assert await store.read(facts.get, "b") == "2"


async def test_a_connection_lost_in_the_middle_fails_every_function_of_the_group(
    postgres_url: str, open_store: Opener
) -> None:
    store = open_store(postgres_url)

    def die(tx: Tx) -> None:
        cut(postgres_url)
        facts.put(tx, "c", "1")

    results = await asyncio.gather(
        store.transact(facts.put, "a", "1"), store.transact(die), store.transact(facts.put, "b", "1"),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(results[1], StoreUnavailableError)
    for key, result in zip("ab", results[::2], strict=True):
        committed = await store.read(facts.get, key) == "1"
        assert committed is (result is None)
    assert await store.read(facts.get, "c") is None


async def test_a_writer_that_can_not_get_the_lock_in_time_is_unavailable_and_recovers(
    postgres_url: str, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.engines.BUSY_SECONDS", 0.2)
    store = open_store(postgres_url)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (0x66657474,))
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            await store.transact(facts.put, "a", "1")
    await store.transact(facts.put, "a", "1")


async def test_a_sqlite_file_that_somebody_else_holds_is_unavailable_and_recovers(
    sqlite_url: str, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.engines.BUSY_SECONDS", 0.1)
    store, guest = open_store(sqlite_url), open_store(sqlite_url, lock=False)
    holding, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_tx: Tx) -> None:
        loop.call_soon_threadsafe(holding.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)

    held = asyncio.create_task(guest.transact(hold))
    await holding.wait()
    with pytest.raises(StoreUnavailableError, match="locked"):
        await store.transact(facts.put, "a", "1")
    go.set()
    await held
    await store.transact(facts.put, "a", "1")


def limit(tx: Tx, pages: int) -> Any:
    return tx.execute(f"PRAGMA max_page_count = {pages}").fetchone()


async def test_a_full_disk_is_unavailable_loses_nothing_acknowledged_and_recovers(
    sqlite_url: str, open_store: Opener
) -> None:
    store = open_store(sqlite_url)
    await store.transact(limit, 1)  # SQLite raises it to the pages there are
    acknowledged: list[int] = []

    async def fill() -> None:
        for number in range(500):
            await store.transact(facts.put, f"{number}", "x" * 2000)
            acknowledged.append(number)

    with pytest.raises(StoreUnavailableError, match="full"):
        await fill()
    for number in acknowledged:
        assert await store.read(facts.get, f"{number}") is not None
    # The connection was replaced, and with it this test's limit: there is room again.
    await store.transact(facts.put, "room", "1")
    await store.writable()
