"""Asks Prometheus and Loki what a verification needs: numbers, before and after, and the alerts' own rules.

Only what is due is asked, all of it within a few seconds; what fails is a problem of its own row. It refuses to judge.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.errors import FettleError
from bot.domain.incident import Incident
from bot.domain.measured import AlertsNow, MetricCheck, Sample, Supporting
from bot.domain.query import LogQuery
from bot.domain.snapshot import AlertSeen
from bot.domain.target import Target
from bot.domain.verification import Verification
from bot.evidence import metric_defaults, places
from bot.evidence.ask import Ask
from bot.integrations import promql
from bot.integrations.prometheus import Prometheus, Rule
from bot.playbooks.schema import Playbook
from bot.storage import incident_alerts
from bot.verification import metrics
from bot.workflow import log_counts
from bot.workflow.context import Context

WITHIN = 3.0
"""Seconds for one question; a look is a few seconds away from the next."""
TRAFFIC = "traffic"
MOST_NAMES = 5
"""Alerts of one incident whose rules are asked for; the others count as not known there."""


def planned(ctx: Context, playbook: Playbook | None, target: Target) -> list[dict[str, Any]]:
    """What is measured after an action, as a baseline keeps it: what the playbook wants, and error lines by Loki."""
    query = playbook.log_query() if playbook is not None else LogQuery()
    lines = log_counts.planned(query, target.kind, ctx.settings.VERIFY_SOAK)
    counted = [lines] if lines is not None and ctx.sources.loki is not None else []
    return metrics.stored([*_by_playbook(playbook), *counted])


def _by_playbook(playbook: Playbook | None) -> list[MetricCheck]:
    if playbook is None:
        return []
    known = {query.name: query for query in (*metric_defaults.WORKLOAD, *playbook.metric_queries())}
    traffic = known[TRAFFIC].expr
    return [
        MetricCheck(
            name=one.query,
            expr=query.expr,
            title=query.title,
            unit=query.unit,
            below=one.below,
            above=one.above,
            than_before=one.than_before or "",
            samples=one.samples,
            settle=int(one.settle.total_seconds()),
            traffic=traffic if one.min_traffic is not None else "",
            min_traffic=one.min_traffic,
        )
        for one, query in ((one, known[one.query]) for one in playbook.verification.metrics)
    ]


async def before(ctx: Context, incident_id: int, target: Target, baseline: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The planned checks with their values before the action; None where nobody has an answer by then."""
    checks = metrics.planned(baseline)
    samples = await _samples(ctx, incident_id, target, checks)
    return metrics.stored([_with(one, _value(samples[one.name])) for one in checks])


def _with(check: MetricCheck, before: float | None) -> MetricCheck:
    return log_counts.compared(check, before) if check.source == log_counts.SOURCE else replace(check, before=before)


def _value(sample: Sample) -> float | None:
    return sample.value if not sample.problem else None


async def read(ctx: Context, verification: Verification, incident: Incident) -> Supporting:
    """What is due for this look; never raises for the sake of whoever is asked."""
    prometheus = ctx.sources.prometheus
    checks = metrics.planned(verification.baseline)
    now, since = ctx.clock(), verification.rolled_out_at
    kept: Mapping[str, Any] = verification.progress.get(metrics.SAMPLES) or {}
    due = [one for one in checks if metrics.due(one, kept.get(one.name) or {}, since, now)]
    # Who isn't configured says so at once, not when a sample would be due.
    mute = [one for one in checks if one not in due and prometheus is None and one.source != log_counts.SOURCE]
    samples, alerts = await asyncio.gather(
        _samples(ctx, incident.id, verification.target, [*due, *mute]),
        _alerts(ctx, prometheus, incident),
    )
    return Supporting(samples, alerts)


async def _samples(ctx: Context, incident_id: int, target: Target, checks: Sequence[MetricCheck]) -> dict[str, Sample]:
    if not checks:
        return {}
    seen = await ctx.store.read(incident_alerts.seen, incident_id)
    ask = Ask(ctx.cluster, target, ctx.clock, alerts=seen, prometheus=ctx.sources.prometheus)
    # The new pods have new names: the regular expression is made afresh for each sample.
    values = places.values(ask, await places.pod_names(ask))
    now = ctx.clock()
    found = await asyncio.gather(*(_sample(ctx, one, values, now) for one in checks))
    return {one.name: sample for one, sample in zip(checks, found, strict=True)}


async def _sample(ctx: Context, check: MetricCheck, values: promql.Values, now: datetime) -> Sample:
    if check.source == log_counts.SOURCE:
        return await log_counts.sample(ctx.sources.loki, check, values, now, WITHIN)
    prometheus = ctx.sources.prometheus
    if prometheus is None:
        return Sample(problem="no Prometheus is configured to measure it")
    try:
        worst = min if check.above is not None else max
        value = await _instant(prometheus, check.expr, values, now, worst)
        traffic = await _instant(prometheus, check.traffic, values, now, min) if check.traffic else None
    except FettleError as error:
        return Sample(problem=str(error).rstrip("."))
    return Sample(value, traffic)


async def _instant(prometheus: Prometheus, expr: str, values: promql.Values, now: datetime, worst: Any) -> float | None:
    """The worst of all series; NaN counts as worst, since nothing is known of that one. None without any."""
    answer = await prometheus.instant(promql.fill(expr, values), now, within=WITHIN)
    found = [series.points[-1][1] for series in answer.series]
    unknown = [value for value in found if math.isnan(value)]
    return unknown[0] if unknown else worst(found, default=None)


async def _alerts(ctx: Context, prometheus: Prometheus | None, incident: Incident) -> AlertsNow | None:
    if prometheus is None or not incident.alerts_total or incident.foreign_cluster:
        return None
    seen = await ctx.store.read(incident_alerts.seen, incident.id)
    names = tuple(dict.fromkeys(one.name for one in seen if one.name))
    try:
        found = await asyncio.gather(*(prometheus.rules(name, within=WITHIN) for name in names[:MOST_NAMES]))
    except FettleError as error:
        return AlertsNow(problem=str(error).rstrip("."), total=incident.alerts_total)
    return alerts_now([rule for rules in found for rule in rules], seen, names, incident.alerts_total)


def alerts_now(rules: Sequence[Rule], seen: Iterable[AlertSeen], names: Sequence[str], total: int) -> AlertsNow:
    """Which of the incident's alerts fire by these rules.

    What Alertmanager sent has the rule's labels and those that Prometheus adds to all it sends: so an active alert is
    one of ours when all its labels are among ours.
    """
    ours = [set(one.labels.items()) for one in seen]
    firing = sum(any(set(labels.items()) <= own for rule in rules for labels in rule.firing) for own in ours)
    there = {rule.name for rule in rules}
    times = [rule.evaluated_at for rule in rules]
    return AlertsNow(
        firing=firing,
        total=max(total, len(ours)),
        missing=tuple(name for name in names if name not in there),
        evaluated_at=None if None in times or not times else min(one for one in times if one is not None),
        problem=next((rule.problem for rule in rules if rule.problem), ""),
    )
