"""Databases of older releases open: migrated, the chain whole, every record readable, what was owed still owed."""

import contextlib
import gzip
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.finding import Cause
from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from bot.storage import (
    audit,
    due,
    evidence,
    executions,
    findings,
    freeze,
    incidents,
    outbox,
    people,
    proposals,
    verifications,
)
from bot.storage.db import Store, Tx
from bot.storage.schema import FOLDER

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
DUMPS = sorted(Path(__file__).parent.glob("*.sql.gz"))


def restored(dump: Path, folder: Path) -> str:
    path = folder / "fettle.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(gzip.decompress(dump.read_bytes()).decode())
    return f"sqlite:///{path}"


@pytest.mark.parametrize("dump", DUMPS, ids=[dump.name for dump in DUMPS])
def test_an_old_database_opens_with_all_that_was_in_it(dump: Path, tmp_path: Path) -> None:
    store = Store.open(restored(dump, tmp_path))
    try:
        assert store.read_now(audit.verify_chain) == []
        entries = store.read_now(audit.entries)
        assert [(entry.tag, entry.actor_name) for entry in entries] == [
            ("person:identity:seen", "Ana"), ("proposal:approval:granted", "Ana"), ("freeze:state:on", ""),
        ]  # fmt: skip
        assert store.read_now(incidents.get, 1).state is IncidentState.MITIGATING
        assert store.read_now(proposals.get, 1).state is ProposalState.APPROVED
        assert store.read_now(proposals.approvals, 1)[0].reason == "go"
        assert store.read_now(executions.get, 1).outcome == "patched"
        assert store.read_now(verifications.get, 1).verdict is Verdict.PASS
        assert store.read_now(evidence.of, 1)[0].summary == "5 of 6 ready"
        concluded = [finding.cause for finding in store.read_now(findings.of, 1)]
        assert concluded == ([] if dump.name.startswith("0001") else [Cause.CRASH_LOOP])
        assert store.read_now(freeze.state)[:3] == (True, "cli:ana", "drill")
        assert store.read_now(people.groups)["S1"][0] == ("U1",)
        assert store.transact_now(outbox.claim, NOW, timedelta(seconds=9), 5)[0].key == "card:1"
        assert store.transact_now(due.claim, NOW, Stage.INVESTIGATE, timedelta(seconds=9), 5)[0].subject == 1
    finally:
        store.close_now()


@pytest.mark.parametrize("dump", DUMPS, ids=[dump.name for dump in DUMPS])
def test_an_old_database_ends_with_the_schema_of_a_new_one(dump: Path, tmp_path: Path, sqlite_template: Path) -> None:
    def schema(tx: Tx) -> list[tuple[str, str, str]]:
        rows = tx.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name").fetchall()
        return [(kind, name, " ".join(sql.split())) for kind, name, sql in rows]

    store = Store.open(restored(dump, tmp_path))
    new = Store.open(f"sqlite:///{sqlite_template}", lock=False, query_only=True)
    try:
        assert store.read_now(schema) == new.read_now(schema)
    finally:
        store.close_now()
        new.close_now()


def test_every_migration_has_a_dump() -> None:
    numbers = {path.name[:4] for path in FOLDER.glob("[0-9]*.py")}
    assert {dump.name[:4] for dump in DUMPS} == numbers
