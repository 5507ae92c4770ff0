"""What the card is about hangs on types: reworded sentences change nothing but the sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.execution import STANDINGS, ExecutionState, Standing
from bot.slack.cards import card
from bot.slack.cards.steps import unbegun
from bot.slack.cards.view import CardView, phase_of
from tests.unit.slack import card_views as views
from tests.unit.slack.test_card_states import buttons, words

TEMPTING = ("not applied: ", "stopped after ", "not known yet: ", "set", "set (read back)", "a person stopped it", "x")
"""What states once were read from, and a word that says nothing."""


def reworded(view: CardView, text: str) -> CardView:
    """Every sentence that the program itself made of an act says this instead, where there is one."""

    def other(value: Any, *names: str) -> Any:
        return value and replace(value, **{name: text for name in names if getattr(value, name)})

    return replace(
        view,
        execution=other(view.execution, "outcome"),
        verification=other(view.verification, "note"),
        silence=other(view.silence, "outcome", "trouble"),
        proposals=tuple(other(one, "stopped") for one in view.proposals),
    )


@pytest.mark.parametrize("text", TEMPTING)
def test_no_state_of_the_card_hangs_on_a_sentence(text: str) -> None:
    for name, made in views.STATES.items():
        view = made()
        again = reworded(view, text)
        assert (phase_of(again), unbegun(again)) == (phase_of(view), unbegun(view)), name
        before, after = card(view), card(again)
        assert (after.text, buttons(after)) == (before.text, buttons(before)), name
        told, now = words(before).split("\n"), words(after).split("\n")
        assert len(now) == len(told), f"{name}: a line came or went"


@pytest.mark.parametrize("text", TEMPTING)
@pytest.mark.parametrize(
    ("state", "standing"), [(state, one) for state, all_ in STANDINGS.items() for one in sorted(all_)]
)
def test_what_is_known_of_an_act_hangs_on_no_sentence(state: ExecutionState, standing: Standing, text: str) -> None:
    """The same card but for the sentence itself, whatever that begins with."""
    shown = [
        card(replace(views.STATES["running"](), verification=None, execution=views.execution(
            state, outcome=outcome, standing=standing,
        )))
        for outcome in ("QUITE ANOTHER ONE", text)
    ]  # fmt: skip
    plain, tempting = (words(one).casefold() for one in shown)
    said = text.strip().casefold()
    assert tempting.replace(said, "…").split() == plain.replace("quite another one", "…").replace(said, "…").split()
    assert shown[0].text == shown[1].text
