"""Many people, one card: pressed together, twice, and again by a wire that repeats itself; one decision, one effect."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.models import Reply
from bot.sandbox.slack_room import CardHandle, UnmetError
from tests.chance import SEED, SOAK

from .whole import ALERT, PLACE, Whole, running, whole

pytestmark = pytest.mark.timeout(3000)

NIGHTS = 30 if SOAK else 3
AT_ONCE = 6
APPROVERS = ["ana", "li", *(f"sre{number}" for number in range(6))]
OTHERS = ["bo", "gus", "kim"]
BUTTONS = ["Approve", "Approve", "Approve", "Acknowledge"]


def staffed(night: Whole) -> None:
    """A large rotation: eight approvers, and some who aren't."""
    space = night.world.slack_server.workspace
    for name in [*APPROVERS[2:], "kim"]:
        space.add_person(f"U0{name.upper()}", name, name.title())
        space.add_member(night.world.slack.channel, f"U0{name.upper()}")
    space.add_usergroup("S0SRE", "sre-oncall", [f"U0{name.upper()}" for name in APPROVERS])


async def test_presses_together_twice_and_replayed_are_one(tmp_path: Path, tell: Callable[[object], None]) -> None:
    gate, presses = asyncio.Semaphore(AT_ONCE), 0
    async with asyncio.TaskGroup() as nights:
        tasks = [nights.create_task(_night(gate, tmp_path / str(n), random.Random(SEED + n))) for n in range(NIGHTS)]  # noqa: S311
    presses = sum(task.result() for task in tasks)
    tell(f"seed {SEED}: {NIGHTS} nights, {presses} presses")


async def _night(gate: asyncio.Semaphore, folder: Path, rng: random.Random) -> int:
    async with gate, whole(folder, {"KUBE_TIMEOUT": "10s"}) as night:
        staffed(night)
        async with running(night):
            night.world.cluster.crash_loop(*PLACE.split("/"))
            assert (await night.world.fire(ALERT, PLACE)).accepted
            card = await night.world.slack.expect_card(PLACE, buttons=["Approve"], within=30)
            sent = await _crowd(night, card, rng)
            await night.until(night.pressed)  # where all were told to try again
            await night.until(lambda: ("pass", 1) in night.left.rows("SELECT verdict, current FROM verifications"))
            again = await _replayed(night, sent, rng)
            await night.world.resolve(ALERT)
            await night.until(night.quiet)
            again += await _replayed(night, sent, rng)
            await asyncio.sleep(1.0)
            await night.until(night.quiet)
        night.ended_well()
        granted = night.left.rows("SELECT count(*) FROM audit WHERE tag = 'proposal:approval:granted'")
        assert granted == [(1,)]
        return len(sent) + again


async def _crowd(night: Whole, card: CardHandle, rng: random.Random) -> list[Reply]:
    """Everybody presses within half a second; some twice, some of it delivered twice."""

    async def one(who: str, button: str, wait: float) -> Reply | None:
        await asyncio.sleep(wait)
        if rng.random() < 0.3:
            night.world.slack_server.faults.duplicate_next_envelope()
        with contextlib.suppress(NotThere, UnmetError):  # the card changed under the finger
            return await card.click(button, by=who)
        return None

    people = [*APPROVERS, *OTHERS, *rng.choices(APPROVERS, k=6)]
    presses = [one(who, rng.choice(BUTTONS), rng.choice([0.0, 0.0, rng.random() / 2])) for who in people]
    replies = await asyncio.gather(*presses)
    sent = [reply for reply in replies if reply is not None]
    assert all(reply.acked for reply in sent)
    return sent


async def _replayed(night: Whole, sent: list[Reply], rng: random.Random) -> int:
    """The very same payloads come once more, much later."""
    chosen = rng.sample(sent, 5)
    for reply in chosen:
        await night.world.slack_server.sockets.deliver("interactive", reply.sent)
    return len(chosen)
