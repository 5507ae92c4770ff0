"""Opening a store: addresses, the lock file, guests beside a bot, schemas of other versions."""

import asyncio
import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from peewee import SqliteDatabase

from bot.domain.errors import ConfigError, IntegrityError, StoreUnavailableError
from bot.storage import audit, facts, freeze, tables
from bot.storage.db import Store, Tx
from bot.storage.schema import FOLDER

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize("url", ["", "mysql://host/db", "sqlite://fettle.db", "sqlite:///:memory:", "sqlite:///"])
def test_an_address_of_another_kind_is_refused_with_the_kinds_there_are(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:////absolute"):
        Store.open(url)


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store.open("sqlite:///data/fettle.db").close_now()
    assert (tmp_path / "data" / "fettle.db").is_file()


def test_a_path_that_can_not_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"can't be made or locked \(.*\): let .* write to .* or set DATA_DIR"):
        Store.open(f"sqlite:///{tmp_path}/file/fettle.db")


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "fettle.db").write_text("no database at all, but long enough to be read as one" * 30)
    with pytest.raises(ConfigError, match=r"fettle.db is no database of SQLite. DATABASE_URL names another file"):
        Store.open(f"sqlite:///{tmp_path}/fettle.db")


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError, match=r"refused\. Start PostgreSQL, or put DATABASE_URL right"):
        Store.open("postgresql://nobody@127.0.0.1:1/none")


def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "theirs.db")) as theirs:
        theirs.execute("CREATE TABLE invoices (id INTEGER)")
        theirs.commit()
        with pytest.raises(IntegrityError, match=r"theirs.db holds tables of another program \(invoices\)"):
            Store.open(f"sqlite:///{tmp_path}/theirs.db")
        assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("invoices",)]


def test_a_postgresql_database_may_be_shared_until_a_name_is_taken(postgres_server: str) -> None:
    name = f"shared_{uuid4().hex[:12]}"
    url = postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    with psycopg.connect(url, autocommit=True) as theirs:
        theirs.execute("CREATE TABLE incidents (id INTEGER)")
        with pytest.raises(IntegrityError, match=r"another program \(incidents\)"):
            Store.open(url)
        theirs.execute("ALTER TABLE incidents RENAME TO invoices")
    Store.open(url).close_now()


def test_a_second_bot_on_a_file_is_refused_and_told_whose_it_is(sqlite_url: str, open_store: Opener) -> None:
    open_store(sqlite_url)
    with pytest.raises(ConfigError, match=f"in use by the process with pid {os.getpid()}"):
        Store.open(sqlite_url)


def test_the_lock_of_a_killed_process_is_free(sqlite_url: str, open_store: Opener) -> None:
    code = f"from bot.storage.db import Store; Store.open({sqlite_url!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:  # noqa: S603 - our own code
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(ConfigError, match=f"pid {child.pid}"):
            Store.open(sqlite_url)
        child.kill()
        child.wait()
    open_store(sqlite_url)


def test_a_lock_without_a_pid_is_still_a_lock(sqlite_url: str, open_store: Opener) -> None:
    open_store(sqlite_url)
    Path(sqlite_url.removeprefix("sqlite:///") + ".lock").write_text("")
    with pytest.raises(ConfigError, match="in use by another process"):
        Store.open(sqlite_url)


def test_a_guest_works_beside_a_running_bot(store_url: str, open_store: Opener) -> None:
    open_store(store_url)
    guest = open_store(store_url, lock=False)
    assert guest.transact_now(freeze.set_frozen, True, "cli:ana", "drill", NOW) == 0  # noqa: FBT003 - the switch
    reader = open_store(store_url, lock=False, query_only=True)
    assert [entry.tag for entry in reader.read_now(audit.entries)] == ["freeze:state:on"]


def test_a_guest_leaves_the_wal_to_the_bot(sqlite_url: str, open_store: Opener) -> None:
    open_store(sqlite_url)
    guest = open_store(sqlite_url, lock=False)

    def checkpoint(tx: Tx) -> int:
        return int(tx.execute("PRAGMA wal_autocheckpoint").fetchone()[0])

    assert guest.transact_now(checkpoint) == 0


