"""Disruption budgets: a symptom first, a cause only by themselves."""

from __future__ import annotations

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import BudgetSeen
from tests.unit.findings.recorded import UNCHANGED, alert, crashing, find, first, pod, snap, without

SHORT = alert("KubePdbNotEnoughHealthyPods", poddisruptionbudget="api")
TIGHT = BudgetSeen("api", "minAvailable 3", 0, 3, 3, 3)


def test_a_budget_that_allows_nothing_by_itself_is_told() -> None:
    found = first(snap(SHORT, **{**UNCHANGED, "pods": [pod()], "budgets": [TIGHT]}))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.BUDGET, Confidence.HIGH, ())
    assert "allows no pod of 3 to be away" in found.sentence


def test_one_that_lacks_pods_says_how_many() -> None:
    lacking = BudgetSeen("api", "minAvailable 4", 0, 3, 4, 4)
    assert (
        "wants 4 healthy pods and has 3"
        in first(snap(SHORT, **{**UNCHANGED, "pods": [pod()], "budgets": [lacking]})).sentence
    )


def test_ill_pods_are_the_cause_and_it_is_the_symptom() -> None:
    rows = {**UNCHANGED, "pods": [crashing()], "budgets": [BudgetSeen("api", "minAvailable 1", 0, 0, 1, 1)]}
    assert first(snap(SHORT, **rows)).cause is Cause.CRASH_LOOP
    found = find(Cause.BUDGET, snap(SHORT, **rows))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_unread_or_with_room_it_is_the_alert_alone() -> None:
    rows = {**UNCHANGED, "pods": [pod()], "budgets": [TIGHT]}
    unread = find(Cause.BUDGET, without(snap(SHORT, **rows), "budgets"))
    roomy = find(Cause.BUDGET, snap(SHORT, **{**rows, "budgets": [BudgetSeen("api", "maxUnavailable 1", 1, 3, 2, 3)]}))
    assert unread is not None
    assert roomy is not None
    assert (unread.confidence, roomy.confidence) == (Confidence.LOW, Confidence.LOW)


def test_without_its_alert_a_tight_budget_is_nothing() -> None:
    assert find(Cause.BUDGET, snap(**{**UNCHANGED, "pods": [pod()], "budgets": [TIGHT]})) is None
