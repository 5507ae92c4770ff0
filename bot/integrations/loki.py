"""Loki's HTTP API: lines of a window, and numbers made of lines (``count_over_time``) at one time or over a range.

Every question is bounded: seconds, lines, bytes, and what is kept of a line. Labels that Loki adds by itself
(``detected_level``, ``service_name``) come along like the others. It refuses to build queries from labels; ``promql``
does, and to ask for lines at one time, which Loki answers with an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.errors import FettleError, RejectedError, UnavailableError
from bot.domain.redaction import redact
from bot.integrations.door import Access, Door, Params, Reply
from bot.integrations.prometheus import Series

MOST_LINES = 500
"""Lines of one answer; Loki itself refuses more than 5,000."""
LONGEST_LINE = 16_384
LARGEST = 4 * 1024 * 1024
MOST_SERIES, MOST_POINTS = 200, 600
LONG = 2000
"""Characters of a query from which it goes as a form: addresses are cut by what stands in between."""
LATE = ("context deadline exceeded", "timed out", "timeout", "context canceled", "too many outstanding requests")
"""Words of an error that mean: too much for now, whatever its status."""


@dataclass(frozen=True)
class Line:
    """One line and its stream; ``at`` in Unix nanoseconds, as Loki keeps it."""

    at: int
    text: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Lines:
    """The newest lines of a window, oldest first; ``cut`` whether there were likely more."""

    lines: tuple[Line, ...]
    cut: bool = False


class Loki:
    """One Loki. Raises only errors of ``bot.domain.errors``."""

    def __init__(self, access: Access) -> None:
        self._door = Door(access)
        self.name = access.name

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def lines(self, expr: str, start: datetime, end: datetime, *, within: float, most: int = MOST_LINES) -> Lines:
        """The newest ``most`` lines from ``start`` up to ``end``."""
        asked = {
            "query": expr, "start": _nanoseconds(start), "end": _nanoseconds(end), "limit": str(most),
            "direction": "backward",
        }  # fmt: skip
        found = _lines(await self._result("/loki/api/v1/query_range", asked, ("streams",), within))
        return Lines(tuple(found[-most:]), len(found) >= most)

    async def instant(self, expr: str, at: datetime, *, within: float) -> tuple[Series, ...]:
        """What a metric query gives at one time."""
        asked = {"query": expr, "time": _nanoseconds(at)}
        return _series(await self._result("/loki/api/v1/query", asked, ("vector", "scalar"), within))

    async def range(
        self, expr: str, start: datetime, end: datetime, step: float, *, within: float
    ) -> tuple[Series, ...]:
        """What a metric query gives every ``step`` seconds, which grows where there would be too many points."""
        span = max((end - start).total_seconds(), 0.0)
        step = max(step, span / MOST_POINTS, 1.0)
        asked = {"query": expr, "start": _nanoseconds(start), "end": _nanoseconds(end), "step": f"{step:.3f}"}
        return _series(await self._result("/loki/api/v1/query_range", asked, ("matrix",), within))

    async def labels(self, *, within: float) -> tuple[str, ...]:
        """The names of the labels that its streams have of late."""
        body = await self._body(await self._door.get("/loki/api/v1/labels", within=within))
        return tuple(str(one) for one in _list(body.get("data")))

    async def _result(self, path: str, asked: Params, kinds: Sequence[str], within: float) -> Any:
        """The result of a query, which must be of one of these kinds."""
        if len(asked["query"]) > LONG:
            reply = await self._door.post_form(path, asked, within=within, largest=LARGEST)
        else:
            reply = await self._door.get(path, asked, within=within, largest=LARGEST)
        data = (await self._body(reply)).get("data")
        kind = data.get("resultType") if isinstance(data, Mapping) else None
        if not isinstance(data, Mapping) or kind not in kinds:
            raise RejectedError(
                f"{self.name} gives {kind or 'nothing known'} where {' or '.join(kinds)} was asked: is it another "
                "kind of query?",
                "other_kind",
            )
        return data.get("result")

    async def _body(self, reply: Reply) -> Mapping[str, Any]:
        """The envelope of a good answer; errors, which come as plain text, as sentences."""
        if reply.status >= 400 and not (reply.status == 404 and b"page not found" in reply.body):
            raise self._error(reply)
        try:
            body = await reply.data() if reply.json and reply.status < 300 else None
        except ValueError:
            body = None
        if not isinstance(body, Mapping) or body.get("status") != "success":
            setting = self._door.access.setting
            raise RejectedError(
                f"{self.name} answers {reply.status}, but not as Loki does: is {setting}_URL its base address?",
                "no_loki",
            )
        return body

    def _error(self, reply: Reply) -> FettleError:
        text = " ".join(reply.body[:2000].decode(errors="replace").split())
        told = redact(text)[:300].rstrip(".") or "it doesn't say why"  # it may quote what it was asked with
        if any(word in told for word in LATE):
            return UnavailableError(f"{self.name} took too long over the query: {told}.", reply.retry_after)
        if reply.status >= 500:
            return UnavailableError(f"{self.name} fails at the query: {told}.", reply.retry_after)
        if told.startswith("parse error"):
            return RejectedError(f"{self.name} can't read the query: {told}.", "bad_query")
        return RejectedError(f"{self.name} can't carry out the query: {told}.", f"http_{reply.status}")


def _nanoseconds(at: datetime) -> str:
    # By whole microseconds: a float has no room for nanoseconds since 1970.
    return f"{round(at.timestamp() * 1_000_000) * 1000}"


def _lines(result: Any) -> list[Line]:
    """All lines over all streams, oldest first; what isn't one is left out."""
    found = []
    for stream in _rows(result):
        labels = _labels(stream.get("stream"))
        for entry in _list(stream.get("values")):
            match entry:
                case [str(at), str(text), *_] if at.isdecimal() and len(at) < 20:
                    found.append(Line(int(at), text[:LONGEST_LINE], labels))
    return sorted(found, key=lambda line: line.at)


def _series(result: Any) -> tuple[Series, ...]:
    if isinstance(result, list) and not _rows(result):
        result = [{"value": result}] if result else []
    found = []
    for row in _rows(result)[:MOST_SERIES]:
        given = _list(row.get("values")) if "values" in row else [row.get("value")]
        points = tuple(point for one in given if (point := _point(one)) is not None)
        if points:
            found.append(Series(_labels(row.get("metric")), points))
    return tuple(found)


def _point(pair: Any) -> tuple[float, float] | None:
    try:
        at, value = pair
        return float(at), float(value)
    except (TypeError, ValueError):
        return None


def _labels(value: Any) -> Mapping[str, str]:
    return {str(name): str(held) for name, held in value.items()} if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in _list(value) if isinstance(one, Mapping)]


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
