"""A workload that is only short of pods may be made smaller, though its counts say that it rolls out for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.target import Target
from bot.policy.guardrails import Point, check
from tests.unit.cluster_states import NOW, state
from tests.unit.policy.test_guardrails import ALLOWING

FACTS = replace(ALLOWING, allowed_actions=frozenset({"scale", "restart"}))
SET = Target("StatefulSet", "shop", "api", "uid-1")
SHORT: dict[str, Any] = {
    "replicas": 6, "updated": 3, "current": 3, "ready": 3, "available": 3,
    "conditions": {"Progressing": "NewReplicaSetAvailable", "ReplicaFailure": "FailedCreate"},
}  # fmt: skip


def rules(action: str = "scale", point: Point = Point.EXECUTE, **changes: Any) -> set[Rule]:
    found = check(action, state(**{**SHORT, **changes}), FACTS, NOW, point)
    return {reason.rule for reason in found.reasons}


@pytest.mark.parametrize("point", list(Point))
@pytest.mark.parametrize("changes", [{}, {"target": SET, "conditions": {}}], ids=["Deployment", "StatefulSet"])
def test_what_a_quota_or_a_lack_of_nodes_keeps_short_may_be_scaled(changes: dict[str, Any], point: Point) -> None:
    assert rules(point=point, **changes) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"updated": 2},
        {"current": 4},
        {"updated": 0, "current": 0},
        {"observed_generation": 6},
        {"conditions": {"Progressing": "ProgressDeadlineExceeded"}},
        {"conditions": {"Progressing": "ReplicaSetUpdated"}},
        {"conditions": {}},
        {"target": SET, "updated": 2, "conditions": {}},
    ],
    ids=[
        "old pods left", "more pods than new ones", "between old and new", "the controller is behind",
        "a rollout that is stuck", "a rollout that moves", "not known", "a StatefulSet's old pods left",
    ],
)  # fmt: skip
def test_a_rollout_that_isnt_over_refuses_a_scale_as_before(changes: dict[str, Any]) -> None:
    assert rules(**changes) == {Rule.ROLLING_OUT}


def test_the_exception_is_for_a_change_of_size_alone() -> None:
    assert rules("restart") == {Rule.ROLLING_OUT}
