"""`kill -9` at any time loses nothing that was acknowledged and repeats nothing: real processes, under load."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.sandbox.slack.sockets import ACK_SECONDS
from bot.sandbox.world import World, WorldOptions
from tests.chance import EVERY, SOAK
from tests.patience import PATIENT, until

from .books import Books
from .crowd import Crowd

pytestmark = pytest.mark.timeout(1800)

SETTINGS = {"KUBE_TIMEOUT": "5s"}  # an execution cut off in its middle is read back this long, and 5 s, later


DATABASES = ["sqlite", "postgresql"] if SOAK else ["sqlite"]


@pytest.mark.parametrize("database", DATABASES)
async def test_kills_under_load_lose_and_repeat_nothing(
    tmp_path: Path, rng: random.Random, tell: Callable[[object], None], database: str, request: pytest.FixtureRequest
) -> None:
    """After every kill: accepted alerts are stored and shown once, each execution is sent once, the audit verifies."""
    kills, senders, workloads = (50, 4, 8) if SOAK else (6 if EVERY else 3, 2, 3)
    places = [f"shop/app-{number}" for number in range(workloads)]
    url = {"DATABASE_URL": request.getfixturevalue("postgres_url")} if database == "postgresql" else {}
    options = WorldOptions(settings={**SETTINGS, **url}, workloads=dict.fromkeys(places, 1))
    begun = time.monotonic()
    async with World(tmp_path, options) as world:
        # Slack's rates are another test's subject: here they would only make the end take minutes.
        world.slack_server.enforce_rates = False
        world.slack_server.sockets.ack_seconds = ACK_SECONDS  # who pressed as it died is told so
        # Slow answers hold every door open for longer, so that a kill finds calls that were done and not yet noted.
        world.slack_server.faults.slow("chat.postMessage", 0.3)
        world.cluster_server.faults.hang("patch", "deployments", seconds=0.5, late=True)
        crowd = Crowd(world, rng)
        await world.bot.start(within=120)
        await asyncio.gather(*(crowd.breaks(place) for place in places))
        names = [f"load-{number}" for number in range(8)]
        load = [asyncio.create_task(crowd.keep_sending(str(one), names, 0.1)) for one in range(senders)]
        presses = [asyncio.create_task(crowd.approve(place)) for place in places]
        for _ in range(kills):
            await _live_and_die(world, rng, crowd, places)
        for task in load:
            task.cancel()
        await world.start_bot()
        books = Books(world, crowd.accepted, crowd.ended)
        await _until_approved(crowd)
        # On PostgreSQL what a dead bot had claimed is free after two minutes, not at the start.
        await books.quiet(within=400)
        for task in presses:
            task.cancel()
        ended = await asyncio.gather(*load, *presses, return_exceptions=True)
        assert [one for one in ended if not isinstance(one, asyncio.CancelledError)] == []
        assert await books.problems() == []
        executions = books.rows("SELECT state, count(*) FROM executions GROUP BY state")
        incidents = books.count("SELECT count(*) FROM incidents")
        found = (tmp_path / "bot.log").read_text(encoding="utf-8").count("found a message that had been posted")
        tell(
            f"{kills} kills in {time.monotonic() - begun:.0f} s: {len(crowd.accepted)} alerts in {crowd.posts} posts "
            f"({crowd.again} tries more), {incidents} incidents, {crowd.presses} presses, "
            f"executions {dict(executions)}, {found} posts cut off between Slack and the store"
        )
        tell(f"@ana was told: {dict(crowd.told())}")
        assert world.bot.starts == kills + 1
        assert len(crowd.accepted) > 10
        assert executions
        assert await world.bot.stop() == 0


async def _live_and_die(world: World, rng: random.Random, crowd: Crowd, places: Sequence[str]) -> None:
    """One life: every third ends while it starts, the others within 2.5 s of being ready or of an approval."""
    lives = world.bot.running
    starting = asyncio.create_task(asyncio.sleep(0) if lives else world.bot.start(within=120))
    if not lives and rng.random() < 1 / 3:
        while not world.bot.running:  # noqa: ASYNC110 - the process has a flag, no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(rng.uniform(0.1, 2.5))
    else:
        await starting
        posts = crowd.posts
        await until(lambda: crowd.posts >= posts + 4)
        if rng.random() < 1 / 2 and set(places) - crowd.approved:
            await _until_pressed(crowd)
        await asyncio.sleep(rng.uniform(0.0, 2.5))
    assert await world.bot.kill() == -9
    await asyncio.gather(starting, return_exceptions=True)  # it says that the bot ended, which is what was done


async def _until_pressed(crowd: Crowd) -> None:
    """Lives long enough for an approval, so that kills meet executions too, and not only evidence."""
    pressed = crowd.presses
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(15):
            while crowd.presses == pressed:  # noqa: ASYNC110 - presses are made by other tasks
                await asyncio.sleep(0.05)


async def _until_approved(crowd: Crowd) -> None:
    """Somebody gets to approve in the last life too, so that each run has executions."""
    # At full size thousands of incidents of the lives before are looked at first.
    async with asyncio.timeout(2 * PATIENT if SOAK else PATIENT):
        while not crowd.approved:  # noqa: ASYNC110 - presses are made by other tasks
            await asyncio.sleep(0.2)
