"""Nothing is wrong that can be seen: pods are ready and quiet, and what the alert is about is over or was never so.

It refuses to be sure unless pods, events and the workload were read, and what the alert measures has come down.
"""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings.about import About
from bot.findings.autoscaler_bound import at_bound
from bot.findings.case import Case
from bot.findings.disk import FILLING, fill
from bot.findings.measures import ENOUGH, latest
from bot.findings.node_trouble import ailment
from bot.findings.phrases import begin, number_of, part_of, span, stop
from bot.findings.sick import LATELY

ABOUT = About(
    Cause.NOTHING_WRONG,
    "nothing at all",
    "All pods are ready, wanted and there, none crashed within 30 min, no warning event within 10 min, no service "
    "alert; pods, events and workload were read.",
    "A warning event or a service's alert whose measure has come down again.",
    "Something wasn't read.",
    "Nothing: wait until the alert clears, or mend the alert.",
    10,
)
PASSES = (
    "KubePodCrashLooping",
    "KubePodNotReady",
    "KubeDeploymentReplicasMismatch",
    "KubeDeploymentRolloutStuck",
    "KubeContainerWaiting",
    "KubeStatefulSetReplicasMismatch",
    "KubeStatefulSetUpdateNotRolledOut",
    "KubeDaemonSetRolloutStuck",
    "TargetDown",
)
"""Alerts about pods: they keep firing some minutes after the cure."""
QUIET = timedelta(minutes=10)
WAIT = "There is nothing to cure: wait for the alert to clear; if it doesn't, the alert's own rule has to be looked at."
CALM = 0.5
"""A measure has come down when it is below half of its highest."""


def find(case: Case) -> Finding | None:
    """Well as far as was looked, None as soon as anything isn't."""
    if not case.pods or case.sick or not case.living or any(not pod.ready for pod in case.living):
        return None
    if any(ailment(node) for node in case.nodes or ()) or any(
        (fill(one) or 0) >= FILLING for one in case.volumes or ()
    ):
        return None
    row = case.workload
    if row is None and case.alert("KubeDeployment*", "KubeStatefulSet*", "KubeDaemonSet*") is not None:
        return None  # how many pods are wanted isn't known
    if row is not None and (
        row.available < row.replicas or row.updated < row.replicas or row.observed_generation < row.generation
    ):
        return None
    if any(at_bound(one) for one in case.autoscalers or ()):
        return None
    down = came_down(case)
    if case.service_alert is not None and not down:
        return None
    if any(one.name not in PASSES and one is not case.service_alert for one in case.alerts):
        return None  # an alert about something that this doesn't look at
    scrape = case.alert("TargetDown")
    back = latest(case.measured("up"))
    loud = [
        one for one in case.events or () if one.type == "Warning" and one in case.event_rows(one.reason, within=QUIET)
    ]
    against = (
        f"{loud[0].reason} events came lately" if loud else "",
        "it may fail again" if down else "",
        "whether it is scraped isn't known" if scrape is not None and back is None else "",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "events", "workload", against=against)
    restarts = sum(pod.restarts for pod in case.living)
    many = len(case.living)
    text = f"{begin(part_of(many, many))} are ready" if many > 1 else "Its pod is ready"
    newest = max((one.created_at for one in case.living if one.created_at), default="")
    text += f", none crashed within {span(LATELY)}"
    text += "; the alert may clear by itself" if case.alerts else ""
    cites = (
        Cite(
            "pods",
            f"{len(case.living)}/{len(case.living)} ready, {number_of(restarts, 'restart')} ever, newest of "
            f"{newest or 'unknown age'}",
        ),
    )
    return Finding(
        Cause.NOTHING_WRONG,
        stop(text),
        confidence,
        cites,
        "everything that was looked at is as it should be",
        doubt,
        "",
        (),
        WAIT if case.alerts else "There is nothing to cure.",
        ABOUT.weight,
    )


def came_down(case: Case) -> bool:
    """Whether the service's error rate or latency rose and is now below half of its highest."""
    return any(_fell(case, name) for name in ("errors", "latency"))


def _fell(case: Case, query: str) -> bool:
    rows = case.measured(query)
    if not rows or case.since is None:
        return False
    values = [value for row in rows for _, value in row.points]
    now = max(value for row in rows for _, value in row.points[-3:])
    return len(values) >= ENOUGH and max(values) > 3 * max(median(values), 1e-9) and now <= CALM * max(values)
