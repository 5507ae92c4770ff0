"""What Prometheus measured of a target: memory, CPU, restarts, errors, latency, and the alert's own expression.

Each query fails alone and is shown as such; all of them together are bounded in number at once and in time. It refuses
to fetch the address that an alert came from: only the expression in it is read. Without Prometheus it isn't there.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

from bot.domain.errors import FettleError, RequestError, UnavailableError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.observed import SeriesSeen
from bot.domain.query import MetricQuery
from bot.domain.redaction import redact, redact_values
from bot.domain.units import told
from bot.evidence import metric_defaults, places
from bot.evidence.ask import Ask
from bot.integrations import promql
from bot.integrations.prometheus import MOST_SERIES, Answer, Prometheus, Series

SOURCE = "metrics"
ALERT = "alert"
"""As an expression: the alert's own; also the name under which its values stand."""
AT_ONCE = 4
"""Queries of one incident on their way together."""
SLOWEST = 3.0
"""Seconds for one query."""
SHARE = 0.8
"""Of a collector's time; the rest is for reading the pods and putting the answers down."""
POINTS, SERIES, LABELS = 60, 8, 8
"""What is kept of one query: points a series, series, labels a series."""
MOST_OF_ALL = 2000
"""Series of an alert's expression, which covers the whole cluster, among which ours are looked for."""
FINEST = 15.0
"""Seconds of the smallest step: nobody scrapes much more often."""
SHORT_LABEL = 120

_TOLD = (
    ("memory", "memory", "at most"),
    ("cpu", "CPU", "at most"),
    ("errors", "failed requests", ""),
    ("latency", "latency (p99)", ""),
    ("throttling", "CPU throttled", "at most"),
    ("disk", "volume used", ""),
)
"""Query -> its words in the summary; without "at most" the newest value counts."""


@dataclass(frozen=True)
class _Asked:
    """One query ready to go, or the sentence why it can't.

    ``wanted``: somebody misses it (a default without data is nobody's news). ``own``: it is the alert's expression,
    which knows no target, so that its series are looked through for those that fired here.
    """

    query: MetricQuery
    expr: str = ""
    wanted: bool = False
    own: bool = False
    threshold: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Found:
    """What came of one query; ``failure`` is a sentence when Prometheus itself failed at it."""

    rows: tuple[SeriesSeen, ...] = ()
    failure: str = ""


async def collect(ask: Ask) -> Evidence | None:
    """Asks Prometheus; ``data`` is ``{"series": [SeriesSeen as dict]}``. None where no Prometheus is configured."""
    prometheus = ask.prometheus
    if prometheus is None:
        return None
    end = asyncio.get_running_loop().time() + ask.within * SHARE
    asked = await _queries(ask, prometheus, places.values(ask, *await places.members(ask)))
    now = ask.clock()
    found = await _all(prometheus, ask, asked, now, end)
    rows = [row for one in found for row in one.rows]
    measured = [row for row in rows if row.points]
    data = {"series": [asdict(row) for row in rows]}
    if measured:
        return Evidence(SOURCE, EvidenceStatus.OK, summary(measured), now, data)
    failure = next((one.failure for one in found if one.failure), "")
    if failure:
        return Evidence(SOURCE, EvidenceStatus.FAILED, "metrics unavailable", now, {}, redact(failure))
    about = f" about {ask.target.label}" if ask.target else ""
    return Evidence(SOURCE, EvidenceStatus.EMPTY, f"{prometheus.name} has no metrics{about}", now, data)


def summary(rows: Sequence[SeriesSeen]) -> str:
    """``memory at most 503 MiB, CPU at most 0.21 cores, failed requests 34 %, 3 restarts``."""
    parts = []
    for name, words, how in _TOLD:
        found = [row for row in rows if row.query == name]
        if found:
            value = max(max(point[1] for point in row.points) if how else row.points[-1][1] for row in found)
            if value or name in {"memory", "cpu", "errors"}:
                parts.append(" ".join(part for part in (words, how, told(value, found[0].unit)) if part))
    grown = sum(_grown(row) for row in rows if row.query == "restarts")
    if grown:
        parts.append(f"{grown:g} restart{'' if grown == 1 else 's'}")
    return ", ".join(parts) or f"{len(rows)} series"


def _grown(row: SeriesSeen) -> float:
    """How much a counter grew; one that was reset begins anew."""
    values = [value for _, value in row.points]
    return sum(after - before if after >= before else after for before, after in pairwise(values))


async def _queries(ask: Ask, prometheus: Prometheus, values: promql.Values) -> list[_Asked]:
    """What is asked: defaults whose places are known, the playbook's, and the alert's own expression."""
    named = {query.name: query for query in ask.queries}
    chosen = [_default(query, values) for query in metric_defaults.EVERYTHING if query.name not in named]
    found: dict[str, _Asked] = {one.query.name: one for one in chosen if one is not None}
    for query in named.values():
        if query.expr.strip() != ALERT:
            found[query.name] = _wanted(query, values)
    own = next((query for query in named.values() if query.expr.strip() == ALERT), MetricQuery(ALERT, ALERT))
    expr = await _alert_expr(ask, prometheus)
    if expr:
        left, threshold = promql.comparison(expr) or (expr, None)
        own = replace(own, title=own.title or "The alert's expression")
        found[own.name] = _Asked(own, left, wanted=True, own=True, threshold=threshold)
    return list(found.values())


