"""A rotation has exactly one person on call at every moment, and hands over by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.oncall import Override, Rotation
from bot.policy import rota

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Rotation(("ANA", "LI", "BO"), "Europe/Berlin", time(9), date(2026, 11, 2), 0, "Mon 09:00")
DAILY = Rotation(("ANA", "LI"), "Europe/Berlin", time(9), date(2026, 11, 2), None, "daily 09:00")
NIGHT = timedelta(minutes=10)


def who(rotation: Rotation, at: datetime) -> list[str]:
    return [one.slack_id for one in rota.shifts(rotation, at, at + NIGHT) if one.holds(at)]


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("at", "person"),
    [
        ("2026-11-02 08:59:59", "BO"),
        ("2026-11-02 09:00", "ANA"),
        ("2026-11-08 23:00", "ANA"),
        ("2026-11-09 08:59:59", "ANA"),
        ("2026-11-09 09:00", "LI"),
        ("2026-11-16 12:00", "BO"),
        ("2026-11-23 12:00", "ANA"),
        ("2027-11-01 12:00", "LI"),
    ],
)
def test_a_week_goes_from_one_handover_to_the_next(at: str, person: str) -> None:
    assert who(WEEKLY, berlin(at)) == [person]


def test_a_start_on_another_day_waits_for_the_first_handover() -> None:
    assert who(Rotation(("ANA", "LI"), "UTC", time(9), date(2026, 11, 4), 0), datetime(2026, 11, 9, 9, tzinfo=UTC)) == [
        "ANA"
    ]


def test_the_shift_tells_its_own_end() -> None:
    (first, second) = rota.shifts(WEEKLY, berlin("2026-11-09 08:55"), berlin("2026-11-09 09:05"))
    assert (first.slack_id, second.slack_id) == ("ANA", "LI")
    assert first.until == second.since == berlin("2026-11-09 09:00")
    assert second.until == berlin("2026-11-16 09:00")


def test_an_override_wins_for_its_time_and_a_later_one_wins_over_it() -> None:
    overrides = (
        Override("KIM", datetime.fromisoformat("2026-11-03 18:00"), datetime.fromisoformat("2026-11-05 18:00")),
        Override("ZOE", datetime.fromisoformat("2026-11-04 00:00"), datetime.fromisoformat("2026-11-04 06:00")),
    )
    rotation = Rotation(WEEKLY.people, WEEKLY.zone, WEEKLY.at, WEEKLY.starts, 0, "", overrides)
    told = {
        "2026-11-03 17:59": "ANA", "2026-11-03 18:00": "KIM", "2026-11-04 05:59": "ZOE", "2026-11-04 06:00": "KIM",
        "2026-11-05 18:00": "ANA",
    }  # fmt: skip
    assert {at: who(rotation, berlin(at)) for at in told} == {at: [person] for at, person in told.items()}


@pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28"])
def test_a_handover_in_the_hour_that_comes_twice_or_never_happens_once(day: str) -> None:
    rotation = Rotation(("ANA", "LI"), "Europe/Berlin", time(2, 30), date(2026, 10, 1), None)
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=4)
    steps = [begin + number * timedelta(minutes=5) for number in range(12 * 10)]
    seen = [who(rotation, at) for at in steps]
    assert all(len(one) == 1 for one in seen)
    assert sum(a != b for a, b in pairwise(seen)) == 1


@given(
    st.datetimes(datetime.fromisoformat("2024-01-01 00:00"), datetime.fromisoformat("2030-01-01 00:00")),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]),
    st.one_of(st.none(), st.integers(0, 6)),
    st.integers(1, 4),
    st.times().map(lambda at: at.replace(microsecond=0)),
)
def test_there_is_always_exactly_one(at: datetime, zone: str, weekday: int | None, count: int, hour: time) -> None:
    rotation = Rotation(tuple("ABCD"[:count]), zone, hour, date(2026, 1, 5), weekday)
    now = at.replace(tzinfo=UTC)
    found = rota.shifts(rotation, now, now + NIGHT)
    assert len([one for one in found if one.holds(now)]) == 1
    assert found[0].since <= now
    assert found[-1].until >= now + NIGHT
    assert all(one.until == after.since for one, after in pairwise(found))
