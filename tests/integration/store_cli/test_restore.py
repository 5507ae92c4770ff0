"""``fettle store restore``: a copy is trusted only after a look, and nothing that was approved before acts from it."""

import asyncio
import contextlib
import gzip
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import clock, restored, store_cli
from bot.domain.audit import GENESIS, AuditEntry, AuditNote
from bot.domain.errors import ConfigError, IntegrityError, RequestError
from bot.domain.execution import ExecutionState, WriteRequest
from bot.domain.incident import IncidentEvent, IncidentState
from bot.domain.owed import MessageKind, Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalEvent, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import audit, copies, due, executions, facts, freeze, incidents, outbox, people, proposals
from bot.storage.copies import Replaced
from bot.storage.db import Store, Tx

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
LEASE = timedelta(minutes=2)
DUMP = Path(__file__).parents[2] / "upgrade" / "0001.sql.gz"


def offer(tx: Tx, name: str) -> Proposal:
    """An open incident with its card and a pending proposal."""
    target = Target("Deployment", "shop", name, f"u-{name}")
    opened = incidents.add(
        tx, key=f"k-{name}", title=f"{name} is down", alertname="Down", namespace="shop", severity=Severity.SEV2,
        now=NOW, channel="C1", target=target,
    )  # fmt: skip
    outbox.owe(tx, MessageKind.CARD, opened.id, "C1", Priority.NEW_CARD, NOW, key=f"card:{opened.id}")
    offered = proposals.add(
        tx, opened.id, action="restart", target=target, params={}, digest="d" * 64, state=ProposalState.PENDING,
        text=ProposalText(f"Restart Deployment shop/{name}", "Restarted"), requested_by=SYSTEM, now=NOW,
        expires_at=NOW + timedelta(minutes=15), quorum=1, approvers=("U1",), baseline={},
    )  # fmt: skip
    due.owe(tx, Stage.EXPIRE, offered.id, NOW + timedelta(minutes=15))
    return offered


def story(tx: Tx) -> None:
    """INC-1 offers, INC-2 is approved and not begun, INC-3 is on its way; the first card stands in Slack."""
    ana = people.person_for(tx, "U1", "Ana", NOW)
    offer(tx, "one")
    for name in ("two", "three"):
        offered = offer(tx, name)
        approved = proposals.settle(tx, offered.id, ProposalEvent.APPROVE, NOW, ana)
        assert approved is not None
        act = executions.add(tx, uid=f"e-{name}", proposal=approved, approved_by=ana, now=NOW)
        assert act is not None
        incidents.move(tx, offered.incident_id, IncidentEvent.EXECUTE, NOW)
        due.forget(tx, Stage.EXPIRE, offered.id)
        due.owe(tx, Stage.EXECUTE, act.id, NOW)
    executions.claim(tx, 2, WriteRequest("PATCH", "/x", "application/json-patch+json", []), {}, NOW)
    due.forget(tx, Stage.EXECUTE, 2)
    (first, *_) = outbox.claim(tx, NOW, LEASE, 2)
    outbox.sent(tx, first, NOW, "C1", "1.1")
    due.claim(tx, NOW, Stage.EXECUTE, LEASE, 5)


