"""Freeze windows: when they are on and until when, the changes of the clocks included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.decision import Rule
from bot.domain.rules import Case, Match, Policy, Window
from bot.domain.severity import Severity
from bot.policy.windows import ENDLESS, check, ends
from bot.settings_calendar import dates, weekly

CASE = Case("restart", "Deployment", "shop", Severity.SEV2)
BERLIN = "Europe/Berlin"


def window(*lines: str, zone: str = BERLIN, match: Match | None = None, reason: str = "") -> Window:
    spans = [span for line in lines for span in ((dates(line),) if line[0].isdigit() else weekly(line))]
    return Window("w", zone, tuple(spans), lines, match or Match(), reason)


def at(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def until(one: Window, now: str) -> str:
    """The end as the wall of its zone shows it, empty while it isn't on."""
    end = ends(one, at(now, one.zone))
    return f"{end:%Y-%m-%d %H:%M}" if end else ""


WEEKEND = window("Fri 16:00 - Mon 08:00")
"""2026-11-20 is a Friday."""


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-20 15:59:59", ""),
        ("2026-11-20 16:00", "2026-11-23 08:00"),
        ("2026-11-21 12:00", "2026-11-23 08:00"),
        ("2026-11-22 23:59", "2026-11-23 08:00"),
        ("2026-11-23 07:59:59", "2026-11-23 08:00"),
        ("2026-11-23 08:00", ""),
        ("2026-11-25 12:00", ""),
        ("2026-11-27 16:00", "2026-11-30 08:00"),
    ],
)
def test_a_week_s_window_is_on_from_its_beginning_to_its_end(now: str, end: str) -> None:
    assert until(WEEKEND, now) == end


@pytest.mark.parametrize(
    ("line", "now", "end"),
    [
        ("Mon-Thu 22:00 - 06:00", "2026-11-16 23:00", "2026-11-17 06:00"),
        ("Mon-Thu 22:00 - 06:00", "2026-11-20 05:00", "2026-11-20 06:00"),
        ("Mon-Thu 22:00 - 06:00", "2026-11-20 23:00", ""),
        ("Mon-Thu 22:00 - 06:00", "2026-11-16 05:00", ""),
        ("Mon 08:00 - Mon 07:00", "2026-11-16 07:30", ""),
        ("Mon 08:00 - Mon 07:00", "2026-11-22 07:30", "2026-11-23 07:00"),
        ("daily 00:00 - 05:00", "2026-11-18 04:59", "2026-11-18 05:00"),
        ("2026-12-20 - 2027-01-03", "2026-12-19 23:59", ""),
        ("2026-12-20 - 2027-01-03", "2026-12-20 00:00", "2027-01-04 00:00"),
        ("2026-12-20 - 2027-01-03", "2027-01-03 23:59", "2027-01-04 00:00"),
        ("2026-12-20 - 2027-01-03", "2027-01-04 00:00", ""),
        ("2026-12-20 18:00 - 2027-01-03 08:00", "2027-01-03 08:00", ""),
    ],
)
def test_each_form_of_a_calendar_is_on_when_it_says(line: str, now: str, end: str) -> None:
    assert until(window(line), now) == end


def test_spans_that_follow_each_other_are_one_and_the_last_end_is_told() -> None:
    nights = window("daily 22:00 - 00:00", "daily 00:00 - 06:00", "2026-11-20 06:00 - 2026-11-20 18:00")
    assert until(nights, "2026-11-19 23:00") == "2026-11-20 18:00"
    always = window("daily 00:00 - 12:00", "daily 12:00 - 00:00")
    assert ends(always, at("2026-11-19 23:00")) == ENDLESS


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC"])
def test_the_zone_is_the_window_s_own(zone: str) -> None:
    one = window("Fri 16:00 - Fri 17:00", zone=zone)
    assert until(one, "2026-11-20 16:30") == "2026-11-20 17:00"
    assert ends(one, at("2026-11-20 17:00", zone)) is None


