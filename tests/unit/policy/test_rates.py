"""How often is too often: each limit alone, when it ends, and who it doesn't hold up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.verification import Verdict
from bot.policy.rates import History, Judged, Limits, check
from tests.unit.cluster_states import NOW

LIMITS = Limits(timedelta(minutes=10), target_hourly=2, hourly=10, at_once=3, breaker=2)


def ago(*minutes: float) -> tuple[Any, ...]:
    return tuple(NOW - timedelta(minutes=one) for one in minutes)


def judged(*verdicts: tuple[Verdict, float]) -> tuple[Judged, ...]:
    return tuple(Judged("INC-4", verdict, NOW - timedelta(minutes=minutes)) for verdict, minutes in verdicts)


def rules(history: History, limits: Limits = LIMITS, *, by_person: bool = False, undo: bool = False) -> list[Rule]:
    return [one.rule for one in check("shop/api", history, limits, NOW, by_person=by_person, undo=undo)]


FAIL, PASS, UNSURE = Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("history", "rule"),
    [
        (History(), None),
        (History(on_target=ago(9.9), unsettled=ago(9.9)), Rule.COOLDOWN),
        (History(on_target=ago(10), unsettled=ago(10)), None),
        (History(on_target=ago(1)), None),
        (History(on_target=ago(50, 20)), Rule.RATE),
        (History(on_target=ago(60, 20)), None),
        (History(in_flight=2), None),
        (History(in_flight=3), Rule.RATE),
        (History(anywhere=ago(*range(11, 20))), None),
        (History(anywhere=ago(*range(11, 21))), Rule.RATE),
        (History(anywhere=ago(*range(11, 20), 60)), None),
        (History(verdicts=judged((FAIL, 5))), None),
        (History(verdicts=judged((FAIL, 5), (UNSURE, 20))), Rule.BREAKER),
        (History(verdicts=judged((FAIL, 5), (PASS, 20), (FAIL, 30))), None),
        (History(verdicts=judged((PASS, 5), (FAIL, 20), (FAIL, 30))), None),
        (History(verdicts=judged((UNSURE, 59), (UNSURE, 90))), Rule.BREAKER),
        (History(verdicts=judged((FAIL, 60), (FAIL, 70))), None),
    ],
)
def test_each_limit_stands_alone_and_ends_by_itself(history: History, rule: Rule | None) -> None:
    assert rules(history) == ([rule] if rule else [])


EVERYTHING = History(ago(5, 8), ago(5, 8), ago(*range(5, 20)), in_flight=9, verdicts=judged((FAIL, 1), (FAIL, 2)))


def test_an_undo_is_never_held_up() -> None:
    assert len(rules(EVERYTHING)) == 4
    assert rules(EVERYTHING, undo=True) == []


def test_a_person_may_ask_more_often_on_one_target_but_not_before_it_rested() -> None:
    assert rules(History(on_target=ago(50, 40, 20)), by_person=True) == []
    assert rules(History(on_target=ago(50, 5), unsettled=ago(50, 5)), by_person=True) == [Rule.COOLDOWN]
    assert Rule.BREAKER in rules(EVERYTHING, by_person=True)


def test_switched_off_nothing_breaks() -> None:
    off = replace(LIMITS, cooldown=timedelta(0), breaker=0)
    assert (
        rules(History(on_target=ago(1), unsettled=ago(1), verdicts=judged((FAIL, 1), (FAIL, 2), (FAIL, 3))), off) == []
    )


STOPPED = (
    "What was done last didn't help (INC-4 FAIL 03:13 UTC, INC-4 FAIL 03:14 UTC), so I stop. Look first; "
    '"fettle freeze off" lets me act again, otherwise I do from 04:14 UTC.'
)


def test_each_sentence_says_when_it_ends() -> None:
    said = [one.sentence for one in check("shop/api", EVERYTHING, LIMITS, NOW, by_person=False, undo=False)]
    assert said == [
        "shop/api was acted on at 03:10 UTC; it rests until 03:20 UTC, so that the effect shows.",
        "9 actions are in flight already, 3 at once are allowed. I look again when one is measured.",
        "15 actions are sent within an hour, 10 are allowed. I look again at 04:01 UTC.",
        STOPPED,
    ]
    twice = [*check("shop/api", History(on_target=ago(50, 20)), LIMITS, NOW, by_person=False, undo=False)]
    assert twice[0].sentence == (
        "shop/api was acted on 2 times within an hour. What didn't help so often needs a person: ask for it yourself "
        "(/incident act), or wait until 03:25 UTC."
    )
