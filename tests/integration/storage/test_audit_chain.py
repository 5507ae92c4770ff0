"""The audit: gap-free, chained, append-only, whole after an erasure; tampering is found."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from bot.domain.audit import GENESIS, TAGS, AuditEntry, AuditNote, detail_digest
from bot.domain.errors import IntegrityError, RequestError
from bot.storage import audit, people
from bot.storage.db import Store, Tx

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)


def note(tx: Tx, number: int = 1, *, fail: bool = False, actor: str = "fettle") -> None:
    tx.audit(
        AuditNote(
            "proposal:approval:granted", actor, f"proposal:{number}", "granted", number, {"reason": f"r{number}"}
        ),
        NOW + timedelta(seconds=number),
    )
    if fail:
        raise RequestError("no")


async def fill(store: Store, count: int = 5) -> None:
    for number in range(1, count + 1):
        await store.transact(note, number)


async def verified(store: Store, head: str | None = None) -> list[str]:
    return await store.read(audit.verify_chain, head=head)


def rewrite(url: str, *statements: str) -> None:
    """What somebody with the file or the owner's password can do: switch the triggers off and write."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("DROP TRIGGER audit_no_update")
            connection.execute("DROP TRIGGER audit_no_delete")
            for statement in statements:
                connection.execute(statement)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]


async def test_an_empty_chain_is_whole(store: Store) -> None:
    assert await store.read(audit.head) == (0, GENESIS)
    assert await verified(store) == []
    assert await verified(store, GENESIS) == []


async def test_numbers_have_no_gap_though_functions_fail(store: Store) -> None:
    tasks = [store.transact(note, number, fail=number % 3 == 0) for number in range(1, 31)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, RequestError) for result in results) == 10
    entries = await store.read(audit.entries)
    assert [entry.seq for entry in entries] == list(range(1, 21))
    assert [entry.incident_id for entry in entries] == [number for number in range(1, 31) if number % 3]
    assert await verified(store) == []
    assert await store.read(audit.head) == (20, entries[-1].hash)


async def test_the_chain_goes_on_after_a_restart(store_url: str, open_store: Opener) -> None:
    first = open_store(store_url)
    await fill(first, 2)
    await first.close()
    second = open_store(store_url)
    await fill(second, 2)
    assert [entry.seq for entry in second.read_now(audit.entries)] == [1, 2, 3, 4]
    assert await verified(second) == []


async def test_an_entry_holds_what_was_noted(store: Store) -> None:
    ana = await store.transact(people.person_for, "U1", "Ana", NOW)
    await store.transact(note, 7, actor=ana)
    seen, entry = await store.read(audit.entries)
    assert (seen.tag, seen.actor, seen.outcome, seen.detail, seen.detail_digest) == (
        "person:identity:seen", "person:1", "seen", None, "",
    )  # fmt: skip
    assert (entry.at, entry.tag, entry.actor, entry.actor_name, entry.subject, entry.incident_id, entry.detail) == (
        NOW + timedelta(seconds=7), "proposal:approval:granted", "person:1", "Ana", "proposal:7", 7, {"reason": "r7"},
    )  # fmt: skip
    assert entry.prev == seen.hash


async def test_entries_are_found_by_page_incident_tag_and_time(store: Store) -> None:
    await store.transact(people.person_for, "U1", "Ana", NOW)
    await fill(store)

    async def seqs(**how: object) -> list[int]:
        return [entry.seq for entry in await store.read(audit.entries, **how)]

    assert await seqs(after=2, limit=2) == [3, 4]
    assert await seqs(limit=2, newest=True) == [5, 6]
    assert await seqs(incident_id=3) == [4]
    assert await seqs(tag_prefix="person:") == [1]
    assert await seqs(since=NOW + timedelta(seconds=4)) == [5, 6]


async def test_every_committed_entry_is_shown_once_in_order_without_detail(store_url: str, open_store: Opener) -> None:
    shown: list[AuditEntry] = []
    store = open_store(store_url, on_entries=shown.extend)
    await asyncio.gather(
        *(store.transact(note, number, fail=number == 2) for number in range(1, 5)), return_exceptions=True
    )
    await store.close()
    assert [(entry.seq, entry.incident_id, entry.detail) for entry in shown] == [
        (1, 1, None),
        (2, 3, None),
        (3, 4, None),
    ]


async def test_an_entry_that_can_not_be_shown_is_committed_all_the_same(store_url: str, open_store: Opener) -> None:
    def closed(_entries: object) -> None:
        raise BrokenPipeError

    store = open_store(store_url, on_entries=closed)
    await fill(store, 2)
    assert (await store.read(audit.head))[0] == 2


