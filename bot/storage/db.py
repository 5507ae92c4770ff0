"""The store: opened once by a process, the only way to the database.

``await store.transact(fn, ...)`` runs a storage function on the one writer thread and answers after the commit;
``await store.read(fn, ...)`` runs one on a snapshot. The functions are plain and synchronous, take a ``Tx`` first
and are given the time; there are no asynchronous twins. This module refuses SQL.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from bot.domain.audit import AuditEntry
from bot.domain.errors import ConfigError, FettleError, IntegrityError, StoreUnavailableError
from bot.storage import facts, schema
from bot.storage.engines import Engine, engine_for
from bot.storage.foreign import foreign, no_database, translated
from bot.storage.jobs import Job
from bot.storage.lockfile import LockFile
from bot.storage.readers import Readers
from bot.storage.tx import Cursor, Tx
from bot.storage.writer import Lane, Writer

__all__ = ["Cursor", "Lane", "Store", "Tx"]

T = TypeVar("T")
A = TypeVar("A")


class Store:
    """One open database. ``work_owed`` and ``messages_owed`` are set after a commit that owed something.

    The events are set in the loop that first used the store; whoever waits clears the event before looking.
    """

    def __init__(self, engine: Engine, lock: LockFile | None, readers: Readers, writer: Writer | None) -> None:
        """Use ``Store.open``."""
        self._engine = engine
        self._lock = lock
        self._readers = readers
        self._writer = writer
        self._loop: asyncio.AbstractEventLoop | None = None
        self.work_owed = asyncio.Event()
        self.messages_owed = asyncio.Event()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        lock: bool = True,
        query_only: bool = False,
        group_size: int = 128,
        max_waiting: int = 2000,
        on_entries: Callable[[Sequence[AuditEntry]], None] | None = None,
    ) -> Store:
        """Open a database and bring its schema up to date; blocking.

        ``url``: ``sqlite:////abs/path.db``, ``sqlite:///relative.db`` or ``postgresql://...``. ``lock=False`` is for
        the command line beside a running bot: no lock file, no migration, no checkpoints. ``query_only`` can't write
        at all. ``max_waiting`` bounds the deliveries that wait. ``on_entries`` is called in the writer thread with the
        audit entries of each commit, in order, without detail and name (they could not be erased from a log).

        Raises ``ConfigError`` for a bad URL, a file that isn't there (guests) or is in use by another bot,
        ``IntegrityError`` for a newer or foreign schema, ``StoreUnavailableError`` when it can't be reached.
        """
        owner = lock and not query_only
        engine = engine_for(url, checkpoints=owner)
        held = _prepared(engine.path, owner=owner) if engine.path is not None else None
        try:
            _with_connection(engine, owner=owner)
        except BaseException:  # whatever ended the start: the file's lock doesn't outlive it
            if held is not None:
                held.release()
            raise
        store: Store

        def hand_over(jobs: list[Job]) -> None:
            store._hand_over(jobs)

        writer = None
        if not query_only:
            writer = Writer(engine, hand_over, group_size=group_size, max_waiting=max_waiting, on_entries=on_entries)
        store = cls(engine, held, Readers(engine, hand_over), writer)
        store._start()
        return store

    @property
    def crash_point(self) -> Callable[[str], None] | None:
        """Called with ``before:NAME`` and ``after:NAME`` around the commit of each transacted function.

        For tests: what it raises kills this store as a crash would. Nothing is answered any more, and what was
        committed stays; the file can be opened again after ``close``. Set ``group_size=1`` to number the points.
        """
        return self._writer.crash_point if self._writer else None

    @crash_point.setter
    def crash_point(self, hook: Callable[[str], None] | None) -> None:
        self._writing().crash_point = hook

    @property
    def write_errors(self) -> tuple[int, str]:
        """(write groups that failed since the start, why the last one did); the sentence is empty once one wrote."""
        return (self._writer.errors, self._writer.problem) if self._writer else (0, "")

    async def transact(self, fn: Callable[..., T], /, *args: Any, lane: Lane = Lane.WORK, **kwargs: Any) -> T:
        """Run ``fn(tx, *args, **kwargs)`` on the writer; its result after the commit, its own exception as it is.

        Raises ``StoreUnavailableError`` when the commit failed or, for intake, when too much waits already. If the
        connection to PostgreSQL is lost in the commit itself, the work may be durable all the same: functions here
        are guarded by state, so that a second try changes nothing.
        """
        writer = self._writing()
        job = self._job(fn, args, kwargs)
        writer.submit(job, lane)
        result: T = await job.future  # type: ignore[misc] # a job made in a loop has that loop's future
        return result

    async def transact_item(self, fn: Callable[[Tx, Sequence[A]], Sequence[T]], item: A, *, lane: Lane) -> T:
        """``transact`` of a function that takes several items: those that wait together are one call of it.

        ``fn`` returns a result for each, in order. Where a call with several raises, it is undone and each is tried
        alone, so that no item fails because of another.
        """
        writer = self._writing()
        loop = self._here()
        job = Job.of_many(fn, item, loop.create_future(), loop)
        writer.submit(job, lane)
        result: T = await job.future  # type: ignore[misc] # as above
        return result

    async def read(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Run ``fn(tx, *args, **kwargs)`` on a snapshot; ``IntegrityError`` if it writes."""
        job = self._job(fn, args, kwargs)
        self._readers.submit(job)
        result: T = await job.future  # type: ignore[misc] # as above
        return result

    def transact_now(self, fn: Callable[..., T], /, *args: Any, lane: Lane = Lane.WORK, **kwargs: Any) -> T:
        """``transact`` for code without a loop (the command line, threads); blocks."""
        future: Future[T] = Future()
        self._writing().submit(Job(fn, args, kwargs, future, None), lane)
        return future.result()

    def read_now(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """``read`` for code without a loop; blocks."""
        future: Future[T] = Future()
        self._readers.submit(Job(fn, args, kwargs, future, None))
        return future.result()

    async def writable(self, within: float = 3.0) -> None:
        """A real, durable write in at most ``within`` seconds, or ``StoreUnavailableError``; for ``/readyz``."""
        self._writing().refuse_if_saturated(Lane.INTAKE)
        try:
            async with asyncio.timeout(within):
                await self.transact(facts.probe, lane=Lane.PRESS)
        except TimeoutError as exc:
            raise StoreUnavailableError(f"The database took no write within {within:g} s.") from exc

    async def close(self) -> None:
        """Finish what waits, stop the threads, give the lock back; idempotent."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """``close`` for code without a loop; must not be called in the loop that waits for results."""
        self._readers.close()
        if self._writer is not None:
            self._writer.close()
        if self._lock is not None:
            self._lock.release()

    def _start(self) -> None:
        self._readers.start()
        if self._writer is not None:
            self._writer.start()

    def _writing(self) -> Writer:
        if self._writer is None:
            raise IntegrityError("This store was opened for reading only.")
        return self._writer

    def _job(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
        loop = self._here()
        return Job(fn, args, kwargs, loop.create_future(), loop)

    def _here(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None or self._loop.is_closed():
            self._loop = loop
        return loop

    def _hand_over(self, jobs: list[Job]) -> None:
        """From a worker thread: settle the futures in their loops, one wake-up for each loop."""
        events = [
            event
            for event, owed in (
                (self.work_owed, any(job.work for job in jobs)),
                (self.messages_owed, any(job.message for job in jobs)),
            )
            if owed
        ]
        by_loop: dict[asyncio.AbstractEventLoop | None, list[Job]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job)
        if events:
            by_loop.setdefault(self._loop, [])
        for loop, mine in by_loop.items():
            ring = events if loop is self._loop else []
            if loop is None:
                _deliver(mine, ring)
            else:
                # A loop that was closed meanwhile has nobody left who waits.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(_deliver, mine, ring)


def _deliver(jobs: list[Job], events: list[asyncio.Event]) -> None:
    for event in events:
        event.set()
    for job in jobs:
        job.deliver()


def _prepared(path: Path, *, owner: bool) -> LockFile | None:
    """The lock of a SQLite file for its owner; a guest only looks whether the file is there."""
    if not owner:
        if not path.is_file():
            raise ConfigError([f"There is no database at {path}. DATABASE_URL names it; the bot creates it."])
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return LockFile(path)
    except OSError as exc:
        why = (exc.strerror or type(exc).__name__).lower()
        advice = f"let Fettle's user write to {path.parent}, or set DATA_DIR or DATABASE_URL to where it may"
        raise ConfigError([f"The database {path} can't be made or locked ({why}): {advice}."]) from exc


def _with_connection(engine: Engine, *, owner: bool) -> None:
    """Migrate, or check, on a connection of this thread that is closed again."""
    try:
        engine.connect(writer=owner)
        if owner:
            schema.migrate(engine)
        else:
            schema.check(engine)
    except FettleError:
        raise
    except Exception as exc:  # the door: what a driver raises becomes our own; anything else goes on as it is
        if foreign(exc):
            raise _unopened(engine, exc) from exc
        raise
    finally:
        engine.disconnect()


def _unopened(engine: Engine, exc: Exception) -> FettleError:
    """The error for a database that can't be opened at all, with what to do about it."""
    if no_database(exc):
        advice = "DATABASE_URL names another file, or it is damaged: put a copy back with fettle store restore"
        return ConfigError([f"{engine.path} is no database of SQLite. {advice}."])
    error = translated(exc)
    if engine.postgres and isinstance(error, StoreUnavailableError):
        return StoreUnavailableError(f"{error} Start PostgreSQL, or put DATABASE_URL right.", error.retry_after)
    return error
