"""Whatever is switched on in the panel of faults while a card waits for a press: in the end all is as it should be.

The whole bot, its sockets and its delivery; people press what the card offers, while the fault is on and after it. A
press is heard, or Slack tells who pressed that it wasn't. In the end there is one card, which caught up, one effect and
one verdict.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox.faults.every import KINDS
from bot.sandbox.faults.presets import PRESETS, Preset
from bot.sandbox.scenarios.checks import UNHEARD
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.models import Reply
from bot.sandbox.slack.sockets import ACK_SECONDS
from bot.sandbox.slack_room import CardHandle, UnmetError
from bot.sandbox.world import World, WorldOptions
from bot.slack import socket_mode
from tests.chance import EVERY, SEED, SOAK, most
from tests.invariants import hold

from .whole import ALERT, PATIENCE, PLACE, Whole, running, whole

pytestmark = pytest.mark.timeout(1800)

ROWS = [row for head, listed in PRESETS.items() if head != "Alertmanager" for row in listed]
"""Alertmanager is asked for a silence alone, which has a test of its own."""
SETTINGS = {"SLACK_TIMEOUT": "4s", "KUBE_TIMEOUT": "8s"}
ON = 3.0
"""Seconds for which a fault stays on once somebody pressed; longer than Slack waits for a press to be acknowledged."""
AT_ONCE = 8 if SOAK else 4
DEAF = {"slack-socket"}
"""While these are on nobody can be heard."""


@dataclass
class People:
    """What they press, and what Slack told them of it."""

    night: Whole
    replies: list[Reply] = field(default_factory=list)

    async def press(self) -> bool:
        """Ana approves what is offered, Bo asks again where nothing is; whether anything was pressed."""
        card = self.night.card()
        for label, by in (("Approve", "ana"), ("Request again", "bo")):
            if card is not None and any(one.startswith(label) for one in card.buttons):
                with contextlib.suppress(NotThere, UnmetError):  # the card changed under the finger
                    self.replies.append(await card.click(label, by=by))
                return True
        return False

    def until_effect(self) -> asyncio.Future[bool]:
        """They press as long as something is offered and nothing came of it."""
        return asyncio.ensure_future(self._until_effect())

    async def _until_effect(self) -> bool:
        if self.night.left.effects():
            return True
        if await self.press():
            await asyncio.sleep(PATIENCE)
        return False


async def _night(gate: asyncio.Semaphore, folder: Path, row: Preset) -> str:
    """A line of what was heard."""
    async with gate, whole(folder, SETTINGS) as night:
        people, board = People(night), night.world.faults
        try:
            async with running(night):
                await night.world.slack_server.wait_connected(2)
                night.world.slack_server.sockets.ack_seconds = ACK_SECONDS  # a press may be heard by nobody
                await night.crash()
                assert (await night.world.fire(ALERT, PLACE)).accepted
                await night.until(lambda: _offered(night.card()))
                for order in row.orders:
                    await board.put(order)
                await people.press()
                await asyncio.sleep(ON)
                during = [one.error for one in people.replies]
                _still_on(night, row)
                board.clear()
                if people.replies and people.replies[0].acked:
                    await night.until(lambda: _answered(night))
                await night.until(people.until_effect)
                await night.until(lambda: night.left.rows("SELECT 1 FROM verifications WHERE verdict='pass'") != [])
                assert all(one.accepted for one in await night.world.resolve(ALERT))
                await night.until(night.quiet)
                await night.until(lambda: asyncio.ensure_future(_both(night)))
            _ended_well(night, people, row, during)
        except AssertionError as error:
            raise AssertionError(f"{row.name}, {[one.error for one in people.replies]}: {error}") from error
    return f"{row.name}: {during} then {[one.error for one in people.replies[len(during) :]]}"


def _offered(card: CardHandle | None) -> bool:
    return card is not None and any(one.startswith("Approve") for one in card.buttons)


def _answered(night: Whole) -> bool:
    """Whether something came of the press, or Ana was told why nothing did."""
    space = night.world.slack_server.workspace
    told = space.ephemerals(space.person("ana").id, night.world.slack.channel)
    return bool(told) or night.left.rows("SELECT 1 FROM executions") != []


def _still_on(night: Whole, row: Preset) -> None:
    """What stays on until somebody ends it is on still: it wasn't some other thing that was played."""
    for order in row.orders:
        if KINDS[order.of][order.kind].holds is not None and order.times is None:
            assert night.world.faults.holds(order)


