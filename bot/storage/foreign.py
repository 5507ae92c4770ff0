"""Turns the drivers' errors into the program's own at the edge of a transacted function.

The one question is whether trying again is useful: a full disk, a lock, a lost connection are
``StoreUnavailableError``; anything else that a database refuses is a bug and is ``IntegrityError``.
This module refuses to log or to retry.
"""

from __future__ import annotations

import sqlite3

import peewee

from bot.domain.errors import FettleError, IntegrityError, StoreUnavailableError

_SQLITE_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes (https://www.sqlite.org/rescode.html) that say "not now" rather than "never"."""

_POSTGRES_PASSING = ("08", "53", "57", "58", "40", "55P03", "25006")
"""SQLSTATE classes: connection, resources, operator intervention, system error, rollback, lock, read-only standby."""


def driver_error(error: BaseException) -> BaseException:
    """The driver's own exception under peewee's wrapping."""
    if isinstance(error, peewee.PeeweeException):
        return error.__cause__ or error.__context__ or error
    return error


def foreign(error: BaseException) -> bool:
    """Whether an exception comes from peewee or a driver."""
    if isinstance(error, peewee.PeeweeException | sqlite3.Error):
        return True
    return type(error).__module__.split(".")[0] == "psycopg"


def translated(error: BaseException) -> FettleError:
    """Our error for a foreign one; raise it ``from`` the original."""
    inner = driver_error(error)
    text = str(inner).strip().splitlines()
    sentence = text[0] if text else type(inner).__name__
    if passing(inner):
        return StoreUnavailableError(f"The database can't be used now: {sentence}.", retry_after=1.0)
    return IntegrityError(f"The database refused a statement: {sentence}.")


def no_database(error: BaseException) -> bool:
    """Whether SQLite says that the file is none of its own, or torn."""
    code = getattr(driver_error(error), "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def passing(error: BaseException) -> bool:
    """Whether the driver's error is one that another try may not meet."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _SQLITE_PASSING
    state = getattr(error, "sqlstate", None)
    if state is None:
        # psycopg raises OperationalError without a state when the connection itself is gone.
        return type(error).__name__ in {"OperationalError", "InterfaceError"}
    return bool(state.startswith(_POSTGRES_PASSING))
