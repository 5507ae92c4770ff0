"""The power goes while the whole bot works: what only lay in the kernel's memory is gone, what was answered is not.

The bot is a real process on a disk that is recorded; the disk as it was at any moment is built from that, opened by
Fettle's own store, and asked. Each life goes on from the disk that its last cut left. The control shows that the test
could tell: at `synchronous=NORMAL` the same cuts lose alerts.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.alertmanager import Delivery
from bot.sandbox.bot_process import ROOT
from bot.sandbox.slack.sockets import ACK_SECONDS
from bot.sandbox.world import World, WorldOptions
from bot.storage import audit, facts
from bot.storage.db import Store, Tx
from tests.chance import SOAK
from tests.disk.power import Disk, recorded
from tests.disk.watched import available
from tests.patience import until

from .books import Books
from .crowd import Crowd

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not available(), reason="this Python hides its SQLite, so its writes can't be seen"),
]

LIVES, CUTS = (6, 10) if SOAK else (2, 5)
"""So many processes, and so many cuts of each."""
PLACES = [f"shop/app-{life}" for life in range(LIVES)]
"""One of them begins to crash in each life."""
SETTINGS = {"KUBE_TIMEOUT": "5s"}  # an execution cut off in its middle is read back this long, and 5 s, later


class Witness(Crowd):
    """Notes with each answer how much was in the log then: whatever made the answer true was written before."""

    def __init__(self, world: World, rng: random.Random, log: Path) -> None:
        super().__init__(world, rng)
        self.log = log
        self.marks: list[tuple[int, str]] = []

    async def send(self, body: dict[str, Any]) -> Delivery:
        """As ever."""
        delivery = await super().send(body)
        if delivery.accepted:
            at = self.log.stat().st_size
            self.marks += [(at, one["fingerprint"]) for one in body["alerts"]]
        return delivery


@dataclass
class Found:
    """What all cuts of a test came to."""

    cuts: int = 0
    asked: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


class Rig:
    """A world whose bot runs on a recorded disk."""

    def __init__(self, folder: Path, rng: random.Random, synchronous: str = "") -> None:
        self.folder = folder.resolve()
        self.rng = rng
        self.log = self.folder / "disk.log"
        extra = {
            "PYTHONPATH": f"{ROOT / 'tests' / 'disk' / 'recording'}:{ROOT}",
            "DISK_LOG": str(self.log),
            "DISK_FOLDER": str(self.folder),
            **({"DISK_SYNCHRONOUS": synchronous} if synchronous else {}),
        }
        options = WorldOptions(settings=SETTINGS, workloads=dict.fromkeys(PLACES, 1), extra=extra)
        self.world = World(self.folder, options)
        self.crowd = Witness(self.world, rng, self.log)
        self.found = Found()
        self._ill = iter(PLACES)
        self._before: set[str] = set()

    async def life(self, seconds: float, cuts: int) -> None:
        """One process under load until the power goes; its disk at some moments; and what is left for the next."""
        was = self._files()
        self.log.unlink(missing_ok=True)
        self.crowd.marks.clear()
        await self.world.start_bot()
        names = [f"load-{number}" for number in range(4)]
        life = len(self.crowd.accepted)
        work = [asyncio.create_task(self.crowd.keep_sending(f"{life}-{one}", names, 0.1)) for one in range(3)]
        work += [asyncio.create_task(self.crowd.approve(place)) for place in PLACES]
        await self.crowd.breaks(next(self._ill))
        await asyncio.sleep(seconds)
        await until(lambda: len(self.crowd.marks) >= 3 * cuts)  # there is something to cut
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        assert await self.world.bot.kill() == -9
        await asyncio.to_thread(self._cut, was, cuts)
        self._before |= {mark for _, mark in self.crowd.marks}

    def _cut(self, was: Mapping[str, bytes], cuts: int) -> None:
        """Cuts at moments after the first answer; the last is the end, and the next life begins with its disk."""
        changes = list(recorded(self.log))
        first = self.crowd.marks[0][0]
        later = [number for number, (at, _) in enumerate(changes) if at >= first]
        moments = {*self.rng.sample(later, cuts - 1), len(changes) - 1}
        disk = Disk(dict(was))
        left: Mapping[str, bytes] = was
        for number, (at, change) in enumerate(changes):
            disk.play(change)
            if number in moments:
                left = disk.cut(self.rng)
                self._ask(left, self._before | {mark for size, mark in self.crowd.marks if size <= at})
        for file in self.folder.glob("fettle.db*"):
            file.unlink()
        for path, data in left.items():
            Path(path).write_bytes(data)

    def _ask(self, files: Mapping[str, bytes], answered: Collection[str]) -> None:
        """Fettle's own store opens these files; what was answered must be there, whole, and it must take more."""
        place = self.folder / f"cut-{self.found.cuts}"
        place.mkdir()
        for path, data in files.items():
            (place / Path(path).name).write_bytes(data)
        store = Store.open(f"sqlite:///{place / 'fettle.db'}")
        try:
            there = store.read_now(_fingerprints)
            problems = [*store.read_now(audit.verify_chain), *store.read_now(_unsound)]
            store.transact_now(facts.probe)
        finally:
            store.close_now()
        self.found.cuts += 1
        self.found.asked += len(answered)
        self.found.lost += len(set(answered) - there)
        self.found.broken += [f"cut {self.found.cuts}: {problem}" for problem in problems]

    def _files(self) -> dict[str, bytes]:
        """The database as it lies on the disk; the lock and the shared memory aren't part of it."""
        files = (self.folder / f"fettle.db{end}" for end in ("", "-wal", "-journal"))
        return {str(file): file.read_bytes() for file in files if file.is_file()}