def _default(query: MetricQuery, values: promql.Values) -> _Asked | None:
    try:
        return _Asked(query, promql.fill(query.expr, values))
    except RequestError:
        return None


def _wanted(query: MetricQuery, values: promql.Values) -> _Asked:
    try:
        return _Asked(query, promql.fill(query.expr, values), wanted=True)
    except RequestError as error:
        return _Asked(query, wanted=True, problem=str(error))


async def _alert_expr(ask: Ask, prometheus: Prometheus) -> str:
    """The expression that made the alert fire: from its link, which is only read, else from the rule of its name."""
    for one in ask.alerts:
        if one.firing and (expr := expression(one.generator_url)):
            return expr
    name = next((one.name for one in ask.alerts if one.firing and one.name), "")
    if not name:
        return ""
    try:
        expr = await prometheus.rule(name, within=min(SLOWEST, ask.within / 4))
    except FettleError:  # the queries themselves will tell of it
        return ""
    return expr if promql.balanced(expr) else ""


def expression(generator_url: str) -> str:
    """``g0.expr`` of a link to Prometheus' graph page; empty unless it is there and its strings end."""
    try:
        expr = parse_qs(urlsplit(generator_url).query, max_num_fields=50).get("g0.expr", [""])[0].strip()
    except ValueError:
        return ""
    return expr if promql.balanced(expr) else ""


async def _all(prometheus: Prometheus, ask: Ask, asked: Sequence[_Asked], now: datetime, end: float) -> list[_Found]:
    """What came of each query, in their order; those that weren't answered by ``end`` (loop time) say so."""
    free = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.create_task(_one(prometheus, ask, one, now, free)) for one in asked]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=max(end - asyncio.get_running_loop().time(), 0.1))
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    late = f"{prometheus.name} didn't answer in time."
    found: list[_Found] = []
    for one, result in zip(asked, ended, strict=True):
        if isinstance(result, asyncio.CancelledError):
            found.append(_Found((_problem(one.query, late),), late))
        elif isinstance(result, BaseException):
            raise result
        else:
            found.append(result)
    return found


async def _one(prometheus: Prometheus, ask: Ask, one: _Asked, now: datetime, free: asyncio.Semaphore) -> _Found:
    if one.problem:
        return _Found((_problem(one.query, one.problem),))
    try:
        async with free:
            answer = await _measure(prometheus, one, ask, now)
    except FettleError as error:
        # A default that can't be carried out (labels of two exporters clash) is nobody's news; silence is.
        told_of = one.wanted or isinstance(error, UnavailableError)
        return _Found((_problem(one.query, str(error)),) if told_of else (), str(error))
    series = [found for found in answer.series if not one.own or _of_alerts(found, ask)]
    rows = [row for found in series if (row := _row(one, found)).points]
    rows.sort(key=lambda row: (-max(value for _, value in row.points), sorted(row.labels.items())))
    return _Found(tuple(rows[:SERIES]) if rows or not one.wanted else (_problem(one.query, "No data."),))


async def _measure(prometheus: Prometheus, one: _Asked, ask: Ask, now: datetime) -> Answer:
    most = MOST_OF_ALL if one.own else MOST_SERIES
    if one.query.window <= timedelta(0):
        return await prometheus.instant(one.expr, now, within=SLOWEST, most=most)
    start = now - one.query.window
    if ask.since is not None and ask.since < start + one.query.window / 4:
        # It began long ago: the curve shows how, within six windows.
        start = max(ask.since - one.query.window / 4, now - 6 * one.query.window)
    step = max(FINEST, (now - start).total_seconds() / POINTS)
    return await prometheus.range(one.expr, start, now, step, within=SLOWEST, most=most)


def _of_alerts(series: Series, ask: Ask) -> bool:
    """Whether a series of the alert's expression is one that fired here: no label contradicts one of the alerts."""
    kept = {name: value for name, value in series.labels.items() if name != "__name__"}
    return any(all(one.labels.get(name, value) == value for name, value in kept.items()) for one in ask.alerts)


def _row(one: _Asked, series: Series) -> SeriesSeen:
    labels = redact_values({name: value for name, value in series.labels.items() if name != "__name__"})
    kept = dict(sorted(labels.items())[:LABELS])
    points = [(at, value) for at, value in series.points if math.isfinite(value)][-(POINTS + 1) :]
    return SeriesSeen(
        one.query.name,
        one.query.title,
        one.query.unit,
        {name[:SHORT_LABEL]: value[:SHORT_LABEL] for name, value in kept.items()},
        tuple((round(at, 1), float(f"{value:.6g}")) for at, value in points),
        threshold=one.threshold,
    )


def _problem(query: MetricQuery, told_of_it: str) -> SeriesSeen:
    return SeriesSeen(query.name, query.title, query.unit, problem=redact(told_of_it))