@pytest.fixture
def file(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of a store with the story; the store itself went on afterwards."""
    store = Store.open(sqlite_url)
    store.transact_now(story)
    assert store_cli.backup(sqlite_url, tmp_path / "copy.db") == 0
    store.transact_now(offer, "later")
    store.transact_now(offer, "latest")
    store.transact_now(lambda tx: tx.audit(AuditNote("incident:state:declared", "fettle", "x", "x"), NOW))
    store.close_now()
    capsys.readouterr()
    return tmp_path / "copy.db"


def all_entries(store: Store) -> list[AuditEntry]:
    return store.read_now(audit.entries, limit=10_000)


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.read_now(lambda tx: [tuple(row) for row in tx.execute(sql).fetchall()])


def test_open_approvals_of_a_restored_store_are_void(sqlite_url: str, file: Path, open_store: Opener) -> None:
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    store = open_store(sqlite_url)
    assert store.read_now(proposals.pending) == []
    first = store.read_now(proposals.get, 1)
    assert (first.state, first.reason) == (ProposalState.SUPERSEDED, "store restored")
    waiting, running = (store.read_now(executions.get, number) for number in (1, 2))
    assert (waiting.state, waiting.in_flight) == (ExecutionState.FAILED, False)
    assert waiting.outcome.startswith("store restored")
    assert store.read_now(incidents.get, 2).state is IncidentState.ACKNOWLEDGED
    assert running.state is ExecutionState.RUNNING
    assert rows(store, "SELECT stage, subject, claimed_until FROM due ORDER BY id") == [("recover", 2, None)]


def test_a_restored_store_owes_its_cards_and_looks_before_it_posts(
    sqlite_url: str, file: Path, open_store: Opener
) -> None:
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    store = open_store(sqlite_url)
    claimed = store.transact_now(outbox.claim, clock.now(), LEASE, 10)
    assert {row.key: (row.posted_ts, row.uncertain) for row in claimed} == {
        "card:1": ("1.1", False), "card:2": ("", True), "card:3": ("", True),
    }  # fmt: skip


def test_the_audit_goes_on_with_both_heads(sqlite_url: str, file: Path, open_store: Opener) -> None:
    live = open_store(sqlite_url)
    old = live.read_now(audit.head)
    live.close_now()
    copy = open_store(f"sqlite:///{file}", lock=False, query_only=True)
    new = copy.read_now(audit.head)
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    store = open_store(sqlite_url)
    assert store.read_now(audit.verify_chain, head=new[1]) == []
    entries = all_entries(store)
    entry = next(one for one in entries if one.tag == "system:store:restored")
    assert (entry.seq, entry.actor) == (new[0] + 1, "cli:ana")
    assert entry.detail == {
        "old_head": {"seq": old[0], "hash": old[1], "readable": True}, "new_head": {"seq": new[0], "hash": new[1]},
    }  # fmt: skip
    assert [one.tag for one in entries[entry.seq :]] == [
        "proposal:state:superseded", "execution:state:failed", "incident:state:acknowledged",
    ]  # fmt: skip


def test_the_store_before_is_kept_aside_whole(
    sqlite_url: str, file: Path, tmp_path: Path, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    out = capsys.readouterr().out
    (kept,) = tmp_path.glob("fettle.db.2*Z")
    assert str(kept) in out
    assert "1 open proposal(s), 1 approved action(s) that had not begun. 1 action(s) on their way" in out
    before = open_store(f"sqlite:///{kept}", lock=False, query_only=True)
    assert before.read_now(incidents.get, 5).title == "latest is down"
    assert before.read_now(audit.verify_chain) == []
    assert sorted(path.name for path in tmp_path.iterdir() if "restoring" in path.name) == []
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    assert len(list(tmp_path.glob("fettle.db.2*Z*"))) >= 2, "a second one in the same second has a name of its own"


def test_numbers_that_old_cards_carry_are_not_given_out_again(sqlite_url: str, file: Path, open_store: Opener) -> None:
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    store = open_store(sqlite_url)
    fresh = store.transact_now(offer, "fresh")
    assert fresh.id > 5
    assert fresh.incident_id > 5
    gap = store.read_now(incidents.get, fresh.incident_id - 1)
    assert gap.state is IncidentState.RESOLVED
    assert gap.title == "The store was restored; what came after INC-3 is not in it"
    assert store.read_now(proposals.get, fresh.id - 1).state is ProposalState.SUPERSEDED


def test_a_kill_switch_that_is_on_stays_on(
    sqlite_url: str, file: Path, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    live = open_store(sqlite_url)
    live.transact_now(freeze.set_frozen, True, "cli:bo", "incident", NOW)  # noqa: FBT003 - the switch
    live.close_now()
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    assert "fettle freeze off" in capsys.readouterr().out
    assert open_store(sqlite_url).read_now(freeze.state)[0]


def test_a_torn_store_can_be_replaced_and_is_kept_as_it_was(
    sqlite_url: str, file: Path, tmp_path: Path, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    live = Path(sqlite_url.removeprefix("sqlite:///"))
    live.write_bytes(b"torn" * 4096)
    live.with_name("fettle.db-wal").write_bytes(b"a log that is not the copy's")
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    assert "it could not be read" in capsys.readouterr().out
    (kept,) = (path for path in tmp_path.glob("fettle.db.2*Z"))
    assert kept.read_bytes() == b"torn" * 4096
    store = open_store(sqlite_url)
    assert store.read_now(audit.verify_chain) == []
    assert store.transact_now(offer, "fresh").incident_id > 1000, "nobody knows how many there were"


def test_without_a_store_the_copy_becomes_one(file: Path, tmp_path: Path, open_store: Opener) -> None:
    url = f"sqlite:///{tmp_path}/new/fettle.db"
    assert store_cli.restore(url, file, "cli:ana") == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["fettle.db", "fettle.db.lock"]
    assert open_store(url).read_now(incidents.get, 1).title == "one is down"


def test_a_running_bot_is_not_pulled_from_under(sqlite_url: str, file: Path, open_store: Opener) -> None:
    bot = open_store(sqlite_url)
    with pytest.raises(ConfigError, match=f"in use by the process with pid {os.getpid()}. Stop that one first"):
        store_cli.restore(sqlite_url, file, "cli:ana")
    with pytest.raises(ConfigError, match="in use"):
        store_cli.void(sqlite_url, "cli:ana")
    assert bot.read_now(incidents.get, 5).title == "latest is down"


def broken_chain(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET outcome = 'changed' WHERE seq = 1")


def newer(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2030-01-01 00:00:00')")


def torn(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    file.write_bytes(content)


def foreign(file: Path) -> None:
    file.unlink()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER)")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (broken_chain, "was not restored: its audit is broken"), (newer, "newer version of this program"),
        (torn, "damaged|malformed"), (foreign, "not a database of Fettle"), (Path.unlink, "There is no file"),
    ],
    ids=["broken chain", "newer", "torn", "foreign", "none"],
)  # fmt: skip
def test_a_copy_that_is_not_whole_changes_nothing(
    sqlite_url: str, file: Path, tmp_path: Path, open_store: Opener, capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None], said: str,
) -> None:  # fmt: skip
    live = Path(sqlite_url.removeprefix("sqlite:///"))
    before = live.read_bytes()
    spoil(file)
    if spoil is broken_chain:
        assert store_cli.restore(sqlite_url, file, "cli:ana") == 1
        assert said in capsys.readouterr().err
    else:
        with pytest.raises((IntegrityError, RequestError), match=said):
            store_cli.restore(sqlite_url, file, "cli:ana")
    assert live.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if "restoring" in path.name or path.name.endswith("Z")]
    assert open_store(sqlite_url).read_now(incidents.get, 5).title == "latest is down"


def test_the_store_itself_is_no_copy(sqlite_url: str, file: Path) -> None:
    with pytest.raises(RequestError, match="itself"):
        store_cli.restore(sqlite_url, Path(sqlite_url.removeprefix("sqlite:///")), "cli:ana")
    assert file.exists()


def test_a_copy_with_its_log_beside_it_is_read_with_it(sqlite_url: str, tmp_path: Path, open_store: Opener) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    source = open_store(f"sqlite:///{tmp_path}/other.db")
    source.transact_now(facts.put, "late", "in the log alone")
    for suffix in ("", "-wal"):
        (raw / f"x.db{suffix}").write_bytes((tmp_path / f"other.db{suffix}").read_bytes())
    assert (raw / "x.db-wal").stat().st_size > 0
    assert store_cli.restore(sqlite_url, raw / "x.db", "cli:ana") == 0
    assert open_store(sqlite_url).read_now(facts.get, "late") == "in the log alone"


def test_a_store_of_an_older_release_is_restored_and_voided(
    sqlite_url: str, tmp_path: Path, open_store: Opener
) -> None:
    file = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(gzip.decompress(DUMP.read_bytes()).decode())
    assert store_cli.restore(sqlite_url, file, "cli:ana") == 0
    store = open_store(sqlite_url)
    assert store.read_now(audit.verify_chain) == []
    assert store.read_now(incidents.get, 1).state is IncidentState.MITIGATING


def test_after_pg_restore_void_does_the_same_on_either_database(
    store_url: str, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(store_url)
    store.transact_now(story)
    store.close_now()
    assert store_cli.void(store_url, "cli:ana") == 0
    assert "1 open proposal(s), 1 approved action(s)" in capsys.readouterr().out
    store = open_store(store_url)
    assert store.read_now(proposals.pending) == []
    assert store.read_now(executions.pending) == []
    fresh = store.transact_now(offer, "fresh")
    assert fresh.id > 1000
    assert fresh.incident_id > 1000
    (entry,) = [one for one in all_entries(store) if one.tag == "system:store:restored"]
    assert entry.detail is not None
    assert entry.detail["old_head"] == {"seq": 0, "hash": GENESIS, "readable": False}


def test_voiding_twice_changes_nothing_more(sqlite_url: str, open_store: Opener) -> None:
    store = open_store(sqlite_url)
    store.transact_now(story)
    store.transact_now(restored.void, Replaced(readable=False), "cli:ana", NOW)
    again = store.transact_now(restored.void, Replaced(readable=False), "cli:ana", NOW)
    assert (again.proposals, again.executions, again.running) == (0, 0, 1)
    assert len(rows(store, "SELECT id FROM due")) == 1


@pytest.mark.parametrize("step", range(12))
def test_a_crash_while_the_files_change_places_leaves_a_whole_store(
    sqlite_url: str, file: Path, open_store: Opener, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whichever call was the last one: the name of the store holds the old one or the new one, never a torn one."""
    calls = 0

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            nonlocal calls
            if calls >= step:
                raise KeyboardInterrupt
            calls += 1
            return call(*args, **options)

        return counted

    live = Path(sqlite_url.removeprefix("sqlite:///"))
    store = open_store(sqlite_url)
    store.transact_now(facts.put, "newest", "1")
    staged = live.with_name("staged.db")
    copies.copy(file, staged)
    log = live.with_name("fettle.db-wal").read_bytes()
    whole = live.read_bytes()
    store.close_now()
    live.write_bytes(whole)
    live.with_name("fettle.db-wal").write_bytes(log)  # as after a kill: the newest lies in the log
    with monkeypatch.context() as patch:
        patch.setattr(copies, "_second_name", dying(copies._second_name))
        patch.setattr(copies, "_sync", dying(copies._sync))
        patch.setattr(Path, "unlink", dying(Path.unlink))
        patch.setattr(Path, "replace", dying(Path.replace))
        with contextlib.suppress(KeyboardInterrupt):
            copies.replaced(live)
            copies.put_in_place(staged, live, NOW)
    found = open_store(sqlite_url)
    assert found.read_now(audit.verify_chain) == []
    titles = rows(found, "SELECT title FROM incidents WHERE title = 'latest is down'")
    assert (found.read_now(facts.get, "newest") == "1") is bool(titles), "one or the other, nothing in between"


async def test_the_bot_settles_what_was_on_its_way_by_reading_back(sqlite_url: str, file: Path) -> None:
    """The row that a restored store owes is one that the running bot claims at once."""
    assert await asyncio.to_thread(store_cli.restore, sqlite_url, file, "cli:ana") == 0
    store = await asyncio.to_thread(Store.open, sqlite_url)
    (work,) = await store.transact(due.claim, datetime.now(UTC) + LEASE, Stage.RECOVER, LEASE, 5)
    assert work.subject == 2
    await store.close()
