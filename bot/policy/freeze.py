"""The kill switch: a row, an environment variable and a file, any of which freezes; unreadable is None, which denies.

Pure; whoever reads the three passes them in, right before every write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.decision import NOTHING_DONE


@dataclass(frozen=True)
class FreezeState:
    """The stored switch: who set it, when and why."""

    on: bool
    by: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Freeze:
    """``on`` is None when a source can't be read and none says yes; ``sentence`` is for the refusal."""

    on: bool | None
    sentence: str = ""


def frozen(row: FreezeState | None, env: bool, file: bool | None) -> Freeze:
    """Combines the three. ``row`` and ``file`` are None when they couldn't be read; one yes is enough."""
    if row is not None and row.on:
        since = f" since {row.at:%H:%M} {row.at.tzname() or ''}".rstrip() if row.at is not None else ""
        who = f" by {row.by}" if row.by else ""
        why = f': "{row.reason}"' if row.reason else ""
        return Freeze(on=True, sentence=f"Writes are frozen{since}{who}{why}. {NOTHING_DONE}")
    if env:
        return Freeze(on=True, sentence=f"Writes are frozen by the environment (FETTLE_FROZEN). {NOTHING_DONE}")
    if file:
        return Freeze(on=True, sentence=f"Writes are frozen: the FREEZE_FILE exists. {NOTHING_DONE}")
    if row is None:
        return Freeze(on=None, sentence="I can't read the freeze switch in the store, so I don't write.")
    if file is None:
        return Freeze(on=None, sentence="I can't look for the FREEZE_FILE, so I don't write.")
    return Freeze(on=False)
