"""The CPU limit slows the target down: throttled periods, use against the limit.

Throttling alone rarely hurts; the alert about it is for information. It refuses to suggest a restart: the limit stays.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings import cures
from bot.findings.about import About
from bot.findings.autoscaler_bound import at_bound
from bot.findings.case import Case
from bot.findings.measures import latest
from bot.findings.phrases import number_of, share, stop
from bot.findings.sick import How

ABOUT = About(
    Cause.THROTTLING,
    "a CPU limit that slows it down",
    "The alert is about throttling, 25 % or more of the periods are measured to be throttled, and its pods are well.",
    "Only the alert, or a latency alert and 40 % or more throttled.",
    "Measured, and nothing says that it hurts.",
    "Usually nothing; a higher CPU limit is a change of the template, for its owners.",
    58,
)
ALERTS = ("CPUThrottlingHigh",)
MUCH, HURTS = 0.25, 0.4


def find(case: Case) -> Finding | None:
    """Throttled periods as measured, or as the alert says."""
    alert = case.alert(*ALERTS)
    ratio = latest(case.measured("throttling"))
    slow = case.service_alert is not None and ratio is not None and ratio >= HURTS
    if alert is None and not slow:
        return None
    if alert is not None and ratio is not None and ratio < MUCH:
        return None
    ill = case.sick_with(How.CRASH, How.OOM, How.IMAGE, How.CONFIG, How.PENDING)
    full = [one for one in case.autoscalers or () if at_bound(one)]
    rollout = case.rollout
    others = [one for one in case.alerts if one is not alert and one is not case.service_alert]
    against = (
        "pods are ill" if ill else "",
        f"{others[0].name} fires too" if others and ratio is None else "",
        f"{case.service_alert.name} fires too" if case.service_alert is not None and ratio is None else "",
        "its autoscaler is at its maximum" if full else "",
        "the template was changed shortly before"
        if slow and alert is None and rollout is not None and rollout.follows
        else "",
    )
    wanted = Confidence.HIGH if alert is not None and ratio is not None else Confidence.MEDIUM
    confidence, doubt = case.sure(wanted, "pods", "metrics", against=against)
    limits = {part.name: part.cpu_limit for pod in case.living for part in pod.containers if part.cpu_limit}
    name = alert.labels.get("container", "") if alert is not None else ""
    chosen = name if name in limits else next(iter(limits), "")
    limit = limits.get(chosen)
    text = f"{chosen or 'Its container'} is throttled" + (
        f" in {share(ratio)} of its CPU periods" if ratio is not None else ""
    )
    text += f" at its limit of {number_of(int(limit * 1000), 'millicore')}" if limit else ""
    source = "metrics" if ratio is not None else "alerts"
    cites = (Cite(source, f"throttled {share(ratio)}" if ratio is not None else "CPUThrottlingHigh"),)
    line = ""
    if limit:
        line = cures.set_resources(case, chosen, f"cpu={int(limit * 1500)}m", "")[0].by_hand
    no_help = "Usually nothing has to be done tonight. If it hurts, its owners raise or drop the CPU limit" + (
        f": {line}" if line else "."
    )
    return Finding(
        Cause.THROTTLING,
        stop(text),
        confidence,
        cites,
        "measured" if ratio is not None else "the alert alone",
        doubt,
        "",
        (),
        no_help,
        ABOUT.weight,
    )
