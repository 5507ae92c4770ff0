"""Digests: one open message in a channel for what gets no card of its own.

At most one is open in a channel; the database holds that. This module refuses to decide what belongs in one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.incident import Incident
from bot.storage import incidents
from bot.storage.tables import Digest
from bot.storage.tx import Tx


def current(tx: Tx, channel: str, now: datetime, max_age: timedelta) -> int:
    """The id of the channel's open digest; one older than ``max_age`` is closed and a new one begun."""
    row = tx.one(Digest.select().where(Digest.channel == channel, Digest.closed_at.is_null()))
    if row is not None:
        if row.opened_at > now - max_age:
            return int(row.id)
        close(tx, row.id, now)
    return int(tx.one(Digest.insert(channel=channel, opened_at=now).returning(Digest)).id)


def close(tx: Tx, digest_id: int, now: datetime) -> bool:
    """No more lines; False if it was closed before."""
    return bool(tx.run(Digest.update(closed_at=now).where(Digest.id == digest_id, Digest.closed_at.is_null())))


def incidents_in(tx: Tx, digest_id: int) -> list[Incident]:
    """The incidents that this digest shows, oldest first."""
    return incidents.in_digest(tx, digest_id)


def channel_of(tx: Tx, digest_id: int) -> str:
    """The channel of a digest, empty if there is none with this id."""
    row = tx.one(Digest.select().where(Digest.id == digest_id))
    return row.channel if row else ""
