"""One night in one process: an incident, people who press, stages that run, and a crash wherever a test wants one.

The process "dies" by an exception that nothing catches; what is in memory is thrown away, the store is opened anew,
and the people do what people do: whoever had no answer presses again.
"""
# ruff: noqa: D102 - the methods do what their names say

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clock import Steady
from bot.domain.errors import FettleError
from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import DueWork, Stage
from bot.domain.proposal import ProposalState
from bot.integrations.sources import Sources
from bot.jobs import STAGES, Jobs
from bot.kube.client import Cluster
from bot.sandbox.kubernetes.server import ClusterServer
from bot.storage import due, outbox, people, proposals
from bot.storage.db import Store, Tx
from bot.storage.fields import to_text
from bot.workflow import timekeeping
from bot.workflow.context import Context
from bot.workflow.propose import NOTHING
from tests.integration.clusters import UNHURRIED
from tests.integration.workflow.floor import API, Floor, settings_in
from tests.invariants import Left, hold
from tests.patience import PATIENT

ROUNDS = 60
STEP = 3.0
"""Seconds that pass between two rounds."""


class CrashError(BaseException):
    """The process is gone; no handler of an error may see this."""


Wish = Callable[["Night"], Awaitable[bool]]
"""What a person or a sender does in a round; True while it is not satisfied."""


@asynccontextmanager
async def shop() -> AsyncIterator[ClusterServer]:
    """A cluster with one workload, shop/api, that has run for an hour."""
    server = ClusterServer(name="fettle-sandbox", ready_after=0.2)
    await server.start()
    server.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    server.cluster.deployment("shop", "api", replicas=2, image="registry.example/shop/api:1.4.1")
    server.cluster.advance(3600)
    try:
        yield server
    finally:
        await server.stop()


class Night:
    """The world that survives crashes (cluster, file, people), and the process that doesn't (``floor``)."""

    def __init__(self, server: ClusterServer, url: str, folder: Path, crash_at: Collection[str] = ()) -> None:
        self.server = server
        self.url = url
        self.folder = folder
        self.crash_at = frozenset(crash_at)
        self.lose_answer = False
        """The next write's answer is lost after it was carried out."""
        self.points: list[str] = []
        self.crashes = 0
        self.jumps: dict[str, float] = {}
        """Point to the seconds by which the clock of the bot's machine jumps there."""
        self.times = 1
        """How often each claimed row is run."""
        self.kube_timeout = PATIENT
        """Seconds that the client waits for the cluster."""
        self.soak = "1s"
        self.actions = "restart"
        """What may be done, as ALLOWED_ACTIONS says it."""
        self.sources = Sources()
        self.generation = 1
        """The workload's before the night."""
        self.door = ("patch", "deployments")
        """Verb and resource of the write whose answer is lost."""
        self.accepted: set[str] = set()
        self.ended: set[str] = set()
        """Fingerprints of the alerts whose firing, and whose end, the sender was told is taken."""
        self._seen: Counter[str] = Counter()
        self._floor: Floor | None = None
        self._shift = 3600.0
        self._set = 0.0
        self._steady = Steady(self._wall, self._since_boot, "this boot")

    @property
    def floor(self) -> Floor:
        assert self._floor is not None
        return self._floor

    async def begin(self) -> None:
        """A process starts; one that can't, because its store fails, ends and is started again."""
        for _ in range(ROUNDS):
            try:
                await self._start()
            except FettleError:
                self._shift += STEP
                self.server.cluster.advance(STEP)
            else:
                return
        raise AssertionError("it never started")

    async def _start(self) -> None:
        """Alone on its database, so every claim of its predecessor is free."""
        store = Store.open(self.url, group_size=1)
        self._steady = Steady(self._wall, self._since_boot, "this boot")
        try:
            await timekeeping.follow(store, self._steady)
            await store.transact(due.free_claims)
            await store.transact(outbox.free_claims)
            await store.transact(people.set_group, "S0SRE", ("U0SAM",), self._steady())
        except FettleError:
            await store.close()
            raise
        store.crash_point = self._pass
        (self.folder / "kubeconfig").write_text(self.server.kubeconfig("bot"))
        path = str(self.folder / "kubeconfig")
        cluster = await Cluster.connect(path, None, self.kube_timeout, "fettle/test", rate=UNHURRIED)
        cluster.crash_point = self._pass
        settings = settings_in(
            self.folder, VERIFY_SOAK=self.soak, VERIFY_SOAK_CRASHLOOP=self.soak, ALLOWED_ACTIONS=self.actions
        )
        context = Context(store, cluster, settings, lambda: datetime.now(UTC), "C0ONCALL", sources=self.sources)
        firing = self._floor._firing if self._floor else {}
        self._floor = Floor(context, self.server, self._shift)
        self._floor.time = self._steady
        self._floor._firing = firing

    async def end(self) -> None:
        await self.floor.ctx.cluster.close()
        await self.floor.store.close()

    def _pass(self, point: str) -> None:
        self._seen[point] += 1
        named = f"{point}#{self._seen[point]}"
        self.points.append(named)
        self.jump(self.jumps.pop(named, 0.0))
        if named in self.crash_at:
            self.crashes += 1
            raise CrashError(named)

    def jump(self, seconds: float) -> None:
        """The clock of the bot's machine is set; no time passes, and the cluster has a clock of its own."""
        self._set += seconds

    def _wall(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._shift + self._set)

    def _since_boot(self) -> float:
        return time.monotonic() + self._shift

    def advance(self, seconds: float) -> None:
        self.floor.advance(seconds)
        self._shift += seconds

    async def live(self, *wishes: Wish) -> None:
        """Rounds of: what people still want, then what is owed, then time; until nothing is wanted or owed."""
        for _ in range(ROUNDS):
            try:
                wanted = [await self._grant(wish) for wish in wishes]
                quiet = await self.work() and not any(wanted)
            except CrashError:
                await self.end()
                self.advance(STEP)
                await self.begin()
                continue
            if quiet:
                return
            self.advance(STEP)
        raise AssertionError(f"never quiet: {await self.floor.owed()}, {await self.floor.execution()}")

    async def _grant(self, wish: Wish) -> bool:
        try:
            return await wish(self)
        except FettleError:
            return True  # they were told that it didn't work, or got a 503: they come again

    async def work(self) -> bool:
        """Everything that is due, once; False if more is owed, or the store gave no work."""
        try:
            await Jobs(self.floor.ctx, steady=self._steady).keep_time()
            for stage in STAGES:
                # A look first, so that claims of nothing are no crash points.
                if not await self.floor.store.read(_anything_due, stage, self.floor.now()):
                    continue
                for work in await self.floor.due(stage):
                    await self._stage(work)
            return not await self.floor.owed()
        except FettleError:
            return False

    async def _stage(self, work: DueWork) -> None:
        jobs = Jobs(self.floor.ctx)
        for _ in range(self.times):
            await jobs._work(work)


