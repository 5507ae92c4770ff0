"""May Fettle do this without a person? Asked when it is announced, when the delay is over, and at the claim.

Only in addition to every other guard, never in their place. By default nobody but a person approves: a playbook and the
settings have to say otherwise, both at the moment that counts. It refuses to read anything: facts come as arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.decision import Decision, Reason, Rule
from bot.domain.finding import Confidence
from bot.domain.mitigation import noun_of

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Alone:
    """What speaks for it; the defaults deny.

    ``playbook`` is the one in force for the incident, ``hourly`` what it allows, None where it wants people. ``action``
    is the proposal's, ``planned`` what findings and playbook lead to now. ``settings`` are AUTONOMY_ACTIONS,
    ``approvers`` whether anybody could approve, ``breaker`` whether there is one. ``fits`` is whether the action is
    harmless or has an inverse. ``told`` is whether its thread can be told. ``lasts`` is whether the proposal outlives
    the delay. ``done`` are the times at which this playbook approved, the proposal in question left out.
    """

    action: str
    playbook: str = ""
    hourly: int | None = None
    planned: str = ""
    confidence: Confidence | None = None
    by_alert: bool = False
    settings: frozenset[str] = frozenset()
    approvers: bool = False
    breaker: bool = False
    fits: bool = False
    told: bool = False
    lasts: bool = False
    stopped: bool = True
    done: tuple[datetime, ...] = ()


def check(case: Alone, now: datetime) -> Decision:
    """The decision with every reason against, each a sentence."""
    return Decision(tuple(_wanted(case)) + tuple(_sure(case)) + tuple(_limits(case, now)))


def _wanted(case: Alone) -> Iterator[Reason]:
    if case.hourly is None:
        named = f"the playbook {case.playbook}" if case.playbook else "no playbook"
        yield _no(f"{_capital(named)} doesn't let me act without an approval (approval.none).")
    if case.action not in case.settings:
        yield _no(f"AUTONOMY_ACTIONS doesn't name {case.action}.")
    if not case.approvers:
        yield _no("APPROVERS is empty, so that nobody could approve an undo.")
    if not case.breaker:
        yield _no("BREAKER is 0, so that nothing would stop me when it doesn't help.")
    if not case.fits:
        yield _no(f"{noun_of(case.action).capitalize()} is neither harmless nor can it be undone.")


def _sure(case: Alone) -> Iterator[Reason]:
    if not case.by_alert:
        yield _no("A person asked for it, or it was proposed again; only what an alert brings is done by itself.")
    if case.planned != case.action:
        yield _no(f"What is found now leads to {case.planned.replace('_', ' ') or 'no mitigation'}.")
    elif case.confidence is not Confidence.HIGH:
        yield _no(f"The finding's confidence is {case.confidence or 'not known'}; only high is enough.")
    if not case.told:
        yield _no("The incident stands in the digest, where no thread could be told.")
    if not case.lasts:
        yield _no("The proposal expires before the delay is over.")
    if case.stopped:
        yield _no("Somebody stopped me in this incident.")


def _limits(case: Alone, now: datetime) -> Iterator[Reason]:
    recent = sorted(at for at in case.done if now - at < HOUR)
    if case.hourly is not None and len(recent) >= case.hourly:
        again = recent[-case.hourly] + HOUR
        often = "once" if len(recent) == 1 else f"{len(recent)} times"
        yield Reason(
            Rule.RATE, f"The playbook {case.playbook} acted by itself {often} within an hour, {case.hourly} allowed; "
            f"the next may come at {again:%H:%M} {again.tzname() or ''}".rstrip() + ".",
        )  # fmt: skip


def _no(sentence: str) -> Reason:
    return Reason(Rule.AUTONOMY, sentence)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
