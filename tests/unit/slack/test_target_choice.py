"""Where alerts fit several workloads the card asks which, also beside a proposal for the first of them."""

from __future__ import annotations

import dataclasses

import pytest

from bot.domain.proposal import ProposalState
from bot.slack import ids
from bot.slack.cards import card
from bot.slack.cards.view import CardView

from . import card_views as v

SEVERAL = v.incident(candidates=(v.WEB,), target_note="The alerts lead to Deployment shop/api as well as to others.")


def choices(view: CardView) -> list[str]:
    """The workloads in the card's picker."""
    elements = [one for block in card(view).blocks for one in block.get("elements") or ()]
    asked = [one for one in elements if one.get("action_id") == ids.CHOOSE_TARGET]
    return [option["text"]["text"] for one in asked for option in one["options"]]


@pytest.mark.parametrize("state", [ProposalState.PENDING, ProposalState.RECORDED, ProposalState.DENIED])
def test_another_workload_can_be_chosen_whatever_became_of_the_proposal(state: ProposalState) -> None:
    assert choices(v.view(incident=SEVERAL, proposals=(v.proposal(state),))) == ["Deployment shop/web"]


def test_without_candidates_nothing_is_asked_beside_a_proposal() -> None:
    assert choices(v.view(proposals=(v.proposal(),))) == []


def test_nothing_is_chosen_while_something_runs() -> None:
    running = v.running()
    several = dataclasses.replace(running.incident, candidates=(v.WEB,))
    assert choices(dataclasses.replace(running, incident=several)) == []
