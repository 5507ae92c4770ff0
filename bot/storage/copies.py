"""Copies of a SQLite store as files: made while a bot writes, looked at before they are trusted, put in place whole.

A copy is one file without a log beside it; it appears under its name only when it is complete and on disk. What is
replaced is kept aside. This module refuses PostgreSQL, whose own tools do this, and to judge what a restored store
still owes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.audit import GENESIS
from bot.domain.errors import IntegrityError, RequestError, StoreUnavailableError
from bot.storage.foreign import passing

LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file; a log must never stay beside another file than its own."""


@dataclass(frozen=True)
class Replaced:
    """What is still known of the store that a copy takes the place of; ``readable`` is false if it was torn."""

    seq: int = 0
    head: str = GENESIS
    incidents: int = 0
    proposals: int = 0
    frozen: bool = False
    readable: bool = True
    kept: Path | None = None


def copy(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be written meanwhile; ``target`` must not exist.

    It is one snapshot: the reader holds it as long as the copy takes, the writer goes on. Raises ``RequestError`` if
    the target is there, ``StoreUnavailableError`` when there is no room, ``IntegrityError`` for a torn source.
    """
    if target.exists():
        raise RequestError(f"{target} is there already. Give another name, or remove it first.")
    partial = target.with_name(target.name + ".partial")
    try:
        _remove(partial)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with _errors(source, partial), _open(source) as old, _open(partial, write=True) as new:
            old.backup(new)
            # Pages are copied as they are, so the copy says WAL too; it has to be one file, readable anywhere.
            new.execute("PRAGMA journal_mode = DELETE").fetchone()
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except OSError as exc:
        raise StoreUnavailableError(f"{target} can't be written: {exc.strerror}.") from exc
    finally:
        with contextlib.suppress(OSError):
            _remove(partial)


def inspect(path: Path) -> None:
    """Whether a file is a whole database of this program; raises ``IntegrityError`` with what is wrong."""
    with _errors(path, path), _open(path) as connection:
        found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        if found != ["ok"]:
            raise IntegrityError(f"{path} is damaged: {'; '.join(map(str, found))}.")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"schema_migration", "audit", "audit_details", "proposals"} <= names:
            raise IntegrityError(f"{path} is not a database of Fettle.")


def replaced(path: Path) -> Replaced:
    """What the store in place says of itself, with its log folded in; for the holder of its lock alone."""
    if not path.exists():
        return Replaced()
    try:
        with _open(path, write=True) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            last = [
                connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608 - constants
                for table in ("incidents", "proposals")
            ]
            frozen = connection.execute("SELECT is_on FROM freeze").fetchone()
    except sqlite3.Error:
        # It may be torn: that is what restoring is for. It is kept as it is, its logs beside it.
        return Replaced(readable=False)
    seq, head = row or (0, GENESIS)
    return Replaced(seq, head, last[0], last[1], frozen=bool(frozen and frozen[0]))


def put_in_place(staged: Path, path: Path, now: datetime) -> Path | None:
    """Give ``staged`` the name of the store; where the old one is kept, None if there was none.

    The old file is under both names until the new one takes its place in one step: at no moment is there no store,
    and at no moment lies a log beside a file that isn't its own. Raises ``StoreUnavailableError``.
    """
    kept = None
    try:
        _sync(staged)
        if path.exists():
            kept = _free_name(path, now)
            for log in LOGS:
                if (beside := _beside(path, log)).exists():
                    _second_name(beside, _beside(kept, log))
            _second_name(path, kept)
            _sync(path.parent)
            for log in LOGS:
                _beside(path, log).unlink(missing_ok=True)
        staged.replace(path)
        _sync(path.parent)
    except OSError as exc:
        raise StoreUnavailableError(f"{path} can't be replaced: {exc.strerror}.") from exc
    return kept


def discard(path: Path) -> None:
    """Remove a file of ours with everything beside it, the lock included; what isn't there is no error."""
    with contextlib.suppress(OSError):
        _remove(path)
        _beside(path, ".lock").unlink(missing_ok=True)


@contextlib.contextmanager
def _open(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    # A file that lies alone may lie in a folder that can't be written: nothing is created beside it then.
    alone = not any(_beside(path, suffix).exists() for suffix in (*LOGS, ".lock"))
    mode = "mode=rw" if write else "mode=ro&immutable=1" if alone else "mode=ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=10)
    with contextlib.closing(connection):
        yield connection


@contextlib.contextmanager
def _errors(source: Path, target: Path) -> Iterator[None]:
    """SQLite's errors as ours; which of the two files it was, SQLite doesn't say."""
    try:
        yield
    except sqlite3.Error as exc:
        about = str(source) if source == target else f"{source} can't be copied to {target.parent}"
        if passing(exc):
            raise StoreUnavailableError(f"{about}: {exc}.") from exc
        raise IntegrityError(f"{about}: {exc}.") from exc


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove(path: Path) -> None:
    for log in ("", *LOGS):
        _beside(path, log).unlink(missing_ok=True)


def _free_name(path: Path, now: datetime) -> Path:
    name = f"{path.name}.{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    kept, number = path.with_name(name), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{name}-{number}")
    return kept


def _second_name(path: Path, other: Path) -> None:
    """A hard link; a real copy where the file system has none."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copy2(path, other)
        _sync(other)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
