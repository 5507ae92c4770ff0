"""The order of the suite loses no test, and what it puts first is there."""

import pytest
from sources import ROOT

from tests.order import LONG, dealt

TESTS = list(range(101))


@pytest.mark.parametrize("workers", [2, 3, 4, 7])
@pytest.mark.parametrize("long", [[], [99], [40, 3, 77, 5, 12]], ids=len)
def test_every_test_is_dealt_once_and_every_lane_begins_with_what_takes_long(workers: int, long: list[int]) -> None:
    order = dealt(TESTS, long, workers)
    assert sorted(order) == TESTS
    start, first = 0, []
    for waiting in range(workers, 1, -1):  # as xdist cuts it; the last worker has nothing that takes long
        first.append(order[start])
        start += (len(TESTS) - start) // waiting
    assert first[: len(long)] == long[: len(first)]


def test_where_nearly_all_take_long_none_is_lost_either() -> None:
    assert sorted(dealt(TESTS, TESTS[3:], 3)) == sorted(dealt(TESTS, TESTS, 2)) == TESTS


def test_what_begins_first_is_there() -> None:
    assert not [file for file in LONG if not (ROOT / file).is_file()]
    assert len(set(LONG)) == len(LONG)
