"""The line while something is being done: who approved, how far it is; told in numbers, the bar only repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain.execution import ExecutionState
from bot.domain.verification import HELD
from bot.slack.cards import blocks
from bot.slack.cards.view import CardView, executed_proposal, newest_proposal, who
from bot.slack.message import Block
from bot.slack.mrkdwn import duration, moment, safe

BAR = 6
"""Cells of the bar: short enough for a phone."""


def _number(progress: Mapping[str, Any], key: str) -> int:
    value = progress.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def bar(done: int, total: int) -> str:
    """``▓▓▓▓░░``; a full bar means that all are done, never nearly all."""
    if total <= 0:
        return "░" * BAR
    filled = min(max(done, 0) * BAR // total, BAR)
    return "▓" * filled + "░" * (BAR - filled)


def _told(progress: Mapping[str, Any]) -> str:
    told = progress.get("told")
    return told if isinstance(told, str) else ""


def counts(progress: Mapping[str, Any]) -> str:
    """``4/6 updated, 4 ready``, or what is told of a target that has no pods to count."""
    if told := _told(progress):
        return safe(told, 200)
    desired = _number(progress, "desired")
    word = safe(str(progress.get("word") or "updated"), 20)
    return f"{_number(progress, 'updated')}/{desired} {word}, {_number(progress, 'ready')} ready"


def step(view: CardView) -> str:
    """What is going on, for the page text: ``restart approved``, ``restart running 4/6``."""
    proposal = executed_proposal(view) or newest_proposal(view)
    verb = safe(proposal.text.verb, 40) if proposal else "action"
    check = view.verification
    if view.execution is not None and (check is None or not check.progress) and view.execution.waits:
        return f"{verb} waits"
    if view.execution is None or view.execution.state is ExecutionState.PENDING:
        return f"{verb} approved"
    if check is None or not check.progress:
        return f"{verb} running, not known yet" if view.execution.unanswered else f"{verb} running"
    if check.rolled_out_at is not None:
        said = "seen" if HELD in check.progress else "done" if _told(check.progress) else "rolled out"
        return f"{verb} {said}, being measured"
    if _told(check.progress):
        return f"{verb} running"
    return f"{verb} running {_number(check.progress, 'updated')}/{_number(check.progress, 'desired')}"


def approved_by(view: CardView) -> str:
    """``approved by @ana 03:15``, or ``requested and approved …`` where one person did both."""
    execution = view.execution
    if execution is not None:
        return f"approved by {who(view, execution.approved_by)} {moment(execution.approved_at, view.now)}"
    proposal = newest_proposal(view)
    if proposal is not None and proposal.decided_by and proposal.decided_at:
        return f"approved by {who(view, proposal.decided_by)} {moment(proposal.decided_at, view.now)}"
    return "approved"


def running_block(view: CardView) -> Block:
    """``*Restart Deployment shop/api* · approved by @ana 03:15 · running ▓▓▓▓░░ 4/6 updated, 4 ready``."""
    proposal = executed_proposal(view) or newest_proposal(view)
    headline = safe(proposal.text.headline, 300) if proposal else safe(view.incident.title, 200)
    return blocks.section(f"*{headline}*\n{approved_by(view)} · {_progress(view)}", 1500)


def _progress(view: CardView) -> str:
    execution, check = view.execution, view.verification
    if execution is not None and (check is None or not check.progress) and execution.waits:
        return f"waiting: {safe(execution.outcome, 400)}"
    if execution is None or execution.state is ExecutionState.PENDING:
        return "about to run…"
    if check is None or not check.progress:
        if execution.unanswered:
            return f"running · {safe(execution.told, 400)} It is looked up, not sent again."
        return "running…"
    told = counts(check.progress)
    drawn = (
        "" if _told(check.progress) else f"{bar(*(_number(check.progress, key) for key in ('updated', 'desired')))} "
    )
    if check.rolled_out_at is None:
        return f"running {drawn or '· '}{told}"
    if HELD in check.progress:
        return f"held at {drawn}{told} · watching that it holds"
    # The end and not what is left: while all is well nothing changes on the card, and a number would grow old.
    end = check.rolled_out_at + timedelta(seconds=check.soak)
    soak = f"watching for {duration(check.soak)}, until {moment(end, view.now)}"
    return f"{'rolled out ' + drawn if drawn else 'done · '}{told} · {soak}"