def test_a_time_that_the_clocks_skip_makes_the_window_longer() -> None:
    """On 2026-03-29 the clocks of Berlin go from 02:00 to 03:00: 02:30 is never shown."""
    begins, stops = window("Sun 02:30 - Sun 06:00"), window("Sun 00:00 - Sun 02:30")
    assert ends(begins, datetime(2026, 3, 29, 0, 30, tzinfo=UTC)) is not None, "01:30 by the old clock"
    assert ends(begins, datetime(2026, 3, 29, 0, 29, tzinfo=UTC)) is None
    assert ends(stops, datetime(2026, 3, 29, 1, 29, tzinfo=UTC)) is not None, "03:29 by the new clock"
    assert ends(stops, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) is None


def test_a_time_that_the_clocks_show_twice_begins_at_the_first_and_ends_at_the_second() -> None:
    """On 2026-10-25 the clocks of Berlin go from 03:00 back to 02:00: 02:30 is shown twice, at 00:30 and 01:30 UTC."""
    begins, stops = window("Sun 02:30 - Sun 06:00"), window("Sun 00:00 - Sun 02:30")
    assert ends(begins, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) is not None
    assert ends(begins, datetime(2026, 10, 25, 0, 29, tzinfo=UTC)) is None
    assert ends(stops, datetime(2026, 10, 25, 1, 29, tzinfo=UTC)) is not None
    assert ends(stops, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) is None


def test_a_weekend_in_which_the_clocks_change_is_an_hour_shorter_or_longer_by_the_sun() -> None:
    spring, autumn = at("2026-03-27 16:00"), at("2026-10-23 16:00")
    for start, hours in ((spring, 63), (autumn, 65)):
        end = ends(WEEKEND, start)
        assert end is not None
        assert end.astimezone(UTC) - start == timedelta(hours=hours)
        assert ends(WEEKEND, start + timedelta(hours=hours) - timedelta(seconds=1)) is not None
        assert ends(WEEKEND, start + timedelta(hours=hours)) is None


@given(
    st.datetimes(at("2024-01-01").replace(tzinfo=None), at("2030-01-01").replace(tzinfo=None)),
    st.integers(0, 6),
    st.integers(0, 23),
    st.integers(1, 160),
)
def test_a_window_without_a_change_of_clocks_is_on_just_as_long_as_it_says(
    now: datetime, day: int, hour: int, length: int
) -> None:
    """Against plain arithmetic in UTC."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    last = (day * 24 + hour + length) % 168
    one = window(f"{names[day]} {hour:02}:00 - {names[last // 24]} {last % 24:02}:00", zone="UTC")
    moment = now.replace(tzinfo=UTC)
    monday = moment.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=moment.weekday())
    starts = [monday + timedelta(days=day + week * 7, hours=hour) for week in (-1, 0, 1)]
    end = next((s + timedelta(hours=length) for s in starts if s <= moment < s + timedelta(hours=length)), None)
    assert ends(one, moment) == end


def reasons(policy: Policy, now: str, **more: bool) -> list[str]:
    found = list(check(policy, CASE, at(now), undo=more.get("undo", False), glass="Ask."))
    assert all(reason.rule is Rule.WINDOW for reason in found)
    return [reason.sentence for reason in found]


def test_the_refusal_says_which_window_until_when_why_and_what_to_do() -> None:
    on = Policy(windows=(window("Fri 16:00 - Mon 08:00", reason="nobody is there."),))
    assert reasons(on, "2026-11-21 12:00") == [
        (
            "The freeze window w (Fri 16:00 - Mon 08:00, Europe/Berlin) is on until Mon 08:00 CET: nothing is done. "
            "Nobody is there. Ask."
        )
    ]
    far = Policy(windows=(window("2026-12-20 - 2027-01-03"),))
    assert "is on until 2027-01-04 00:00 CET: " in reasons(far, "2026-12-21 12:00")[0]
    assert "is on without an end: " in reasons(Policy(windows=(window("daily 00:00 - 00:00"),)), "2026-12-21 12:00")[0]


def test_a_window_holds_up_what_it_is_for_and_no_undo() -> None:
    shop, pay = (
        Policy(windows=(window("daily 00:00 - 23:00", match=Match(namespaces=(n,))),)) for n in ("shop", "pay")
    )
    assert reasons(shop, "2026-11-21 12:00")
    assert not reasons(pay, "2026-11-21 12:00")
    assert not reasons(shop, "2026-11-21 12:00", undo=True)