async def _both(night: Whole) -> bool:
    """Both connections are there again."""
    return night.world.slack_server.sockets.connections == 2


def _ended_well(night: Whole, people: People, row: Preset, during: list[str | None]) -> None:
    left = night.left
    hold(left)
    assert [one.error for one in people.replies if not one.acked and one.error not in UNHEARD] == [], "in silence"
    if row.name in DEAF:
        assert during == ["dispatch_failed"]
    assert len(left.effects()) == 1
    assert left.rows("SELECT verdict FROM verifications") == [("pass",)]
    (card,) = night.world.slack.cards()
    assert "Resolved" in card.text
    assert night.world.slack_server.invalid == []


async def test_whatever_is_switched_on_while_a_card_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Callable[[object], None]
) -> None:
    # A connection that is dead is found out in seconds instead of half a minute.
    for name, seconds in (("LOOK_EVERY", 0.5), ("DEAD_AFTER", 5.0), ("PING_EVERY", 1.0)):
        monkeypatch.setattr(socket_mode, name, seconds)
    rows = most(ROWS, 3)
    random.Random(SEED).shuffle(rows)  # noqa: S311 - repeatable on purpose
    gate = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as nights:
        made = [nights.create_task(_night(gate, tmp_path / row.name, row)) for row in rows]
    for one in made:
        tell(one.result())


async def _silenced(gate: asyncio.Semaphore, folder: Path, row: Preset) -> str:
    """Ana's dialog is open when it begins to fail; she submits it, and opens it anew as long as nothing is silenced."""
    await asyncio.to_thread(folder.mkdir)
    options = WorldOptions(settings=SETTINGS, workloads={PLACE: 2}, ready_after=0.2, silences=True)
    async with gate, World(folder, options) as world, running(night := Whole(world)):
        world.slack_server.enforce_rates = False
        await world.slack_server.wait_connected(2)
        world.slack_server.sockets.ack_seconds = ACK_SECONDS
        await night.crash()
        await world.fire(ALERT, PLACE)
        await night.until(lambda: _offered(night.card()))
        said = []
        for number in range(4):
            await world.slack.slash("ana", "/incident silence 30m")
            await world.slack.expect_view("ana", "firing alert", within=20)
            if number == 0:
                for order in row.orders:
                    await world.faults.put(order)
            reply = await world.slack.submit("ana", {"Why": "a drill"})
            said.append("".join(reply.errors.values()) or reply.error or "taken")
            if number == 0:
                await asyncio.sleep(ON)
                world.faults.clear()
            told = number
            await night.until(lambda told=told: _silenced_now(night) or _refusals(night) > told)  # type: ignore[misc]
            if _silenced_now(night):
                break
        book = world.alertmanager.silences
        active = [one for one in book.kept.values() if one.state(book.clock()) == "active"]
        assert len(active) == 1, (row.name, said, _text(night))
        assert _silenced_now(night), (row.name, said, _text(night))
        hold(night.left)
    return f"{row.name}: {said}"


def _text(night: Whole) -> str:
    card = night.card()
    return card.text if card is not None else ""


def _silenced_now(night: Whole) -> bool:
    return "Silenced until" in _text(night) and "read back" in _text(night)


def _refusals(night: Whole) -> int:
    """How often Ana was told that nothing was silenced, and why: in the thread, to her alone, or in her dialog."""
    card, room = night.card(), night.world.slack
    space = room.server.workspace
    ana = space.person("ana").id
    lines = card.thread() if card is not None else []
    lines += [line for one in space.ephemerals(ana, room.channel) for line in room.read(one)]
    lines += [line for view in space.open_views(ana) for line in room.view_lines(view)]
    return sum("Not silenced:" in line or "Alertmanager answers" in line or "didn't answer" in line for line in lines)


async def test_whatever_is_switched_on_while_somebody_silences(tmp_path: Path, tell: Callable[[object], None]) -> None:
    """One silence in the end, and the card says that it is there; where one wasn't set, the thread says why."""
    rows = PRESETS["Alertmanager"] if EVERY else PRESETS["Alertmanager"][:1]  # the others wait for half a minute
    gate = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as nights:
        made = [nights.create_task(_silenced(gate, tmp_path / row.name, row)) for row in rows]
    for one in made:
        tell(one.result())
