"""The rows of one source as monospaced lines for a phone: what findings read, told to a person.

Every text here comes from outside and goes into rich text, in which Slack parses nothing. It refuses to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.domain.evidence import Evidence
from bot.slack.cards.metric_rows import metric_lines
from bot.slack.mrkdwn import TIMES, clean, cut, duration, plural

Row = Mapping[str, Any]
WIDE = 160
"""Prose may wrap; only tables must not."""


def rows_of(item: Evidence, key: str) -> list[Row]:
    """The rows under a key; anything else than a list of objects is no row."""
    return [row for row in _list(item.data, key) if isinstance(row, Mapping)]


def _text(row: Row, key: str, limit: int = WIDE) -> str:
    value = row.get(key)
    return cut(clean(str(value)), limit) if value not in (None, "") else ""


def _list(row: Row, key: str) -> list[Any]:
    found = row.get(key)
    return list(found) if isinstance(found, list | tuple) else []


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def age(text: str, now: datetime, *, ahead: bool = False) -> str:
    """``7 min`` since an RFC 3339 time, or until it; empty for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if at.tzinfo is None:
        return ""
    return duration((at - now if ahead else now - at).total_seconds())


def _ago(row: Row, key: str, now: datetime) -> str:
    since = age(str(row.get(key) or ""), now)
    return f"{since} ago" if since else ""


def change_lines(item: Evidence, now: datetime) -> list[str]:
    """Newest first; the diff of a template stands under its change."""
    lines: list[str] = []
    for row in rows_of(item, "changes")[:6]:
        by = _text(row, "by", 60)
        revision = _text(row, "revision", 40)
        head = _joined(f"rev {revision}" if revision else "", _ago(row, "at", now), f"by {by}" if by else "")
        lines.append(f"{head}: {_text(row, 'what', 300)}" if head else _text(row, "what", 300))
        lines += [f"  {cut(clean(str(line)), WIDE)}" for line in _list(row, "diff")[:12]]
    return lines


def log_lines(item: Evidence, now: datetime) -> list[str]:
    """Error signatures with counts first, then the last lines, container by container."""
    lines: list[str] = []
    for row in rows_of(item, "logs")[:4]:
        previous = " (previous)" if row.get("previous") else ""
        lines.append(f"{_text(row, 'pod', 63)} {_text(row, 'container', 40)}{previous}")
        if row.get("problem"):
            lines.append(f"  {_text(row, 'problem', 200)}")
        for one in _signatures(row, 5):
            last = _ago(one, "last_at", now)
            lines.append(f"  {_signature(one)}{f' ({last})' if last else ''}")
            lines += [f"     {cut(clean(str(line)), WIDE)}" for line in _list(one, "trace")[:4]]
        lines += [f"  {cut(clean(str(line)), WIDE)}" for line in _list(row, "tail")[-8:]]
    return lines


def _signatures(row: Row, most: int) -> list[Row]:
    return [one for one in _list(row, "signatures") if isinstance(one, Mapping)][:most]


def _signature(one: Row) -> str:
    return f"{TIMES}{one.get('count', 1)} {_text(one, 'sample') or _text(one, 'text')}"


def _conditions(row: Row) -> list[str]:
    return [
        f"  {_text(one, 'type', 40)}={_text(one, 'status', 10)} "
        + _joined(_text(one, "reason", 60), _text(one, "message"))
        for one in _list(row, "conditions")
        if isinstance(one, Mapping)
    ]


def _workload(item: Evidence, _now: datetime) -> list[str]:
    row = item.data.get("workload")
    return _conditions(row) if isinstance(row, Mapping) else []


def _nodes(item: Evidence, _now: datetime) -> list[str]:
    lines = []
    for row in rows_of(item, "nodes")[:8]:
        known = row.get("ready")
        ready = "unknown" if known is None else ("ready" if known else "NOT READY")
        cordoned = "cordoned" if row.get("unschedulable") else ""
        pods = _list(row, "pods")
        lines.append(_joined(_text(row, "name", 60), ready, cordoned, plural(len(pods), "pod") if pods else ""))
        lines += [f"  {cut(clean(str(taint)), 100)}" for taint in _list(row, "taints")[:4]]
        told = [one for one in _list(row, "conditions") if isinstance(one, Mapping)]
        bad = [one for one in told if (one.get("type") == "Ready") != (one.get("status") == "True")]
        lines += _conditions({"conditions": bad})
    return lines


def _jobs(item: Evidence, now: datetime) -> list[str]:
    return [
        _joined(
            _text(row, "name", 63),
            _text(row, "result", 20) or "running",
            f"{row.get('failed', 0)} failed",
            _ago(row, "started_at", now),
            _text(row, "message"),
        )
        for row in rows_of(item, "jobs")[:8]
    ]


