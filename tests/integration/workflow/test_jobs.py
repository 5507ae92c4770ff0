"""Ticks: what is owed is claimed within its limits and handed to its stage; nothing is lost, nothing is run twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot import jobs as jobs_module
from bot.app import _started
from bot.domain.errors import SlackUnavailableError, StoreUnavailableError
from bot.domain.owed import DueWork, OutboxRow, Stage
from bot.domain.proposal import ProposalState
from bot.jobs import LIMITS, STAGES, Jobs
from bot.storage import due, outbox, people, verifications
from bot.storage.db import Tx
from bot.workflow.context import Context
from tests.patience import until

from .floor import Floor

Work = Callable[[Context, DueWork], Awaitable[None]]


@pytest.fixture
async def start(floor: Floor) -> AsyncIterator[Callable[..., Jobs]]:
    """Jobs on the floor's context; all are drained at the end."""
    made: list[Jobs] = []

    def build(members: jobs_module.Members | None = None) -> Jobs:
        made.append(Jobs(floor.ctx, members))
        return made[-1]

    yield build
    for one in made:
        await one.drain(1)


def as_stage(monkeypatch: pytest.MonkeyPatch, stage: Stage, work: Work) -> None:
    monkeypatch.setattr(jobs_module, "STAGES", {**STAGES, stage: work})


async def owe(floor: Floor, stage: Stage, *subjects: int) -> None:
    def several(tx: Tx) -> None:
        for subject in subjects:
            due.owe(tx, stage, subject, floor.now())

    await floor.store.transact(several)


def test_every_stage_has_a_worker_and_a_limit() -> None:
    assert {*STAGES, Stage.PIN} == set(LIMITS) == set(Stage)  # a pin's is the one that asks Slack: app hands it in
    assert LIMITS[Stage.EXECUTE] == 3


async def test_a_request_goes_all_the_way_by_ticks_alone(floor: Floor, start: Callable[..., Jobs]) -> None:
    """A commit that owes work wakes the loop; nobody waits for a tick."""
    floor.configure(VERIFY_SOAK=timedelta(seconds=1))
    jobs = start()
    jobs.start()
    await floor.verbs.restart(await floor.person("bo"), "shop/api")

    async def offered() -> bool:
        proposal = await floor.proposal()
        return proposal is not None and proposal.state is ProposalState.PENDING

    await until(offered)
    assert (await floor.approve(await floor.proposal())).ok

    async def verified() -> bool:
        newest = await floor.verification()
        if newest is not None and not jobs._running:  # on a busy machine a look would see minutes pass
            floor.advance(2)
        return newest is not None and newest.verdict == "pass"

    await until(verified)
    await until(lambda: not jobs._running)
    assert await floor.owed() == {}
    assert len(floor.patches()) == 1


