"""Error lines by Loki: how many before the alert's start, since then, and since the last rollout; and which.

Loki counts all of them; which they are is read of the newest few hundred, redacted. The pods that a rollout replaced
count too, else the time before it would look calm. It refuses to read a line that isn't an error, and Loki's trouble
costs nothing but its own windows. Without Loki it isn't there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.errors import FettleError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.observed import LogCountSeen
from bot.domain.query import LogQuery
from bot.domain.redaction import redact
from bot.evidence import places
from bot.evidence.answer import answered, plural
from bot.evidence.ask import Ask
from bot.evidence.changes import span
from bot.evidence.signatures import digest
from bot.integrations import promql
from bot.integrations.loki import Line, Loki
from bot.kube import history, reads

SOURCE = "log_errors"
BEFORE, AFTER, SINCE_ROLLOUT = "before", "after", "since_rollout"
CALM = timedelta(minutes=30)
"""The time before the alert's start that is compared with."""
LONGEST = timedelta(hours=6)
"""Of a window; what lasts longer is looked at for its newest part, and an older rollout isn't looked at."""
SHORTEST = timedelta(seconds=30)
"""An alert that began this moment has no rate yet."""
SLOWEST = 4.0
"""Seconds for one question."""
SHARE = 0.8
"""Of a collector's time, for Loki; the rest is for reading the pods."""
MAX_SAMPLE = 100

_NAMED = "[bcdfghjklmnpqrstvwxz2456789]"
"""The letters of which Kubernetes makes up the ends of names; no vowel, so that few words pass for one."""
_PODS: Mapping[str, str] = {
    "Deployment": f"$workload-{_NAMED}{{6,10}}-{_NAMED}{{5}}",
    "StatefulSet": "$workload-[0-9]+",
    "DaemonSet": f"$workload-{_NAMED}{{5}}",
    "Job": f"$workload-{_NAMED}{{5}}",
    "CronJob": f"$workload-[0-9]{{6,12}}-{_NAMED}{{5}}",
}
"""Kind -> names of its pods, those that are gone too."""


@dataclass(frozen=True)
class _Window:
    name: str
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        return max(1, round((self.end - self.start).total_seconds()))


async def collect(ask: Ask) -> Evidence | None:
    """``data`` is ``{"before": LogCountSeen, "after": ..., "since_rollout": ...}``, those that Loki told."""
    loki = ask.loki
    if loki is None:
        return None
    end = asyncio.get_running_loop().time() + ask.within * SHARE
    pods, rolled_out = await asyncio.gather(places.pod_names(ask), _rollout(ask))
    expr = errors(ask.log_query, places.values(ask, pods))
    custom = ask.log_query.error != LogQuery.error
    asked = windows(ask.clock(), ask.since, rolled_out)
    tasks = [asyncio.create_task(_count(loki, expr, one, every=custom)) for one in asked]
    try:
        await asyncio.wait(tasks, timeout=max(end - asyncio.get_running_loop().time(), 0.1))
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    rows: dict[str, LogCountSeen] = {}
    problems: list[str] = []
    for window, result in zip(asked, ended, strict=True):
        if isinstance(result, LogCountSeen):
            rows[window.name] = result
        elif isinstance(result, FettleError):
            problems.append(str(result))
        elif isinstance(result, asyncio.CancelledError):
            problems.append(f"{loki.name} didn't answer in time.")
        else:
            raise result
    if not rows:
        return Evidence(SOURCE, EvidenceStatus.FAILED, "log errors unavailable", ask.clock(), {}, redact(problems[0]))
    told = summary(rows, problems)
    return answered(SOURCE, ask.clock(), told, rows, empty=not any(row.count for row in rows.values()))


def errors(query: LogQuery, values: promql.Values) -> str:
    """The query for error lines, its places filled; raises ``RequestError`` with what is missing.

    The usual selector takes in the names of pods that are gone.
    """
    return promql.fill(template(query, str(values.get("kind", "")), known=bool(values.get("pods"))), values)


