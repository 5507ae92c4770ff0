"""A whole night with the whole bot, in this process: alert, card, press, restart, verdict, the alert's end.

The bot is the program itself, with its listeners, Socket Mode, delivery and ticks; only its process is the test's, so
that many nights can be played side by side. The people do what people do: who sees no effect presses again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bot.app import Program
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack_room import CARD, CardHandle, UnmetError
from bot.sandbox.world import World, WorldOptions
from bot.settings import load
from tests.invariants import Left, execution_of, hold
from tests.patience import PATIENT

ALERT, PLACE = "KubePodCrashLooping", "shop/api"
SETTINGS = {
    "SLACK_TIMEOUT": "10s", "KUBE_TIMEOUT": "20s", "EVIDENCE_TIMEOUT": "30s", "VERIFY_SOAK": "1s",
    "VERIFY_SOAK_CRASHLOOP": "1s", "EVIDENCE_RATE": "100",
}  # fmt: skip
"""Limits that a stall makes a night wait for; shorter ones would be a fault of their own on a busy machine."""
PATIENCE = 2.0
"""Seconds after which somebody presses again if the card still offers it."""
STORY = """
SELECT a.seq, a.at, a.tag, a.outcome, d.detail FROM audit AS a LEFT JOIN audit_details AS d ON d.seq = a.seq
ORDER BY a.seq
"""
UNSENT = "SELECT count(*) FROM outbox WHERE version > sent_version AND NOT dropped"


class Whole:
    """One world with its bot inside."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.presses = 0

    @property
    def left(self) -> Left:
        """What there is to be asked."""
        world = self.world
        fired = {one["fingerprint"] for got in world.alertmanager.deliveries for one in got.body["alerts"]}
        return Left(
            world.bot.settings["DATABASE_URL"], world.cluster_server, world.slack_server, accepted=fired,
            ttl=timedelta(minutes=5),
        )  # fmt: skip

    def card(self) -> CardHandle | None:
        """The first card that stands."""
        return next(iter(self.world.slack.cards()), None)

    async def crash(self) -> None:
        """A pod crashes; returns when the cluster calls it a loop, as it does long before any alert about one."""
        self.world.cluster.crash_loop(*PLACE.split("/"))

        def loops() -> bool:
            pods = self.world.cluster.pods(*PLACE.split("/"))
            entries = [entry for pod in pods for entry in pod["status"].get("containerStatuses", [])]
            return any((one["state"].get("waiting") or {}).get("reason") == "CrashLoopBackOff" for one in entries)

        await self.until(loops)

    async def play(self) -> None:
        """From the first crash to the quiet after the alert's end."""
        await self.crash()
        assert (await self.world.fire(ALERT, PLACE)).accepted
        await self.until(self.pressed)
        await self.until(lambda: self._verdict("pass"))
        sent = await self.world.resolve(ALERT)
        assert all(one.accepted for one in sent)
        await self.until(self.quiet)

    async def until(self, holds: Callable[[], bool | asyncio.Future[bool]], within: float = PATIENT) -> None:
        """Look again and again; what there is instead is told when it takes too long."""
        try:
            async with asyncio.timeout(within):
                while True:
                    found = holds()
                    if found if isinstance(found, bool) else await found:
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never, within {within:g} s:\n{self.told()}") from None

    def told(self) -> str:
        """What the card says, and what the store still owes."""
        card = self.card()
        owed = self.left.rows("SELECT stage, due_at, claimed_until, last_error FROM due")
        return "\n".join([card.text if card else "no card", *map(str, [*owed, *self.left.rows(STORY)])])

    def pressed(self) -> asyncio.Future[bool]:
        """Ana presses Approve where it is offered, and looks whether something happens."""
        return asyncio.ensure_future(self._press())

    async def _press(self) -> bool:
        card = self.card()
        if self.left.rows("SELECT 1 FROM executions"):
            return True
        if card is not None and any(label.startswith("Approve") for label in card.buttons):
            with contextlib.suppress(NotThere, UnmetError):  # the card changed under the finger
                await card.click("Approve", by="ana")
                self.presses += 1
            for _ in range(int(PATIENCE / 0.1)):
                if self.left.rows("SELECT 1 FROM executions"):
                    return True
                await asyncio.sleep(0.1)
        return False

    def _verdict(self, verdict: str) -> bool:
        return (verdict, 1) in self.left.rows("SELECT verdict, current FROM verifications")

    def quiet(self) -> bool:
        """Whether the incident is closed, everything is told, and nothing is owed."""
        left = self.left
        closed = left.rows("SELECT state FROM incidents") == [("resolved",)]
        return closed and left.rows(UNSENT) == [(0,)] and not left.rows("SELECT 1 FROM due")

    def ended_well(self) -> None:
        """The invariants, and: one card, one effect, one verdict, told as it is."""
        left = self.left
        hold(left)
        cards = self.world.slack.messages(CARD)
        assert len(cards) == 1
        assert left.rows("SELECT verdict FROM verifications") == [("pass",)]
        assert len({execution_of(one) for one in left.writes()}) == len(left.effects()) == 1
        assert "Resolved" in self.world.slack.cards()[0].text
        assert self.world.slack_server.invalid == []


@asynccontextmanager
async def whole(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Whole]:
    """A world for a bot; ``folder`` is made if it isn't there."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    options = WorldOptions(settings={**SETTINGS, **(settings or {})}, workloads={PLACE: 2}, ready_after=0.2)
    async with World(folder, options) as world:
        world.slack_server.enforce_rates = False
        yield Whole(world)


@asynccontextmanager
async def running(night: Whole) -> AsyncIterator[None]:
    """The program, from its start to the end of its drain."""
    program = Program(load(dict(night.world.bot.settings), env_file=night.world.folder / "none"))
    task = asyncio.create_task(program.run())
    try:
        yield
    finally:
        program.stop.set()
        assert await task == 0