async def test_a_stage_that_raises_is_owed_again_with_growing_pauses(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    async def broken(_: Context, work: DueWork) -> None:
        calls.append(work.attempts)
        raise RuntimeError("bug")

    as_stage(monkeypatch, Stage.INVESTIGATE, broken)
    jobs = start()
    await owe(floor, Stage.INVESTIGATE, 1)
    pauses = []
    for attempt in range(1, 5):
        await jobs.tick()
        await until(lambda: not jobs._running)
        assert len(calls) == attempt
        due_at, error = await floor.store.read(_due_row)
        pause = due_at - floor.now().timestamp()
        pauses.append(round(pause))
        assert error == "RuntimeError: bug"
        await jobs.tick()
        assert len(calls) == attempt, "not before its time"
        floor.advance(pause + 0.1)
    assert pauses == [4, 8, 16, 32]


def _due_row(tx: Tx) -> tuple[float, str]:
    from bot.storage.fields import from_text  # noqa: PLC0415

    at, error = tx.execute("SELECT due_at, last_error FROM due").fetchone()
    return from_text(at).timestamp(), error


async def test_the_pause_never_exceeds_five_minutes(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Context, _work: DueWork) -> None:
        raise RuntimeError("bug")

    as_stage(monkeypatch, Stage.INVESTIGATE, broken)
    await owe(floor, Stage.INVESTIGATE, 1)
    await floor.store.transact(lambda tx: tx.execute("UPDATE due SET attempts = 60") and None)
    jobs = start()
    await jobs.tick()
    await until(lambda: not jobs._running)
    due_at, _ = await floor.store.read(_due_row)
    assert round(due_at - floor.now().timestamp()) == 300


async def test_one_broken_row_does_not_hold_up_the_others(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    async def work(ctx: Context, row: DueWork) -> None:
        if row.subject == 1:
            raise RuntimeError("bug")
        done.append(row.subject)
        await ctx.store.transact(due.done, row)

    as_stage(monkeypatch, Stage.INVESTIGATE, work)
    jobs = start()
    await owe(floor, Stage.INVESTIGATE, 1, 2, 3)
    await jobs.tick()
    await until(lambda: not jobs._running)
    assert sorted(done) == [2, 3]
    assert await floor.owed() == {"investigate": 1}


async def test_limits_hold_however_often_it_ticks(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    now, most = 0, 0

    async def work(ctx: Context, row: DueWork) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await gate.wait()
        now -= 1
        await ctx.store.transact(due.done, row)

    as_stage(monkeypatch, Stage.EXECUTE, work)
    jobs = start()
    await owe(floor, Stage.EXECUTE, *range(1, 9))
    await asyncio.gather(*(jobs.tick() for _ in range(6)))
    await until(lambda: now == 3)
    await jobs.tick()
    assert most == 3
    gate.set()

    async def empty() -> bool:
        await jobs.tick()
        return await floor.owed() == {}

    await until(empty)
    assert most == 3


async def test_drain_lets_work_end_and_claims_nothing_more(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, ended = asyncio.Event(), []

    async def work(ctx: Context, row: DueWork) -> None:
        await gate.wait()
        await ctx.store.transact(due.done, row)
        ended.append(row.subject)

    as_stage(monkeypatch, Stage.INVESTIGATE, work)
    jobs = start()
    jobs.start()
    await owe(floor, Stage.INVESTIGATE, 1)
    await until(lambda: bool(jobs._running))
    draining = asyncio.create_task(jobs.drain(5))
    await asyncio.sleep(0)
    await owe(floor, Stage.INVESTIGATE, 2)
    await jobs.tick()
    assert len(jobs._running) == 1
    gate.set()
    await draining
    await jobs.tick()
    assert ended == [1]
    assert await floor.owed() == {"investigate": 1}


async def test_drain_hands_back_what_did_not_end(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(_: Context, _row: DueWork) -> None:
        await asyncio.Event().wait()

    as_stage(monkeypatch, Stage.INVESTIGATE, work)
    jobs = start()
    await owe(floor, Stage.INVESTIGATE, 7)
    await jobs.tick()
    await until(lambda: bool(jobs._running))
    await jobs.drain(0.05)
    (again,) = await floor.due(Stage.INVESTIGATE)
    assert (again.subject, again.attempts) == (7, 1), "free at once, as if never claimed"


async def test_a_store_that_takes_no_write_costs_a_tick_and_no_more(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: what is owed stays owed, the limits aren't used up, a failed work is claimed again by its lease."""

    async def broken(_: Context, _row: DueWork) -> None:
        floor.store.crash_point = None
        monkeypatch.setattr(floor.store, "transact", refuse)
        raise RuntimeError("bug")

    async def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    as_stage(monkeypatch, Stage.EXECUTE, broken)
    jobs = start()
    await owe(floor, Stage.EXECUTE, 1)
    await jobs.tick()
    await until(lambda: not jobs._running)
    for _ in range(10):
        await jobs.tick()
    assert set(jobs._counts.values()) == {0}
    monkeypatch.undo()
    assert await floor.owed() == {"execute": 1}
    floor.advance(121)
    await jobs.tick()
    await until(lambda: not jobs._running)


async def test_groups_are_read_once_at_first_and_then_only_while_proposals_wait(
    floor: Floor, start: Callable[..., Jobs]
) -> None:
    asked: list[str] = []

    async def members(group: str) -> tuple[str, ...]:
        asked.append(group)
        return ("U0SAM", "U0NEW")

    floor.configure(APPROVERS=("U0ANA", "S0NEW"))
    jobs = start(members)
    await jobs.refresh_groups()
    await jobs.refresh_groups()
    assert asked == ["S0NEW"]
    floor.advance(120)
    await jobs.refresh_groups()
    assert asked == ["S0NEW"], "nothing waits"
    _, proposal = await floor.restart_asked()
    await jobs.refresh_groups()
    await jobs.refresh_groups()
    assert asked == ["S0NEW", "S0NEW"]
    assert (await floor.approve(proposal, by="new")).ok


async def test_a_group_that_can_not_be_read_keeps_its_time_and_denies_when_that_is_over(
    floor: Floor, start: Callable[..., Jobs]
) -> None:
    async def members(_: str) -> tuple[str, ...]:
        raise SlackUnavailableError("Slack doesn't answer.")

    jobs = start(members)
    _, proposal = await floor.restart_asked()
    floor.advance(61)
    await jobs.refresh_groups()
    ((_, refreshed, problem),) = (await floor.store.read(people.groups)).values()
    assert refreshed is not None
    assert problem == "Slack doesn't answer."
    assert (await floor.approve(proposal, by="sam")).ok, "a minute old is young enough"


async def test_without_groups_slack_is_not_asked(floor: Floor, start: Callable[..., Jobs]) -> None:
    async def members(_: str) -> tuple[str, ...]:
        raise AssertionError("asked")

    floor.configure(APPROVERS=("U0ANA",))
    await start(members).refresh_groups()
    await start(None).refresh_groups()


async def test_the_hourly_and_daily_chores_run(floor: Floor, start: Callable[..., Jobs]) -> None:
    await floor.executed()
    await floor.verdict()
    jobs = start()
    await jobs.head()
    floor.advance(91 * 86400)
    await jobs.purge()
    from bot.storage import audit  # noqa: PLC0415

    assert await floor.store.read(audit.verify_chain) == []
    assert await floor.store.read(verifications.open_ones) == []


async def test_retention_erases_on_its_day_and_not_before(floor: Floor, start: Callable[..., Jobs]) -> None:
    async def bodies() -> int:
        return int(
            await floor.store.read(lambda tx: tx.execute("SELECT count(labels) FROM alerts WHERE id = 1").fetchone()[0])
        )

    incident, _ = await floor.alerted()
    assert await floor.clear(incident.id)
    jobs = start()
    floor.advance(89 * 86400)
    await jobs.purge()
    assert await bodies() == 1
    assert "system:store:purged" not in await floor.tags()
    floor.advance(2 * 86400)
    await jobs.purge()
    assert await bodies() == 0
    (entry,) = await floor.entries("system:store:purged")
    assert (entry.actor, entry.outcome) == ("fettle", "purged")
    assert floor.ctx.settings.RETENTION_DAYS == 90


async def test_retention_comes_soon_after_a_start_and_again_by_itself(floor: Floor, start: Callable[..., Jobs]) -> None:
    jobs = start()
    jobs.start()
    job = jobs._scheduler.get_job("retention")
    assert timedelta(0) < job.next_run_time - floor.now() <= timedelta(minutes=1)
    assert job.trigger.interval == timedelta(hours=6)


async def test_retention_and_the_drain_bear_a_store_that_takes_no_writes(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    incident, _ = await floor.alerted()
    await floor.clear(incident.id)
    floor.advance(91 * 86400)
    jobs = start()
    work = DueWork(1, Stage.EXPIRE, 1, floor.now(), 1, 1)

    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The database can't be used now: database or disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(type(floor.store), "transact", full)
        await jobs.purge()
        await jobs._give_back(work)
    assert "system:store:purged" not in await floor.tags()


async def test_a_group_that_cannot_be_read_waits_as_long_as_slack_says(
    floor: Floor, start: Callable[..., Jobs]
) -> None:
    """A 429 that is answered by asking again is never lifted."""
    await floor.restart_asked()
    calls: list[str] = []

    async def members(group: str) -> tuple[str, ...]:
        calls.append(group)
        raise SlackUnavailableError("Slack limits the rate", 30.0)

    jobs = start(members)
    floor.advance(70)
    for _ in range(5):
        await jobs.refresh_groups()
    assert len(calls) == 1
    floor.advance(31)
    await jobs.refresh_groups()
    assert len(calls) == 2


async def test_slack_that_never_tells_who_is_in_a_group_holds_no_work_up(
    floor: Floor, start: Callable[..., Jobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    async def work(ctx: Context, row: DueWork) -> None:
        done.append(row.subject)
        await ctx.store.transact(due.done, row)

    async def members(_group: str) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    as_stage(monkeypatch, Stage.INVESTIGATE, work)
    start(members).start()
    await asyncio.sleep(0.2)
    await owe(floor, Stage.INVESTIGATE, 1)
    await until(lambda: done == [1])


async def test_work_of_a_dead_process_is_free_before_a_person_gives_up(
    floor: Floor, start: Callable[..., Jobs]
) -> None:
    """Reading and one write fit into the lease of the stages that somebody waits for."""
    jobs = start()
    floor.configure(KUBE_TIMEOUT=timedelta(seconds=10))
    assert Jobs(floor.ctx)._brief_lease() == timedelta(seconds=45)
    assert jobs._brief_lease() == timedelta(seconds=13)


async def test_what_a_dead_process_had_claimed_is_free_at_the_next_start(floor: Floor) -> None:
    """Alone on its file, it waits for no lease; what may have been posted is looked for first."""
    await floor.alert()

    def claim(tx: Tx) -> list[OutboxRow]:
        return outbox.claim(tx, floor.now(), timedelta(minutes=1), 5)

    (work,) = await floor.due(Stage.INVESTIGATE)
    (row,) = await floor.store.transact(claim)
    assert (await floor.due(Stage.INVESTIGATE), await floor.store.transact(claim)) == ([], [])
    await floor.store.transact(_started, floor.ctx)
    (again,) = await floor.due(Stage.INVESTIGATE)
    (doubted,) = await floor.store.transact(claim)
    assert (again.id, doubted.id) == (work.id, row.id)
    assert (row.uncertain, doubted.uncertain) == (False, True)


async def test_the_configuration_of_open_incidents_is_watched_and_no_other(
    floor: Floor, start: Callable[..., Jobs]
) -> None:
    """A restarted bot has no evidence in its hands and watches all the same."""

    def named(obj: Any) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "api-config"}}]

    floor.change(named)
    jobs = start()
    await jobs._following.look()
    assert not jobs._following._watch.watched
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await jobs._following.look()
    assert jobs._following._watch.watched == {("shop", "api-config")}
    await floor.clear(incident.id)
    await jobs._following.look()
    assert not jobs._following._watch.watched
