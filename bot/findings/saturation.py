"""More is asked of the target than its pods can do: CPU at the bound in all of them, traffic above what it was.

It refuses to call a busy pod saturated without a service that suffers, and leaves a full autoscaler to its own finding.
"""

from __future__ import annotations

import math

from bot.domain.evidence import PodRow
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.autoscaler_bound import at_bound
from bot.findings.case import Case
from bot.findings.dependencies import suspect
from bot.findings.measures import mean, rose
from bot.findings.phrases import agree, begin, number_of, part_of, share, stop
from bot.findings.sick import How

ABOUT = About(
    Cause.SATURATION,
    "more load than its pods can carry",
    "A service's alert, CPU measured at 85 % or more of the limit in most pods (of the request where there is no limit "
    "and the traffic has grown), traffic measured to have grown by half, pods well.",
    "The traffic isn't known, or a change came shortly before.",
    "Only the traffic has grown, or two of these.",
    "More replicas, where no autoscaler sets their number; with one that may add some itself nothing.",
    64,
)
HIGH = 0.85
MORE = 1.5


def find(case: Case) -> Finding | None:
    """Load against what the pods may use."""
    if case.service_alert is None or case.series is None:
        return None
    if any(at_bound(one) for one in case.autoscalers or ()):
        return None
    grown = _grown(case)
    uses = [used for pod in case.living if (used := _use(case, pod, requested=grown is True)) is not None]
    busy = [used for used in uses if used >= HIGH]
    if len(busy) * 2 <= len(uses) or not uses:
        return None
    ill = case.sick_with(How.CRASH, How.OOM, How.IMAGE, How.CONFIG)
    others, rollout = suspect(case), case.rollout
    against = (
        "" if grown else "the traffic isn't measured" if grown is None else "the traffic hasn't grown",
        "pods are ill" if ill else "",
        f"the logs name {others.who}" if others is not None else "",
        "the template was changed shortly before" if rollout is not None and rollout.follows else "",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "metrics", "changes", against=against)
    average = mean(busy) or 0.0
    traffic = ", and the traffic has grown" if grown else ""
    who = part_of(len(busy), len(uses))
    bound = "allowed" if any(_limit(pod) for pod in case.living) else "they ask for"
    text = f"{begin(who)} {agree(len(busy), 'uses', 'use')} {share(average)} of the CPU {bound}{traffic}"
    suggestions: tuple[Suggestion, ...] = ()
    if confidence is not Confidence.LOW and grown is not False and case.workload is not None:
        wanted = case.workload.replicas + max(1, math.ceil(case.workload.replicas / 2))
        suggestions = cures.scale(case, wanted, "the load is shared by half as many again")
    no_help = "" if suggestions else _no_help(case)
    cites = (Cite("metrics", f"CPU at {share(average)} of the bound in {number_of(len(busy), 'pod')}"),)
    return Finding(
        Cause.SATURATION, stop(text), confidence, cites, "measured", doubt, "cpu", suggestions, no_help, ABOUT.weight
    )


def _no_help(case: Case) -> str:
    if case.target is not None and case.target.kind not in {"Deployment", "StatefulSet"}:
        return f"A {case.target.kind} isn't made larger by a number: less load or larger limits are for a person."
    if case.autoscalers:
        name = case.autoscalers[0].name
        return f"Autoscaler {name} sets the number of replicas and may set more: look at why it doesn't."
    if case.autoscalers is None:
        return "More replicas may help, but whether an autoscaler sets their number wasn't read."
    return "More replicas may help, but it isn't sure enough that load is what it suffers from."


def _limit(pod: PodRow) -> float:
    return sum(part.cpu_limit or 0.0 for part in pod.containers if not part.init)


def _use(case: Case, pod: PodRow, *, requested: bool) -> float | None:
    """The CPU of a pod as a share of its limit; without one of its request, which binds nobody, if that may count."""
    bound = _limit(pod)
    if not bound and requested:
        bound = sum(part.cpu_request or 0.0 for part in pod.containers if not part.init)
    rows = [row for row in case.measured("cpu") if row.labels.get("pod") == pod.name]
    if not rows or bound <= 0:
        return None
    return sum(mean([value for _, value in row.points[-3:]]) or 0.0 for row in rows) / bound


def _grown(case: Case) -> bool | None:
    rows = case.measured("traffic")
    if not rows or case.since is None:
        return None
    by_time = rose(rows, case.since, by=MORE)
    first = mean([value for row in rows for _, value in row.points[: max(len(row.points) // 4, 1)]])
    last = mean([value for row in rows for _, value in row.points[-3:]])
    return bool(by_time) or (first is not None and last is not None and last >= MORE * max(first, 1e-9))
