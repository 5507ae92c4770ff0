"""What is approved of several steps covers each of them, and only some things can follow one another."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from bot.domain.mitigation import TRAITS, Action, against_steps
from bot.domain.proposal import Step, staleness_digest
from tests.unit.domain.test_digests import STATE
from tests.unit.slack.card_views import proposal

DUMP = Step("thread_dump", {"pod": "api-1"}, proposal().text)
EVICT = Step("evict", {"pod": "api-1", "uid": "u-1"}, proposal().text)
HEAP = Step("heap_dump", {"pod": "api-1"}, proposal().text)
WHOLE = replace(proposal(), action=DUMP.action, params=DUMP.params, steps=(DUMP, EVICT))


def test_a_proposal_of_one_step_has_the_digest_that_it_always_had() -> None:
    one = replace(WHOLE, steps=())
    assert one.digest_of(STATE) == staleness_digest(DUMP.action, DUMP.params, STATE)
    assert one.at(0) is one
    assert one.actions == ("thread_dump",)
    assert one.every == (one,)


@pytest.mark.parametrize(
    "steps",
    [
        (DUMP,),
        (DUMP, replace(EVICT, params={"pod": "api-2", "uid": "u-1"})),
        (DUMP, replace(EVICT, params={"pod": "api-1", "uid": "u-2"})),
        (DUMP, replace(EVICT, action="restart")),
        (replace(DUMP, params={"pod": "api-2"}), EVICT),
        (DUMP, HEAP, EVICT),
        (EVICT, DUMP),
    ],
)
def test_the_digest_covers_every_step_with_its_parameters_and_their_order(steps: tuple[Step, ...]) -> None:
    assert replace(WHOLE, steps=steps).digest_of(STATE) != WHOLE.digest_of(STATE)


def test_every_step_sees_the_same_digest_and_its_own_action() -> None:
    assert {one.digest_of(STATE) for one in WHOLE.every} == {WHOLE.digest_of(STATE)}
    assert [one.action for one in WHOLE.every] == ["thread_dump", "evict"]
    assert [len(one.left) for one in WHOLE.every] == [1, 0]
    assert WHOLE.actions == WHOLE.at(1).actions == ("thread_dump", "evict")


LOOKING = {action for action, of in TRAITS.items() if of.looks}


@pytest.mark.parametrize(("first", "second"), list(product(Action, Action)))
def test_only_what_looks_has_something_after_it(first: Action, second: Action) -> None:
    """And both are about the same object; nothing stands twice."""
    fits = first in LOOKING and first != second and set(TRAITS[first].kinds) & set(TRAITS[second].kinds)
    assert bool(against_steps([first, second])) is not bool(fits)


def test_three_steps_are_two_dumps_and_what_follows() -> None:
    assert not against_steps(["thread_dump", "heap_dump", "evict"])
    assert "changes something" in against_steps(["thread_dump", "restart", "evict"])
    assert "can't do set_resources" in against_steps(["thread_dump", "set_resources"])