def template(query: LogQuery, kind: str, *, known: bool) -> str:
    """The same with its places yet to be filled; ``known`` where names of pods will be among what fills them.

    The filter stands on a line of its own, where no comment at the selector's end hides it.
    """
    selector = query.selector
    pattern = _PODS.get(kind, "")
    if selector == LogQuery.selector and pattern:
        either = f"$pods|{pattern}" if known else pattern
        selector = f'{{namespace="$namespace", pod=~"{either}"}}'
    return f"{selector}\n|~ {promql.quoted(query.error)}"


def windows(now: datetime, since: datetime | None, rolled_out: datetime | None) -> list[_Window]:
    """What is counted; where nobody knows the trouble's start, the newest half hour, compared with nothing."""
    if since is None:
        found = [_Window(AFTER, now - CALM, now)]
    else:
        began = min(since, now)
        found = [
            _Window(BEFORE, began - CALM, began),
            _Window(AFTER, max(min(began, now - SHORTEST), now - LONGEST), now),
        ]
    if rolled_out is not None and now - LONGEST <= rolled_out <= now - SHORTEST:
        found.append(_Window(SINCE_ROLLOUT, rolled_out, now))
    return found


def summary(rows: Mapping[str, LogCountSeen], problems: Sequence[str] = ()) -> str:
    """``412 error lines in the last 15 min (0.46/s), 3 in the 30 min before the alert; most: db timeout (380)``."""
    parts = []
    if (after := rows.get(AFTER)) is not None:
        parts.append(f"{plural(after.count, 'error line')} in the last {span(after.seconds)} ({after.rate:.2g}/s)")
    if (before := rows.get(BEFORE)) is not None:
        parts.append(f"{before.count} in the {span(before.seconds)} before the alert")
    if (since := rows.get(SINCE_ROLLOUT)) is not None:
        parts.append(f"{since.count} since the rollout ({since.rate:.2g}/s)")
    said = next((row.signatures[0] for row in (after, since, before) if row is not None and row.signatures), None)
    most = f"; most: {said.sample[:MAX_SAMPLE]} ({said.count})" if said is not None else ""
    return f"{', '.join(parts)}{most}{' (a part not answered)' if problems else ''}"


async def _rollout(ask: Ask) -> datetime | None:
    """When the template changed last; None where there is none, or nobody says."""
    target = ask.target
    if target is None or target.kind not in {"Deployment", "StatefulSet", "DaemonSet"}:
        return None
    try:
        found = await reads.parts(ask.cluster, target)
        change = next(history.template_changes(target.kind, found.obj, found.revisions), None)
        at = datetime.fromisoformat(change.at) if change is not None and change.at else None
    except (FettleError, ValueError):  # the changes' own evidence tells of it
        return None
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


async def _count(loki: Loki, expr: str, window: _Window, *, every: bool) -> LogCountSeen:
    """How many lines, by Loki's own count, and what they say; ``every`` line counts where the playbook chose them."""
    series = await loki.instant(f"sum(count_over_time({expr}\n[{window.seconds}s]))", window.end, within=SLOWEST)
    count = int(sum(one.points[-1][1] for one in series))
    began = window.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not count:
        return LogCountSeen(began, window.seconds, 0, 0.0)
    found = await loki.lines(expr, window.start, window.end, within=SLOWEST)
    read = await asyncio.to_thread(digest, _text(found.lines), every=every)
    return LogCountSeen(began, window.seconds, count, count / window.seconds, read.signatures)


def _text(lines: Sequence[Line]) -> str:
    """The lines as the kubelet would give them, with their times."""
    return "\n".join(f"{_stamp(line.at)} {line.text}" for line in lines)


def _stamp(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(min(nanoseconds // 1_000_000_000, 253_402_300_799), UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 1_000_000_000:09d}Z"
