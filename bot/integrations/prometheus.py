"""Prometheus' HTTP API, and whatever speaks it (Thanos, Mimir, VictoriaMetrics): instant values, ranges, alert rules.

Every question is bounded: seconds, steps, series, bytes. Values come as they are, NaN and infinities among them; who
stores or judges them decides what those mean. It refuses to build queries from labels; ``promql`` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.errors import FettleError, RejectedError, UnavailableError
from bot.domain.redaction import redact
from bot.integrations.door import Access, Door, Reply

MOST_SERIES = 200
MOST_POINTS = 600
"""Steps of one range; Prometheus itself refuses 11,000."""
LONG = 2000
"""Characters of a query from which it goes as a form: addresses are cut by what stands in between."""
LATE = ("context deadline exceeded", "timed out", "query timeout", "context canceled")
"""Words of an execution error that mean: took too long (Prometheus answers 422, as if the query were wrong)."""


@dataclass(frozen=True)
class Series:
    """One label set; ``points`` are (Unix seconds, value), oldest first, as Prometheus gave them."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Answer:
    """What a query gave; ``notes`` are Prometheus' warnings and infos, ``cut`` whether there were more series."""

    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class Rule:
    """One alerting rule; ``firing`` are the label sets that fire by it. ``problem`` is why it fails, if it does.

    ``evaluated_at`` is None where it wasn't told, or not yet.
    """

    name: str
    expr: str
    firing: tuple[Mapping[str, str], ...] = ()
    evaluated_at: datetime | None = None
    problem: str = ""


class Prometheus:
    """One Prometheus. Raises only errors of ``bot.domain.errors``."""

    def __init__(self, access: Access) -> None:
        self._door = Door(access)
        self.name = access.name

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def instant(self, expr: str, at: datetime, *, within: float, most: int = MOST_SERIES) -> Answer:
        """The value at one time; ``within`` is in seconds, and Prometheus is told to stop then too."""
        reply = await self._query("/api/v1/query", {"query": expr, "time": f"{at.timestamp():.3f}"}, within, most)
        return _answer(await self._body(reply), most)

    async def range(
        self, expr: str, start: datetime, end: datetime, step: float, *, within: float, most: int = MOST_SERIES
    ) -> Answer:
        """Values from ``start`` to ``end`` every ``step`` seconds, which grows where there would be too many."""
        span = max((end - start).total_seconds(), 0.0)
        step = max(step, span / MOST_POINTS, 1.0)
        asked = {
            "query": expr, "start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "step": f"{step:.3f}",
        }  # fmt: skip
        reply = await self._query("/api/v1/query_range", asked, within, most)
        return _answer(await self._body(reply), most)

    async def rule(self, alert: str, *, within: float) -> str:
        """The expression of the alerting rule with this name; empty when there is none, or several that differ."""
        found = {rule.expr for rule in await self.rules(alert, within=within)}
        return found.pop() if len(found) == 1 else ""

    async def rules(self, alert: str, *, within: float) -> tuple[Rule, ...]:
        """The alerting rules with this name, with the alerts that fire by them now."""
        # Older ones don't know rule_name[] and send all rules: so what comes is looked through either way.
        asked = {"type": "alert", "rule_name[]": alert}
        data = _data(await self._body(await self._door.get("/api/v1/rules", asked, within=within)))
        groups = [group for group in _list(data.get("groups")) if isinstance(group, Mapping)]
        rules = [rule for group in groups for rule in _list(group.get("rules"))]
        return tuple(_rule(rule) for rule in rules if isinstance(rule, Mapping) and rule.get("name") == alert)

    async def version(self, *, within: float) -> str:
        """What it says it is; empty where it answers queries and doesn't say."""
        try:
            data = _data(await self._body(await self._door.get("/api/v1/status/buildinfo", within=within)))
        except RejectedError:
            # Not each of those that speak its API has this route: then a query has to show that it is one.
            await self._body(await self._query("/api/v1/query", {"query": "1"}, within, 1))
            return ""
        return str(data.get("version", ""))

    async def _query(self, path: str, params: Mapping[str, str], within: float, most: int) -> Reply:
        asked = {**params, "timeout": f"{int(within * 1000)}ms", "limit": str(most)}
        if len(asked["query"]) > LONG:
            return await self._door.post_form(path, asked, within=within)
        return await self._door.get(path, asked, within=within)

    async def _body(self, reply: Reply) -> Mapping[str, Any]:
        """The envelope of a good answer; errors as sentences."""
        try:
            body = await reply.data() if reply.json else None
        except ValueError:
            body = None
        if not isinstance(body, Mapping) or body.get("status") not in {"success", "error"}:
            setting = self._door.access.setting
            raise RejectedError(
                f"{self.name} answers {reply.status}, but not as Prometheus does: is {setting}_URL its base address?",
                "no_prometheus",
            )
        if body["status"] == "error":
            raise self._error(reply, str(body.get("errorType", "")), str(body.get("error", "")))
        return body

    def _error(self, reply: Reply, kind: str, told: str) -> FettleError:
        told = redact(told.strip())[:300]  # it may quote what it was asked with
        if kind in {"timeout", "canceled"} or any(word in told for word in LATE):
            return UnavailableError(f"{self.name} took too long over the query: {told}.")
        if kind == "bad_data":
            return RejectedError(f"{self.name} can't read the query: {told}.", kind)
        if kind in {"unavailable", "internal"} or reply.status >= 500:
            return UnavailableError(f"{self.name} fails at the query: {told}.", reply.retry_after)
        return RejectedError(f"{self.name} can't carry out the query: {told}.", kind or f"http_{reply.status}")


