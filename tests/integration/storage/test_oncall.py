"""Shifts on both databases: the newest reading counts from its moment on, what was before stays as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.oncall import Shift
from bot.integrations.pagerduty_oncall import FAR
from bot.storage import oncall, people
from bot.storage.db import Store, Tx

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def shift(who: str, since: timedelta, until: timedelta) -> Shift:
    return Shift(who, NOW + since, NOW + until)


async def test_a_reading_replaces_the_future_and_keeps_the_past(store: Store) -> None:
    first = (shift("U1", -HOUR, HOUR), shift("U2", HOUR, 2 * HOUR))
    assert await store.transact(oncall.keep, "oncall", first, NOW)
    swapped = (shift("U3", timedelta(), 2 * HOUR),)
    assert await store.transact(oncall.keep, "oncall", swapped, NOW + MINUTE)
    before, after, late = [
        (await store.read(oncall.on_at, NOW + step)).get("oncall", {}) for step in (MINUTE / 2, MINUTE, HOUR + MINUTE)
    ]
    assert (set(before), set(after), set(late)) == ({"U1"}, {"U3"}, {"U3"})
    assert after == {"U3": NOW + 2 * HOUR}
    assert (await store.read(people.groups))["oncall"][1] == NOW + MINUTE


async def test_the_same_reading_again_is_no_news_and_makes_no_rows(store: Store) -> None:
    shifts = (shift("U1", -HOUR, HOUR), Shift("U2", NOW - HOUR, FAR))
    assert await store.transact(oncall.keep, "oncall", shifts, NOW)

    def rows(tx: Tx) -> int:
        return int(tx.execute("SELECT count(*) FROM oncall_shifts").fetchone()[0])

    assert await store.read(rows) == 2
    for minute in range(1, 4):
        assert not await store.transact(oncall.keep, "oncall", shifts, NOW + minute * MINUTE)
    assert (await store.read(oncall.on_at, NOW + 4 * MINUTE))["oncall"] == {"U1": NOW + HOUR, "U2": FAR}
    assert await store.read(rows) == 2


async def test_a_handover_between_two_readings_is_news(store: Store) -> None:
    shifts = (shift("U1", -HOUR, MINUTE), shift("U2", MINUTE, HOUR))
    await store.transact(oncall.keep, "oncall", shifts, NOW)
    assert await store.transact(oncall.keep, "oncall", shifts, NOW + 2 * MINUTE)


async def test_schedules_do_not_touch_each_other(store: Store) -> None:
    await store.transact(oncall.keep, "oncall:sre", (shift("U1", -HOUR, HOUR),), NOW)
    await store.transact(oncall.keep, "oncall:shop", (shift("U2", -HOUR, HOUR),), NOW)
    await store.transact(oncall.keep, "oncall:sre", (), NOW + MINUTE)
    assert await store.read(oncall.on_at, NOW + MINUTE) == {"oncall:shop": {"U2": NOW + HOUR}}