def _anything_due(tx: Tx, stage: Stage, now: datetime) -> bool:
    stamp = to_text(now)
    sql = "SELECT count(*) FROM due WHERE stage = ? AND due_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)"
    return bool(tx.execute(sql, (stage.value, stamp, stamp)).fetchone()[0])


# -- what people want ------------------------------------------------------------------------------


class Asks:
    """Bo types /restart, or another action, until the answer is yes, and again where the card shows no offer."""

    def __init__(self, action: Action = Action.RESTART, *then: Action) -> None:
        self.action = action
        self.then = [(one, dict[str, str]()) for one in then]
        self.answered = False

    async def __call__(self, night: Night) -> bool:
        bo = await night.floor.person("bo")
        if not self.answered:
            answer = await night.floor.verbs.act(bo, self.action, "shop/api", None, self.then)
            self.answered = answer.ok or "in flight" in answer.text
            return True
        return await insists(night)


class Fires:
    """Both pods begin to crash, and Alertmanager sends the same alert until it is answered."""

    def __init__(self) -> None:
        self.answered = False
        self.since: datetime | None = None

    async def __call__(self, night: Night) -> bool:
        if self.since is None:
            night.server.cluster.crash_loop("shop", "api")
            night.advance(5)
            self.since = night.floor.now()
        if not self.answered:
            await night.floor.alert(at=self.since)
            self.answered = True
            night.accepted |= _fingerprints(night)
            return True
        return False


async def approves(night: Night) -> bool:
    """Ana approves whatever waits."""
    waiting = await night.floor.store.read(proposals.pending)
    for proposal in waiting:
        if night.lose_answer:
            night.lose_answer = False
            night.server.faults.drop_after(*night.door)
        await night.floor.verbs.approve(proposal.id, await night.floor.person("ana"))
    return bool(waiting)


async def insists(night: Night) -> bool:
    """Bo presses Request again where the card shows that nothing is offered any more, or that nothing was done."""
    newest, ran = await night.floor.newest("proposals"), await night.floor.newest("executions")
    again = newest is not None and newest.state in {ProposalState.RECORDED, ProposalState.EXPIRED}
    nothing_done = ran is not None and ran.state is ExecutionState.FAILED and newest.id == ran.proposal_id
    if not (again or nothing_done):
        return False
    bo = await night.floor.person("bo")
    if newest.action == NOTHING:  # too little was seen to offer anything: a person asks for the restart
        await night.floor.verbs.restart(bo, "shop/api")
    else:
        await night.floor.verbs.request_again(newest.id, bo)
    return True


async def chooses(night: Night) -> bool:
    """Bo names the workload where the card could find none."""
    incident = await night.floor.newest("incidents")
    if incident is None or not incident.open or incident.investigated_at is None or incident.target is not None:
        return False
    await night.floor.verbs.choose_target(incident.id, API.key, await night.floor.person("bo"))
    return True


class Clears:
    """The alerts resolve once a restart is in the cluster; sent until answered."""

    def __init__(self) -> None:
        self.answered = False

    async def __call__(self, night: Night) -> bool:
        if self.answered:
            return False
        if left(night).effects():
            await night.floor.clear(next(iter(night.floor._firing)))
            self.answered = True
            night.ended |= _fingerprints(night)
        return True


def _fingerprints(night: Night) -> set[str]:
    return {alert.fingerprint for alerts in night.floor._firing.values() for alert in alerts}


# -- what must hold --------------------------------------------------------------------------------


def left(night: Night) -> Left:
    """What there is to be asked."""
    return Left(
        night.url,
        night.server,
        accepted=night.accepted,
        ended=night.ended,
        now=night.floor.now(),
    )


async def holds(night: Night) -> None:
    """The invariants, whatever broke; and that no change of the workload but ours is in the cluster."""
    floor = night.floor
    hold(left(night))
    applied = floor.workload()["metadata"]["generation"] - night.generation
    assert applied == len(await floor.entries("execution:state:succeeded"))
    assert await floor.count("incidents") == len(await floor.messages("card:"))


async def ended_well(night: Night) -> None:
    """One incident, one effect, verified and closed, as if nothing had happened."""
    await holds(night)
    assert (await night.floor.verification()).verdict == "pass"
    assert not (await night.floor.incident(1)).open
    assert await night.floor.count("incidents") == 1