def _autoscalers(item: Evidence, _now: datetime) -> list[str]:
    lines = []
    for row in rows_of(item, "autoscalers")[:3]:
        bounds = f"{row.get('current', 0)} of {row.get('least', 0)} to {row.get('most', 0)}"
        lines.append(
            _joined(_text(row, "name", 60), bounds, *(cut(clean(str(one)), 80) for one in _list(row, "metrics")))
        )
        lines += _conditions(row)
    return lines


def _figure(row: Row, key: str) -> str:
    value = row.get(key)
    return f"{value:g}" if isinstance(value, int | float) else "?"


def _quotas(item: Evidence, _now: datetime) -> list[str]:
    return [
        f"{_text(row, 'name', 40)} {_text(row, 'resource', 40)}: {_figure(row, 'used')} of {_figure(row, 'hard')}"
        for row in rows_of(item, "quotas")[:10]
    ]


def _budgets(item: Evidence, _now: datetime) -> list[str]:
    return [
        _joined(
            _text(row, "name", 60),
            _text(row, "bound", 60),
            f"{row.get('healthy', 0)} of {row.get('desired', 0)} wanted healthy, {row.get('allowed', 0)} may go",
        )
        for row in rows_of(item, "budgets")[:5]
    ]


def _volumes(item: Evidence, _now: datetime) -> list[str]:
    return [
        _joined(
            _text(row, "claim", 63),
            _text(row, "phase", 20),
            _share(row.get("used"), row.get("capacity")),
            f"full in {duration(row['full_in'])}" if isinstance(row.get("full_in"), int | float) else "",
            _text(row, "message"),
        )
        for row in rows_of(item, "volumes")[:8]
    ]


def _share(used: object, capacity: object) -> str:
    if not isinstance(capacity, int | float) or capacity <= 0:
        return ""
    size = f"{capacity / 2**30:.1f} GiB"
    return f"{used / capacity:.0%} of {size}" if isinstance(used, int | float) else size


def _config(item: Evidence, now: datetime) -> list[str]:
    lines = []
    for row in rows_of(item, "references")[:10]:
        missing = ", ".join(cut(clean(str(key)), 60) for key in _list(row, "missing"))
        there = "is missing" if row.get("exists") is False else (f"lacks {missing}" if missing else "")
        changed = _ago(row, "changed_at", now)
        said = _joined(there, f"changed {changed}" if changed else "")
        if said:
            lines.append(f"{_text(row, 'kind', 20)} {_text(row, 'name', 63)} {said}")
    return lines


def _endpoints(item: Evidence, _now: datetime) -> list[str]:
    return [
        f"{_text(row, 'name', 63)}: {row.get('ready', 0)} ready, {row.get('not_ready', 0)} not"
        for row in rows_of(item, "services")[:8]
    ]


def _log_errors(item: Evidence, _now: datetime) -> list[str]:
    lines = []
    for window in ("before", "after", "since_rollout"):
        row = item.data.get(window)
        if isinstance(row, Mapping):
            rate = row.get("rate")
            told = f"{rate:.2f} a second" if isinstance(rate, int | float) else ""
            lines.append(_joined(window.replace("_", " "), f"{row.get('count', 0)} error lines", told))
            lines += [f"  {_signature(one)}" for one in _signatures(row, 3)]
    return lines


def _silences(item: Evidence, now: datetime) -> list[str]:
    lines = []
    for row in rows_of(item, "silences")[:5]:
        left = age(str(row.get("until") or ""), now, ahead=True)
        ends = f"ends in {left}" if left else "no end told"
        by = _text(row, "by", 60)
        lines.append(_joined(f"silenced by {by}" if by else "silenced", ends, _text(row, "comment", 200)))
        lines += [f"  {cut(clean(str(one)), WIDE)}" for one in _list(row, "matchers")[:5]]
    return lines


LINES: Mapping[str, Callable[[Evidence, datetime], list[str]]] = {
    "changes": change_lines,
    "logs": log_lines,
    "workload": _workload,
    "nodes": _nodes,
    "jobs": _jobs,
    "autoscalers": _autoscalers,
    "quotas": _quotas,
    "budgets": _budgets,
    "volumes": _volumes,
    "config": _config,
    "endpoints": _endpoints,
    "log_errors": _log_errors,
    "metrics": metric_lines,
    "silences": _silences,
}
"""Source -> its lines; pods and events are drawn with their own tables in ``evidence``."""


def handler_lines(item: Evidence, _now: datetime) -> list[str]:
    """What a handler of the team added: names and values, flat."""
    return [f"{cut(clean(str(key)), 60)}: {cut(clean(str(value)), 200)}" for key, value in list(item.data.items())[:20]]
