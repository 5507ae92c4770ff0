"""The one digest message of a channel: what a storm or low severity keeps off cards of its own, a line each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.incident import Incident
from bot.slack import ids
from bot.slack.cards import blocks
from bot.slack.cards.header import line
from bot.slack.message import Block, Message
from bot.slack.mrkdwn import moment, plural

SHOWN = 40
"""Slack takes 50 blocks and about 13,000 characters a message; a line here has at most 260."""


@dataclass(frozen=True)
class DigestView:
    """The incidents of one digest. ``links`` maps those that got a card meanwhile to its permalink.

    ``command`` is ``/incident`` as this workspace knows it.
    """

    incidents: tuple[Incident, ...]
    now: datetime
    links: dict[int, str]
    command: str = "/incident"


def digest(view: DigestView) -> Message:
    """Open ones first, the worst on top; what doesn't fit is counted and reachable by ``/incident list``."""
    ordered = sorted(view.incidents, key=lambda one: (not one.open, one.severity, -one.id))
    open_count = sum(one.open for one in ordered)
    head = f"{plural(len(ordered), 'incident')} without a card · {open_count} open"
    drawn = [blocks.header(f"🔵 Digest · {head}")]
    drawn += [_line(one, view) for one in ordered[:SHOWN]]
    rest = len(ordered) - SHOWN
    if rest > 0:
        drawn.append(blocks.section(f"and {rest} more: `{view.command} list`", 200))
    drawn.append(blocks.context(f"as of {moment(view.now, view.now)}", 200))
    return Message(f"Digest · {head}", drawn)


def _line(incident: Incident, view: DigestView) -> Block:
    address = view.links.get(incident.id, "")
    mark = "🔴" if incident.open else "🟢"
    told = line(incident, address if len(address) < 120 else "")
    alerts = f" · {plural(incident.alerts_total, 'alert')}" if incident.alerts_total else ""
    text = f"{mark} {told} · {incident.state}{alerts} · {moment(incident.episode_at, view.now)}"
    open_card = None if address else blocks.button(ids.OPEN_CARD, "Open card", ids.incident_value(incident.id))
    return blocks.section(text, 260, open_card)
