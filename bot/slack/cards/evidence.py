"""The one evidence message in the thread: findings, then the evidence in order of worth, then what didn't answer.

Tables are rich text, in which Slack parses nothing, and narrow enough for a phone, where a wide one breaks apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.slack.cards import blocks, evidence_rows
from bot.slack.cards.view import pod_rows
from bot.slack.message import Block, Message
from bot.slack.mrkdwn import TIMES, clean, cut, duration, moment, plural, safe, sentence

PODS, EVENTS = 30, 20
COLUMNS, NAME, STATE = 36, 12, 17
"""A phone shows 36 monospaced columns; a longer line breaks the table."""
RECENT = 3600
"""Seconds for which a normal event is worth a line."""
_ORDER = (
    "changes", "pods", "logs", "events", "metrics", "log_errors", "workload", "nodes", "jobs", "volumes", "config",
    "autoscalers", "quotas", "endpoints", "budgets", "silences",
)  # fmt: skip
_TITLES = {"changes": "What changed", "logs": "Last words", "log_errors": "Log errors"}
_QUIET = frozenset(_ORDER) - {"changes", "pods", "logs", "events"}
"""Sources that are worth a word only when they found something or failed."""
MOST = {"pods": 2500, "logs": 3500, "events": 2200, "changes": 1500}
REST = 700
"""Characters of a source's lines, so that all together stay under Slack's 13,000."""
ROOM = 12000


def evidence_message(
    incident: Incident, evidence: Sequence[Evidence], now: datetime, findings: Sequence[Finding] = ()
) -> Message:
    """All evidence of one incident; a failed collector has its line, an empty one says so."""
    ranked = sorted(evidence, key=lambda item: _ORDER.index(item.source) if item.source in _ORDER else len(_ORDER))
    drawn: list[Block] = _findings(findings)
    quiet = [item for item in ranked if item.status is EvidenceStatus.EMPTY and item.source in _QUIET]
    failed = [item for item in ranked if item.status is EvidenceStatus.FAILED]
    for item in ranked:
        made = [] if item in quiet or item in failed else _drawn(item, now)
        if blocks.characters([*drawn, *made]) <= ROOM and len(drawn) + len(made) <= blocks.MESSAGE_BLOCKS - 12:
            drawn += made
    drawn += [block for item in failed[:8] for block in _drawn(item, now)]
    if quiet:
        drawn.append(blocks.context(f"Nothing to tell from {', '.join(_title(item) for item in quiet)}.", 600))
    if not drawn:
        drawn = [blocks.section("No evidence was collected.")]
    return Message(f"Evidence for {incident.ref}: {plural(len(evidence), 'item')}", drawn)


def _findings(findings: Sequence[Finding]) -> list[Block]:
    """Every finding with what it cites, best first: the reasoning behind the card's sentence."""
    drawn = []
    for finding in findings[:4]:
        cites = "; ".join(f"{safe(cite.text, 160)} ({safe(cite.source, 30)})" for cite in finding.cites[:5])
        doubt = f" Against it: {sentence(safe(finding.doubt, 200))}" if finding.doubt else ""
        said = f"*{finding.confidence.capitalize()}*  {sentence(safe(finding.sentence, 400))}"
        drawn.append(blocks.section(f"{said} Seen: {sentence(cites)}{doubt}", 1200))
    return drawn


def _title(item: Evidence) -> str:
    return _TITLES.get(item.source) or safe(item.source.removeprefix("handler:").replace("_", " "), 40)


def _drawn(item: Evidence, now: datetime) -> list[Block]:
    name = _title(item)
    name = name[:1].upper() + name[1:]
    if item.status is EvidenceStatus.FAILED:
        problem = safe(item.problem, 400) or "it gave no reason"
        return [blocks.section(f"*{name}* unavailable: {problem}", 600)]
    title = blocks.section(f"*{name}*  {safe(item.summary, 400)} · {moment(item.observed_at, now)}", 700)
    if item.status is EvidenceStatus.EMPTY:
        return [title]
    lines = _fitting(_lines(item, now), MOST.get(item.source, REST))
    return [title, blocks.preformatted(lines)] if lines else [title]


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """As many lines as fit; what was left out is told."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return [*kept, f"… {plural(len(lines) - len(kept), 'line')} more, not shown"]
        kept.append(line)
    return kept


def _lines(item: Evidence, now: datetime) -> list[str]:
    if item.source == "pods":
        return _pod_lines(pod_rows(item), now)
    if item.source == "events":
        return _event_lines(evidence_rows.rows_of(item, "events"), now)
    if item.source.startswith("handler:"):
        return evidence_rows.handler_lines(item, now)
    drawn = evidence_rows.LINES.get(item.source)
    return drawn(item, now) if drawn is not None else []


def _pod_lines(rows: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """A line a pod within a phone's width; what a pod that isn't ready died of stands on a second one."""
    ordered = sorted(rows, key=lambda row: (bool(row.get("ready")), -_number(row.get("restarts"))))
    lines = [f"  {'pod'.ljust(NAME)} rst state"]
    for row in ordered[:PODS]:
        mark = "✓" if row.get("ready") else "✗"
        name = _tail(str(row.get("name", "")), NAME).ljust(NAME)
        lines.append(f"{mark} {name} {_number(row.get('restarts')):>3} {cut(clean(_state(row)), STATE)}".rstrip())
        about = " · ".join(part for part in (_last_exit(row), _age_of(row, now), _node(row)) if part)
        if about and not row.get("ready"):
            lines.append(f"  {cut(about, COLUMNS - 2)}")
    return lines + _rest(len(ordered), PODS, "pod")


def _state(row: Mapping[str, Any]) -> str:
    return str(row.get("waiting") or row.get("phase") or "")


def _last_exit(row: Mapping[str, Any]) -> str:
    code = row.get("exit_code")
    last = clean(str(row.get("terminated") or ""))
    return f"{last[:16]} {code}".strip() if code else last[:16]


def _age_of(row: Mapping[str, Any], now: datetime) -> str:
    return _age(str(row.get("created_at", "")), now)


def _node(row: Mapping[str, Any]) -> str:
    return clean(str(row.get("node", "")))


def _event_lines(rows: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    lines = []
    told = [row for row in rows if row.get("type") == "Warning" or _recent(row, now)]
    for row in told[:EVENTS]:
        age = _age(str(row.get("last_at", "")), now)
        head = f"{clean(str(row.get('reason', '')))[:40]} {TIMES}{_number(row.get('count')) or 1}"
        when = f"{age} ago" if age else ""
        lines.append(" · ".join(part for part in (head, when, cut(clean(str(row.get("object", ""))), 60)) if part))
        message = cut(clean(str(row.get("message", ""))), 160)
        if message:
            lines.append(f"  {message}")
    lines += _rest(len(told), EVENTS, "event")
    old = len(rows) - len(told)
    return [*lines, f"… {plural(old, 'normal event')} older than an hour"] if old else lines


def _recent(row: Mapping[str, Any], now: datetime) -> bool:
    """What went as planned hours ago tells nothing of this incident; a time that can't be read counts as recent."""
    try:
        at = datetime.fromisoformat(str(row.get("last_at", "")))
    except ValueError:
        return True
    return (now - (at if at.tzinfo else at.replace(tzinfo=UTC))).total_seconds() < RECENT


def _rest(total: int, shown: int, noun: str) -> list[str]:
    return [f"… {plural(total - shown, noun)} more, not shown"] if total > shown else []


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
    return duration((now - at).total_seconds())


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
