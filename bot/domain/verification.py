"""Verifications: checks of measurements, worst wins, and absence of data is never a pass.

A check is *required* or *supporting*. A source that isn't configured is ``absent`` (shown grey, never judged); one
that is configured and doesn't answer is ``unmeasured`` and makes the verdict inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.target import Target
from bot.domain.transitions import Machine


class Verdict(StrEnum):
    """``measuring`` is the state before there is a verdict."""

    MEASURING = "measuring"
    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    SUPERSEDED = "superseded"


class VerdictEvent(StrEnum):
    """What moves a verification."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    GIVE_UP = "give_up"
    SUPERSEDE = "supersede"


_S, _E = Verdict, VerdictEvent

VERIFICATION: Machine[Verdict, VerdictEvent] = Machine(
    "verification",
    _S.MEASURING,
    {
        (_S.MEASURING, _E.PASS): _S.PASS,
        (_S.MEASURING, _E.FAIL): _S.FAIL,
        (_S.MEASURING, _E.GIVE_UP): _S.INCONCLUSIVE,
        (_S.MEASURING, _E.SUPERSEDE): _S.SUPERSEDED,
        (_S.PASS, _E.SUPERSEDE): _S.SUPERSEDED,
        (_S.FAIL, _E.SUPERSEDE): _S.SUPERSEDED,
        (_S.INCONCLUSIVE, _E.SUPERSEDE): _S.SUPERSEDED,
    },
)


class CheckState(StrEnum):
    """One check's answer."""

    GOOD = "good"
    BAD = "bad"
    WAITING = "waiting"  # not there yet, may still come before the deadline
    UNMEASURED = "unmeasured"  # configured, but no answer
    ABSENT = "absent"  # not configured: grey


@dataclass(frozen=True)
class Check:
    """One row: what was expected, what was measured, when. Texts are plain."""

    name: str
    state: CheckState
    expected: str
    measured: str
    at: datetime
    required: bool = True
    final: bool = False
    """A bad check that can't become good any more (deadline exceeded, restarts grew)."""


HELD = "held"
"""Key in a measurement's ``progress``: the pods of the newest template that were ordered when a pause was seen."""


@dataclass(frozen=True)
class Measurement:
    """One look: the checks, progress for the card, and whether something newer took over.

    ``progress`` holds desired, updated, ready, available, pods, restarts (of new pods), restartedAt, generation.
    ``superseded_by`` is a sentence when the target moved past our generation or execution, else empty.
    """

    at: datetime
    checks: tuple[Check, ...]
    progress: Mapping[str, Any] = field(default_factory=dict)
    superseded_by: str = ""
    rolled_out_at: datetime | None = None


def judge(measurement: Measurement, *, deadline: datetime) -> Verdict:
    """The verdict of one look, ``MEASURING`` if it is too early to say; worst wins.

    A final bad required check fails at once; a bad one, or one still waiting, fails at the deadline. Unmeasured at
    the deadline is inconclusive. Pass needs every judged check good and every required one measured.
    """
    if measurement.superseded_by:
        return Verdict.SUPERSEDED
    required = [check for check in measurement.checks if check.required]
    judged = [check for check in measurement.checks if check.state is not CheckState.ABSENT]
    if any(check.final and check.state is CheckState.BAD for check in required):
        return Verdict.FAIL
    states = {check.state for check in judged}
    if required and states == {CheckState.GOOD} and _all_measured(required):
        return Verdict.PASS
    if measurement.at < deadline:
        return Verdict.MEASURING
    if any(check.state in {CheckState.BAD, CheckState.WAITING} for check in required):
        unmeasured = any(check.state is CheckState.UNMEASURED for check in required)
        bad = any(check.state is CheckState.BAD for check in required)
        return Verdict.INCONCLUSIVE if unmeasured and not bad else Verdict.FAIL
    if any(check.state is CheckState.BAD for check in judged):
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def _all_measured(checks: Iterable[Check]) -> bool:
    return all(check.state is CheckState.GOOD for check in checks)


@dataclass(frozen=True)
class Verification:
    """One verification as stored; exactly one per execution is ``current``.

    ``soak`` is seconds; ``deadline`` is absolute and survives restarts. ``execution_id`` is None for a measurement
    that a person asked for with /verify: it has a target and no execution.
    """

    id: int
    execution_id: int
    incident_id: int
    target: Target
    verdict: Verdict
    current: bool
    started_at: datetime
    deadline: datetime
    soak: int
    generation: int | None = None
    execution_uid: str = ""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    progress: Mapping[str, Any] = field(default_factory=dict)
    rolled_out_at: datetime | None = None
    settled_at: datetime | None = None
    note: str = ""
