"""The last grey line: what the evidence counts, what is missing, how old this drawing is; never what decides."""

from __future__ import annotations

from bot.domain.evidence import EvidenceStatus
from bot.slack.cards import blocks
from bot.slack.cards.view import CardView, evidence_of, ready_count
from bot.slack.message import Block
from bot.slack.mrkdwn import duration, moment, plural, safe

LATE = 60
"""Seconds of lag from which the card says that Slack delivers late."""


def footer_block(view: CardView) -> Block:
    """``pods at 03:07: 3/6 ready · 2 evidence items in thread · events unavailable (timed out) · drawn 03:14``."""
    parts = []
    ready = ready_count(view)
    pods = evidence_of(view, "pods")
    if ready and pods is not None and view.execution is None:
        # Its own time: the card is drawn again long after the pods were read.
        parts.append(f"pods at {moment(pods.observed_at, view.now)}: {ready[0]}/{ready[1]} ready")
    answered = [item for item in view.evidence if item.status is not EvidenceStatus.FAILED]
    if answered:
        parts.append(f"{plural(len(answered), 'evidence item')} in thread")
    failed = [item for item in view.evidence if item.status is EvidenceStatus.FAILED]
    parts += [f"{safe(item.source, 30)} unavailable ({safe(item.problem, 120)})" for item in failed[:3]]
    if view.soak_note:
        parts.append(safe(view.soak_note, 200))
    if view.replaced:
        parts.append("the earlier card was deleted, this one replaces it")
    if view.delayed >= LATE:
        parts.append(f"⏳ delivery delayed by {duration(view.delayed)}")
    parts.append(f"as of {moment(view.now, view.now)}")
    return blocks.context(" · ".join(parts), 1200)
