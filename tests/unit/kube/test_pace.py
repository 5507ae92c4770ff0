"""The slow lane: so many calls in any second, the important first, half after a 429, none before its time."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
import uvloop

from bot.kube.pace import WINDOW, Pace
from tests.loop_time import jumping
from tests.patience import PATIENT


async def call(pace: Pace, made: list[float], *, rank: int = 0, urgent: bool = False, takes: float = 0.0) -> None:
    async with pace.lane(urgent=urgent, rank=rank):
        made.append(asyncio.get_running_loop().time())
        await asyncio.sleep(takes)


@jumping
async def test_no_second_sees_more_than_the_rate_and_urgent_calls_do_not_wait() -> None:
    pace, made, urgent = Pace(rate=20), [], []
    relaxed = asyncio.gather(*(call(pace, made) for _ in range(50)))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(call(pace, urgent, urgent=True) for _ in range(100)))
    assert max(urgent) == began
    await relaxed
    assert all(later - earlier >= 1.0 for earlier, later in zip(made, made[20:], strict=False))
    assert made[-1] - made[0] < 3 * WINDOW


@jumping
async def test_of_those_who_wait_the_lowest_rank_goes_first() -> None:
    pace, made = Pace(rate=2), []
    order: list[int] = []

    async def one(rank: int) -> None:
        await call(pace, made, rank=rank)
        order.append(rank)

    await asyncio.gather(*(one(rank) for rank in (9, 9, 5, 1)))
    assert order == [9, 9, 1, 5], "two went at once, the others by worth"


@jumping
async def test_who_gave_up_costs_no_call() -> None:
    pace, made = Pace(rate=2), []
    await asyncio.gather(call(pace, made), call(pace, made))
    for _ in range(5):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await call(pace, made)
    await call(pace, made)
    assert len(made) == 3
    assert made[2] - made[0] < 2 * WINDOW


@jumping
async def test_a_429_halves_the_rate_once_for_all_answers_of_a_moment() -> None:
    pace = Pace(rate=10)
    for _ in range(8):
        pace.slower(None)
    assert pace.rate() == 5
    made: list[float] = []
    await asyncio.gather(*(call(pace, made) for _ in range(8)))
    assert made[5] - made[0] >= 1.0


@jumping
async def test_the_rate_comes_back_slowly_and_never_beyond_the_full_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, now = Pace(rate=10), 1000.0
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", lambda: now, raising=False)
    seen = []
    for later in (0.0, 2.0, 4.0, 6.0, 8.0, 10.0):  # one 429 after the other
        now = 1000.0 + later
        pace.slower(None)
        seen.append(pace.rate())
    assert seen == [5, 2.5, 1.25, 0.625, 0.5, 0.5]
    now += 9.9
    assert pace.rate() == 0.5
    now += 0.2
    assert pace.rate() == 1.5
    now += 500
    assert pace.rate() == 10


@jumping
async def test_nothing_is_sent_before_the_time_that_the_server_named() -> None:
    pace, made = Pace(rate=10), []
    pace.slower(0.4)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(call(pace, made) for _ in range(3)))
    assert min(made) - began >= 0.39


@jumping
async def test_a_place_is_given_back_however_the_call_ends() -> None:
    pace, made = Pace(rate=100), []
    for _ in range(20):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await call(pace, made, takes=1.0)
    with contextlib.suppress(KeyError):
        async with pace.lane(urgent=False):
            raise KeyError
    async with asyncio.timeout(1.0):
        await asyncio.gather(*(call(pace, made) for _ in range(16)))


def test_a_wait_shorter_than_the_loops_clock_holds_nobody_up() -> None:
    """Production's loop turns a wait of less than half a millisecond into "soon", without a time to look at."""

    async def two() -> int:
        pace = Pace(100)
        pace.slower(0.0003)

        async def one() -> int:
            async with pace.lane(urgent=False):
                return 1

        return sum(await asyncio.gather(one(), one()))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(asyncio.wait_for(two(), PATIENT)) == 2
