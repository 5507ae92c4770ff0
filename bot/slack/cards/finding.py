"""What is wrong, in one sentence with its confidence and what that rests on; and what changed last.

Without a finding it repeats what the alert says and what the collectors saw, and claims no cause. It refuses to weigh:
findings come ranked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.evidence import EvidenceStatus
from bot.domain.finding import Cause, Confidence, Finding, says_again
from bot.slack.cards import blocks
from bot.slack.cards.header import line
from bot.slack.cards.view import CardView, Phase, evidence_of, newest_proposal, nothing_comes, nothing_fits, phase_of
from bot.slack.message import Block
from bot.slack.mrkdwn import moment, safe, sentence

ALSO = 2
"""Further findings that the card names, where they say more than the first; all of them stand in the thread."""
_FACTS_FIRST = ("pods", "workload", "logs", "events")
_TOLD_ABOVE = "silences"


def finding_blocks(view: CardView) -> list[Block]:
    """The finding or what was seen, what changed last, and a line where the target is unknown or not ours to act on."""
    parts = _concluded(view) if view.findings else [_seen(view)]
    changed = changed_last(view)
    if changed:
        parts.append(f"*Changed last*  {changed}")
    if phase_of(view) is Phase.COLLECTING:
        parts.append("_Evidence is being collected._")
    text = "\n".join(part for part in parts if part)
    made = [blocks.section(text, 2000)] if text else []
    note = _note(view)
    return [*made, blocks.section(note, 700)] if note else made


def _concluded(view: CardView) -> list[str]:
    best = view.findings[0]
    others = [other for other in view.findings[1:] if not says_again(best, other)][:ALSO]
    parts = [f"*{_heading(best)}*  {sentence(safe(best.sentence, 500))}", confidence_line(best)]
    parts += [f"Also possible ({other.confidence}): {sentence(safe(other.sentence, 250))}" for other in others]
    return parts


def _heading(finding: Finding) -> str:
    if finding.cause is Cause.NOTHING_WRONG:
        return "Seen"
    return "Likely cause" if finding.confidence is not Confidence.LOW else "Possible cause"


def confidence_line(finding: Finding) -> str:
    """How sure and why: ``Confidence high: first crash 40 s after the rollout. But metrics weren't measured.``."""
    basis = f": {safe(finding.basis, 300)}" if finding.basis else ""
    doubt = f" But {sentence(safe(finding.doubt, 250))}" if finding.doubt else ""
    return f"Confidence {finding.confidence}{sentence(basis) or '.'}{doubt}"


def _seen(view: CardView) -> str:
    seen = sentence(safe(view.alerts.summary, 400))
    facts = [
        sentence(safe(item.summary, 220))
        for item in sorted(view.evidence, key=lambda each: _rank(each.source))
        if item.status is EvidenceStatus.OK and item.summary and item.source != _TOLD_ABOVE
    ]
    return f"*Seen*  {' '.join(part for part in (seen, *facts[:4]) if part)}" if seen or facts else ""


def _rank(source: str) -> int:
    return _FACTS_FIRST.index(source) if source in _FACTS_FIRST else len(_FACTS_FIRST)


def changed_last(view: CardView) -> str:
    """``rev 42, 03:00, by kubectl: image api:1.4.1 → 1.4.2``: the newest change, empty where none is known."""
    found = evidence_of(view, "changes")
    rows = found.data.get("changes", ()) if found is not None and found.status is EvidenceStatus.OK else ()
    told = [row for row in rows if isinstance(row, Mapping) and row.get("what")]
    # Nodes come and go by themselves; they stand in the thread.
    newest = next((row for row in told if row.get("kind") != "node"), None)
    return change_line(newest, view.now) if newest is not None else ""


def change_line(row: Mapping[str, Any], now: datetime) -> str:
    """One change as a line; its time in the reader's own zone."""
    revision = f"rev {safe(str(row['revision']), 40)}" if row.get("revision") else ""
    at = _instant(row.get("at"))
    by = f"by {safe(str(row['by']), 80)}" if row.get("by") else ""
    head = ", ".join(part for part in (revision, moment(at, now) if at else "", by) if part)
    what = safe(str(row.get("what", "")), 300)
    return f"{head}: {what}" if head else what


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) and text else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


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
    return blocks.context(f"Also open on this target: {'; '.join(shown)}{more}", 900)
