"""What a storage function is handed: one transaction on one connection, and nothing that could end it.

Functions of this room take a ``Tx`` first and a time last; they neither commit nor roll back, and what they owe
(audit notes, work, messages) becomes visible only with the commit that the writer makes for the whole group.
This module refuses to open connections and to know any table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from peewee import Database

from bot.domain.audit import TAGS, AuditNote
from bot.domain.errors import IntegrityError

_KNOWN = frozenset(TAGS)


class Cursor(Protocol):
    """The part of a DB-API cursor that both drivers share; rows are tuples."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement touched."""

    def fetchone(self) -> Any:
        """The next row or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


@lru_cache(maxsize=1024)
def for_psycopg(sql: str) -> str:
    """``?`` placeholders as psycopg wants them; fixed SQL holds no literal question mark (values are parameters)."""
    return sql.replace("%", "%%").replace("?", "%s")


class Tx:
    """One function's part of a transaction; valid only while that function runs.

    ``dialect`` is ``sqlite`` or ``postgresql``. Statements are fixed text with ``?`` placeholders on both databases;
    values that come from outside are parameters, always.
    """

    __slots__ = ("_connection", "_database", "_postgres", "notes", "owes_message", "owes_work", "writable")

    def __init__(self, database: Database, connection: Any, *, postgres: bool, writable: bool) -> None:
        self._database = database
        self._connection = connection
        self._postgres = postgres
        self.writable = writable
        self.notes: list[tuple[AuditNote, datetime]] = []
        self.owes_work = False
        self.owes_message = False

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``; for the rare statement that can't be the same on both."""
        return "postgresql" if self._postgres else "sqlite"

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Cursor:
        """Run one fixed statement; raises the driver's error, translated by the store at the function's edge.

        ``RETURNING`` rows must be fetched before the next statement.
        """
        cursor: Cursor
        if self._postgres:
            cursor = self._connection.execute(for_psycopg(sql), params)
        else:
            cursor = self._connection.execute(sql, params)
        return cursor

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one fixed statement for each row, in one go (psycopg pipelines them)."""
        if not rows:
            return
        cursor = self._connection.cursor()
        cursor.executemany(for_psycopg(sql) if self._postgres else sql, rows)
        cursor.close()

    def all(self, query: Any) -> list[Any]:
        """All rows of a peewee query, of a ``RETURNING`` one too, run on this transaction's database."""
        return list(query.bind(self._database).execute())

    def one(self, query: Any) -> Any:
        """The first row of a peewee query, or None."""
        rows = self.all(query)
        return rows[0] if rows else None

    def run(self, query: Any) -> int:
        """Run a peewee UPDATE or DELETE; the number of rows it touched."""
        return int(query.bind(self._database).execute())

    def audit(self, note: AuditNote, at: datetime) -> None:
        """Hand in an entry; it is numbered and chained before this function's savepoint is released.

        Raises ``IntegrityError`` for a tag outside ``TAGS`` and in a read.
        """
        if note.tag not in _KNOWN:
            raise IntegrityError(f"“{note.tag}” is no tag of the audit.")
        if not self.writable:
            raise IntegrityError("A read can't write to the audit.")
        self.notes.append((note, at))

    def owed_work(self) -> None:
        """Work became due: after the commit the workers are woken."""
        self.owes_work = True

    def owed_message(self) -> None:
        """A message became due: after the commit the dispatcher is woken."""
        self.owes_message = True
