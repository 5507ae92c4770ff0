"""Time that a sandbox lets pass at once: between two stages, with nothing on its way; everything that waits follows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot import jobs as jobs_module
from bot.domain.owed import DueWork, Stage
from bot.jobs import STAGES, Jobs, Passing
from bot.kube.shared import Shared
from bot.storage import due
from bot.storage.db import Tx
from bot.workflow.context import Context
from tests.patience import PATIENT, until

from .floor import Floor


@dataclass
class World:
    """The sandbox's side: what it asks for passes with the floor's own clock."""

    floor: Floor
    ahead: float = 0.0
    asked: float = 0.0
    wake: Callable[[], None] = field(default=lambda: None)
    rest: asyncio.Event = field(default_factory=asyncio.Event)
    passed: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, wake: Callable[[], None]) -> None:
        """Here whoever asks calls it."""
        self.wake = wake

    async def let(self) -> None:
        """It passes."""
        seconds, self.asked = self.asked, 0.0
        self.floor.advance(seconds)
        self.ahead += seconds
        self.passed.set()

    async def passes(self, seconds: float, within: float = PATIENT) -> None:
        """Asks for it, and waits until it has passed."""
        self.passed.clear()
        self.asked = seconds
        self.wake()
        async with asyncio.timeout(within):
            await self.passed.wait()


@pytest.fixture
async def world(floor: Floor) -> World:
    return World(floor)


@pytest.fixture
def working(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """The stage INVESTIGATE, of which subject 1 takes as long as the world doesn't rest; when each was done."""
    done: dict[int, float] = {}

    async def work(ctx: Context, row: DueWork) -> None:
        if row.subject == 1:
            await world.rest.wait()
        done[row.subject] = world.ahead
        await ctx.store.transact(due.done, row)

    monkeypatch.setattr(jobs_module, "STAGES", {**STAGES, Stage.INVESTIGATE: work})
    return done


async def owe(floor: Floor, subject: int, after: float = 0.0) -> None:
    def one(tx: Tx) -> None:
        due.owe(tx, Stage.INVESTIGATE, subject, floor.now() + timedelta(seconds=after))

    await floor.store.transact(one)


async def test_time_does_not_pass_while_a_stage_is_at_work(
    floor: Floor, world: World, working: dict[int, float]
) -> None:
    """Its lease would run out under its hands, and another one would begin the same."""
    jobs = Jobs(floor.ctx, passing=Passing(world, lambda: True))
    jobs.start()
    await owe(floor, 1)
    await asyncio.sleep(0.2)
    with pytest.raises(TimeoutError):
        await world.passes(5, within=0.8)
    assert (world.ahead, working) == (0.0, {})
    world.rest.set()
    await world.passes(5)
    assert working == {1: 0.0}
    await jobs.drain(1)


async def test_what_falls_due_on_the_way_is_done_before_more_time_passes(
    floor: Floor, world: World, working: dict[int, float]
) -> None:
    jobs = Jobs(floor.ctx, passing=Passing(world, lambda: True))
    jobs.start()
    await owe(floor, 2, after=9)
    await owe(floor, 3, after=19)
    for _ in range(5):
        await world.passes(5)
    assert working == {2: 10, 3: 20}
    await jobs.drain(1)


async def test_time_does_not_pass_while_a_message_or_a_press_is_on_its_way(floor: Floor, world: World) -> None:
    jobs = Jobs(floor.ctx, passing=Passing(world, world.rest.is_set))
    jobs.start()
    with pytest.raises(TimeoutError):
        await world.passes(5, within=0.5)
    world.rest.set()
    await world.passes(5)
    assert world.ahead == 5
    await jobs.drain(1)


async def test_hourly_chores_come_when_the_hour_has_passed(floor: Floor, world: World) -> None:
    """The scheduler goes by the machine's clock: what it has planned is planned anew."""
    jobs = Jobs(floor.ctx, passing=Passing(world, lambda: True))
    jobs.start()
    head = jobs._scheduler.get_job("audit-head")
    assert head is not None
    before = head.next_run_time
    await world.passes(1800)
    assert head.next_run_time == before - timedelta(seconds=1800)
    await world.passes(1900)
    await until(lambda: head.next_run_time > datetime.now(UTC) + timedelta(minutes=30))
    assert head.next_run_time > datetime.now(UTC) + timedelta(minutes=30), "it ran, and comes again in an hour"
    await jobs.drain(1)


async def test_an_answer_that_serves_for_seconds_does_not_serve_afterwards(
    floor: Floor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[float] = []
    monkeypatch.setattr(Shared, "forget", lambda _: forgotten.append(world.ahead))
    jobs = Jobs(floor.ctx, passing=Passing(world, lambda: True))
    jobs.start()
    await world.passes(5)
    await jobs.drain(1)
    assert forgotten[-1] == 5, "after it has passed, not before"


async def test_without_a_sandbox_nothing_lets_time_pass(floor: Floor) -> None:
    jobs = Jobs(floor.ctx)
    before = floor.now()
    await jobs.let_pass()
    assert floor.now() - before < timedelta(seconds=1)