def _fingerprints(tx: Tx) -> set[str]:
    return {row[0] for row in tx.execute("SELECT fingerprint FROM alerts").fetchall()}


def _unsound(tx: Tx) -> Sequence[str]:
    said = [str(row[0]) for row in tx.execute("PRAGMA integrity_check").fetchall()]
    return [] if said == ["ok"] else said


async def test_a_power_cut_loses_nothing_that_was_answered(
    tmp_path: Path, rng: random.Random, tell: Callable[[object], None]
) -> None:
    """Every alert answered 2xx is there, the audit verifies, the store opens; and in the end all invariants hold."""
    rig = Rig(tmp_path, rng)
    async with rig.world as world:
        world.slack_server.enforce_rates = False
        world.slack_server.sockets.ack_seconds = ACK_SECONDS  # who pressed as it died is told so
        for _ in range(LIVES):
            await rig.life(seconds=rng.uniform(1.0, 4.0 if SOAK else 2.0), cuts=CUTS)
        await world.start_bot()
        books = Books(world, rig.crowd.accepted, rig.crowd.ended)
        await books.quiet(within=120)
        executions = books.rows("SELECT state, count(*) FROM executions GROUP BY state")
        tell(
            f"FULL: {rig.found.cuts} cuts in {LIVES} lives lost {rig.found.lost} of {rig.found.asked} "
            f"alerts that were looked for; executions {dict(executions)}"
        )
        assert rig.found.cuts == LIVES * CUTS
        assert rig.found.lost == 0
        assert rig.found.broken == []
        assert await books.problems() == []
        assert await world.bot.stop() == 0


async def test_the_same_cuts_do_lose_alerts_where_commits_are_not_synced(
    tmp_path: Path, rng: random.Random, tell: Callable[[object], None]
) -> None:
    """The control: with `synchronous=NORMAL` alerts that were answered are gone, so the law above can be broken."""
    rig = Rig(tmp_path, rng, synchronous="NORMAL")
    async with rig.world as world:
        world.slack_server.enforce_rates = False
        world.slack_server.sockets.ack_seconds = ACK_SECONDS  # who pressed as it died is told so
        await rig.life(seconds=2.0, cuts=LIVES * CUTS)
        tell(f"NORMAL: {rig.found.cuts} cuts lost {rig.found.lost} of {rig.found.asked} alerts")
        assert rig.found.cuts == LIVES * CUTS
        assert rig.found.lost > 0
