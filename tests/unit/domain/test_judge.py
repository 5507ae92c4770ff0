"""The verdict of one look: worst wins, and what wasn't measured is never a pass."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.verification import Check, CheckState, Measurement, Verdict, judge

DEADLINE = datetime(2026, 3, 1, 3, 14, tzinfo=UTC)
BEFORE, AFTER = DEADLINE - timedelta(seconds=1), DEADLINE
GOOD, BAD, WAITING, UNMEASURED, ABSENT = CheckState
PASS, FAIL, INCONCLUSIVE, MEASURING = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.MEASURING


def check(state: CheckState, *, required: bool = True, final: bool = False) -> Check:
    return Check("x", state, "", "", DEADLINE, required, final)


def verdict(*checks: Check, at: datetime) -> Verdict:
    return judge(Measurement(at, checks), deadline=DEADLINE)


TABLE = [
    ([GOOD, GOOD], PASS, PASS),
    ([GOOD, ABSENT], MEASURING, INCONCLUSIVE),
    ([GOOD, WAITING], MEASURING, FAIL),
    ([GOOD, BAD], MEASURING, FAIL),
    ([GOOD, UNMEASURED], MEASURING, INCONCLUSIVE),
    ([UNMEASURED, UNMEASURED], MEASURING, INCONCLUSIVE),
    ([BAD, UNMEASURED], MEASURING, FAIL),
    ([WAITING, UNMEASURED], MEASURING, INCONCLUSIVE),
    ([WAITING, WAITING], MEASURING, FAIL),
    ([ABSENT, ABSENT], MEASURING, INCONCLUSIVE),
    ([], MEASURING, INCONCLUSIVE),
]


@pytest.mark.parametrize(
    ("states", "early", "late"), TABLE, ids=["+".join(map(str, row[0])) or "none" for row in TABLE]
)
def test_required_checks(states: list[CheckState], early: Verdict, late: Verdict) -> None:
    checks = [check(state) for state in states]
    assert verdict(*checks, at=BEFORE) is early
    assert verdict(*checks, at=AFTER) is late


SUPPORTING = [(GOOD, PASS, PASS), (ABSENT, PASS, PASS), (BAD, MEASURING, FAIL), (UNMEASURED, MEASURING, INCONCLUSIVE),
              (WAITING, MEASURING, INCONCLUSIVE)]  # fmt: skip


@pytest.mark.parametrize(("state", "early", "late"), SUPPORTING, ids=[str(row[0]) for row in SUPPORTING])
def test_a_supporting_check_beside_good_ones(state: CheckState, early: Verdict, late: Verdict) -> None:
    checks = (check(GOOD), check(state, required=False))
    assert verdict(*checks, at=BEFORE) is early
    assert verdict(*checks, at=AFTER) is late


def test_a_final_bad_check_fails_at_once_and_a_supporting_one_does_not() -> None:
    assert verdict(check(GOOD), check(BAD, final=True), at=BEFORE) is FAIL
    assert verdict(check(GOOD), check(BAD, final=True, required=False), at=BEFORE) is MEASURING


def test_whatever_was_measured_what_is_superseded_is_superseded() -> None:
    for state in CheckState:
        found = Measurement(BEFORE, (check(state),), superseded_by="a newer change took over")
        assert judge(found, deadline=DEADLINE) is Verdict.SUPERSEDED


states = st.lists(
    st.builds(check, st.sampled_from(CheckState), required=st.booleans(), final=st.booleans()), max_size=4
)


@settings(deadline=None)
@given(states, st.sampled_from([BEFORE, AFTER]))
def test_a_pass_means_that_every_required_check_was_measured_good(checks: list[Check], at: datetime) -> None:
    if verdict(*checks, at=at) is PASS:
        required = [one for one in checks if one.required]
        assert required
        assert {one.state for one in required} == {GOOD}
        assert not [one for one in checks if one.state in {BAD, UNMEASURED, WAITING}]


@settings(deadline=None)
@given(states)
def test_at_the_deadline_there_is_a_verdict(checks: list[Check]) -> None:
    assert verdict(*checks, at=AFTER) in {PASS, FAIL, INCONCLUSIVE}


@settings(deadline=None)
@given(states, st.sampled_from([BEFORE, AFTER]))
def test_the_order_of_checks_does_not_matter(checks: list[Check], at: datetime) -> None:
    assert verdict(*checks, at=at) is verdict(*reversed(checks), at=at)


def test_a_worse_state_never_makes_a_better_verdict() -> None:
    rank = [PASS, MEASURING, INCONCLUSIVE, FAIL]
    for first, at in product(CheckState, (BEFORE, AFTER)):
        good, bad = verdict(check(first), check(GOOD), at=at), verdict(check(first), check(BAD), at=at)
        assert rank.index(bad) >= rank.index(good)
