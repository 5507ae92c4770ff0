"""The API server refuses a write for want of a right: the card names the role, and the button isn't there next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.mitigation import traits_of
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.kube.errors import missing_right
from tests.chance import some
from tests.integration.workflow.floor import Floor
from tests.ways import WAYS, Way, furnished

from .room import Room

SAMPLE = some(WAYS, 5)


def refused(floor: Floor) -> int:
    """How often something that is no dry run was forbidden."""
    return sum(one.status == 403 and "dryRun" not in one.query for one in floor.server.requests)


@pytest.mark.parametrize("way", SAMPLE, ids=[way.name for way in SAMPLE])
async def test_a_403_names_the_role_and_takes_the_button_away(floor: Floor, tmp_path: Path, way: Way) -> None:
    """The right is taken between the claim, which asked for it, and the write."""
    async with furnished(way, floor.cluster, floor.advance, tmp_path) as (world, sources):
        floor.switch(sources=sources)
        floor.configure(ALLOWED_ACTIONS=(way.action,), **way.settings)
        room = Room(floor, way, world)
        await room.ask()
        await floor.prepare()
        proposal = await room.newest()
        for who in way.people:
            assert (await floor.approve(proposal, who)).ok

        def taken(point: str) -> None:
            if point.startswith("after:_claim"):
                floor.server.deny(*way.door)

        floor.store.crash_point = taken
        await floor.run(Stage.EXECUTE)
        floor.store.crash_point = None
        execution = await floor.execution()
        assert execution.state is ExecutionState.FAILED, execution
        assert f"Apply the role {traits_of(way.action).role}" in execution.outcome, execution.outcome
        assert execution.told.startswith("not applied: ")
        assert refused(floor) == 1
        again = await floor.verbs.request_again(proposal.id, await floor.person("bo"))
        assert again.ok, again.text
        await floor.run(Stage.PROPOSE)
        shown = await room.newest()
        assert (shown.state, shown.id > proposal.id) == (ProposalState.RECORDED, True)
        assert f"Apply the role {traits_of(way.action).role}" in shown.text.refusal
        assert await floor.last_rules("proposal:state:recorded") == [Rule.RIGHTS]
        floor.server.access.allow(*way.door)
        floor.advance(30)
        await floor.run(Stage.PROPOSE)
        assert (await room.newest()).state is ProposalState.PENDING, "it is offered once the role is there"
        assert refused(floor) == 1, "what was refused isn't sent again by itself"
        assert [one.status for one in room.effects() if one.status != 403] == []


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_the_role_of_a_403_is_the_verb_s_own(way: Way) -> None:
    said = missing_right(*way.door, "", way.key[1])
    assert f"Apply the role {traits_of(way.action).role}" in said
