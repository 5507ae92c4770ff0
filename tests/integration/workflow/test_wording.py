"""A story goes the same way in a store that rewords every sentence it is given: nothing is decided by words."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.execution import ExecutionState, Standing
from bot.domain.owed import Stage
from bot.domain.proposal import Halt
from bot.storage import executions, proposals
from bot.storage.db import Tx

from .floor import Floor
from .test_chains import dumped, dumping  # noqa: F401 - a fixture
from .test_evict import evictions
from .test_evict_set import approved, crashing  # noqa: F401 - a fixture
from .test_recover import READ_BACK, lost, shown

SENTENCES = {
    "executions": ("outcome",), "proposals": ("stopped", "reason"), "silences": ("outcome", "trouble"),
    "verifications": ("note",), "evidence": ("summary", "problem"), "due": ("last_error",),
    "incidents": ("reason",),
}  # fmt: skip
"""What the store keeps for people alone."""


def _reword(tx: Tx) -> None:
    for table, columns in SENTENCES.items():
        for column in columns:
            tx.execute(
                f"CREATE TRIGGER reworded_{table}_{column} AFTER UPDATE OF {column} ON {table} "  # noqa: S608 - constants
                f"WHEN NEW.{column} NOT IN ('', 'said otherwise') BEGIN "
                f"UPDATE {table} SET {column} = 'said otherwise' WHERE id = NEW.id; END"
            )


@pytest.fixture(params=["as it is", "reworded"])
async def told(request: pytest.FixtureRequest, floor: Floor) -> bool:
    """Whether the sentences are the program's own."""
    if request.param == "reworded":
        await floor.store.transact(_reword)
    return bool(request.param == "as it is")


async def known(floor: Floor) -> tuple[ExecutionState, Standing]:
    execution = await floor.execution()
    return execution.state, execution.standing


@pytest.mark.usefixtures("told")
async def test_a_refusal_at_the_claim(floor: Floor) -> None:
    await floor.approved()
    await floor.freeze()
    await floor.run(Stage.EXECUTE)
    assert await known(floor) == (ExecutionState.FAILED, Standing.UNTOUCHED)
    assert "It was not applied." in await shown(floor)
    assert not await floor.store.read(executions.sent_since, floor.now().replace(year=2000))


@pytest.mark.parametrize(
    ("carried_out", "after"),
    [(True, (ExecutionState.SUCCEEDED, Standing.PLAIN)), (False, (ExecutionState.FAILED, Standing.UNTOUCHED))],
)
@pytest.mark.usefixtures("told")
async def test_a_write_without_an_answer(floor: Floor, carried_out: bool, after: tuple[Any, Any]) -> None:
    await lost(floor, carried_out=carried_out)
    assert await known(floor) == (ExecutionState.RUNNING, Standing.UNANSWERED)
    assert "It is looked up, not sent again." in await shown(floor)
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    assert await known(floor) == after


@pytest.mark.usefixtures("told")
async def test_a_part_that_is_done_and_a_stop(crashing: Floor) -> None:  # noqa: F811 - the fixture
    await approved(crashing)
    assert await known(crashing) == (ExecutionState.PENDING, Standing.HELD)
    await crashing.freeze()
    await crashing.run(Stage.EXECUTE)
    assert await known(crashing) == (ExecutionState.FAILED, Standing.PARTLY)
    assert "Only a part of it was done." in await shown(crashing)
    assert await crashing.store.read(executions.sent_since, crashing.now().replace(year=2000))


@pytest.mark.usefixtures("told")
async def test_a_stop_by_a_person(dumping: Floor) -> None:  # noqa: F811 - the fixture
    proposal = await dumped(dumping)
    assert (await dumping.verbs.stop(proposal.id, await dumping.person("bo"))).ok
    assert (await dumping.store.read(proposals.get, proposal.id)).halt is Halt.PERSON
    assert not (await dumping.verbs.stop(proposal.id, await dumping.person("bo"))).ok
    assert "Stopped there: " in await shown(dumping)
    await dumping.verdict()
    assert not await dumping.run(Stage.EXECUTE)
    assert evictions(dumping) == []
