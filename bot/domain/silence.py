"""Silences that people set through Fettle: asked once, set once, checked, and ended with their incident at the latest.

Alertmanager has no idempotency key, so each carries a mark in its comment: it is looked for before anything is
concluded from a silence of the line. The intent is committed before the request, and no request is ever repeated to
set one; to end one is the same however often it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.transitions import Machine
from bot.domain.verification import Check, Verdict


class SilenceState(StrEnum):
    """``running``: sent or about to be, and not known to be there. ``ending``: no longer wanted, and may still hold."""

    PENDING = "pending"
    RUNNING = "running"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"
    FAILED = "failed"


class SilenceEvent(StrEnum):
    """What moves a silence."""

    CLAIM = "claim"
    CONFIRM = "confirm"
    FAIL = "fail"
    END = "end"
    OVER = "over"


_S, _E = SilenceState, SilenceEvent

SILENCE: Machine[SilenceState, SilenceEvent] = Machine(
    "silence",
    _S.PENDING,
    {
        (_S.PENDING, _E.CLAIM): _S.RUNNING,
        (_S.PENDING, _E.FAIL): _S.FAILED,
        (_S.RUNNING, _E.CONFIRM): _S.ACTIVE,
        (_S.RUNNING, _E.FAIL): _S.FAILED,
        (_S.RUNNING, _E.OVER): _S.ENDED,
        (_S.ACTIVE, _E.END): _S.ENDING,
        (_S.ACTIVE, _E.OVER): _S.ENDED,
        (_S.ENDING, _E.OVER): _S.ENDED,
    },
)


QUIET_CHECK = "alerts"
"""The check that counts how many of the incident's alerts are quiet."""


@dataclass(frozen=True)
class Silence:
    """One silence as stored.

    ``uid`` is its mark; ``matchers`` are as they are sent, ``body`` the exact request, None until it is claimed and
    after retention. ``ids`` are Alertmanager's. ``end_by`` and ``end_reason`` stand from when its end is wanted.
    ``verdict`` is ``measuring`` until it was read back. ``outcome`` is how it was set, or why it isn't or no longer
    holds; ``trouble`` why it can't be told now how it stands, or why it can't be ended, empty while nothing is in the
    way. Both are for people alone.
    """

    id: int
    uid: str
    incident_id: int
    state: SilenceState
    requested_by: str
    matchers: tuple[Mapping[str, Any], ...]
    comment: str
    created_at: datetime
    ends_at: datetime
    alerts: int = 0
    body: Mapping[str, Any] | None = None
    intent_at: datetime | None = None
    ids: tuple[str, ...] = ()
    verdict: Verdict = Verdict.MEASURING
    checks: tuple[Check, ...] = ()
    check_by: datetime | None = None
    end_by: str = ""
    end_reason: str = ""
    ended_at: datetime | None = None
    outcome: str = ""
    trouble: str = ""
    in_force: bool = True

    @property
    def unsure(self) -> bool:
        """It is set as far as is known, and no look showed that it holds: it may be measured again."""
        measured = self.verdict in {Verdict.INCONCLUSIVE, Verdict.FAIL}
        return self.state is SilenceState.ACTIVE and measured and not self.end_by

    @property
    def mark(self) -> str:
        """What stands in the comment at Alertmanager, and nowhere else."""
        return mark_of(self.uid)


def until(at: datetime, now: datetime) -> str:
    """``05:10 UTC``, with its day where that is another one."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"


def mark_of(uid: str) -> str:
    """``[fettle 0123…]``."""
    return f"[fettle {uid}]"


@dataclass(frozen=True)
class SilencePreview:
    """What a silence would match now, for the person who is about to set it; all texts are plain.

    ``refusal`` is a sentence where it can't be set, and then nothing else counts. ``digest`` binds what is submitted to
    what was shown. ``firing`` is how many of the incident's alerts fire here, ``own`` how many of them it would cover.
    """

    incident_id: int
    ref: str
    refusal: str = ""
    matchers: tuple[str, ...] = ()
    own: int = 0
    firing: int = 0
    beside: int = 0
    warnings: tuple[str, ...] = ()
    longest: timedelta = timedelta(0)
    digest: str = ""
