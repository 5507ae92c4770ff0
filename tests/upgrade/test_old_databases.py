"""Databases of older releases open: migrated, the chain whole, every record readable, what was owed still owed."""

import contextlib
import gzip
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playhouse.migrations import Runner
from psycopg import sql

from bot.domain.execution import STANDINGS, ExecutionState, Standing
from bot.domain.finding import Cause
from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import Halt, ProposalState
from bot.domain.verification import Verdict
from bot.storage import (
    audit,
    due,
    evidence,
    executions,
    facts,
    findings,
    freeze,
    incidents,
    notes,
    outbox,
    people,
    proposals,
    verifications,
)
from bot.storage.db import Store, Tx
from bot.storage.engines import engine_for
from bot.storage.schema import FOLDER
from tests.conftest import named

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
DUMPS = sorted(Path(__file__).parent.glob("*.sql.gz"))
"""One for each migration; ``-early`` is what a commit before its last change made."""
IDS = [dump.name.removesuffix(".sql.gz") for dump in DUMPS]


def restored(dump: Path, folder: Path) -> str:
    path = folder / "fettle.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(gzip.decompress(dump.read_bytes()).decode())
    return f"sqlite:///{path}"


def restored_to_postgresql(dump: Path, folder: Path, server: str) -> str:
    """The same rows in a PostgreSQL database that the same migrations made."""
    name = f"old_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = named(server, name)
    with contextlib.closing(sqlite3.connect(restored(dump, folder).removeprefix("sqlite:///"))) as old:
        applied = [name for (name,) in old.execute("SELECT name FROM schema_migration ORDER BY name")]
        engine = engine_for(url)
        engine.connect(writer=True)
        Runner(engine.database, str(FOLDER)).up(applied[-1])
        engine.disconnect()
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            for (table,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if table not in {"schema_migration", "sqlite_sequence"}:
                    _copy(old, connection, table)
    return url


def _copy(old: sqlite3.Connection, new: psycopg.Connection[Any], table: str) -> None:
    """All rows of a table; a column that the old one hasn't goes, and the next number is one that is free."""
    columns = [name for _, name, *_ in old.execute(f"PRAGMA table_info({table})")]
    types: dict[str, str] = dict(
        new.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s", (table,)
        ).fetchall()
    )
    place = sql.Identifier(table)
    for more in types.keys() - columns:
        new.execute(sql.SQL("ALTER TABLE {} DROP COLUMN {}").format(place, sql.Identifier(more)))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    places = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    new.execute(sql.SQL("DELETE FROM {}").format(place))
    for row in old.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608 - a name of the schema
        values = [bool(one) if types[name] == "boolean" else one for name, one in zip(columns, row, strict=True)]
        new.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(place, names, places), values)
    if "id" in columns and types["id"] == "integer":
        new.execute(
            sql.SQL("SELECT setval(s, (SELECT coalesce(max(id), 0) + 1 FROM {}), false) "
                    "FROM pg_get_serial_sequence(%s, 'id') AS s WHERE s IS NOT NULL").format(place),
            (table,),
        )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], str]:
    """Makes an old database of either kind; its URL."""
    if request.param == "sqlite":
        return lambda dump: restored(dump, tmp_path)
    server: str = request.getfixturevalue("postgres_server")
    return lambda dump: restored_to_postgresql(dump, tmp_path, server)


