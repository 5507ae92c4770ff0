"""A disruption budget that lacks healthy pods, or allows no disruption at all: it blocks evictions and drains.

It is a symptom of ill pods, so it weighs little. It refuses to suggest anything: each cure goes through the ill pods.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.phrases import number_of

ABOUT = About(
    Cause.BUDGET,
    "a disruption budget",
    "The alert is about a budget, a budget was read that lacks healthy pods or allows nothing, and no pod is ill.",
    "Pods are ill (they are the cause), or weren't read.",
    "The alert alone.",
    "Nothing: it also blocks Fettle's own evictions there.",
    30,
)
ALERTS = ("KubePdbNotEnoughHealthyPods", "PodDisruptionBudget*", "KubePdb*")


def find(case: Case) -> Finding | None:
    """The budget that the alert is about."""
    alert = case.alert(*ALERTS)
    if alert is None:
        return None
    label = alert.labels.get("poddisruptionbudget", "")
    rows = [one for one in case.budgets or () if not label or one.name == label]
    short = next((one for one in rows if one.healthy < one.desired), None)
    tight = next((one for one in rows if one.allowed == 0), None)
    one = short or tight
    against = ("pods are ill, and they are the cause" if case.sick else "",)
    confidence, doubt = case.sure(
        Confidence.HIGH if one is not None else Confidence.LOW, "budgets", "pods", against=against
    )
    if one is None:
        text, cite = f"{alert.name} fires; no budget that lacks pods was seen.", Cite("alerts", alert.name)
    elif short is not None:
        text = f"Budget {one.name} wants {number_of(one.desired, 'healthy pod')} and has {one.healthy}."
        cite = Cite("budgets", f"{one.name}: {one.healthy} healthy, {one.desired} wanted, {one.expected} expected")
    else:
        bound = one.bound or "its bound"
        text = f"Budget {one.name} ({bound}) allows no pod of {one.expected} to be away, even with all of them healthy."
        cite = Cite("budgets", f"{one.name}: {one.allowed} allowed, {one.healthy} healthy, {one.desired} wanted")
    no_help = (
        "Evictions and drains wait until enough pods are healthy, Fettle's own too; "
        "the pods or the budget have to be looked at."
    )
    return Finding(
        Cause.BUDGET,
        text,
        confidence,
        (cite,),
        "the budget's own status",
        doubt,
        "short" if short else "tight",
        (),
        no_help,
        ABOUT.weight,
    )
