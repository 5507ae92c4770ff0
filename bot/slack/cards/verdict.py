"""What came of it: PASS, FAIL or INCONCLUSIVE with every check in a row; and the outcomes that have no verdict.

What is unknown is never drawn as success: only a stored PASS makes the card green.
"""

from __future__ import annotations

from bot.domain.execution import Standing
from bot.domain.verification import Check, CheckState, Verdict, Verification
from bot.slack.cards import blocks
from bot.slack.cards.running import approved_by, counts
from bot.slack.cards.view import CardView, Phase, executed_proposal, fires_anew, phase_of
from bot.slack.message import Block
from bot.slack.mrkdwn import DASH, duration, moment, safe

MARKS = {
    CheckState.GOOD: "✓",
    CheckState.BAD: "✗",
    CheckState.WAITING: "…",
    CheckState.UNMEASURED: DASH,
    CheckState.ABSENT: DASH,
}
WORDS = {
    Verdict.PASS: "PASS",
    Verdict.FAIL: "FAIL",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
    Verdict.SUPERSEDED: "SUPERSEDED",
    Verdict.MEASURING: "being measured",
}
CHECKS_SHOWN = 12


def verdict_blocks(view: CardView) -> list[Block]:
    """The line of what was done and the checks; or the sentence for a failed or unknown execution."""
    phase = phase_of(view)
    if phase is Phase.NOT_APPLIED:
        return [_not_applied(view)]
    if phase is Phase.UNKNOWN:
        return [_unknown(view)]
    check = view.verification
    if view.execution is None or check is None or check.verdict is Verdict.MEASURING:
        return []
    lines = [_line(view, check)]
    if check.verdict is Verdict.SUPERSEDED:
        lines.append("Something newer changed the target while it was measured; this says nothing about it.")
    if check.note:
        lines.append(safe(check.note, 400))
    if check.verdict is Verdict.INCONCLUSIVE:
        lines.append("It could not be measured. Look before resolving.")
    proposal = executed_proposal(view)
    if check.verdict is Verdict.FAIL and proposal is not None and proposal.text.undo:
        lines.append(safe(proposal.text.undo, 300))
    if check.verdict is Verdict.PASS and view.incident.alerts_firing and view.incident.open:
        lines.append("It fires again since then." if fires_anew(view) else "The alert is still firing.")
    drawn = [blocks.section("\n".join(lines), 1500)]
    if check.checks:
        drawn.append(blocks.section(checks_text(check, view), 2600))
    return drawn


def _line(view: CardView, check: Verification) -> str:
    proposal = executed_proposal(view)
    done = safe(proposal.text.done, 300) if proposal else "Done"
    at = f" {moment(check.settled_at, view.now)}" if check.settled_at else ""
    soak = f" (soak {duration(check.soak)})" if check.verdict is Verdict.PASS and check.soak else ""
    return f"*{done}* · {approved_by(view)} · *{WORDS[check.verdict]}*{at}{soak}"


def checks_text(check: Verification, view: CardView) -> str:
    """Every check on a line of its own: mark, name, measured, expected, time."""
    rows = [check_line(row, view, final=check.verdict is not Verdict.MEASURING) for row in check.checks[:CHECKS_SHOWN]]
    if len(check.checks) > CHECKS_SHOWN:
        rows.append(f"and {len(check.checks) - CHECKS_SHOWN} more under More")
    return "\n".join(rows)


def check_line(row: Check, view: CardView, *, final: bool) -> str:
    """``✓ rollout 6/6 available · expected 6/6 · 03:18``; a wait that never ended is no tick."""
    mark = "✗" if final and row.state is CheckState.WAITING and row.required else MARKS[row.state]
    measured = safe(row.measured, 110)
    if row.state is CheckState.UNMEASURED:
        measured = f"not measured: {measured}" if measured else "not measured"
    if row.state is CheckState.ABSENT:
        measured = measured or "not configured"
    told = row.expected in {"", row.measured} or row.state is CheckState.ABSENT
    wanted = "" if told else f" · expected {safe(row.expected, 60)}"
    return f"{mark} *{safe(row.name, 40)}* {measured}{wanted} · {moment(row.at, view.now)}"


def _not_applied(view: CardView) -> Block:
    proposal = executed_proposal(view)
    headline = safe(proposal.text.headline, 300) if proposal else "The action"
    outcome = safe(view.execution.outcome, 600) if view.execution else ""
    why = f"\n{outcome[:1].upper()}{outcome[1:]}" if outcome else ""
    part = view.execution is not None and view.execution.standing is Standing.PARTLY
    what = "Only a part of it was done." if part else "It was not applied."
    return blocks.section(f"*{headline}* · {approved_by(view)} · *FAILED*\n{what}{why}", 1800)


def _unknown(view: CardView) -> Block:
    proposal = executed_proposal(view)
    headline = safe(proposal.text.headline, 300) if proposal else "The action"
    outcome = safe(view.execution.outcome, 600) if view.execution else ""
    why = f"\n{outcome}" if outcome else ""
    return blocks.section(
        f"*{headline}* · {approved_by(view)} · *UNKNOWN*\n"
        f"It may have been carried out; that could not be read back. A person has to look.{why}",
        1800,
    )


def done_line(view: CardView) -> str:
    """For a resolved card: what was done and with what verdict, empty when nothing was."""
    if view.execution is None:
        return ""
    phase = phase_of(view)
    check = view.verification
    if check is not None and check.verdict is not Verdict.MEASURING:
        return _line(view, check)
    proposal = executed_proposal(view)
    headline = safe(proposal.text.headline, 300) if proposal else "An action"
    told = f" · {counts(check.progress)}" if check is not None and check.progress and phase is Phase.RESOLVED else ""
    return f"*{headline}* · {approved_by(view)} · {view.execution.state}{told}"
