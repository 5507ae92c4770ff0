"""What a stage owes to Slack, in the words of the outbox; delivery renders it late, from the state of that moment.

It refuses to write message bodies for cards: a card is its incident's id, nothing else.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.incident import Incident
from bot.domain.owed import MessageKind, Priority
from bot.storage import outbox
from bot.storage.db import Tx


def card_key(incident_id: int) -> str:
    """The outbox key of an incident's one card."""
    return f"card:{incident_id}"


def card(tx: Tx, incident: Incident, priority: Priority, now: datetime) -> None:
    """Owes the card, or an edit of it. An incident that stands in the digest owes that message instead."""
    if incident.digest_id is not None and outbox.posted(tx, card_key(incident.id)) is None:
        outbox.owe(
            tx,
            MessageKind.DIGEST,
            incident.digest_id,
            incident.channel,
            Priority.DIGEST,
            now,
            key=f"digest:{incident.digest_id}",
        )
        return
    outbox.owe(tx, MessageKind.CARD, incident.id, incident.channel, priority, now, key=card_key(incident.id))


def evidence(tx: Tx, incident: Incident, now: datetime) -> None:
    """Owes the thread's one evidence message, or an edit of it."""
    if incident.digest_id is not None:
        return
    outbox.owe(
        tx,
        MessageKind.EVIDENCE,
        incident.id,
        incident.channel,
        Priority.THREAD,
        now,
        key=f"evidence:{incident.id}",
        thread_key=card_key(incident.id),
    )


def thread(tx: Tx, incident: Incident, name: str, text: str, now: datetime, *, broadcast: bool = False) -> None:
    """Owes a message in the card's thread; ``name`` makes it unique within the incident (``resolved:2``).

    ``broadcast`` also shows it in the channel: only what pages does that.
    """
    if incident.digest_id is not None:
        return
    outbox.owe(
        tx,
        MessageKind.THREAD,
        incident.id,
        incident.channel,
        Priority.PRESS if broadcast else Priority.THREAD,
        now,
        key=f"thread:{incident.id}:{name}",
        thread_key=card_key(incident.id),
        params={"text": text, "broadcast": broadcast},
    )
