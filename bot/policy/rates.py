"""How often Fettle may act, and when it stops by itself: per target, in all, and after what didn't help.

Pure: what was done comes in as a history. An undo is never held up: it leads back to what was. Each limit is a sentence
that says when it ends. This module refuses to count what was only proposed or approved; what counts is what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.decision import Reason, Rule
from bot.domain.verification import Verdict

HOUR = timedelta(hours=1)
"""The span of every "an hour" here, and how long the breaker stays open without a person."""
BAD = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})


@dataclass(frozen=True)
class Limits:
    """``breaker`` is how many verdicts in a row that aren't PASS; 0 switches it off."""

    cooldown: timedelta
    target_hourly: int
    hourly: int
    at_once: int
    breaker: int


@dataclass(frozen=True)
class Judged:
    """One verdict: whose, which, when."""

    incident: str
    verdict: Verdict
    at: datetime


@dataclass(frozen=True)
class History:
    """What was done before, the execution in question left out.

    ``on_target`` and ``anywhere`` are the times of sent requests within the last hour (``on_target`` is among
    ``anywhere``); ``unsettled`` are those on the target that weren't judged to have failed. ``in_flight`` counts what
    was approved and isn't measured yet. ``verdicts`` are the newest first, superseded ones left out, none from before
    a person last lifted the freeze.
    """

    on_target: tuple[datetime, ...] = ()
    unsettled: tuple[datetime, ...] = ()
    anywhere: tuple[datetime, ...] = ()
    in_flight: int = 0
    verdicts: tuple[Judged, ...] = ()


def check(
    ref: str, history: History, limits: Limits, now: datetime, *, by_person: bool, undo: bool
) -> Iterator[Reason]:
    """Every limit that stands against one more act on ``ref`` now.

    ``by_person``: somebody asked for it; then it may be done more often on one target than Fettle itself would.
    """
    if undo:
        return
    yield from _target(ref, history, limits, now, by_person=by_person)
    if history.in_flight >= limits.at_once:
        yield Reason(
            Rule.RATE, f"{_actions(history.in_flight)} in flight already, {limits.at_once} at once are allowed. "
            "I look again when one is measured.",
        )  # fmt: skip
    recent = sorted(at for at in history.anywhere if now - at < HOUR)
    if len(recent) >= limits.hourly:
        again = recent[-limits.hourly] + HOUR
        yield Reason(
            Rule.RATE, f"{_actions(len(recent))} sent within an hour, {limits.hourly} are allowed. "
            f"I look again at {_clock(again)}.",
        )  # fmt: skip
    yield from _breaker(history, limits, now)


def _target(ref: str, history: History, limits: Limits, now: datetime, *, by_person: bool) -> Iterator[Reason]:
    recent = sorted(at for at in history.on_target if now - at < HOUR)
    # What is known to have failed needs no more time to show its effect: whoever is on call goes on.
    last = max(history.unsettled, default=None)
    if last is not None and now - last < limits.cooldown:
        again = last + limits.cooldown
        yield Reason(
            Rule.COOLDOWN, f"{ref} was acted on at {_clock(last)}; it rests until {_clock(again)}, so that the "
            "effect shows.",
        )  # fmt: skip
    elif len(recent) >= limits.target_hourly and not by_person:
        again = recent[-limits.target_hourly] + HOUR
        yield Reason(
            Rule.RATE, f"{ref} was acted on {_times(len(recent))} within an hour. What didn't help so often needs a "
            f"person: ask for it yourself (/incident act), or wait until {_clock(again)}.",
        )  # fmt: skip


def _breaker(history: History, limits: Limits, now: datetime) -> Iterator[Reason]:
    last = history.verdicts[: limits.breaker]
    if not limits.breaker or len(last) < limits.breaker or any(one.verdict not in BAD for one in last):
        return
    if now - last[0].at >= HOUR:
        return
    told = ", ".join(f"{one.incident} {one.verdict.upper()} {_clock(one.at)}" for one in reversed(last))
    yield Reason(
        Rule.BREAKER,
        f'What was done last didn\'t help ({told}), so I stop. Look first; "fettle freeze off" lets me act again, '
        f"otherwise I do from {_clock(last[0].at + HOUR)}.",
    )


def _actions(number: int) -> str:
    return "1 action is" if number == 1 else f"{number} actions are"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} {at.tzname() or ''}".strip()
