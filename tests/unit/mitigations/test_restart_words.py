"""What the card and the confirm say of a restart, by strategy and kind."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.keeper import Keeper
from bot.mitigations.diff import spec_diff
from bot.mitigations.restart_words import consequence, facts, pace, warnings
from tests.unit.cluster_states import state

PACES = [
    ("Deployment", {}, "25 % at a time"),
    ("Deployment", {"max_unavailable": ""}, "25 % at a time"),
    ("Deployment", {"max_unavailable": "2"}, "2 at a time"),
    ("Deployment", {"max_unavailable": "1"}, "one at a time"),
    ("Deployment", {"max_unavailable": "0", "max_surge": "1"}, "1 extra at a time, none down"),
    ("Deployment", {"max_unavailable": "0", "max_surge": "50%"}, "50 % extra at a time, none down"),
    ("Deployment", {"strategy": "Recreate"}, "all at once"),
    ("StatefulSet", {"max_unavailable": ""}, "one at a time"),
    ("DaemonSet", {"max_unavailable": "1"}, "one at a time"),
    ("DaemonSet", {"max_unavailable": "10%"}, "10 % at a time"),
    ("DaemonSet", {"strategy": "OnDelete"}, "only when someone deletes them"),
]


@pytest.mark.parametrize(("kind", "changes", "words"), PACES)
def test_how_many_go_down_at_a_time(kind: str, changes: dict[str, Any], words: str) -> None:
    assert pace(state(kind, **changes)) == words


def test_the_budget_line() -> None:
    full = state(budget=("api", "minAvailable 4", 2), hpa=("api", 2, 9))
    assert facts(full, "dry run ok") == (
        "6 replicas, 25 % at a time · budget api allows 2 down · HPA 2 to 9 · dry run ok"
    )
    assert facts(state(replicas=1), "dry run refused") == (
        "1 replica, 25 % at a time · no disruption budget · no HPA · dry run refused"
    )
    assert facts(state("DaemonSet", max_unavailable="1"), "dry run ok") == (
        "6 nodes, one at a time · no disruption budget · dry run ok"
    )


@pytest.mark.parametrize(
    ("kind", "changes", "text"),
    [
        ("Deployment", {}, "Restarts 6 pods of shop/api, 25 % at a time."),
        ("Deployment", {"replicas": 1}, "Restarts 1 pod of shop/api, 25 % at a time."),
        (
            "Deployment",
            {"strategy": "Recreate"},
            "Restarts 6 pods of shop/api, all at once. shop/api is down until they are ready.",
        ),
        (
            "StatefulSet",
            {"max_unavailable": "", "partition": 4},
            "Restarts 2 pods of shop/api, one at a time. The 4 pods below partition 4 stay as they are.",
        ),
        (
            "DaemonSet",
            {"strategy": "OnDelete"},
            "Marks shop/api for a restart; its pods restart only when someone deletes them.",
        ),
    ],
)
def test_the_confirm_says_the_consequence(kind: str, changes: dict[str, Any], text: str) -> None:
    assert consequence(state(kind, **changes)) == text


@pytest.mark.parametrize(
    ("kind", "changes", "begins"),
    [
        ("Deployment", {"replicas": 1}, "Single replica: the new pod starts beside"),
        ("StatefulSet", {"replicas": 1}, "Single replica: nothing serves"),
        ("Deployment", {"strategy": "Recreate"}, "Strategy Recreate"),
        ("DaemonSet", {"strategy": "OnDelete"}, "Strategy OnDelete"),
        ("StatefulSet", {"partition": 2}, "Partition 2"),
        ("Deployment", {"budget": ("api", "minAvailable 6", 0)}, "Budget api allows no pod"),
        ("Deployment", {"keeper": Keeper("Argo CD")}, "Argo CD manages"),
        ("Deployment", {"keeper": Keeper("Flux", "Kustomization shop")}, "Flux (Kustomization shop) manages"),
    ],
)
def test_a_line_for_each_thing_to_know_before_pressing(kind: str, changes: dict[str, Any], begins: str) -> None:
    (line,) = warnings(state(kind, **changes))
    assert line.startswith(begins)


def test_an_ordinary_workload_warns_of_nothing() -> None:
    assert warnings(state(managers=("kubectl-client-side-apply", "helm"))) == ()


def test_the_diff_shows_each_changed_value_and_nothing_else() -> None:
    before = {
        "template": {"metadata": {"annotations": {"a.b/c": "1"}}, "spec": {"containers": [{"name": "x", "v": 1}]}}
    }
    after = {
        "template": {"metadata": {"annotations": {"a.b/c": "2", "d": "3"}}, "spec": {"containers": [{"name": "x"}, {}]}}
    }
    assert spec_diff(before, after).splitlines() == [
        "+ template.metadata.annotations.d: 3",
        "~ template.metadata.annotations[a.b/c]: 1 → 2",
        "- template.spec.containers[x].v: 1",
    ]


def test_a_long_diff_and_long_values_are_cut() -> None:
    lines = spec_diff({}, {f"k{i:02}": "v" * 500 for i in range(50)}).splitlines()
    assert lines[-1] == "and 10 more changes"
    assert max(map(len, lines)) < 130