def test_the_durability_of_the_house(sqlite_url: str, open_store: Opener) -> None:
    def pragmas(tx: Tx) -> list[object]:
        return [tx.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "query_only")]

    store = open_store(sqlite_url)
    full = 2
    assert store.transact_now(pragmas) == ["wal", full, 0]
    assert store.read_now(pragmas)[2] == 1


def test_commits_are_durable_whatever_the_server_defaults_to(postgres_url: str, open_store: Opener) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")  # type: ignore[arg-type]

    def setting(tx: Tx) -> str:
        return str(tx.execute("SHOW synchronous_commit").fetchone()[0])

    assert open_store(postgres_url).transact_now(setting) == "on"


def test_a_store_opened_for_reading_refuses_to_write(store_url: str, open_store: Opener) -> None:
    reader = open_store(store_url, query_only=True)
    assert reader.crash_point is None
    with pytest.raises(IntegrityError, match="for reading only"):
        reader.transact_now(facts.put, "a", "b")


def test_a_guest_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no database"):
        Store.open(f"sqlite:///{tmp_path}/none.db", lock=False)
    assert not list(tmp_path.iterdir())


def test_a_guest_refuses_a_file_that_no_bot_has_made(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
    with pytest.raises(IntegrityError, match=r"holds tables of another program \(other\)"):
        Store.open(f"sqlite:///{tmp_path}/other.db", lock=False, query_only=True)


def rewrite_history(url: str, sql: str) -> None:
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute(sql)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"lock": False, "query_only": True}])
def test_a_database_of_a_newer_program_is_refused(store_url: str, options: dict[str, bool]) -> None:
    rewrite_history(
        store_url, "INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2030-01-01 00:00:00')"
    )
    with pytest.raises(IntegrityError, match=re.escape("newer version of this program (9999_future)")):
        Store.open(store_url, **options)


def copy_migrations(folder: Path) -> None:
    for script in FOLDER.glob("[0-9]*.py"):
        (folder / script.name).write_text(script.read_text())


def test_a_guest_refuses_an_older_database_and_says_who_migrates(
    store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy_migrations(tmp_path)
    (tmp_path / "9000_more.py").write_text("def up(migrator, db):\n    pass\n")
    monkeypatch.setattr("bot.storage.schema.FOLDER", tmp_path)
    with pytest.raises(IntegrityError, match=r"9000_more missing.*Start the bot once"):
        Store.open(store_url, lock=False)
    Store.open(store_url).close_now()
    Store.open(store_url, lock=False).close_now()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy_migrations(tmp_path)
    (tmp_path / "9000_more.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE more (id INTEGER)')\n    db.execute_sql('nonsense')\n"
    )
    monkeypatch.setattr("bot.storage.schema.FOLDER", tmp_path)
    with pytest.raises(IntegrityError, match="nonsense"):
        Store.open(store_url)
    (tmp_path / "9000_more.py").unlink()
    Store.open(store_url).close_now()


def test_an_error_of_a_migration_itself_is_not_taken_for_the_databases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001_odd.py").write_text("def up(migrator, db):\n    raise RuntimeError('odd')\n")
    monkeypatch.setattr("bot.storage.schema.FOLDER", tmp_path)
    with pytest.raises(RuntimeError, match="odd"):
        Store.open(f"sqlite:///{tmp_path}/fettle.db")


def test_the_models_and_the_migrated_schema_have_the_same_columns(sqlite_url: str) -> None:
    database = SqliteDatabase(sqlite_url.removeprefix("sqlite:///"))
    with database.connection_context():
        there = {name for name in database.get_tables() if name not in {"schema_migration", "sqlite_sequence"}}
        assert there == {table._meta.table_name for table in tables.ALL}
        for table in tables.ALL:
            columns = {column.name: column.null for column in database.get_columns(table._meta.table_name)}
            fields = {field.column_name: field.null for field in table._meta.sorted_fields}
            assert columns == fields, table._meta.table_name


async def test_two_stores_of_one_process_do_not_mix(sqlite_url: str, postgres_url: str, open_store: Opener) -> None:
    here, there = open_store(sqlite_url), open_store(postgres_url)
    await asyncio.gather(here.transact(facts.put, "where", "here"), there.transact(facts.put, "where", "there"))
    assert (await here.read(facts.get, "where"), await there.read(facts.get, "where")) == ("here", "there")
    assert await here.read(facts.get, "nothing") is None
