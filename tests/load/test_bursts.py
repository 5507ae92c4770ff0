"""Two thousand alerts at once, a slow and narrow Slack, and SIGTERM right after: all of it stands, once."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox.world import World

from .books import Books
from .crowd import Crowd, big_posts

pytestmark = pytest.mark.timeout(1800)

SLACK_CALL = 0.3
"""Seconds that each call of Slack's Web API takes here."""
RATE = 1.0
"""Messages a second that Slack takes in one channel; here it enforces that."""


def workloads(soak: bool) -> int:
    """In how many incidents a post ends: the digest takes what the cards can't."""
    return 50 if soak else 10


async def test_two_thousand_alerts_in_four_posts_all_stand_once(
    tmp_path: Path, rng: random.Random, soak: bool, tell: Callable[[object], None]
) -> None:
    """Slack takes one message a second at 300 ms a call: every accepted alert is stored and on a card or digest."""
    async with World(tmp_path) as world:
        world.slack_server.faults.slow("*", SLACK_CALL)
        await world.start_bot()
        crowd, begun = Crowd(world, rng), time.monotonic()
        await crowd.send_all(big_posts(posts=4, each=500, workloads=workloads(soak)))
        taken = time.monotonic() - begun
        assert len(crowd.accepted) == 2000
        books = Books(world, crowd.accepted)
        await books.quiet(within=240)
        shown = time.monotonic() - begun
        assert await books.problems() == []
        posts = sum(call.method == "chat.postMessage" for call in world.slack_server.calls)
        tell(
            f"2000 alerts taken in {taken:.1f} s, on {len(world.slack.cards())} cards and the digest in {shown:.1f} s; "
            f"the rate asks for {posts / RATE:.0f} s"
        )
        assert await world.bot.stop() == 0


async def test_sigterm_a_second_after_four_hundred_alerts_loses_none(
    tmp_path: Path, rng: random.Random, soak: bool, tell: Callable[[object], None]
) -> None:
    """SIGTERM ends with code 0 while Slack is slow; after the next start all 400 stand, none twice."""
    async with World(tmp_path) as world:
        world.slack_server.faults.slow("*", SLACK_CALL)
        await world.start_bot()
        crowd = Crowd(world, rng)
        await crowd.send_all(big_posts(posts=4, each=100, workloads=workloads(soak)))
        await asyncio.sleep(1.0)
        begun = time.monotonic()
        code = await world.bot.stop(within=60)
        ended = time.monotonic() - begun
        tell(f"SIGTERM after {len(crowd.accepted)} alerts: exit code {code} after {ended:.1f} s")
        assert code == 0, world.bot.last_lines()
        await world.start_bot()
        books = Books(world, crowd.accepted)
        await books.quiet(within=240)
        assert await books.problems() == []
        assert await world.bot.stop() == 0
