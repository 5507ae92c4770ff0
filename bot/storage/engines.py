"""The two databases behind one shape: how to connect, how a write group begins, what a lost connection is.

SQLite: WAL, ``synchronous=FULL``, one write connection that also checkpoints (before 3.51.3 a WAL that several
connections write and checkpoint can be corrupted), readers ``query_only``. PostgreSQL: psycopg 3, each write group
under one advisory lock. Connections are peewee's, one for each thread. It refuses to know any table.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from peewee import PostgresqlDatabase, SqliteDatabase

from bot.domain.errors import ConfigError

WRITE_LOCK = 0x66657474  # "fett": one key for a database, every write group of every replica takes it
MIGRATION_LOCK = 0x6665746D  # "fetm": held by a session while it migrates

PROCESS = f"fettle {secrets.token_hex(4)}"
"""How PostgreSQL tells the connections of one process from those of another."""

BUSY_SECONDS = 10.0
"""How long a write group waits for another process's (the command line's freeze, another replica's group)."""


WAL_PAGES = 4000
"""Pages of the log after which it is copied into the file: the more, the more often a page is copied only once."""
CACHE_KIB = 16 * 1024
"""The writer's page cache; filled only as far as the database is large."""

GUEST_SECONDS = 0.0002
"""How often a guest looks whether the bot has left the lock free."""


class Engine(Protocol):
    """What the writer and the readers need from a database."""

    database: Any  # peewee's; its query builder is untyped
    postgres: bool
    path: Path | None
    begin_read: str

    def connect(self, *, writer: bool) -> Any:
        """Open this thread's connection and return the driver's own; raises the driver's or peewee's error."""

    def begin_write(self, connection: Any) -> None:
        """Begin a write group, alone among all writers of this database; raises the driver's error after a while."""

    def disconnect(self) -> None:
        """Close this thread's connection, if there is one; never raises."""

    def broken(self, connection: Any) -> bool:
        """Whether the transaction under way is gone as a whole (lost connection, or rolled back by the database)."""


class SqliteEngine:
    """One file. ``checkpoints`` is false for a guest beside a running bot: it leaves the WAL to that one."""

    postgres = False
    begin_read = "BEGIN"

    def __init__(self, path: Path, *, checkpoints: bool) -> None:
        self.path: Path | None = path
        self._checkpoints = checkpoints
        self.database: Any = SqliteDatabase(
            str(path),
            timeout=BUSY_SECONDS,
            returning_clause=True,
            autoconnect=False,
            cached_statements=512,
        )

    def connect(self, *, writer: bool) -> Any:
        """A connection with the durability of the house; a reader can't write by mistake."""
        self.database.connect()
        connection = self.database.connection()
        if writer:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute("PRAGMA synchronous = FULL")
            # What was erased must not be left readable in the file's free space.
            connection.execute("PRAGMA secure_delete = ON").fetchone()
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES if self._checkpoints else 0}").fetchone()
            connection.execute("PRAGMA journal_size_limit = 67108864").fetchone()
            # What a savepoint could undo is kept in memory: SQLite's own choice is a temporary file for each group.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            if not self._checkpoints:
                connection.execute("PRAGMA busy_timeout = 0").fetchone()
        else:
            connection.execute("PRAGMA wal_autocheckpoint = 0").fetchone()
            connection.execute("PRAGMA query_only = ON")
        return connection

    def begin_write(self, connection: Any) -> None:
        """``BEGIN IMMEDIATE``; a guest asks for the lock more often than SQLite's own waiting does.

        A busy bot leaves the lock free for a fraction of a millisecond between two groups, and SQLite looks every
        100 ms: ``freeze`` could wait for ever in a storm.
        """
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as exc:
                busy = exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if self._checkpoints or not busy or time.monotonic() > until:
                    raise
                time.sleep(GUEST_SECONDS)
            else:
                return

    def disconnect(self) -> None:
        """Close; errors of a connection that is already bad are of no use to anyone."""
        if not self.database.is_closed():
            with contextlib.suppress(Exception):
                self.database.close()

    def broken(self, connection: Any) -> bool:
        """SQLite rolls the whole transaction back by itself on a full disk or an I/O error."""
        return not connection.in_transaction


class PostgresEngine:
    """One database reached by a URL; any number of replicas."""

    postgres = True
    path: Path | None = None
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: str) -> None:
        self.database: Any = PostgresqlDatabase(
            url,
            prefer_psycopg3=True,
            autoconnect=False,
            connect_timeout=5,
            application_name=PROCESS,
            keepalives_idle=30,
        )

    def connect(self, *, writer: bool) -> Any:
        """A connection that waits for locks no longer than ``BUSY_SECONDS`` and whose commits are durable."""
        self.database.connect()
        connection = self.database.connection()
        connection.execute(f"SET lock_timeout = {int(BUSY_SECONDS * 1000)}")
        if writer:
            row = connection.execute("SHOW synchronous_commit").fetchone()
            if row[0] in {"off", "local"}:
                # A commit that isn't on disk must not be answered; a stronger setting of the server stays.
                connection.execute("SET synchronous_commit = on")
        else:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def begin_write(self, connection: Any) -> None:
        """One advisory lock for every write group of every replica; those who wait get it in order."""
        connection.execute("BEGIN")
        connection.execute(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    def disconnect(self) -> None:
        """Close; errors of a connection that is already gone are of no use to anyone."""
        if not self.database.is_closed():
            with contextlib.suppress(Exception):
                self.database.close()

    def broken(self, connection: Any) -> bool:
        """Closed by the server or by a network error."""
        return bool(connection.closed or connection.broken)


def engine_for(url: str, *, checkpoints: bool = True) -> Engine:
    """The engine of a URL: ``sqlite:////abs/path.db``, ``sqlite:///rel.db``, ``postgresql://...``.

    Raises ``ConfigError`` for any other.
    """
    if url.startswith("sqlite:///"):
        path = unquote(url.removeprefix("sqlite:///"))
        if path and ":memory:" not in path:
            return SqliteEngine(Path(path), checkpoints=checkpoints)
    if url.startswith(("postgresql://", "postgres://")):
        try:
            import psycopg  # noqa: F401, PLC0415 - an optional dependency, asked for only by its users
        except ImportError as exc:
            raise ConfigError(
                ["DATABASE_URL names PostgreSQL, but its driver is not installed: install fettle-bot[postgres]."]
            ) from exc
        return PostgresEngine("postgresql://" + url.split("://", 1)[1])
    raise ConfigError(
        [
            (
                "DATABASE_URL must be sqlite:////absolute/path.db, sqlite:///relative/path.db or "
                "postgresql://user@host/name."
            )
        ]
    )