@pytest.mark.parametrize("dump", DUMPS, ids=IDS)
def test_an_old_database_opens_with_all_that_was_in_it(dump: Path, old: Callable[[Path], str]) -> None:
    store = Store.open(old(dump))
    try:
        assert store.read_now(audit.verify_chain) == []
        entries = store.read_now(audit.entries)
        assert [(entry.tag, entry.actor_name) for entry in entries] == [
            ("person:identity:seen", "Ana"), ("proposal:approval:granted", "Ana"), ("freeze:state:on", ""),
        ]  # fmt: skip
        assert store.read_now(incidents.get, 1).state is IncidentState.MITIGATING
        assert store.read_now(incidents.get, 1).links == ()
        assert store.read_now(proposals.get, 1).state is ProposalState.APPROVED
        assert store.read_now(proposals.approvals, 1)[0].reason == "go"
        assert store.read_now(executions.get, 1).outcome == "patched"
        assert store.read_now(verifications.get, 1).verdict is Verdict.PASS
        assert store.read_now(evidence.of, 1)[0].summary == "5 of 6 ready"
        concluded = [finding.cause for finding in store.read_now(findings.of, 1)]
        assert concluded == ([] if dump.name.startswith("0001") else [Cause.CRASH_LOOP])
        noted = store.read_now(notes.standing, "C1", "1.000100")
        assert (noted.text if noted else "") == ("" if dump.name < "0009" else "failing over")
        assert store.read_now(freeze.state)[:3] == (True, "cli:ana", "drill")
        assert store.read_now(people.groups)["S1"][0] == ("U1",)
        assert store.transact_now(outbox.claim, NOW, timedelta(seconds=9), 5)[0].key == "card:1"
        assert store.transact_now(due.claim, NOW, Stage.INVESTIGATE, timedelta(seconds=9), 5)[0].subject == 1
    finally:
        store.close_now()


@pytest.mark.parametrize("dump", DUMPS, ids=IDS)
def test_an_old_database_ends_with_the_schema_of_a_new_one(dump: Path, tmp_path: Path, sqlite_template: Path) -> None:
    """Tables, columns with all that is said of them, indexes and triggers; columns may stand in another order."""

    def schema(tx: Tx) -> list[tuple[str, str, list[str]]]:
        rows = tx.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name").fetchall()
        return [(kind, name, parts(text)) for kind, name, text in rows]

    def parts(text: str) -> list[str]:
        # To SQLite such a key is never null, whether that is said or not.
        plain = " ".join(text.split()).replace("INTEGER PRIMARY KEY", "INTEGER NOT NULL PRIMARY KEY")
        return sorted(part.strip().rstrip(")").strip() for part in plain.split(","))

    store = Store.open(restored(dump, tmp_path))
    new = Store.open(f"sqlite:///{sqlite_template}", lock=False, query_only=True)
    try:
        assert store.read_now(schema) == new.read_now(schema)
    finally:
        store.close_now()
        new.close_now()


EXECUTIONS = {
    ("failed", "not applied: Writes are frozen."): (
        "untouched", "Writes are frozen.", "not applied: Writes are frozen.",
    ),
    ("failed", "not applied (read back)"): (
        "untouched", "it wasn't carried out (read back).", "not applied: it wasn't carried out (read back).",
    ),
    ("failed", "stopped after 1 of 3 pods: No."): (
        "partly", "stopped after 1 of 3 pods: No.", "stopped after 1 of 3 pods: No.",
    ),
    ("failed", "store restored: not carried out"): (
        "", "store restored: not carried out", "store restored: not carried out",
    ),
    ("running", "not known yet: No answer."): ("unanswered", "No answer.", "not known yet: No answer."),
    ("running", "no answer yet: No answer."): ("unanswered", "No answer.", "not known yet: No answer."),
    ("running", ""): ("", "", ""),
    ("pending", "The budget holds."): ("held", "The budget holds.", "The budget holds."),
    ("pending", ""): ("", "", ""),
    ("succeeded", "applied"): ("", "applied", "applied"),
    ("unknown", "the target is gone"): ("", "the target is gone", "the target is gone"),
}  # fmt: skip
"""State and outcome as an older release wrote them: what is known, the outcome, and how it is told, now."""
STOPPED = {
    "": "", "a person stopped it": "person", "all alerts are resolved since it was approved": "cleared",
    "the verdict on the heap dump is FAIL": "verdict", "store restored": "restored",
    "the heap dump failed: no": "failed",
    "not applied: Writes are frozen.": "failed",
}  # fmt: skip
SILENCES = {
    ("pending", ""): ("", ""), ("running", ""): ("", ""), ("running", "No answer."): ("", "No answer."),
    ("active", "set"): ("set", ""), ("active", "set (read back)"): ("set (read back)", ""),
    ("active", "It answered 503."): ("set", "It answered 503."), ("ending", "403"): ("set", "403"),
    ("ended", "its time is over"): ("its time is over", ""), ("failed", "no reason"): ("no reason", ""),
}  # fmt: skip
POLICY = ["break glass: S1", "environment prod: shop", "environment: the label env of the namespace", "rule a: every"]


