"""The one rollout that a change of image may cut into: the one that hangs on the very image that it replaces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.policy.guardrails import Point, check
from tests.unit.cluster_states import NOW, state
from tests.unit.policy.test_guardrails import ALLOWING

MINE = ("api", "r.example/shop/api:1.4.3")
FACTS = replace(ALLOWING, allowed_actions=frozenset({"set_image", "restart", "rollback"}), replaces=MINE)
HUNG: dict[str, Any] = {"updated": 1, "hung": (MINE,)}


def rules(action: str = "set_image", replaces: Any = MINE, point: Point = Point.EXECUTE, **changes: Any) -> set[Rule]:
    found = check(action, state(**{**HUNG, **changes}), replace(FACTS, replaces=replaces), NOW, point)
    return {reason.rule for reason in found.reasons}


@pytest.mark.parametrize("point", list(Point))
def test_a_rollout_that_hangs_on_that_image_is_let_through_at_every_point(point: Point) -> None:
    assert rules(point=point) == set()


@pytest.mark.parametrize("point", list(Point))
@pytest.mark.parametrize(
    ("replaces", "changes"),
    [
        (MINE, {"hung": ()}),
        (MINE, {"hung": (("side", MINE[1]),)}),
        (MINE, {"hung": (("api", "r.example/shop/api:1.4.4"),)}),
        (MINE, {"observed_generation": 6}),
        (("side", MINE[1]), {}),
        (("api", "r.example/shop/api:1.4.2"), {}),
        (("api", ""), {"hung": (("api", ""),)}),
        (None, {}),
    ],
    ids=[
        "nothing hangs", "another container hangs", "it hangs on another image", "the controller is behind",
        "another container is changed", "another image is replaced", "no image", "nothing is replaced",
    ],
)  # fmt: skip
def test_any_other_rollout_refuses_as_it_does_a_restart(replaces: Any, changes: dict[str, Any], point: Point) -> None:
    assert rules(replaces=replaces, point=point, **changes) == {Rule.ROLLING_OUT}


def test_the_exception_is_for_a_change_of_image_alone() -> None:
    assert rules("restart") == {Rule.ROLLING_OUT}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"paused": True}, Rule.PAUSED),
        ({"strategy": "OnDelete"}, Rule.STRATEGY),
        ({"replicas": 0}, Rule.SCALED_TO_ZERO),
        ({"owner": "Rollout shop/api"}, Rule.OWNER),
    ],
)
def test_it_opens_no_other_guard(changes: dict[str, Any], rule: Rule) -> None:
    assert rule in rules(**changes)


def test_without_a_rollout_nothing_has_to_hang() -> None:
    assert rules(updated=6, hung=()) == set()
