"""A dry run that wasn't answered is tried again by itself, within bounds; one that was refused takes a person."""

import pytest

from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.workflow import propose

from .floor import Floor


async def test_one_that_nobody_answered_is_tried_again(floor: Floor) -> None:
    """An admission webhook that is down for a moment; the reading went well."""
    floor.server.faults.set("patch", "deployments", status=503)
    _, record = await floor.restart_asked()
    assert (record.state, "503" in record.text.refusal) == (ProposalState.RECORDED, True)
    assert await floor.owed() == {"propose": 1}
    floor.server.faults.clear()
    floor.advance(21)
    await floor.prepare()
    offered = await floor.proposal()
    assert (offered.state, offered.requested_by) == (ProposalState.PENDING, record.requested_by)
    assert "propose" not in await floor.owed()


async def test_one_that_is_never_answered_is_left_to_a_person_in_the_end(floor: Floor) -> None:
    floor.server.faults.set("patch", "deployments", status=503)
    await floor.restart_asked()
    tries = 1
    while "propose" in await floor.owed():
        floor.advance(301)
        await floor.run(Stage.PROPOSE)
        tries += 1
    assert tries == propose.DRY_RUNS + 1
    assert await floor.count("proposals") == 1, "the same refusal is written once"


@pytest.mark.parametrize("status", [403, 422])
async def test_one_that_is_refused_is_not_tried_again(floor: Floor, status: int) -> None:
    """A right, or an admission policy: it takes a person, and the card has a button for them."""
    floor.server.faults.set("patch", "deployments", status=status)
    _, record = await floor.restart_asked()
    assert record.state is ProposalState.RECORDED
    assert "propose" not in await floor.owed()
