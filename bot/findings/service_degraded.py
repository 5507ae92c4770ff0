"""A service answers with errors or slowly while its pods run and nothing else explains it: a process may be stuck.

This is the last resort that ends in a restart, so it is the one that asks most: a template unchanged for 30 minutes
before, logs that accuse nobody, no load beyond what the pods can carry. It refuses to be sure.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.dependencies import suspect
from bot.findings.lines import Points, spoken
from bot.findings.nothing_wrong import came_down
from bot.findings.phrases import agree, clock, cut, instant, number_of, span, stop
from bot.findings.sick import LATELY
from bot.findings.signs import unexplained

ABOUT = About(
    Cause.SERVICE_DEGRADED,
    "a service in trouble for no visible reason",
    "",
    "A service's error or latency alert, pods that run, and pods, changes and either logs or metrics read without "
    "an explanation.",
    "One of these wasn't read.",
    "Restart, when the template wasn't changed before and pods, changes and logs were read.",
    20,
)
EXPLAINS = frozenset(Points) - {Points.ERROR, Points.LOCAL, Points.COMMAND, Points.STUCK}
"""Signs in the logs that a restart doesn't answer."""


def find(case: Case) -> Finding | None:
    """The service's alert as it is, when pods run and aren't ill."""
    alert = case.service_alert
    if alert is None or case.sick or (case.pods is not None and not case.living):
        return None
    blind = case.unread("pods", "changes", "logs")
    unmeasured = case.snapshot.failed("metrics")
    explained = (
        unmeasured or suspect(case) is not None or came_down(case) or bool(case.rollout and case.rollout.follows)
    )
    confidence = Confidence.MEDIUM if not blind and not explained else Confidence.LOW
    _, doubt = case.sure(Confidence.MEDIUM, "pods", "changes", "logs", "metrics")
    rollout = case.rollout
    running = sum(1 for pod in case.living if pod.phase == "Running")
    runs = f"{number_of(running, 'pod')} {agree(running, 'runs', 'run')}"
    text = f"{cut(alert.name, 60)} since {clock(case.since)} while {runs}"
    text += "; nothing that was looked at explains it"
    basis = "no pod is ill"
    if rollout is not None and case.began is not None and not rollout.follows and case.began > rollout.at:
        basis += f", the template stood for {span(case.began - rollout.at)} before"
    suggestions, no_help = _cures(case, blind)
    return Finding(
        Cause.SERVICE_DEGRADED,
        stop(text),
        confidence,
        (Cite("alerts", f"{cut(alert.name, 80)} fires"), Cite("pods", f"{running} running")),
        basis,
        doubt,
        "",
        suggestions,
        no_help,
        ABOUT.weight,
    )


def _cures(case: Case, blind: tuple[str, ...]) -> tuple[tuple[Suggestion, ...], str]:
    why = cures.no_restart(case)
    accused = next((one for one in case.signs if one.points in EXPLAINS and not one.chronic), None)
    accused = accused or unexplained(case.signs)
    if came_down(case):
        return (), "It has come down again by itself: wait and see before anything is done."
    if case.snapshot.failed("metrics"):
        return (), "The load couldn't be measured, and a restart takes pods away from one that is too high already."
    if blind:
        return (), f"Too little could be read to suggest anything ({', '.join(blind)})."
    if why:
        return (), f"No restart: {why}."
    if accused is not None:
        return (), f"The logs say “{cut(spoken(accused.line), 100)}”; a restart doesn't answer that."
    if changed_lately(case):
        return (), "Something else was changed shortly before; a restart keeps that change."
    return cures.restart(case, "processes that are stuck start anew; nothing was found that it couldn't help"), ""


def changed_lately(case: Case) -> bool:
    """Whether configuration, nodes or bounds were changed within 30 min before the trouble."""
    began = case.began
    if began is None:
        return False
    times = [instant(one.at) for one in case.changes or () if one.kind in {"config", "autoscaler", "node"}]
    return any(at is not None and -LATELY <= at - began <= LATELY for at in times)
