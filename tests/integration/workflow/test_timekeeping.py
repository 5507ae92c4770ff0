"""A machine's clock that is set: the bot's own goes on, follows within seconds, and what waits moves with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import time_machine

from bot.clock import Steady
from bot.domain.errors import StoreUnavailableError
from bot.domain.execution import ExecutionState
from bot.domain.incident import Incident, IncidentEvent
from bot.domain.owed import Stage
from bot.domain.severity import Severity
from bot.jobs import Jobs
from bot.storage import audit, due, incidents
from bot.storage.db import Store, Tx
from bot.storage.fields import from_text
from bot.workflow import owing, timekeeping
from tests.patience import until

from .floor import Floor

BACK, AHEAD = timedelta(minutes=-20), timedelta(hours=5)


class Machine:
    """A machine whose clock can be set; ``boot`` is its boot's name."""

    def __init__(self, boot: str = "boot-1") -> None:
        self.boot = boot
        self.set = timedelta()
        self.seconds = 1000.0

    def wall(self) -> datetime:
        """What its clock shows."""
        return datetime(2026, 11, 21, 3, 0, tzinfo=UTC) + timedelta(seconds=self.seconds) + self.set

    def steady(self) -> Steady:
        """The clock of a process that starts on it now."""
        return Steady(self.wall, lambda: self.seconds, self.boot)


def wait_for(tx: Tx, now: datetime) -> Incident:
    """An open incident with a card that waits, one that is over, work that is claimed, and a started audit."""
    incident, over = (
        incidents.add(
            tx, key=key, title="t", alertname="a", namespace="shop", severity=Severity.SEV2, now=now, channel="C0ONCALL"
        )
        for key in ("k", "l")
    )
    incidents.move(tx, over.id, IncidentEvent.RESOLVE, now, resolved_at=now)
    due.owe(tx, Stage.VERIFY, 1, now + timedelta(seconds=5))
    due.owe(tx, Stage.EXECUTE, 2, now)
    due.claim(tx, now, Stage.EXECUTE, timedelta(seconds=60), 1)
    owing.card(tx, incident, owing.Priority.NEW_CARD, now)
    tx.audit(audit.AuditNote("incident:state:triggered", "alertmanager", "incident:1", "triggered", 1), now)
    return incident


def times(tx: Tx) -> dict[str, datetime | None]:
    """When what waits is due, and until when it is claimed."""
    rows = tx.execute("SELECT stage, due_at, claimed_until FROM due").fetchall()
    found = {stage: from_text(due_at) for stage, due_at, _ in rows}
    found |= {f"{stage} claim": from_text(until) for stage, _, until in rows if until}
    [(owed_at,)] = tx.execute("SELECT owed_at FROM outbox").fetchall()
    begun = dict(tx.execute("SELECT key, episode_at FROM incidents").fetchall())
    return {**found, "owed": from_text(owed_at), "open": from_text(begun["k"]), "over": from_text(begun["l"])}


async def started(store: Store, machine: Machine) -> Steady:
    """A process starts on this machine."""
    steady = machine.steady()
    await timekeeping.follow(store, steady)
    return steady


async def moved(store: Store, before: dict[str, datetime | None]) -> set[timedelta]:
    """By how much the times moved that are compared with the present; those of what is over must not have."""
    after = await store.read(times)
    assert after.pop("over") == before["over"]
    return {after[name] - before[name] for name in after}  # type: ignore[operator]


@pytest.mark.parametrize("step", [BACK, AHEAD], ids=["back", "ahead"])
async def test_a_running_process_follows_and_what_waits_moves_with_it(store: Store, step: timedelta) -> None:
    machine = Machine()
    steady = await started(store, machine)
    await store.transact(wait_for, steady())
    before, shown = await store.read(times), steady()
    machine.set = step
    assert steady() == shown, "it doesn't jump by itself"
    assert steady.step() == step
    await timekeeping.follow(store, steady)
    assert steady() == shown + step
    assert await moved(store, before) == {step}
    [entry] = await store.read(audit.entries, tag_prefix="system:clock")
    assert (entry.outcome, entry.detail) == ("ahead" if step > BACK else "back", {"seconds": step.total_seconds()})
    await timekeeping.follow(store, steady)
    assert await moved(store, before) == {step}, "once"


@pytest.mark.parametrize("step", [BACK, AHEAD], ids=["back", "ahead"])
async def test_a_clock_that_was_set_while_nobody_ran_is_followed_at_the_start(store: Store, step: timedelta) -> None:
    machine = Machine()
    await store.transact(wait_for, (await started(store, machine))())
    before = await store.read(times)
    machine.seconds += 30
    machine.set = step
    await started(store, machine)
    assert await moved(store, before) == {step}


@pytest.mark.parametrize(("step", "by"), [(BACK, BACK + timedelta(seconds=30)), (AHEAD, timedelta())])
async def test_after_another_boot_only_a_past_that_lies_ahead_is_told(
    store: Store, step: timedelta, by: timedelta
) -> None:
    """Half a minute later, by a machine whose clock is elsewhere: of an hour that is missing nobody can know."""
    machine = Machine()
    await store.transact(wait_for, (await started(store, machine))())
    before = await store.read(times)
    other = Machine("boot-2")
    other.seconds, other.set = machine.seconds + 30, step
    await started(store, other)
    assert await moved(store, before) == {by}


