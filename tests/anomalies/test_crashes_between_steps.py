"""A crash in and between the steps of one approval: what was done isn't done again, and the next begins once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.integrations.artifacts_folder import Folder
from bot.integrations.sources import Sources
from bot.sandbox.kubernetes import stand_in
from bot.storage import artifacts, executions
from tests.chance import most, some
from tests.invariants import hold

from .night import Asks, Night, approves, left

Build = Callable[..., Awaitable[Night]]
DUMP, EVICT = Action.THREAD_DUMP, Action.EVICT
POINTS = [
    "before:_approve#1", "after:_approve#1", "before:_claim#1", "after:_claim#1", "before:_record#1",
    "after:_record#1", "before:_settle#1", "after:_settle#1", "before:_claim#2", "after:_claim#2", "before:write#1",
    "after:write#1", "before:_record#2", "after:_record#2", "before:_settle#2", "after:_settle#2",
]  # fmt: skip
NOT_SENT = ("after:_claim#2", "before:write#1")
"""The eviction wasn't sent, which is read back: it is offered anew."""
LOST = "after:_claim#1"
"""Nothing was dumped and nobody can know it: the dump is never begun again by itself."""


async def prepared(night: Night, folder: Path) -> None:
    """Something to dump in each pod, and a folder that survives the process."""
    for pod in night.server.cluster.pods("shop", "api"):
        await stand_in.start(night.server.containers, pod)
    night.sources = Sources(artifacts=Folder(folder / "dumps", 1 << 30))
    night.actions = f"{DUMP},{EVICT}"
    night.door = ("create", "pods/eviction")
    await night.end()
    await night.begin()


async def waits(night: Night) -> bool:
    """Time passes until a dump that was under way can be over."""
    owed = await night.floor.owed()
    if owed.get("recover") and set(owed) <= {"recover", "expire"}:
        night.advance(16 * 60)
    return False


async def ended(night: Night) -> None:
    """Dumped at most once, evicted once, each by an execution of its own, whatever happened between."""
    hold(left(night))
    dumps = [argv for argv in night.server.executing.ran if "Thread.print" in argv]
    found = await night.floor.store.read(artifacts.left)
    assert len(dumps) == len(found)
    gone = [one for one in left(night).writes() if one.resource == "pods/eviction" and one.status < 300]
    assert len(gone) == 1
    runs = await night.floor.store.read(executions.of_incident, 1)
    evicted = [run for run in runs if run.action == "evict" and run.state is ExecutionState.SUCCEEDED]
    assert len(evicted) == 1
    assert max(Counter((run.proposal_id, run.step) for run in runs).values()) == 1
    assert (await night.floor.verification()).verdict == "pass"
    assert not (await night.floor.incident(1)).open
    assert night.floor.workload()["metadata"]["generation"] == night.generation


@pytest.mark.parametrize("point", most(some(POINTS, 16), 3))
async def test_a_crash_in_or_between_the_steps(night: Build, tmp_path: Path, point: str) -> None:
    broken = await night(point)
    await prepared(broken, tmp_path)
    await broken.live(Asks(DUMP, EVICT), approves, waits)
    assert broken.crashes == 1, broken.points
    await ended(broken)
    runs = await broken.floor.store.read(executions.of_incident, 1)
    # Where it is known that a step was done, one approval was enough; what wasn't done took another.
    assert await broken.floor.count("approvals") == (2 if point in {LOST, *NOT_SENT} else 1)
    assert (runs[0].state is ExecutionState.UNKNOWN) is (point == LOST)


@pytest.mark.parametrize("point", ["after:_claim#2", "before:_waiting#1", "after:_waiting#1"])
async def test_a_crash_around_a_lost_answer_of_the_second_step(night: Build, tmp_path: Path, point: str) -> None:
    broken = await night(point)
    await prepared(broken, tmp_path)
    broken.lose_answer = True
    await broken.live(Asks(DUMP, EVICT), approves, waits)
    assert broken.crashes == 1, broken.points
    await ended(broken)


@pytest.mark.parametrize("seconds", [7200, -7200])
@pytest.mark.parametrize("point", ["after:_claim#1", "after:_settle#1"])
async def test_a_clock_that_is_set_between_the_steps_ends_no_approval(
    night: Build, tmp_path: Path, point: str, seconds: float
) -> None:
    """No time has passed; a later step's approval counts from the verdict before it, which moves with the clock."""
    calm = await night()
    await prepared(calm, tmp_path)
    calm.jumps = {point: seconds}
    await calm.live(Asks(DUMP, EVICT), approves, waits)
    assert not calm.jumps, calm.points
    await ended(calm)
    assert await calm.floor.count("approvals") == 1