def _data(body: Mapping[str, Any]) -> Mapping[str, Any]:
    data = body.get("data")
    return data if isinstance(data, Mapping) else {}


def _answer(body: Mapping[str, Any], most: int) -> Answer:
    data = _data(body)
    result = data.get("result")
    notes = tuple(str(one)[:300] for key in ("warnings", "infos") for one in _list(body.get(key)))[:5]
    if data.get("resultType") in {"scalar", "string"}:
        point = _point(result)
        return Answer((Series({}, (point,)),) if point else (), notes)
    rows = [row for row in _list(result) if isinstance(row, Mapping)]
    found = [_series(row) for row in rows[:most]]
    if any("histogram" in row or "histograms" in row for row in rows):
        notes = (*notes, "native histograms are left out: ask for a quantile of them")
    return Answer(tuple(one for one in found if one.points), notes, len(rows) > most)


def _rule(given: Mapping[str, Any]) -> Rule:
    active = [one for one in _list(given.get("alerts")) if isinstance(one, Mapping) and one.get("state") == "firing"]
    labels = [one.get("labels") for one in active]
    health, told = str(given.get("health", "")), str(given.get("lastError", "")).strip()[:200]
    return Rule(
        str(given.get("name", "")),
        str(given.get("query", "")),
        tuple({str(key): str(value) for key, value in one.items()} for one in labels if isinstance(one, Mapping)),
        _time(given.get("lastEvaluation")),
        f"the rule fails: {told or 'no reason given'}" if health == "err" else "",
    )


def _time(text: Any) -> datetime | None:
    """RFC 3339 with nanoseconds; None for the year 1, which is Go's "never"."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None and found.year > 1 else None


def _series(row: Mapping[str, Any]) -> Series:
    metric = row.get("metric")
    labels = {str(key): str(value) for key, value in metric.items()} if isinstance(metric, Mapping) else {}
    given = _list(row.get("values")) if "values" in row else [row.get("value")]
    points = (_point(one) for one in given)
    return Series(labels, tuple(point for point in points if point is not None))


def _point(pair: Any) -> tuple[float, float] | None:
    """A (time, value) pair; None for what isn't one, such as a string that is no number."""
    try:
        at, value = pair
        return float(at), float(value)
    except (TypeError, ValueError):
        return None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
