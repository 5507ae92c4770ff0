"""A crash around a dump of any kind: it is settled, a container is added once, and nothing is asked of a pod again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.storage import proposals
from tests.chance import most, some
from tests.invariants import LAWS
from tests.ways import WAYS, Way, furnished

from .night import Night, left
from .presses import HELD

Build = Callable[..., Awaitable[Night]]
DUMPS = [
    way
    for way in WAYS
    if way.action.endswith(("_dump", "_profile")) and way.action not in {Action.THREAD_DUMP, Action.HEAP_DUMP}
]
"""Those of JVMs have their crashes between the steps that follow them."""
POINTS = [
    "before:_approve#1", "after:_approve#1", "before:_claim#1", "after:_claim#1", "before:write#1", "after:write#1",
    "before:_record#1", "after:_record#1",
]  # fmt: skip
OVER = {ExecutionState.SUCCEEDED, ExecutionState.FAILED, ExecutionState.UNKNOWN}

LONGEST = 15 * 60


class AsksOnce:
    """Bo asks until the answer is yes; Ana approves what was offered first, and nothing that is offered after it."""

    def __init__(self, way: Way) -> None:
        self.way, self.answered = way, False

    async def __call__(self, night: Night) -> bool:
        """True while something is wanted."""
        if not self.answered:
            answer = await night.floor.verbs.act(await night.floor.person("bo"), self.way.action, self.way.typed, {})
            self.answered = answer.ok or "in flight" in answer.text
            return True
        execution = await night.floor.newest("executions")
        if execution is not None and execution.state is ExecutionState.RUNNING:
            night.advance(LONGEST)  # a dump may take minutes; only after those its outcome is looked for
        waiting = [one for one in await night.floor.store.read(proposals.pending) if one.id == 1]
        for proposal in waiting:
            await night.floor.verbs.approve(proposal.id, await night.floor.person("ana"))
        return bool(waiting)


@pytest.mark.parametrize("point", ["", *most(some(POINTS, 3), 1)])
@pytest.mark.parametrize("way", DUMPS, ids=lambda way: way.name)
async def test_a_crash_around_it(night: Build, way: Way, point: str) -> None:
    broken = await night(point)
    async with furnished(way, broken.server.cluster, broken.advance, broken.folder) as (_, sources):
        broken.sources, broken.actions = sources, str(way.action)
        await broken.end()
        await broken.begin()
        await broken.live(AsksOnce(way))
        assert not point or broken.crashes == 1 or point.endswith("write#1"), broken.points
        rest = left(broken)
        assert [f"{number}: {said}" for number in HELD for said in LAWS[number](rest)] == []
        assert len(rest.commands()) <= 1
        states = [ExecutionState(state) for (state,) in rest.rows("SELECT state FROM executions")]
        assert len(states) == 1
        assert set(states) <= OVER
        pods = broken.server.cluster.pods("shop", "api")
        added = [one for pod in pods for one in pod["spec"].get("ephemeralContainers", [])]
        assert len(added) <= 1
