"""Prometheus doesn't get its metrics while the target itself is well: a scrape problem, no outage.

It refuses to call it that when a pod isn't ready, or when pods or endpoints weren't read.
"""

from __future__ import annotations

import re

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.domain.snapshot import AlertSeen
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.measures import latest
from bot.findings.phrases import agree, cut, listed, number_of, stop

ABOUT = About(
    Cause.SCRAPE_PROBLEM,
    "a scrape problem",
    "The alert is about a target that is down or absent, all its pods are ready and haven't crashed lately, and its "
    "Service "
    "has ready endpoints.",
    "The endpoints weren't read, or only the alert's own measure is missing. Or: an alert about kube-state-metrics.",
    "",
    "Nothing: the target serves; look at the monitor, its port, its rights or the network between.",
    56,
)
_DOWN = re.compile(
    r"^TargetDown$|TargetMissing|ScrapeFail|MetricsAbsent|MetricsDown|MetricsMissing|^Absent", re.IGNORECASE
)
SOURCES = ("KubeStateMetrics*",)
"""Alerts about what measures the cluster's objects: other alerts are made of it."""


def find(case: Case) -> Finding | None:
    """The scrape as cause, only while nothing is wrong with the pods; kube-state-metrics' own trouble."""
    source = case.alert(*SOURCES)
    if source is not None:
        return _source(case, source)
    alert = next((one for one in case.alerts if _DOWN.search(one.name)), None)
    if alert is None or not case.pods or case.sick:
        return None
    unready = [pod for pod in case.living if not pod.ready]
    if unready or not case.living:
        return None
    up = latest(case.measured("up"))
    if up is not None and up >= 1 and min(row.points[-1][1] for row in case.measured("up")) >= 1:
        return None  # it is scraped again: nothing is wrong
    served = [one for one in case.services or () if one.ready > 0]
    empty = case.services is not None and not served
    others = [one for one in case.alerts if one is not alert]
    serving = case.service_alert is not None and case.service_alert is not alert
    against = (
        "no Service in front of it has a ready endpoint" if empty else "",
        f"{others[0].name} fires too" if serving else "",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "services", "events", against=against)
    told = next((row.problem for row in case.series or () if row.query == "up" and row.problem), "")
    count = len(case.living)
    text = f"Prometheus can't scrape it, while {number_of(count, 'pod')} {agree(count, 'is', 'are')} ready"
    text += f" and {listed([one.name for one in served])} has endpoints" if served else ""
    text += f": {cut(told, 100)}" if told else ""
    cites = [Cite("pods", f"{len(case.living)}/{len(case.living)} ready"), Cite("alerts", alert.name)]
    if served:
        cites.append(Cite("endpoints", f"{served[0].name}: {number_of(served[0].ready, 'ready endpoint')}"))
    return Finding(
        Cause.SCRAPE_PROBLEM,
        stop(text),
        confidence,
        tuple(cites),
        "the pods are ready and haven't crashed",
        doubt,
        "",
        (),
        "The target serves. Look at the monitor: its port, path, rights and the network in between.",
        ABOUT.weight,
    )


def _source(case: Case, alert: AlertSeen) -> Finding:
    confidence, doubt = case.sure(Confidence.MEDIUM)
    said = alert.annotations.get("summary", "") or alert.annotations.get("description", "")
    text = f"{alert.name}: {cut(said.rstrip('.'), 140) or 'kube-state-metrics is in trouble'}"
    return Finding(
        Cause.SCRAPE_PROBLEM,
        f"{stop(text)} Alerts that are made of its metrics may be missing or wrong.",
        confidence,
        (Cite("alerts", alert.name),),
        "the alert",
        doubt,
        "source",
        (),
        "No workload is known to be ill. Look at kube-state-metrics: its log, its rights and its shards.",
        ABOUT.weight,
    )
