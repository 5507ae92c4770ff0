"""Verdicts held to the truth of the sandbox cluster, in 1,000 verifications and more whose seeds nobody had looked at.

Every case goes through the real stages, the real client and the API server over its socket; only time is advanced.
Development was done on the seeds ``dev-``. The judged constant was drawn when generator, truth and verification were
done; a run on it that fails is mended on development seeds and judged on a fresh constant.

The suite plays a few, `make soak` all.
"""

from __future__ import annotations

import random

import pytest

from tests.chance import SEED, SOAK
from tests.verification_judge.judging import judge
from tests.verification_judge.play import CLEAN, HAZARDS, draw
from tests.verification_judge.verbs import VERBS

pytestmark = pytest.mark.timeout(1800)

JUDGED = "judged-58e2-"
COUNT, FEW = 1000, 5
OFTEN = 15
"""How often each kind of hazard must have taken hold at least."""


async def test_no_pass_without_truth_few_failures_without_reason_and_what_is_missing_is_said() -> None:
    numbers = range(2 * COUNT)
    chosen = numbers if SOAK else random.Random(SEED).sample(numbers, FEW)  # noqa: S311 - repeatable on purpose
    found = await judge(JUDGED if SOAK else "dev-", chosen, COUNT if SOAK else None, OFTEN)
    print(f"\nseeds {JUDGED}0 on\n{found.report()}")  # noqa: T201 - the measure itself, shown with -s
    assert not found.false_pass, found.report()
    assert not found.untold, found.report()
    if not SOAK:
        return
    assert found.total >= COUNT
    assert len(found.false_fail) <= COUNT // 100, found.report()
    assert len(found.false_superseded) <= COUNT // 100, found.report()
    assert found.clean >= COUNT // 12
    assert found.clean_passed >= 0.95 * found.clean, found.report()
    assert not {one.name: found.took[one.name] for one in HAZARDS if found.took[one.name] < OFTEN}
    assert set(found.by_verb) == {one.name for one in VERBS}


async def test_cases_without_hazard_pass() -> None:
    """Else a verification that never passes would hold every law above."""
    found = await judge("dev-", [CLEAN * number for number in range(3)])
    assert found.clean_passed == found.clean == 3, found.report()


def test_there_are_thirty_kinds_of_hazard_and_each_is_drawn() -> None:
    assert len({one.name for one in HAZARDS}) == len(HAZARDS) >= 30
    drawn = {one.name for number in range(2 * len(HAZARDS)) for one in draw("dev-", number).hazards}
    assert drawn == {one.name for one in HAZARDS}


def test_the_same_seed_draws_the_same_case() -> None:
    assert draw("dev-", 7).words() == draw("dev-", 7).words()
    assert draw("dev-", 7).words() != draw("dev-", 8).words()
