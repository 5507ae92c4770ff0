"""Puts playbooks in force: at the start and when their folder changed, each time audited with hash and difference.

What widens what may be proposed or approved is announced in the channel. The difference is to what was in force before,
also before a restart: the store keeps it. It refuses to put a set in force that couldn't be audited.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

import structlog

from bot.domain.audit import AuditNote
from bot.domain.errors import ConfigError
from bot.domain.owed import MessageKind, Priority
from bot.domain.proposal import SYSTEM, canonical
from bot.playbooks import difference, loader
from bot.playbooks.choose import PlaybookSet
from bot.storage import facts, outbox
from bot.storage.db import Tx
from bot.workflow.context import Context

IN_FORCE = "playbooks"
"""The key of the store's facts under which the set in force stands."""
MOST_CHANGES = 100
"""Changes that one audit entry names."""

log = structlog.get_logger(__name__)


class Reloading:
    """The look that comes again and again; what is wrong is logged once, not at each look."""

    def __init__(self) -> None:
        self._said: tuple[str, ...] = ()

    async def look(self, ctx: Context) -> None:
        """One look at the folder; raises errors of the store, and then the old set stays in force."""
        found = await asyncio.to_thread(ctx.playbooks.look)
        if found is not None:
            await ctx.store.transact(record, found, ctx.channel, ctx.clock())
            ctx.playbooks.take(found)
        problems = ctx.playbooks.problems
        if problems != self._said:
            self._said = problems
            for sentence in problems:
                log.error("playbooks were not taken, the old ones stay in force", problem=sentence)
            if not problems:
                log.info("playbooks are in order", hash=ctx.playbooks.current.hash)


def record(tx: Tx, found: PlaybookSet, channel: str, now: datetime) -> None:
    """Audits that this set is in force from now on, and owes the announcement of what widens; nothing if it was."""
    before = in_force(tx)
    if before is not None and before.hash == found.hash:
        return
    changes = difference.diff(before, found) if before is not None else ()
    widening = [one for one in changes if one.widens]
    detail = {
        "hash": found.hash,
        "before": before.hash if before is not None else "",
        "playbooks": len(found.playbooks),
        "own": sorted(found.own),
        "changes": [str(one) for one in changes[:MOST_CHANGES]],
        "changed": len(changes),
        "widens": [str(one) for one in widening[:MOST_CHANGES]],
    }
    tx.audit(AuditNote("system:playbooks:loaded", SYSTEM, f"playbooks:{found.hash[:16]}", "loaded", 0, detail), now)
    facts.put(tx, IN_FORCE, canonical(found.content()))
    if widening:
        text = (
            f"Playbooks changed ({found.hash[:12]}), and more may be proposed or approved than before: "
            f"{difference.sentence(tuple(widening))}. If nobody meant that: fettle freeze on."
        )
        key = f"playbooks:{found.hash[:16]}:{int(now.timestamp())}"
        outbox.owe(tx, MessageKind.STATUS, 0, channel, Priority.DIGEST, now, key=key, params={"text": text})


def in_force(tx: Tx) -> PlaybookSet | None:
    """The set that was in force last, None if there never was one or this release can't read it."""
    stored = facts.get(tx, IN_FORCE)
    if stored is None:
        return None
    try:
        return loader.restored(json.loads(stored))
    except (ValueError, ConfigError):
        return None