async def test_only_known_tags_and_no_read_may_note(store: Store) -> None:
    def unknown(tx: Tx) -> None:
        tx.audit(AuditNote("made:up:tag", "fettle", "x", "y"), NOW)

    with pytest.raises(IntegrityError, match="no tag"):
        await store.transact(unknown)
    with pytest.raises(IntegrityError, match="read can't"):
        await store.read(note)
    assert len(set(TAGS)) == len(TAGS)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET outcome = 'denied'",
        "DELETE FROM audit",
        "UPDATE approvals SET verb = 'approved'",
        "UPDATE approvals SET reason = 'another'",
        "DELETE FROM approvals",
    ],
)
async def test_the_database_itself_refuses_to_change_what_is_append_only(store: Store, sql: str) -> None:
    await fill(store, 1)

    def approve(tx: Tx) -> None:
        tx.execute(
            "INSERT INTO approvals (proposal_id, principal, verb, reason, at) VALUES (1, 'person:1', 'denied', 'r', '')"
        )

    def change(tx: Tx) -> None:
        tx.execute(sql)

    await store.transact(approve)
    with pytest.raises(IntegrityError, match="append-only"):
        await store.transact(change)
    assert await verified(store) == []


async def test_truncate_is_refused_too(postgres_url: str, open_store: Opener) -> None:
    def truncate(tx: Tx) -> None:
        tx.execute("TRUNCATE audit")

    with pytest.raises(IntegrityError, match="append-only"):
        await open_store(postgres_url).transact(truncate)


TAMPERING = {
    "an entry edited": (["UPDATE audit SET outcome = 'denied' WHERE seq = 3"], ["Entry 3 was changed"]),
    "an entry moved to another actor": (["UPDATE audit SET actor = 'person:9' WHERE seq = 1"], ["Entry 1 was changed"]),
    "an entry removed": (["DELETE FROM audit WHERE seq = 3"], ["Entry 3 is missing."]),
    "entries removed": (["DELETE FROM audit WHERE seq IN (2, 3)"], ["Entries 2 to 3 are missing."]),
    "the first removed": (["DELETE FROM audit WHERE seq = 1"], ["Entry 1 is missing."]),
    "a hash and its link replaced": (
        ["UPDATE audit SET hash = 'x' WHERE seq = 3", "UPDATE audit SET prev = 'x' WHERE seq = 4"],
        ["Entry 3 was changed", "Entry 4 was changed"],
    ),
    "a link replaced": (["UPDATE audit SET prev = 'x' WHERE seq = 4"], ["Entry 4 doesn't", "Entry 4 was changed"]),
    "a detail edited": (
        ["""UPDATE audit_details SET detail = '{"reason":"other"}' WHERE seq = 2"""],
        ["The detail of entry 2 was changed"],
    ),
    "a detail replaced with its digest": (
        [
            """UPDATE audit_details SET salt = 's', detail = '{"reason":"other"}' WHERE seq = 2""",
            f"UPDATE audit SET detail_digest = '{detail_digest('s', {'reason': 'other'})}' WHERE seq = 2",  # noqa: S608 - a digest
        ],
        ["Entry 2 was changed"],
    ),
    "one slipped in before the first": (
        ["INSERT INTO audit VALUES (0, '', '', '', '', '', 0, '', '', '')"],
        ["missing", "Entry 0 was changed", "Entry 1 doesn't follow"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "sentences"), TAMPERING.values(), ids=TAMPERING.keys())
async def test_tampering_is_found_and_named(
    store_url: str, open_store: Opener, statements: list[str], sentences: list[str]
) -> None:
    store = open_store(store_url)
    await fill(store)
    rewrite(store_url, *statements)
    problems = await verified(store)
    assert len(problems) == len(sentences)
    assert all(sentence in problem for sentence, problem in zip(sentences, problems, strict=True))


async def test_an_end_that_was_cut_off_is_found_by_a_noted_head(store_url: str, open_store: Opener) -> None:
    store = open_store(store_url)
    await fill(store)
    noted = (await store.read(audit.head))[1]
    await fill(store, 2)
    assert await verified(store, noted) == []
    rewrite(store_url, "DELETE FROM audit WHERE seq >= 5")
    assert await verified(store) == []
    assert "not in the chain" in (await verified(store, noted))[0]


async def test_the_chain_verifies_after_an_erasure_and_the_words_are_gone(store: Store) -> None:
    ana = await store.transact(people.person_for, "U1", "Ana", NOW)
    bo = await store.transact(people.person_for, "U2", "Bo", NOW)
    await store.transact(note, 1, actor=ana)
    await store.transact(note, 2, actor=bo)
    await store.transact(people.set_group, "S1", ["U1", "U2"], NOW)
    head = (await store.read(audit.head))[1]
    assert await store.transact(people.erase, "U1") == 3
    entries = await store.read(audit.entries)
    assert [(entry.actor, entry.actor_name, entry.detail) for entry in entries[2:]] == [
        ("person:1", "", None),
        ("person:2", "Bo", {"reason": "r2"}),
    ]
    assert entries[2].detail_digest
    assert await verified(store, head) == []
    assert await store.read(people.slack_id_of, ana) == ""
    assert (await store.read(people.groups))["S1"][0] == ("U2",)
    assert await store.transact(people.person_for, "U1", "Ana", NOW) == "person:3"


async def test_a_long_chain_is_checked_in_slices(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(store, 7)
    monkeypatch.setattr(audit._whole, "__defaults__", (3,))
    assert await verified(store) == []
