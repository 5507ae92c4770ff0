"""Ticks: they claim what the store owes and hand it to the stage; they keep nothing themselves.

A tick claims under a limit for each stage and spawns, it never awaits the work; deadlines are columns. Ticks are the
loop's own, because a scheduler that looks at the machine's clock stands still when that is set back; APScheduler, with
a memory store, calls the hourly chores. This module refuses to decide what work means.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.clock import Steady
from bot.domain.errors import FettleError
from bot.domain.owed import DueWork, Stage
from bot.domain.proposal import SYSTEM
from bot.groups import Groups, Members, Names, OnCall
from bot.sandboxed import Moved
from bot.storage import audit, due, purge
from bot.storage.db import Tx
from bot.workflow import (
    alone,
    brought,
    decide,
    execute,
    investigate,
    loaded,
    look_back,
    nudge,
    page,
    propose,
    recover,
    revert,
    silencing,
    timekeeping,
    verify,
    wake,
    watchdog,
)
from bot.workflow.context import Context
from bot.workflow.following import Following
from bot.workflow.reloading import Reloading
from bot.workflow.sweep import Sweep

log = structlog.get_logger(__name__)

STAGES: Mapping[Stage, Callable[[Context, DueWork], Awaitable[None]]] = {
    Stage.EXECUTE: execute.execute,
    Stage.RECOVER: recover.recover,
    Stage.VERIFY: verify.verify,
    Stage.EXPIRE: decide.expire,
    Stage.NUDGE: nudge.nudge,
    Stage.REVERT: revert.revert,
    Stage.ACT_ALONE: alone.act,
    Stage.SILENCE: silencing.work,
    Stage.INVESTIGATE: investigate.investigate,
    Stage.PROPOSE: propose.propose,
    Stage.WAKE: wake.wake,
    Stage.PAGE: page.page,
    Stage.LOOK_BACK: look_back.look_back,
}
Hand = Callable[[DueWork], Awaitable[None]]
LIMITS: Mapping[Stage, int] = {
    Stage.EXECUTE: 3,
    Stage.RECOVER: 3,
    Stage.VERIFY: 8,
    Stage.EXPIRE: 8,
    Stage.NUDGE: 2,
    Stage.REVERT: 2,
    Stage.ACT_ALONE: 2,
    Stage.SILENCE: 3,
    Stage.INVESTIGATE: 8,
    Stage.PROPOSE: 8,
    Stage.WAKE: 2,
    Stage.PAGE: 4,
    Stage.LOOK_BACK: 1,
    Stage.PIN: 2,
}
"""How much of a stage runs at once (definitions, "Store": investigate 8, execute 3)."""
LEASE = timedelta(seconds=120)
BRIEF = frozenset({Stage.EXECUTE, Stage.RECOVER, Stage.VERIFY})
"""Stages that ask the cluster a few questions and no more; somebody waits for them when their process has died."""
TICK = 0.5
"""Seconds between looks; a commit that owes work wakes the loop at once."""
BETWEEN_STAGES = 10.0
"""Seconds that a clock which was set waits for a moment in which no stage asks the cluster."""
FIRST_RETRY, LAST_RETRY = 2.0, 300.0
LOOK, LOOKS = 0.005, 1000
"""Seconds between looks whether nothing is on its way, and how many there are in a turn; in the sandbox alone."""
SWEEP_EVERY = 60
"""Seconds between looks at what Alertmanager holds."""
CONFIGS_EVERY = 30
"""Seconds between looks at whose configuration is to be watched."""
WATCHDOG_EVERY = 15
"""Seconds between looks whether the Watchdog still comes."""
SECRETS_EVERY = 5
"""Seconds between looks at the files of secrets; what was refused is looked at at once."""
PLAYBOOKS_EVERY = 3
"""Seconds between looks at the folder of playbooks; a change counts at the second look that sees it."""


@dataclass(frozen=True)
class Passing:
    """What a sandbox's bot needs for its time to pass at once; ``resting``: no message and no press is on its way."""

    moved: Moved
    resting: Callable[[], bool]


