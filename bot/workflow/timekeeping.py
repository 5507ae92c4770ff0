"""When the machine's clock was set, what isn't over moves with it: no wait gets longer, no soak or approval shorter.

A bot's clock is steady (``bot.clock``); this follows the machine's within seconds, between two stages, in one
transaction that also says so in the audit. The same at the start, for a clock that was set while nobody ran. It
refuses to touch what is over, and the audit: those times stay as they were written.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import structlog

from bot.clock import Steady
from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError
from bot.domain.owed import Priority
from bot.domain.proposal import SYSTEM
from bot.storage import audit, facts, incidents, proposals, redate
from bot.storage.db import Lane, Store, Tx
from bot.workflow import owing

log = structlog.get_logger(__name__)

STEP = timedelta(seconds=1)
"""A clock that is less wrong than this is left alone: nothing that waits is that exact."""
FACT = "clock"
"""Where the database remembers by which clock its times were written: the boot, and that clock's zero."""


async def follow(store: Store, steady: Steady) -> None:
    """Follows the machine's clock, and moves what waits by as much. Raises ``StoreUnavailableError``."""
    before = steady.base
    try:
        moved = await store.transact(_follow, steady, steady.wall_base(), lane=Lane.PRESS)
    except FettleError:
        steady.base = before
        raise
    if moved or abs(steady.base - before) >= STEP:
        seconds = (moved or steady.base - before).total_seconds()
        log.warning("this machine's clock was set", seconds=round(seconds, 3), moved_what_waits=bool(moved))


def _follow(tx: Tx, steady: Steady, base: datetime) -> timedelta:
    """By how much what waits was moved."""
    step = base - _written_by(tx, steady, base)
    steady.base = base
    facts.put(tx, FACT, json.dumps({"boot": steady.boot, "base": base.isoformat()}))
    if abs(step) < STEP or not redate.alone(tx):
        return timedelta()
    now = steady()
    redate.shift(tx, step)
    for proposal in proposals.pending(tx):  # the card says until when it can be approved
        owing.card(tx, incidents.get(tx, proposal.incident_id), Priority.EXECUTION, now)
    word = "ahead" if step > timedelta() else "back"
    detail = {"seconds": round(step.total_seconds(), 3)}
    tx.audit(AuditNote("system:clock:set", SYSTEM, "process", word, detail=detail), now)
    return step


def _written_by(tx: Tx, steady: Steady, base: datetime) -> datetime:
    """The zero of the clock by which the stored times were written.

    Of another boot (or machine) nothing is known but this: nothing was written in the future.
    """
    known = json.loads(facts.get(tx, FACT) or "{}")
    if known and steady.boot and known["boot"] == steady.boot:
        return datetime.fromisoformat(known["base"])
    newest = audit.entries(tx, newest=True, limit=1)
    ahead = newest[0].at - steady() if newest else timedelta()
    return base + max(ahead, timedelta())
