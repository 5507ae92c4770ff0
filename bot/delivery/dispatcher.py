"""Carries what the outbox owes to Slack: claims rows, renders them late, sends or edits, remembers where they stand.

Nothing is dropped and nothing is posted twice: a post without a clear answer is looked for by its metadata key before
another try. A few rows are held in memory, best first, until their gate opens; a row is never held near its lease.
This module refuses to know what a card means, and never calls the workflow.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.delivery.pace import FILES, POST, Pace, method_of
from bot.delivery.render import Look, looked_at
from bot.delivery.send import Sender
from bot.domain.errors import FettleError
from bot.domain.owed import MessageKind, OutboxRow, Priority
from bot.slack.client import SlackClient
from bot.slack.workspace import ChannelFacts
from bot.storage import outbox
from bot.storage.db import Lane, Store, Tx

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

PICTURES = 2
"""Charts and files on their way at once."""


@dataclass(frozen=True)
class Options:
    """Rates and limits; seconds unless said. The defaults are Slack's documented rates.

    ``first_card_wait`` leaves time for the posting: a card stands within 2 s of its alert. ``ahead`` are the seconds
    that a sandbox let pass at once: by them the gates open too.
    """

    look: Look = field(default_factory=Look)
    allow_shared: bool = False
    charts: str = "auto"
    post_interval: float = 1.0
    updates_a_minute: int = 50
    edit_interval: float = 5.0
    first_card_wait: float = 1.6
    sends: int = 4
    held: int = 12
    tick: float = 1.0
    lease: timedelta = timedelta(seconds=60)
    ahead: Callable[[], float] = lambda: 0.0

    @property
    def longest_hold(self) -> float:
        """A row is handed back long before its lease runs out, so that two of us never send it."""
        return self.lease.total_seconds() / 3


@dataclass
class Held:
    """A claimed row that waits for its gate; ``since`` and ``not_before`` are monotonic seconds."""

    row: OutboxRow
    since: float
    not_before: float = 0.0

    @property
    def order(self) -> tuple[int, datetime, int]:
        """Best priority first, then the oldest."""
        return (self.row.priority.rank, self.row.owed_at, self.row.id)


class Dispatcher:
    """One per process; several on one database share the work row by row."""

    def __init__(self, store: Store, slack: SlackClient, clock: Clock, options: Options | None = None) -> None:
        self._store = store
        self._clock = clock
        self._options = options or Options()
        self._pace = Pace(self._options.post_interval, self._options.updates_a_minute, self._options.edit_interval)
        self._sender = Sender(
            store, slack, clock, self._pace, self._options.look, allow_shared=self._options.allow_shared,
            seconds=self._seconds, charts=self._options.charts,
        )  # fmt: skip
        self._held: dict[int, Held] = {}
        self._active: dict[asyncio.Task[None], OutboxRow] = {}
        self._freed = asyncio.Event()
        self._closing = False
        self._pausing = False

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() + self._options.ahead()

    @property
    def resting(self) -> bool:
        """Whether nothing is on its way and whatever is owed waits for its gate."""
        news = self._store.messages_owed.is_set() or self._freed.is_set()
        return self._pausing and not self._active and not news

    def seen(self, channel: ChannelFacts) -> None:
        """A channel was looked at: its first card need not wait for that."""
        self._sender.channels.seen(channel)

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until ``stop`` is set; then call ``drain``."""
        while not stop.is_set():
            # Cleared before the look: what is owed during it wakes the next round.
            self._store.messages_owed.clear()
            self._freed.clear()
            try:
                await self._look_again()
                await self._claim()
                await self._release_first_cards()
                wait = self._start_ready()
                await self._hand_back_old()
            except FettleError as error:
                log.warning("delivery waits for the store", error=str(error))
                wait = self._options.tick
            except Exception:  # the loop's edge: a bug in one round must not end delivery
                log.exception("a round of delivery failed")
                wait = self._options.tick
            await self._pause(stop, min(wait, self._options.tick))

    async def drain(self, seconds: float) -> None:
        """Takes nothing more, lets what is being sent end for ``seconds``, hands the rest back."""
        self._closing = True
        if self._active:
            await asyncio.wait(self._active, timeout=seconds)
        for task in list(self._active):
            # Its row stays claimed: it comes back as uncertain, and is looked for before it is posted.
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        self._sender.close()
        rows = [held.row for held in self._held.values()]
        self._held.clear()
        try:
            await self._store.transact(_give_back, rows, lane=Lane.PRESS)
        except FettleError as error:
            log.warning("held messages stay claimed until their lease ends", error=str(error))

    def status(self) -> Mapping[str, Any]:
        """For /status: what is held and sent, and the sentences of channels that take no messages."""
        return {
            "held": len(self._held),
            "sending": len(self._active),
            "sent": dict(self._sender.sent),
            "problems": dict(self._sender.problems),
        }

    @property
    def counts(self) -> Counter[str]:
        """Calls that went well, by method; for metrics."""
        return self._sender.sent

    # -- holding ----------------------------------------------------------------------------------------------------

    async def _look_again(self) -> None:
        """What is held may be worth more by now: a press or a change of state came while it waited for its gate."""
        if not self._held:
            return
        now_worth = await self._store.read(outbox.priorities, list(self._held))
        for number, held in self._held.items():
            held.row = replace(held.row, priority=now_worth.get(number, held.row.priority))

    async def _claim(self) -> None:
        room = max(2, self._options.held - len(self._held) - len(self._active))
        rows = await self._store.transact(outbox.claim, self._clock(), self._options.lease, room, lane=Lane.PRESS)
        now = self._seconds()
        for row in rows:
            self._held[row.id] = Held(row, now)
        fresh = [held for held in self._held.values() if _first_card(held.row)]
        for held in fresh:
            if held.since == now:
                held.not_before = now + self._patience(held.row, storm=len(fresh) > 2)

    def _patience(self, row: OutboxRow, *, storm: bool) -> float:
        """How long a first card may wait for its evidence; not at all in a storm or after a failure."""
        if storm or row.attempts > 1 or row.priority is Priority.PRESS:
            return 0.0
        waited = (self._clock() - row.owed_at).total_seconds()
        return max(0.0, self._options.first_card_wait - waited)

    async def _release_first_cards(self) -> None:
        now = self._seconds()
        waiting = [held for held in self._held.values() if held.not_before > now]
        if not waiting:
            return
        ready = await self._store.read(looked_at, [held.row.subject for held in waiting])
        for held in waiting:
            if held.row.subject in ready:
                held.not_before = 0.0

    async def _hand_back_old(self) -> None:
        """Gives rows back that waited too long here, and the worst ones when better ones pushed in."""
        now = self._seconds()
        ordered = sorted(self._held.values(), key=lambda held: held.order)
        too_many = ordered[self._options.held + 4 :]
        too_old = [held for held in ordered if now - held.since > self._options.longest_hold]
        out = {held.row.id: held.row for held in (*too_many, *too_old)}
        for number in out:
            del self._held[number]
        if out:
            later = timedelta(seconds=self._options.tick)
            await self._store.transact(_later, list(out.values()), self._clock(), later, lane=Lane.PRESS)

    # -- sending ----------------------------------------------------------------------------------------------------

    def _start_ready(self) -> float:
        """Starts what may go now, best first; the seconds until the next gate opens."""
        now = self._seconds()
        nearest = self._options.tick
        expected = self._expected(now)
        for held in sorted(self._held.values(), key=lambda each: each.order):
            if len(self._active) >= self._options.sends:
                return nearest  # a finished send wakes the loop
            opens = max(self._pace.opens(held.row, now), held.not_before)
            if _gives_way(held.row) and now + self._options.post_interval > expected.get(held.row.channel, math.inf):
                opens = max(opens, expected[held.row.channel])
            if held.row.kind in FILES and sum(row.kind in FILES for row in self._active.values()) >= PICTURES:
                continue  # drawing takes its time; the rest of what may be sent is for what somebody waits for
            if opens > now:
                nearest = min(nearest, opens - now)
                continue
            del self._held[held.row.id]
            self._pace.spend(held.row, now)
            task = asyncio.create_task(self._sender.deliver(held.row), name=f"send-{held.row.key}")
            self._active[task] = held.row
            task.add_done_callback(self._ended)
        return max(nearest, 0.01)

    def _expected(self, now: float) -> dict[str, float]:
        """Channel to when the next first card goes there: a message before it would close the channel to it."""
        found: dict[str, float] = {}
        for held in self._held.values():
            if held.not_before > now:
                found[held.row.channel] = min(held.not_before, found.get(held.row.channel, math.inf))
        return found

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._active.pop(task, None)
        self._freed.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a send ended with an error", error=repr(task.exception()))

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        self._pausing = True
        waits = [asyncio.ensure_future(event.wait()) for event in (self._store.messages_owed, self._freed, stop)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pausing = False
            for wait in waits:
                wait.cancel()


def _first_card(row: OutboxRow) -> bool:
    return row.kind is MessageKind.CARD and not row.posted_ts


def _gives_way(row: OutboxRow) -> bool:
    """Whether a new message is worth less than a first card; edits go through another gate."""
    return method_of(row) == POST and row.priority.rank > Priority.NEW_CARD.rank


def _give_back(tx: Tx, rows: list[OutboxRow]) -> None:
    for row in rows:
        outbox.give_back(tx, row)


def _later(tx: Tx, rows: list[OutboxRow], now: datetime, after: timedelta) -> None:
    for row in rows:
        outbox.retry(tx, row, now, after, "")