class Jobs:
    """All recurring work of one process; ``hands`` are stages that ask Slack, which the workflow can't."""

    def __init__(
        self, ctx: Context, members: Members | None = None, steady: Steady | None = None, names: Names | None = None,
        on_call: OnCall | None = None, passing: Passing | None = None, hands: Mapping[Stage, Hand] | None = None,
    ) -> None:  # fmt: skip
        self._ctx = ctx
        self._hands: Mapping[Stage, Hand] = hands or {}
        self._groups = Groups(ctx, members, names, on_call)
        self._steady = steady
        self._passing = passing
        self._patience: float | None = None
        self._running: dict[asyncio.Task[None], DueWork] = {}
        self._counts = dict.fromkeys(LIMITS, 0)
        self._closing = False
        self._reread: list[str] = []
        self._reloading = Reloading()
        self._sweep = Sweep(ctx)
        self._following = Following(ctx)
        self._since = ctx.clock()
        self._waker: asyncio.Task[None] | None = None
        self._grouping: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def start(self) -> None:
        """Starts ticking in the running loop."""
        self._scheduler.add_job(self.playbooks, "interval", seconds=PLAYBOOKS_EVERY, id="playbooks")
        if self._ctx.sources.alertmanager is not None:
            self._scheduler.add_job(self._sweep.look, "interval", seconds=SWEEP_EVERY, id="sweep")
        if self._ctx.settings.follows:
            self._scheduler.add_job(self.secrets, "interval", seconds=SECRETS_EVERY, id="secrets")
        self._scheduler.add_job(self._following.look, "interval", seconds=CONFIGS_EVERY, id="configs")
        if self._ctx.settings.WATCHDOG_TIMEOUT is not None:
            self._scheduler.add_job(self.watchdog, "interval", seconds=WATCHDOG_EVERY, id="watchdog")
        self._scheduler.add_job(self.head, "interval", hours=1, id="audit-head")
        self._scheduler.add_job(brought.sweep, "interval", args=[self._ctx], hours=1, id="artifacts")
        # Soon after the start, too: a bot that is restarted each hour must still forget on time.
        soon = self._ctx.clock() + timedelta(minutes=1)
        self._scheduler.add_job(self.purge, "interval", hours=6, id="retention", next_run_time=soon)
        self._scheduler.start()
        if self._passing is not None:
            self._passing.moved.listen(self._ctx.store.work_owed.set)
        self._waker = asyncio.create_task(self._wake(), name="jobs-wake")
        self._ctx.store.work_owed.set()

    async def secrets(self) -> None:
        """Looks whether the file of a secret was replaced, and audits it; one that hangs holds up its own next look."""
        settings = self._ctx.settings
        await asyncio.to_thread(settings.look_at_files)
        self._reread += settings.replaced()
        if not self._reread:
            return
        try:
            await self._ctx.store.transact(loaded.record_secrets, tuple(self._reread), self._ctx.clock())
        except FettleError as error:
            log.warning("secrets that were read again aren't audited yet", error=str(error))
            return
        self._reread = []

    async def _wake(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._ctx.store.work_owed.wait()
            self._ctx.store.work_owed.clear()
            try:
                await self.keep_time()
                # A fresh proposal waits for a press: whoever presses must not be told that the group wasn't read yet.
                self._read_groups_aside()
                if not await self.tick():
                    await self.let_pass()
            except Exception:  # the loop's edge: a bug in one round must not end all others
                log.exception("a tick failed; the next one comes")

    async def keep_time(self) -> None:
        """Follows a clock that was set, between two stages: what a stage holds in its hands can't be moved."""
        if self._closing or self._steady is None or abs(self._steady.step()) < timekeeping.STEP:
            self._patience = None
            return
        loop = asyncio.get_running_loop()
        self._patience = self._patience or loop.time() + BETWEEN_STAGES
        if loop.time() < self._patience and any(work.stage in BRIEF for work in self._running.values()):
            return
        step = self._steady.step()
        try:
            await timekeeping.follow(self._ctx.store, self._steady)
        except FettleError as error:
            log.warning("the clock was set, and the store doesn't follow yet", error=str(error))
            return
        self._put_off(step)

    def _put_off(self, by: timedelta) -> None:
        """Chores come so much later, for the scheduler goes by the machine's clock alone; before now is at once."""
        for chore in self._scheduler.get_jobs():
            if chore.next_run_time is not None:
                chore.modify(next_run_time=chore.next_run_time + by)

    async def let_pass(self) -> None:
        """In the sandbox: lets the time pass that it asks for, once nothing is due and nothing is on its way."""
        passing, store = self._passing, self._ctx.store
        if passing is None or not passing.moved.asked or self._running or self._closing:
            return
        for _ in range(LOOKS):
            if passing.resting():
                break
            await asyncio.sleep(LOOK)
        if store.work_owed.is_set() or not passing.resting():  # first what is owed, or on its way
            return
        before = passing.moved.ahead
        await passing.moved.let()
        self._ctx.cluster.shared.forget()  # answers that serve for seconds are older than that now
        self._put_off(timedelta(seconds=before - passing.moved.ahead))
        store.work_owed.set()
        store.messages_owed.set()

    async def tick(self) -> int:
        """Claims what is due, as far as the limits leave room, and spawns it; how much that was."""
        free = {
            stage: limit - self._counts[stage] for stage, limit in LIMITS.items() if stage in {*STAGES, *self._hands}
        }
        if self._closing or not any(free.values()):
            return 0
        for stage, room in free.items():
            self._counts[stage] += room  # reserved, so that two ticks can't claim beyond the limit
        claimed: list[DueWork] = []
        try:
            claimed = await self._ctx.store.transact(_claim, self._ctx.clock(), free, self._brief_lease())
        except FettleError as error:
            log.warning("the store gave no work", error=str(error))
        finally:
            for stage, room in free.items():
                self._counts[stage] -= room
        for work in claimed:
            self._counts[work.stage] += 1
            task = asyncio.create_task(self._work(work), name=f"{work.stage}-{work.subject}")
            self._running[task] = work
            task.add_done_callback(self._ended)
        return len(claimed)

    def _brief_lease(self) -> timedelta:
        """Longer than such a stage takes (a reading and one write), however slow the cluster may be."""
        return min(4 * self._ctx.settings.KUBE_TIMEOUT + timedelta(seconds=5), LEASE)

    def _ended(self, task: asyncio.Task[None]) -> None:
        work = self._running.pop(task)
        self._counts[work.stage] -= 1
        if not self._closing:
            self._ctx.store.work_owed.set()

    async def _work(self, work: DueWork) -> None:
        with structlog.contextvars.bound_contextvars(stage=str(work.stage), subject=work.subject):
            try:
                hand = self._hands.get(work.stage)
                await (STAGES[work.stage](self._ctx, work) if hand is None else hand(work))
            except Exception as error:  # the loop's edge: one row must not end the others
                log.exception("a stage failed; it is owed again", attempts=work.attempts)
                await self._owe_again(work, error)

    async def _owe_again(self, work: DueWork, error: Exception) -> None:
        wait = min(LAST_RETRY, FIRST_RETRY * 2 ** min(work.attempts, 10))
        again = self._ctx.clock() + timedelta(seconds=wait)
        try:
            await self._ctx.store.transact(due.later, work, again, error=f"{type(error).__name__}: {error}"[:500])
        except FettleError as store_error:
            # The lease runs out and the row is claimed again: nothing is lost, only later.
            log.warning("the store took no retry", error=str(store_error))

    def _read_groups_aside(self) -> None:
        """Begins a reading of the groups unless one runs: a Slack that doesn't answer holds no other work up."""
        if self._grouping is None or self._grouping.done():
            self._grouping = asyncio.create_task(self._groups_read(), name="groups")

    async def _groups_read(self) -> None:
        try:
            await self.refresh_groups()
        except Exception:  # the loop's edge, as for a tick
            log.exception("the approver groups could not be read; they are tried again")

    async def refresh_groups(self) -> None:
        """Reads the lists of approvers that lie elsewhere into the store; see ``groups``."""
        if not self._closing:
            await self._groups.refresh()

    async def playbooks(self) -> None:
        """Looks at the folder of playbooks; what can't be audited isn't put in force and comes again."""
        if self._closing:
            return
        try:
            await self._reloading.look(self._ctx)
        except FettleError as error:
            log.warning("the playbooks could not be looked at; the old ones stay in force", error=str(error))

    async def watchdog(self) -> None:
        """Looks whether the Watchdog still comes; does nothing without ``WATCHDOG_TIMEOUT``."""
        ctx, timeout = self._ctx, self._ctx.settings.WATCHDOG_TIMEOUT
        if self._closing or timeout is None:
            return
        try:
            await ctx.store.transact(watchdog.look, ctx.clock(), self._since, timeout, ctx.channel, ctx.settings.pager)
        except FettleError as error:
            log.warning("it could not be looked whether the Watchdog still comes", error=str(error))

    async def head(self) -> None:
        """Prints the audit's head, so that it stands somewhere else too."""
        seq, digest = await self._ctx.store.read(audit.head)
        log.info("audit head", seq=seq, head=digest)

    async def purge(self) -> None:
        """Erases bodies older than the retention; the chain still verifies."""
        now = self._ctx.clock()
        before = now - timedelta(days=self._ctx.settings.RETENTION_DAYS)
        try:
            counts = await purge.purge(self._ctx.store, before, SYSTEM, now)
        except FettleError as error:
            log.warning("retention erased nothing; it comes again", error=str(error))
        else:
            log.info("retention", **counts)

    def hold(self) -> None:
        """Claims nothing more; what runs goes on."""
        self._closing = True

    async def drain(self, seconds: float) -> None:
        """Stops claiming, lets running work end for ``seconds``, hands the rest back; a second or two more in all."""
        self.hold()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for mine in (self._waker, self._grouping):
            if mine is not None:
                mine.cancel()
        await self._following.close()
        running = dict(self._running)
        if running:
            await asyncio.wait(running, timeout=seconds)
        late = [task for task in running if not task.done()]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)
        for task in late:
            await self._give_back(running[task])

    async def _give_back(self, work: DueWork) -> None:
        try:
            await self._ctx.store.transact(due.give_back, work)
        except FettleError as error:
            # A full disk must not keep the process from ending: the lease runs out, or the next start frees it.
            log.warning("the store took nothing back", error=str(error))


def _claim(tx: Tx, now: datetime, free: Mapping[Stage, int], brief: timedelta) -> list[DueWork]:
    claimed: list[DueWork] = []
    for stage, room in free.items():
        if room > 0:
            claimed += due.claim(tx, now, stage, brief if stage in BRIEF else LEASE, room)
    return claimed
