"""Readers: a few threads with connections that can't write, each function on one consistent snapshot.

They never wait for the writer and the writer never waits for them. This module refuses to retry.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

from bot.domain.errors import IntegrityError, StoreUnavailableError
from bot.storage.engines import Engine
from bot.storage.foreign import driver_error, foreign, passing, translated
from bot.storage.jobs import Handover, Job
from bot.storage.tx import Tx


class Readers:
    """``count`` threads; a connection is opened by the first read in a thread."""

    def __init__(self, engine: Engine, hand_over: Handover, count: int = 2) -> None:
        self._engine = engine
        self._hand_over = hand_over
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._run, name=f"store-reader-{number}", daemon=True) for number in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Queue a read; raises ``StoreUnavailableError`` when closing."""
        if self._closing:
            raise StoreUnavailableError("The store is closing.")
        self._queue.put(job)

    def close(self) -> None:
        """Finish what waits, then stop the threads; waits for them."""
        self._closing = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection: Any = None
        try:
            while (job := self._queue.get()) is not None:
                connection = self._read(job, connection)
                self._hand_over([job])
        finally:
            self._engine.disconnect()

    def _read(self, job: Job, connection: Any) -> Any:
        """Run one function in a read transaction; the connection to keep, None if it is no good any more."""
        try:
            if connection is None:
                connection = self._engine.connect(writer=False)
            connection.execute(self._engine.begin_read)
            tx = Tx(self._engine.database, connection, postgres=self._engine.postgres, writable=False)
            job.succeed(job.call(tx, (job,))[0], work=False, message=False)
            connection.execute("COMMIT")
        except Exception as exc:  # noqa: BLE001 - any error is the function's own and is handed to its caller
            job.fail(_ours(exc), exc)
            return self._rolled_back(connection)
        return connection

    def _rolled_back(self, connection: Any) -> Any:
        try:
            if connection is not None and not self._engine.broken(connection):
                connection.execute("ROLLBACK")
                return connection
        except Exception as exc:  # noqa: BLE001 - a connection that can't even roll back is replaced by a new one
            del exc
        self._engine.disconnect()
        return None


def _ours(error: Exception) -> BaseException:
    """The function's own error, or ours for a driver's; a write is a bug, not a passing trouble."""
    if not foreign(error):
        return error
    inner = driver_error(error)
    if passing(inner) and ("readonly" in str(inner) or getattr(inner, "sqlstate", "") == "25006"):
        return IntegrityError("A read tried to write.")
    return translated(error)
