"""Brings a database to the schema of this program, and refuses one that is newer.

Migrations are numbered scripts beside this file, applied in order under a lock and recorded in
``schema_migration``. Nothing is guessed from the tables: a name in that table that this program doesn't have was
written by a newer one.
"""

from __future__ import annotations

from pathlib import Path

from playhouse.migrations import Runner

from bot.domain.errors import EmptyStoreError, IntegrityError
from bot.storage import tables
from bot.storage.engines import MIGRATION_LOCK, Engine

FOLDER = Path(__file__).with_name("migrations")


def migrate(engine: Engine) -> list[str]:
    """Apply what is pending on this thread's connection; the names applied. Raises ``IntegrityError`` if newer."""
    lock, unlock = (
        (f"SELECT pg_advisory_lock({MIGRATION_LOCK})", f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")
        if engine.postgres
        else (None, None)
    )
    if lock:
        engine.database.execute_sql(lock)
    try:
        runner = Runner(engine.database, str(FOLDER))
        _refuse_newer(runner)
        _refuse_strangers(engine, runner)
        return list(runner.up())
    finally:
        if unlock:
            engine.database.execute_sql(unlock)


def check(engine: Engine) -> None:
    """For a guest that must not migrate: the schema is this program's, or ``IntegrityError`` says what to do."""
    runner = Runner(engine.database, str(FOLDER))
    rows = runner.status()
    _refuse_strangers(engine, runner)
    if not any(row.applied for row in rows):
        raise EmptyStoreError("The database is empty: no bot has been started on it yet, and the first one fills it.")
    _refuse_newer(runner)
    pending = [row.name for row in rows if row.applied is None]
    if pending:
        raise IntegrityError(
            f"The database is older than this program ({', '.join(pending)} missing). Start the bot once, it migrates."
        )


def _refuse_strangers(engine: Engine, runner: Runner) -> None:
    """Before the first migration: a table that is there already is another program's, and ours would not fit on it.

    PostgreSQL may be shared as long as no name is taken; a SQLite file is one program's.
    """
    if any(row.applied for row in runner.status()):
        return
    ours = {model._meta.table_name for model in tables.ALL}  # noqa: SLF001 - peewee's own way to say it
    strange = sorted(set(engine.database.get_tables()) - {"schema_migration"})
    taken = [name for name in strange if name in ours] if engine.postgres else strange
    if taken:
        where = "The schema in DATABASE_URL" if engine.postgres else f"The database {engine.path}"
        raise IntegrityError(
            f"{where} holds tables of another program ({', '.join(taken[:5])}). Name an empty one, or one of Fettle."
        )


def _refuse_newer(runner: Runner) -> None:
    unknown = [row.name for row in runner.status() if row.path is None]
    if unknown:
        raise IntegrityError(
            f"The database was written by a newer version of this program ({', '.join(unknown)}). "
            "Install that version, or restore the backup made before the upgrade."
        )
