"""What is wrong, in one sentence: until findings exist, what the alert says and what the collectors saw.

It claims no cause and no confidence; it repeats facts with their source.
"""

from __future__ import annotations

from bot.domain.evidence import EvidenceStatus
from bot.slack.cards import blocks
from bot.slack.cards.header import line
from bot.slack.cards.view import CardView, Phase, newest_proposal, nothing_comes, nothing_fits, phase_of
from bot.slack.message import Block
from bot.slack.mrkdwn import safe, sentence


def finding_blocks(view: CardView) -> list[Block]:
    """The sentence, and a second one where the target is unknown or not ours to act on."""
    parts = []
    seen = sentence(safe(view.alerts.summary, 400))
    facts = [
        sentence(safe(item.summary, 220))
        for item in sorted(view.evidence, key=lambda each: each.source != "pods")
        if item.status is EvidenceStatus.OK and item.summary
    ]
    if seen or facts:
        parts.append(f"*Seen*  {' '.join(part for part in (seen, *facts[:4]) if part)}")
    if phase_of(view) is Phase.COLLECTING:
        parts.append("_Evidence is being collected._")
    text = "\n".join(parts)
    made = [blocks.section(text, 1500)] if text else []
    note = _note(view)
    return [*made, blocks.section(note, 700)] if note else made


def _note(view: CardView) -> str:
    incident = view.incident
    if nothing_comes(view):
        return ""  # the line that says that nothing is proposed gives it as the reason
    newest = newest_proposal(view)
    if incident.target_note:
        if newest is not None and nothing_fits(newest) and incident.target_note in newest.text.refusal:
            return ""  # the proposal's own line says it
        return sentence(safe(incident.target_note, 500))
    if not incident.foreign_cluster:
        return ""
    where = safe(incident.foreign_cluster, 100)
    return f"The alert comes from cluster *{where}*, which this Fettle doesn't serve: nothing is proposed here."


def related_block(view: CardView) -> Block | None:
    """Other open incidents on the same target, at most three by name."""
    if not view.related:
        return None
    shown = [line(incident, view.links.get(incident.id, "")) for incident in view.related[:3]]
    rest = len(view.related) - len(shown)
    more = f" · and {rest} more" if rest else ""
    return blocks.context(f"Also open on this target: {' ; '.join(shown)}{more}", 900)
