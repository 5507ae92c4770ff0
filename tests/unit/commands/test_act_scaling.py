"""What people type after scale, raise-autoscaler and evict, in the ways in which kubectl taught them to."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.mitigation import Action
from bot.mitigations.catalog import CATALOG
from commands.act_words import FORMS, action_of, parse

TYPED: list[tuple[Action, str, str, dict[str, Any]]] = [
    (Action.SCALE, "shop/api 6", "shop/api", {"replicas": "6"}),
    (Action.SCALE, "shop/api to 6", "shop/api", {"replicas": "6"}),
    (Action.SCALE, "deployment/api -n shop --replicas=6", "deployment/api -n shop", {"replicas": "6"}),
    (Action.SCALE, "shop/api", "shop/api", {}),
    (Action.RAISE_AUTOSCALER, "shop/api 12", "shop/api", {"bounds": "12"}),
    (Action.RAISE_AUTOSCALER, "shop/api max 12", "shop/api", {"bounds": "12"}),
    (Action.RAISE_AUTOSCALER, "shop/api 3 - 12", "shop/api", {"bounds": "3 - 12"}),
    (Action.EVICT, "shop/api", "shop/api", {}),
    (Action.EVICT, "shop/api api-7d9f-x2x1p", "shop/api", {"pod": "api-7d9f-x2x1p"}),
    (Action.EVICT, "sts api pod/api-0 -n shop", "sts api -n shop", {"pod": "api-0"}),
]


@pytest.mark.parametrize(("action", "typed", "workload", "wanted"), TYPED, ids=[f"{a} {t}" for a, t, _, _ in TYPED])
def test_it_is_taken_as_it_is_typed(action: Action, typed: str, workload: str, wanted: dict[str, Any]) -> None:
    assert parse(action, typed) == (workload, wanted)


@pytest.mark.parametrize(
    ("action", "wanted", "said"),
    [
        (Action.SCALE, {}, "How many replicas"),
        (Action.SCALE, {"replicas": "many"}, "How many replicas"),
        (Action.SCALE, {"replicas": "99999"}, "How many replicas"),
        (Action.SCALE, {"replicas": "-1"}, "How many replicas"),
        (Action.RAISE_AUTOSCALER, {}, "Which bounds"),
        (Action.RAISE_AUTOSCALER, {"bounds": "3-"}, "Which bounds"),
        (Action.EVICT, {"pod": "../../nodes/x"}, "no name of a pod"),
        (Action.EVICT, {"pod": "api 1"}, "no name of a pod"),
    ],
)
def test_what_makes_no_sense_is_answered_at_once(action: Action, wanted: dict[str, str], said: str) -> None:
    assert said in CATALOG[action].asked(wanted)


def test_every_action_has_a_form_and_is_known_with_a_hyphen() -> None:
    assert set(FORMS) == set(Action)
    for action in Action:
        assert action_of(str(action).replace("_", "-").upper()) is action