async def test_a_second_more_or_less_is_left_alone(store: Store) -> None:
    machine = Machine()
    steady = await started(store, machine)
    await store.transact(wait_for, steady())
    before = await store.read(times)
    machine.set = timedelta(seconds=0.9)
    await timekeeping.follow(store, steady)
    assert await moved(store, before) == {timedelta()}


async def test_a_store_that_takes_no_write_is_followed_up_later_and_once(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    steady = await started(sqlite_store, machine)
    await sqlite_store.transact(wait_for, steady())
    before, shown = await sqlite_store.read(times), steady()
    machine.set = BACK
    with monkeypatch.context() as patch:
        patch.setattr("bot.storage.redate.shift", fail)
        with pytest.raises(StoreUnavailableError):
            await timekeeping.follow(sqlite_store, steady)
    assert steady() == shown
    assert await moved(sqlite_store, before) == {timedelta()}
    await timekeeping.follow(sqlite_store, steady)
    assert await moved(sqlite_store, before) == {BACK}


def fail(_tx: Tx, _by: timedelta) -> int:
    raise StoreUnavailableError("no")


async def test_beside_another_process_nothing_is_moved(postgres_url: str, open_store: Callable[..., Store]) -> None:
    """Two machines on one PostgreSQL: the other's clock was not set, and its work must not wait for ours."""
    machine = Machine()
    store = open_store(postgres_url)
    steady = await started(store, machine)
    await store.transact(wait_for, steady())
    before = await store.read(times)
    machine.set = AHEAD
    with psycopg.connect(postgres_url, application_name="fettle of another machine"):
        await timekeeping.follow(store, steady)
    assert steady() == machine.wall()
    assert await moved(store, before) == {timedelta()}


@pytest.fixture
async def ticking(floor: Floor) -> AsyncIterator[Jobs]:
    """Jobs at work, on the clocks of this machine."""
    steady = Steady()
    await timekeeping.follow(floor.store, steady)
    floor.time = steady
    jobs = Jobs(floor.ctx, steady=steady)
    jobs.start()
    yield jobs
    await jobs.drain(1)


@contextlib.contextmanager
def clock_set(floor: Floor, step: timedelta) -> Iterator[None]:
    """This machine's clock is set, for all of this process; but not that of the cluster, which lives elsewhere."""
    offset = floor.cluster.clock.offset
    with time_machine.travel(datetime.now(UTC) + step, tick=True):
        floor.cluster.clock.offset = offset - step.total_seconds()
        yield
    floor.cluster.clock.offset = offset


async def offered(floor: Floor) -> None:
    """An alert, and what is proposed for it by the jobs at work."""
    floor.configure(VERIFY_SOAK=timedelta(seconds=2), VERIFY_SOAK_CRASHLOOP=timedelta(seconds=2))
    await floor.verbs.restart(await floor.person("bo"), "shop/api")

    async def there() -> bool:
        return await floor.newest("proposals") is not None

    await until(there)


@pytest.mark.usefixtures("ticking")
async def test_ticks_go_on_when_the_machines_clock_is_set_back(floor: Floor) -> None:
    """The verdict comes in seconds, not when the clock has caught up."""
    await offered(floor)
    assert (await floor.approve(await floor.proposal())).ok

    async def measuring() -> bool:
        return await floor.newest("verifications") is not None

    async def passed() -> bool:
        return (await floor.verification()).verdict == "pass"

    await until(measuring)
    with clock_set(floor, BACK):
        await until(passed)
    assert await floor.entries("system:clock:set")


@pytest.mark.usefixtures("ticking")
async def test_a_write_under_way_is_not_read_back_because_the_clock_was_set_ahead(floor: Floor) -> None:
    """It arrives a second later: read back before that, it would be called not applied, and be in the cluster."""
    await offered(floor)
    floor.server.faults.hang("patch", "deployments", seconds=1.0, times=1)
    assert (await floor.approve(await floor.proposal())).ok

    async def under_way() -> bool:
        return bool(floor.patches())

    async def settled() -> bool:
        return (await floor.execution()).state in {ExecutionState.SUCCEEDED, ExecutionState.FAILED}

    await until(under_way)
    with clock_set(floor, AHEAD):
        await until(settled)
        await asyncio.sleep(1.0)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert floor.workload()["metadata"]["generation"] == 2
    assert len(floor.patches()) == 1


async def test_chores_move_with_the_clock_too(floor: Floor, ticking: Jobs) -> None:
    """The look at Alertmanager, each minute, doesn't wait until a clock that was set back has caught up."""
    chore = ticking._scheduler.get_job("audit-head")
    with clock_set(floor, BACK):

        async def soon() -> bool:
            return chore.next_run_time <= datetime.now(UTC) + timedelta(hours=1)

        await until(soon)
