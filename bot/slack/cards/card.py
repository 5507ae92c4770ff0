"""One incident, one message: the parts in their order, top-level blocks alone.

Attachments are refused on purpose: Slack may fold them away, and Approve with them. Each part has its own cap, so that
all together stay under Slack's 13,000 characters whatever the labels hold; ``_fit`` is the guard behind them.
"""

from __future__ import annotations

from bot.domain.incident import Resolution
from bot.slack.cards import blocks
from bot.slack.cards.buttons import button_blocks
from bot.slack.cards.finding import finding_blocks, related_block
from bot.slack.cards.footer import footer_block
from bot.slack.cards.header import page, state_block, title_block
from bot.slack.cards.proposal import nothing_block, proposal_blocks
from bot.slack.cards.running import running_block
from bot.slack.cards.steps import step_blocks
from bot.slack.cards.verdict import done_line, verdict_blocks
from bot.slack.cards.view import CardView, Phase, nothing_comes, phase_of
from bot.slack.message import Block, Message
from bot.slack.mrkdwn import safe

_HOW = {
    Resolution.ALERTS_CLEARED: "All alerts are resolved.",
    Resolution.VERIFIED: "Closed after PASS.",
    Resolution.PERSON: "Closed by a person.",
    Resolution.RETURNED: "What was missing came again.",
}


def card(view: CardView) -> Message:
    """The whole card for the incident's current state; never raises, whatever the texts hold."""
    phase = phase_of(view)
    drawn = [title_block(view), state_block(view)]
    if phase is Phase.RESOLVED:
        drawn += [_resolved(view), *step_blocks(view)]
    elif phase is Phase.RUNNING:
        drawn += [running_block(view), *step_blocks(view)]
    else:
        drawn += [*verdict_blocks(view), *step_blocks(view)]
        if view.execution is None:
            drawn += finding_blocks(view)
        drawn += proposal_blocks(view)
        if phase is Phase.OPEN:
            drawn += _not_yet(view)
    drawn += button_blocks(view)
    related = related_block(view)
    if related:
        drawn.append(related)
    drawn.append(footer_block(view))
    return Message(text=page(view), blocks=_fit(drawn))


def _resolved(view: CardView) -> Block:
    lines = [done_line(view) or "No action was taken by Fettle."]
    incident = view.incident
    try:
        lines.append(_HOW[Resolution(incident.resolution)])
    except ValueError:
        lines += [safe(incident.resolution, 200)] if incident.resolution else []
    if incident.reason:
        lines.append(f"Reason: {safe(incident.reason, 500)}")
    return blocks.section("\n".join(lines), 1800)


def _not_yet(view: CardView) -> list[Block]:
    """Between evidence and proposal; an incident that a person declared gets none by itself."""
    if view.incident.declared_by:
        return []
    why = nothing_comes(view)
    if why:
        return [nothing_block(view, why)]
    return [blocks.section("_What could help is being checked._", 100)]


def _fit(drawn: list[Block]) -> list[Block]:
    """Drops from the end of the middle (context first) until Slack's sum fits; title, state and buttons stay."""
    kept = list(drawn)
    for droppable in ("context", "section"):
        for block in reversed(drawn[2:]):
            if blocks.characters(kept) <= blocks.MESSAGE_CHARACTERS - 200 and len(kept) <= blocks.MESSAGE_BLOCKS:
                return kept
            if block["type"] == droppable:
                kept.remove(block)
    return kept
