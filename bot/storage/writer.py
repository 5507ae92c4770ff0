"""The one writer: one thread, one connection, groups of functions under one commit, each in a savepoint of its own.

Items that wait together for a function that takes several are one call of it, and share its savepoint.
A result is handed over only after the commit of its group. Three lanes: presses and effects are served before
intake, so that a storm of alerts can't make a person wait for the button. Nothing is retried here: a group that
can't be committed fails as a whole, and every function in this program may be run again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import structlog

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreUnavailableError
from bot.storage import audit, facts
from bot.storage.engines import Engine
from bot.storage.foreign import driver_error as driver
from bot.storage.foreign import foreign, passing, translated
from bot.storage.jobs import Handover, Job
from bot.storage.tx import Tx

log = structlog.get_logger(__name__)

GATHER = 0.003
"""Seconds at most for which a group waits for more deliveries, and never longer than the last commit took."""
SAVEPOINT, RELEASE, UNDO = "SAVEPOINT f", "RELEASE SAVEPOINT f", "ROLLBACK TO SAVEPOINT f"


class Lane(IntEnum):
    """In which order waiting functions are taken; only ``INTAKE`` is refused when too many wait."""

    PRESS = 0
    WORK = 1
    INTAKE = 2


Head = tuple[int, str]
"""(seq, hash) of the newest audit entry."""


class GroupLostError(Exception):
    """The transaction of a group is gone as a whole; ``__cause__`` says why."""


class Writer:
    """The thread; ``hand_over`` gives finished jobs back, ``on_entries`` sees the entries of each commit, in order."""

    def __init__(
        self,
        engine: Engine,
        hand_over: Handover,
        *,
        group_size: int,
        max_waiting: int,
        on_entries: Callable[[Sequence[AuditEntry]], None] | None,
    ) -> None:
        self._engine = engine
        self._hand_over = hand_over
        self._group_size = group_size
        self._max_waiting = max_waiting
        self._on_entries = on_entries
        self._lanes: tuple[deque[Job], ...] = tuple(deque() for _ in Lane)
        self._waiting = threading.Condition()
        self._enough = 0
        self._answered = 0
        self._gather_until = 0.0
        self._closing = False
        self._crash: BaseException | None = None
        self._connection: Any = None
        self.crash_point: Callable[[str], None] | None = None
        self.errors = 0
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Start the thread; the connection is opened by it."""
        self._thread.start()

    def submit(self, job: Job, lane: Lane) -> None:
        """Queue a job; raises ``StoreUnavailableError`` when closing, or when too much intake waits."""
        with self._waiting:
            if self._crash is not None:
                raise self._crash
            if self._closing:
                raise StoreUnavailableError("The store is closing.")
            self.refuse_if_saturated(lane)
            self._lanes[lane].append(job)
            if lane is not Lane.INTAKE or len(self._lanes[lane]) >= self._enough:
                self._waiting.notify()

    def refuse_if_saturated(self, lane: Lane) -> None:
        """Raises ``StoreUnavailableError`` when ``max_waiting`` deliveries wait already and this is another."""
        if lane is Lane.INTAKE and len(self._lanes[lane]) >= self._max_waiting:
            raise StoreUnavailableError(
                f"{self._max_waiting} deliveries are waiting for the database already.", retry_after=1.0
            )

    def close(self) -> None:
        """Finish what waits, then stop the thread; waits for it."""
        with self._waiting:
            self._closing = True
            self._waiting.notify()
        self._thread.join()

    def _take(self) -> list[Job]:
        """The next group, best lane first; empty when closing and nothing is left."""
        with self._waiting:
            expected = min(self._answered + len(self._lanes[Lane.INTAKE]), self._group_size)
            while not any(self._lanes) and not self._closing:
                self._waiting.wait()
            self._gather(expected)
            group: list[Job] = []
            for lane in self._lanes:
                before = len(group)
                while lane and len(group) < self._group_size:
                    group.append(lane.popleft())
            self._answered = len(group) - before  # of the last lane, intake
            return group

    def _gather(self, expected: int) -> None:
        """Deliveries come in rounds: those answered by the last commit may be followed by their senders' next ones.

        Where commits are slow it pays to wait a fraction of one for more; nothing but intake ever waits here.
        """
        intake = self._lanes[Lane.INTAKE]
        self._enough = expected
        while not self._closing and not any(self._lanes[: Lane.INTAKE]) and len(intake) < expected:
            left = self._gather_until - time.monotonic()
            if left <= 0:
                break
            self._waiting.wait(left)
        self._enough = 0

    def _run(self) -> None:
        try:
            while group := self._take():
                entries = self._settle(group)
                self._hand_over(group)
                self._tell(entries)
                if self._crash is not None:
                    break
        finally:
            self._engine.disconnect()
        with self._waiting:
            left = [job for lane in self._lanes for job in lane]
        for job in left:
            job.error = self._crash
        if left:
            self._hand_over(left)

    def _settle(self, group: list[Job]) -> list[AuditEntry]:
        """Run and commit the group; fills in each job's result or error, returns the entries that are now durable."""
        try:
            entries = self._commit(group)
        except GroupLostError as exc:
            cause = exc.__cause__ or exc
            self._reset()
            for job in group:
                job.fail(translated(cause) if foreign(cause) else StoreUnavailableError(str(cause)), cause)
            self._lost(group)
        except BaseException as exc:  # noqa: BLE001 - a crash point fired: this process's store is dead from here on
            self._crash = exc
            self._reset()
            for job in group:
                job.fail(exc, None)
        else:
            if self.problem:
                log.info("store.writes_again", errors=self.errors)
                self.problem = ""
            return entries
        return []

    def _lost(self, group: list[Job]) -> None:
        """Counts and says that a group was not committed: once as an alarm, then as a reminder, until one writes."""
        report = log.warning if self.problem else log.error
        self.errors += 1
        self.problem = str(group[0].error)
        report("store.group_lost", functions=len(group), errors=self.errors, error=self.problem)

    def _commit(self, group: list[Job]) -> list[AuditEntry]:
        tx_entries: list[AuditEntry] = []
        head: Head | None = None
        self._begin()
        calls = _calls(group)
        for jobs in calls:
            head, entries = self._run_jobs(jobs, head, whole=len(calls) == 1)
            tx_entries += entries
        if self.problem:
            # Only a real write proves that there is room again: most ticks find nothing to change.
            self._statement(facts.PROBE)
        self._pass("before", group)
        began = time.monotonic()
        self._statement("COMMIT")
        ended = time.monotonic()
        self._gather_until = ended + min(GATHER, ended - began)
        self._pass("after", group)
        return tx_entries

    def _run_jobs(
        self, jobs: list[Job], head: Head | None, *, whole: bool = False
    ) -> tuple[Head | None, list[AuditEntry]]:
        """One call between its savepoint and its release; an exception rolls back to there and stays its own.

        Where it was a call for several, each is tried alone then. The ``whole`` of a group needs no savepoint: its
        transaction is one, and the database copies no page to be able to undo it.
        """
        tx = Tx(self._engine.database, self._connection, postgres=self._engine.postgres, writable=True)
        entries: list[AuditEntry] = []
        known = head
        if not whole:
            self._statement(SAVEPOINT)
        try:
            results = jobs[0].call(tx, jobs)
            if tx.notes:
                known, entries = audit.append(tx, tx.notes, head or audit.head(tx))
        except Exception as exc:  # noqa: BLE001 - any error is the function's own and is handed to its caller
            if self._engine.broken(self._connection) or (foreign(exc) and passing(driver(exc))):
                raise GroupLostError from driver(exc)
            self._undo(whole=whole)
            if len(jobs) > 1:
                return self._run_alone(jobs, head)
            jobs[0].fail(translated(exc) if foreign(exc) else exc, exc if foreign(exc) else None)
            return head, []
        if not whole:
            self._statement(RELEASE)
        for job, result in zip(jobs, results, strict=True):
            job.succeed(result, work=tx.owes_work, message=tx.owes_message)
        return known, entries

    def _run_alone(self, jobs: list[Job], head: Head | None) -> tuple[Head | None, list[AuditEntry]]:
        all_entries: list[AuditEntry] = []
        for job in jobs:
            head, entries = self._run_jobs([job], head)
            all_entries += entries
        return head, all_entries

    def _undo(self, *, whole: bool) -> None:
        """Back to where the call began; another replica may write before the ``whole`` begins anew."""
        if whole:
            self._statement("ROLLBACK")
            self._begin()
        else:
            self._statement(UNDO)
            self._statement(RELEASE)

    def _begin(self) -> None:
        try:
            if self._connection is None:
                self._connection = self._engine.connect(writer=True)
            self._engine.begin_write(self._connection)
        except Exception as exc:  # noqa: BLE001 - whatever it was, the whole group is lost and told why
            raise GroupLostError from driver(exc)

    def _statement(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except Exception as exc:  # noqa: BLE001 - whatever it was, the whole group is lost and told why
            raise GroupLostError from driver(exc)

    def _reset(self) -> None:
        """Drop the connection and whatever transaction it was in; the next group opens a new one."""
        self._connection = None
        self._engine.disconnect()

    def _pass(self, when: str, group: list[Job]) -> None:
        if self.crash_point is not None:
            for job in group:
                self.crash_point(f"{when}:{job.name}")

    def _tell(self, entries: list[AuditEntry]) -> None:
        if self._on_entries is None or not entries:
            return
        try:
            self._on_entries(entries)
        except Exception:  # a closed stdout must not stop the writer; the entries themselves are committed
            log.exception("store.entries_not_shown", first=entries[0].seq, last=entries[-1].seq)


def _calls(group: list[Job]) -> list[list[Job]]:
    """The group in its order, with neighbours that one call may do put together."""
    calls: list[list[Job]] = []
    for job in group:
        if calls and job.joins(calls[-1][0]):
            calls[-1].append(job)
        else:
            calls.append([job])
    return calls
