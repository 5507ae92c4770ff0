"""Findings judged on 300 generated incidents whose seeds nobody looked at while writing findings or generator.

Development was done on the seeds ``dev-1`` to ``dev-12000``. The judged constant was drawn when both were done; a run
on it that fails is mended on development seeds, with a wider generator, and judged on a fresh constant. Constants
that were run and given up, because the generator changed afterwards: ``judged-7c1e-`` (96 % right), ``judged-b93f-``
and ``judged-e5d0-`` (98 %); in all of them every high one was right and nothing harmful came first.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from bot.domain.finding import Confidence
from bot.findings.ranked import rank
from tests.findings_judge.generate import make
from tests.findings_judge.judging import Judgement, judge

pytestmark = pytest.mark.timeout(1800)

JUDGED = "judged-41aa-"
COUNT = 300


@cache
def judged() -> Judgement:
    """The 300, judged once."""
    found = judge(f"{JUDGED}{number}" for number in range(COUNT))
    print(f"\nseeds {JUDGED}0 to {JUDGED}{COUNT - 1}\n{found.report()}")  # noqa: T201 - the measure itself, shown with -s
    return found


def test_the_right_cause_stands_first_in_ninety_percent() -> None:
    assert judged().right >= 0.9 * COUNT, "\n".join(judged().wrong)


def test_high_confidence_is_right_in_ninety_eight_percent_and_given_often_enough_to_count() -> None:
    found = judged()
    assert found.high >= COUNT / 3
    assert found.high_right >= 0.98 * found.high, "\n".join(found.wrong)


def test_no_mutating_mitigation_comes_first_for_a_cause_that_it_cant_cure() -> None:
    assert judged().harmful == []


def test_most_of_what_can_be_cured_is_offered_its_cure() -> None:
    """Silence is safe and useless: this keeps the measures above honest."""
    assert judged().helped >= 0.7 * judged().curable


def test_every_cause_is_among_the_judged_and_found_more_often_than_not() -> None:
    assert len(judged().by_cause) == 22
    assert not {cause: row for cause, row in judged().by_cause.items() if row[0] * 2 <= row[1]}


def test_the_same_seed_makes_the_same_incident() -> None:
    assert make("dev-7") == make("dev-7")
    assert make("dev-7").snapshot != make("dev-8").snapshot


def test_with_every_source_gone_nothing_is_sure() -> None:
    """On development seeds: what was read decides, never what the alert is called."""
    for number in range(1, 200):
        snapshot = make(f"dev-{number}").snapshot
        blind = rank(replace(snapshot, evidence={}))
        assert not [one for one in blind if one.confidence is Confidence.HIGH], number
