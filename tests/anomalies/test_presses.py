"""Many people, one card: pressed together, twice, and again by a wire that repeats itself; one decision, one effect.

Of every verb: a restart that an alert brings, and the others as somebody asks for them.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain.mitigation import Action
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.models import Reply
from bot.sandbox.slack_room import CARD, CardHandle, UnmetError
from tests.chance import SEED, SOAK
from tests.integration import jvm
from tests.invariants import execution_of, hold
from tests.ways import TOOLS, WAYS, Way, World, furnished

from .whole import ALERT, PLACE, UNSENT, Whole, running, whole

pytestmark = pytest.mark.timeout(3000)

EACH = 2
"""Nights with each verb in a soak; the suite plays a restart and two others."""
AT_ONCE = 6
APPROVERS = ["ana", "li", *(f"sre{number}" for number in range(6))]
OTHERS = ["bo", "gus", "kim"]
BUTTONS = ["Approve", "Approve", "Approve", "Acknowledge"]
BESIDE = {Action.DEBUG_THREAD_DUMP, Action.DEBUG_HEAP_DUMP}
DUMPS = {Action.THREAD_DUMP, Action.HEAP_DUMP} | BESIDE
AGO = 7200.0
"""Seconds ago at which the world of a verb began; it all has happened by now."""
PENDING = "SELECT count(*) FROM due WHERE stage <> 'revert'"


def staffed(night: Whole) -> None:
    """A large rotation: eight approvers, and some who aren't."""
    space = night.world.slack_server.workspace
    for name in [*APPROVERS[2:], "kim"]:
        space.add_person(f"U0{name.upper()}", name, name.title())
        space.add_member(night.world.slack.channel, f"U0{name.upper()}")
    space.add_usergroup("S0SRE", "sre-oncall", [f"U0{name.upper()}" for name in APPROVERS])


def drawn() -> list[Way]:
    """The verb of each night; dumps where there is a JVM to be asked, and none of Go."""
    ways = [way for way in WAYS if way.door[1] != "pods/proxy" and (jvm.HAS_JDK or way.action not in DUMPS)]
    if SOAK:
        return ways * EACH
    calm = [way for way in ways[1:] if way.action not in DUMPS]
    return [ways[0], *random.Random(SEED).sample(calm, 2)]  # noqa: S311 - repeatable on purpose


async def test_presses_together_twice_and_replayed_are_one(
    tmp_path: Path, request: pytest.FixtureRequest, tell: Callable[[object], None]
) -> None:
    gate, ways = asyncio.Semaphore(AT_ONCE), drawn()
    program = request.getfixturevalue("program") if DUMPS & {way.action for way in ways} else Path()
    async with asyncio.TaskGroup() as nights:
        tasks = [
            nights.create_task(_night(gate, tmp_path / str(n), random.Random(SEED + n), way, program))  # noqa: S311
            for n, way in enumerate(ways)
        ]
    each = Counter(str(way.action) for way in ways)
    presses = sum(task.result() for task in tasks)
    tell(f"seed {SEED}: {len(ways)} nights, {presses} presses; {', '.join(f'{one} {n}' for one, n in each.items())}")


async def _night(gate: asyncio.Semaphore, folder: Path, rng: random.Random, way: Way, program: Path) -> int:
    settings = {
        "KUBE_TIMEOUT": "10s",
        "ALLOWED_ACTIONS": str(way.action),
        "DEBUG_IMAGES": f"jvm={TOOLS}",
        **way.settings,
    }
    async with gate, whole(folder, settings) as night, _furnished(night, way, program) as world:
        staffed(night)
        async with running(night):
            await night.world.slack_server.wait_connected()
            await _asked(night, way, world)
            card = await night.world.slack.expect_card(buttons=["Approve"], within=60)
            sent = await _crowd(night, card, rng)
            await night.until(lambda: asyncio.ensure_future(_pressed(night, way)))  # where all were told to try again
            await night.until(lambda: ("pass", 1) in night.left.rows("SELECT verdict, current FROM verifications"))
            again = await _replayed(night, sent, rng)
            if way.action is Action.RESTART:
                await night.world.resolve(ALERT)
            await night.until(lambda: _quiet(night))
            again += await _replayed(night, sent, rng)
            await asyncio.sleep(1.0)
            await night.until(lambda: _quiet(night))
        _ended_well(night, way)
        return len(sent) + again


@asynccontextmanager
async def _furnished(night: Whole, way: Way, program: Path) -> AsyncIterator[World]:
    """What the verb needs has been there for a while; the bot starts afterwards."""
    cluster: Cluster = night.world.cluster
    cluster.clock.offset = -AGO
    async with furnished(way, cluster, cluster.advance, night.world.folder) as (world, _):
        cluster.advance(max(0.0, -cluster.clock.offset))
        cluster.clock.offset = 0.0
        if world.images is not None:
            night.world.bot.settings["REGISTRIES"] = f"{world.images.host} insecure"
        if way.action in DUMPS:
            for pod in cluster.pods("shop", "api"):
                await jvm.started(night.world.cluster_server, pod, *jvm.argv(program, mib=4))
        yield world


async def _asked(night: Whole, way: Way, world: World) -> None:
    """An alert brings a restart; whatever else it is, Bo asks for."""
    if way.action is Action.RESTART:
        await night.crash()
        assert (await night.world.fire(ALERT, PLACE)).accepted
    else:
        await night.world.slack.slash("bo", way.typed_in_slack(world))


async def _pressed(night: Whole, way: Way) -> bool:
    """Those whom it takes press until something happens."""
    for who in way.people:
        card = night.card()
        if night.left.rows("SELECT 1 FROM executions"):
            return True
        if card is not None and any(label.startswith("Approve") for label in card.buttons):
            with contextlib.suppress(NotThere, UnmetError):  # the card changed under the finger
                await card.click("Approve", by=who)
            await asyncio.sleep(1.0)
    return bool(night.left.rows("SELECT 1 FROM executions"))


def _quiet(night: Whole) -> bool:
    """The incident is closed, all is told, and nothing is owed but what comes in hours."""
    left = night.left
    closed = left.rows("SELECT state FROM incidents") == [("resolved",)]
    return closed and left.rows(UNSENT) == [(0,)] and left.rows(PENDING) == [(0,)]


def _ended_well(night: Whole, way: Way) -> None:
    """The invariants; and one card, so many approvals as it takes, one effect, one verdict."""
    left = night.left
    hold(left)
    assert len(night.world.slack.messages(CARD)) == 1
    granted = left.rows("SELECT count(*) FROM audit WHERE tag = 'proposal:approval:granted'")
    assert granted == [(len(way.people),)]
    assert left.rows("SELECT verdict FROM verifications") == [("pass",)]
    assert left.rows("SELECT count(*) FROM audit WHERE tag = 'execution:intent:committed'") == [(1,)]
    dumps = left.rows("SELECT count(*) FROM artifacts")
    assert dumps == [(int(way.action in DUMPS),)]
    writes = int(way.action not in DUMPS - BESIDE)
    assert len({execution_of(one) for one in left.writes()}) == len(left.effects()) == writes
    assert night.world.slack_server.invalid == []


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
