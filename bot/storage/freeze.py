"""The kill switch's row: one, read right before every write to the cluster, set from anywhere the database is.

This module refuses to know the other switches (the file, the environment variable); policy joins them.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.audit import AuditNote
from bot.domain.execution import ExecutionState
from bot.storage.tables import FreezeRow
from bot.storage.tx import Tx


def state(tx: Tx) -> tuple[bool, str, str, datetime | None]:
    """(on, actor, reason, since); the last three tell who set it last."""
    row = tx.one(FreezeRow.select())
    return row.on, row.actor, row.reason, row.at


def set_frozen(tx: Tx, on: bool, actor: str, reason: str, now: datetime) -> int:
    """Set the switch and audit it, also when it stood so before; how many requests may be on their way right now.

    From the commit on no effect begins whose last check comes after it; those counted here were checked before.
    """
    tx.run(FreezeRow.update(on=on, actor=actor, reason=reason, at=now))
    running = tx.execute("SELECT count(*) FROM executions WHERE state = ?", (ExecutionState.RUNNING.value,)).fetchone()[
        0
    ]
    word = "on" if on else "off"
    detail = {"reason": reason} if reason else {}
    tx.audit(AuditNote(f"freeze:state:{word}", actor, "freeze", word, detail=detail), now)
    return int(running)
