"""How much at once: each bound by itself, the numbers at its edge, and what is no number."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.proposal import TargetState
from bot.policy.blast_radius import Bounds, check, most_at_once
from tests.unit.cluster_states import state

OPEN = Bounds(to_zero=True, from_zero=3)


def rules(
    action: str, params: dict[str, Any], target: TargetState | None = None, bounds: Bounds = OPEN, **more: Any
) -> list[Rule]:
    found = list(check(action, params, target or state(), bounds, **({"undo": False} | more)))
    for reason in found:
        assert reason.sentence.endswith("."), reason
    return [reason.rule for reason in found]


def scaled(before: Any, after: Any) -> dict[str, Any]:
    return {"from": before, "replicas": after}


SCALES = [
    ("one more", 6, 7, []),
    ("doubled", 6, 12, []),
    ("more than doubled", 6, 13, [Rule.BLAST_RADIUS]),
    ("one to two", 1, 2, []),
    ("one to three", 1, 3, [Rule.BLAST_RADIUS]),
    ("down to one", 6, 1, []),
    ("from none", 0, 3, []),
    ("too many from none", 0, 4, [Rule.BLAST_RADIUS]),
    ("to none", 6, 0, []),
    ("no number", 6, None, [Rule.BLAST_RADIUS]),
    ("text", 6, "7", [Rule.BLAST_RADIUS]),
    ("yes", 6, True, [Rule.BLAST_RADIUS]),
    ("negative", 6, -1, [Rule.BLAST_RADIUS]),
    ("unknown before", None, 7, [Rule.BLAST_RADIUS]),
]


@pytest.mark.parametrize(("before", "after", "said"), [row[1:] for row in SCALES], ids=[row[0] for row in SCALES])
def test_replicas_at_most_double(before: Any, after: Any, said: list[Rule]) -> None:
    assert rules("scale", scaled(before, after)) == said


def test_settings_that_nobody_filled_in_deny_zero_both_ways() -> None:
    assert rules("scale", scaled(6, 0), bounds=Bounds()) == [Rule.BLAST_RADIUS]
    assert rules("scale", scaled(0, 1), bounds=Bounds()) == [Rule.BLAST_RADIUS]


def test_an_undo_leads_as_far_back_as_it_came() -> None:
    assert rules("scale", scaled(2, 40), undo=True) == []
    assert rules("scale", scaled(2, 0), bounds=Bounds(), undo=True) == []


@pytest.mark.parametrize("undo", [False, True])
def test_an_autoscaler_takes_the_number_out_of_our_hands(undo: bool) -> None:
    target = state(hpa=("api", 2, 9))
    assert rules("scale", scaled(6, 7), target, undo=undo) == [Rule.AUTOSCALED]
    assert rules("scale", {}, target) == [Rule.AUTOSCALED], "said where nothing could be planned, too"
    assert rules("restart", {}, target) == []
    assert rules("raise_autoscaler", bounded(2, 9, 2, 10), target) == []


def bounded(from_least: Any, from_most: Any, least: Any, most: Any) -> dict[str, Any]:
    return {"from_least": from_least, "from_most": from_most, "least": least, "most": most}


BOUNDS = [
    ("doubled", (2, 6, 4, 12), []),
    ("maximum too high", (2, 6, 2, 13), [Rule.BLAST_RADIUS]),
    ("minimum too high", (2, 6, 5, 6), [Rule.BLAST_RADIUS]),
    ("lower", (4, 12, 2, 6), []),
    ("minimum of none counts as one", (0, 6, 2, 6), []),
    ("no number", (2, 6, 2, None), [Rule.BLAST_RADIUS]),
]


@pytest.mark.parametrize(("numbers", "said"), [row[1:] for row in BOUNDS], ids=[row[0] for row in BOUNDS])
def test_bounds_at_most_double(numbers: tuple[Any, ...], said: list[Rule]) -> None:
    assert rules("raise_autoscaler", bounded(*numbers)) == said
    assert rules("raise_autoscaler", bounded(*numbers), undo=True) == []


@pytest.mark.parametrize(("replicas", "most"), [(1, 1), (3, 1), (4, 1), (7, 1), (8, 2), (100, 25)])
def test_a_quarter_of_the_pods_and_always_one(replicas: int, most: int) -> None:
    assert most_at_once(replicas) == most
    pod = {"pod": "api-1", "uid": "u"}
    target = state(replicas=replicas)
    assert rules("evict", pod, target, ending=most - 1) == []
    assert rules("evict", pod, target, ending=most) == [Rule.BUDGET]


def test_several_pods_are_a_quarter_at_most() -> None:
    """Also where the workload was made smaller since they were chosen."""
    three = {"pod": "crash-looping", "pods": [{"name": f"api-{n}", "uid": f"u{n}"} for n in range(3)]}
    assert rules("evict", three, state(replicas=12)) == []
    assert rules("evict", three, state(replicas=12), ending=1) == []
    assert rules("evict", three, state(replicas=11)) == [Rule.BLAST_RADIUS]


def test_what_fires_on_the_same_budget_holds_evictions_back_and_nothing_else() -> None:
    firing = ("INC-7 fires on shop/web",)
    assert rules("evict", {"pod": "api-1", "uid": "u"}, firing=firing) == [Rule.BUDGET]
    assert rules("evict", {"pod": "api-1", "uid": "u"}, firing=firing, undo=True) == [Rule.BUDGET]
    assert rules("scale", scaled(6, 7), firing=firing) == []
