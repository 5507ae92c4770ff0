"""Alerts of a token that doesn't speak for them are shown and looked at, and nothing is proposed."""

from __future__ import annotations

from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from tests.integration.workflow.floor import Floor


async def test_the_card_says_whose_token_it_was_and_offers_nothing(floor: Floor) -> None:
    await floor.alert(sender="bank")
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude()
    await floor.run(Stage.PROPOSE)
    proposal = await floor.proposal()
    assert proposal.state is ProposalState.RECORDED
    assert "the webhook token bank, which doesn't speak for what they name" in proposal.text.refusal


async def test_the_same_alert_of_whom_it_is_about_gets_its_proposal(floor: Floor) -> None:
    await floor.alert(sender="bank")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.PENDING


async def test_a_person_may_still_ask_for_an_action_there(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.PENDING
