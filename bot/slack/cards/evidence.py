"""The one evidence message in the thread: pods, events, and the collectors that failed, in order of worth.

Tables are rich text, in which Slack parses nothing, with the narrow columns first: what a phone cuts off is the node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import Incident
from bot.slack.cards import blocks
from bot.slack.cards.view import pod_rows
from bot.slack.message import Block, Message
from bot.slack.mrkdwn import TIMES, clean, cut, duration, moment, plural, safe

PODS, EVENTS = 30, 20
_ORDER = ("pods", "events")


def evidence_message(incident: Incident, evidence: Sequence[Evidence], now: datetime) -> Message:
    """All evidence of one incident; a failed collector has its line, an empty one says so."""
    ranked = sorted(evidence, key=lambda item: _ORDER.index(item.source) if item.source in _ORDER else len(_ORDER))
    drawn: list[Block] = []
    for item in ranked[:8]:
        drawn += _drawn(item, now)
    if not drawn:
        drawn = [blocks.section("No evidence was collected.")]
    return Message(f"Evidence for {incident.ref}: {plural(len(evidence), 'item')}", drawn)


def _drawn(item: Evidence, now: datetime) -> list[Block]:
    name = safe(item.source, 40).capitalize()
    if item.status is EvidenceStatus.FAILED:
        problem = safe(item.problem, 400) or "it gave no reason"
        return [blocks.section(f"*{name}* unavailable: {problem}", 600)]
    title = blocks.section(f"*{name}*  {safe(item.summary, 400)} · {moment(item.observed_at, now)}", 700)
    if item.status is EvidenceStatus.EMPTY:
        return [title]
    lines = _lines(item, now)
    return [title, blocks.preformatted(lines)] if lines else [title]


def _lines(item: Evidence, now: datetime) -> list[str]:
    if item.source == "pods":
        return _pod_lines(pod_rows(item), now)
    rows = [row for row in item.data.get("events", ()) if isinstance(row, Mapping)]
    return _event_lines(rows, now) if item.source == "events" else []


def _pod_lines(rows: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    ordered = sorted(rows, key=lambda row: (bool(row.get("ready")), -_number(row.get("restarts"))))
    table = [("", "pod", "rst", "state", "age", "node")]
    table += [
        (
            "✓" if row.get("ready") else "✗",
            _tail(str(row.get("name", "")), 17),
            str(_number(row.get("restarts"))),
            cut(clean(_condition(row)), 26),
            _age(str(row.get("created_at", "")), now),
            cut(clean(str(row.get("node", ""))), 30),
        )
        for row in ordered[:PODS]
    ]
    return _aligned(table) + _rest(len(ordered), PODS, "pod")


def _condition(row: Mapping[str, Any]) -> str:
    code = row.get("exit_code")
    last = str(row.get("terminated") or "")
    exit_text = f"{last} {code}".strip() if code is not None and code != 0 else last
    waiting = str(row.get("waiting") or "")
    parts = [waiting or ("" if exit_text else str(row.get("phase") or "")), exit_text]
    return ", ".join(part for part in parts if part)


def _event_lines(rows: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    lines = []
    for row in rows[:EVENTS]:
        age = _age(str(row.get("last_at", "")), now)
        head = f"{clean(str(row.get('reason', '')))[:40]} {TIMES}{_number(row.get('count')) or 1}"
        when = f"{age} ago" if age else ""
        lines.append(" · ".join(part for part in (head, when, cut(clean(str(row.get("object", ""))), 60)) if part))
        message = cut(clean(str(row.get("message", ""))), 160)
        if message:
            lines.append(f"  {message}")
    return lines + _rest(len(rows), EVENTS, "event")


def _rest(total: int, shown: int, noun: str) -> list[str]:
    return [f"… {plural(total - shown, noun)} more, not shown"] if total > shown else []


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _tail(text: str, limit: int) -> str:
    """The end of a pod's name: the beginning is the workload's, the same in every row."""
    text = clean(text)
    return text if len(text) <= limit else f"…{text[-(limit - 1) :]}"


def _age(text: str, now: datetime) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return duration((now - at).total_seconds()).split(" s")[0] + ("s" if (now - at).total_seconds() < 60 else "")


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