def _older(url: str) -> None:
    """Puts into a database of the release before what it told by words alone."""
    rows: list[tuple[str, tuple[Any, ...]]] = []
    of = "uid, proposal_id, step, incident_id, target, target_key, action, in_flight, created_at, approved_at"
    for number, (state, outcome) in enumerate(EXECUTIONS):
        values = (f"old-{number}", 100 + number, 0, 1, "{}", f"k{number}", "restart", False, "x", "x")
        rows.append(
            (f"INSERT INTO executions ({of}, approved_by, state, outcome) VALUES", (*values, "x", state, outcome))
        )
    for why in STOPPED:
        values = (1, "evict", "{}", "k", "d", "approved", "{}", "fettle", "x", why)
        columns = "incident_id, action, target, target_key, digest, state, text, requested_by, created_at, stopped"
        rows.append((f"INSERT INTO proposals ({columns}) VALUES", values))
    for number, (state, outcome) in enumerate(SILENCES):
        values = (f"s-{number}", 50 + number, "person:1", "x", "x", state, outcome)
        columns = "uid, incident_id, requested_by, created_at, ends_at, state, outcome"
        rows.append((f"INSERT INTO silences ({columns}) VALUES", values))
    rows.append(("INSERT INTO facts (key, value) VALUES", ("settings", json.dumps({"MODE": "act", "POLICY": POLICY}))))
    with contextlib.ExitStack() as stack:
        if url.startswith("sqlite"):
            lite = stack.enter_context(contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))))
            for statement, values in rows:
                lite.execute(f"{statement} ({', '.join('?' * len(values))})", values)
            lite.commit()
            return
        server = stack.enter_context(psycopg.connect(url))
        for statement, values in rows:
            server.execute(f"{statement} ({', '.join(['%s'] * len(values))})".encode(), values)


def test_what_was_told_by_words_alone_is_told_by_columns(old: Callable[[Path], str]) -> None:
    """The rows of the release before come out as if this one had written them; the words for people stay."""
    url = old(DUMPS[IDS.index("0009")])
    _older(url)
    store = Store.open(url)

    def found(tx: Tx, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in tx.execute(sql).fetchall()]

    try:
        made = store.read_now(found, "SELECT standing, outcome FROM executions WHERE uid LIKE 'old-%' ORDER BY id")
        assert made == [(standing, outcome) for standing, outcome, _ in EXECUTIONS.values()]
        for number, (_, _, told) in enumerate(EXECUTIONS.values(), start=2):
            (row,) = store.read_now(found, f"SELECT state, standing, outcome FROM executions WHERE id = {number}")  # noqa: S608
            state, standing = ExecutionState(row[0]), Standing(row[1])
            assert standing in STANDINGS[state]
            assert (
                replace(store.read_now(executions.get, 1), state=state, standing=standing, outcome=row[2]).told == told
            )
        made = store.read_now(found, "SELECT stopped, halt FROM proposals WHERE id > 1 ORDER BY id")
        assert made == list(STOPPED.items())
        assert {halt for _, halt in made} == {str(one) for one in Halt}
        made = store.read_now(found, "SELECT outcome, trouble FROM silences ORDER BY id")
        assert made == list(SILENCES.values())
        kept = json.loads(store.read_now(facts.get, "settings") or "{}")
        assert kept == {
            "MODE": "act",
            "POLICY": {"rules": POLICY[3:], "environments": POLICY[1:3], "break_glass": POLICY[:1]},
        }
    finally:
        store.close_now()


def test_every_migration_has_a_dump() -> None:
    numbers = {path.name[:4] for path in FOLDER.glob("[0-9]*.py")}
    assert {dump.name[:4] for dump in DUMPS} == numbers
