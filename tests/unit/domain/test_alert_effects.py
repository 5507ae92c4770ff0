"""What one delivery does to one alert: a table, and the same end in whatever order deliveries arrive."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.alert import LATE_WINDOW, AlertStatus, Effect, Episode, effect_of

T = datetime(2026, 3, 1, 3, 14, tzinfo=UTC)
S = timedelta(seconds=1)
FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED


def known(status: AlertStatus, arrived: datetime | None = None) -> Episode:
    return Episode(T, status, arrived)


TABLE = [
    ("first firing", None, FIRING, T, T, Effect.OPENED),
    ("first word is its end", None, RESOLVED, T, T, Effect.RESOLVED_UNSEEN),
    ("repeat", known(FIRING), FIRING, T, T + 300 * S, Effect.REPEATED),
    ("end", known(FIRING), RESOLVED, T, T + 300 * S, Effect.RESOLVED),
    ("end again", known(RESOLVED, T), RESOLVED, T, T + 300 * S, Effect.ALREADY_RESOLVED),
    ("newer firing, the end seen", known(RESOLVED, T), FIRING, T + S, T + S, Effect.OPENED),
    ("newer firing, the end lost", known(FIRING), FIRING, T + S, T + S, Effect.OPENED),
    ("end of a newer one whose firing was lost", known(FIRING), RESOLVED, T + S, T + S, Effect.RESOLVED),
    ("end of a newer one after an end", known(RESOLVED, T), RESOLVED, T + S, T + S, Effect.RESOLVED_UNSEEN),
    ("older firing", known(FIRING), FIRING, T - S, T + S, Effect.STALE),
    ("older end", known(FIRING), RESOLVED, T - S, T + S, Effect.STALE),
    ("older firing after the end", known(RESOLVED, T), FIRING, T - S, T + S, Effect.STALE),
    ("same start just after its end", known(RESOLVED, T), FIRING, T, T + LATE_WINDOW, Effect.LATE),
    ("same start long after its end", known(RESOLVED, T), FIRING, T, T + LATE_WINDOW + S, Effect.REOPENED),
    ("same start, the end's arrival unknown", known(RESOLVED), FIRING, T, T, Effect.REOPENED),
]


@pytest.mark.parametrize(
    ("current", "status", "starts_at", "received_at", "effect"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_the_table(
    current: Episode | None, status: AlertStatus, starts_at: datetime, received_at: datetime, effect: Effect
) -> None:
    assert effect_of(current, status, starts_at, received_at) is effect


def test_every_effect_is_in_the_table() -> None:
    assert {row[-1] for row in TABLE} == set(Effect)


@dataclass(frozen=True)
class Delivery:
    """One delivery of one fingerprint: which episode, and whether it is its end."""

    episode: int
    status: AlertStatus


def told(deliveries: list[Delivery]) -> Episode | None:
    """The state after deliveries that arrive a second apart, as storage applies the effects."""
    current: Episode | None = None
    for i, one in enumerate(deliveries):
        starts_at, received = T + one.episode * 3600 * S, T + 10 * 3600 * S + i * S
        effect = effect_of(current, one.status, starts_at, received)
        if effect in {Effect.OPENED, Effect.REOPENED}:
            current = Episode(starts_at, FIRING)
        elif effect in {Effect.RESOLVED, Effect.RESOLVED_UNSEEN}:
            current = Episode(starts_at, RESOLVED, received)
    return current


@settings(deadline=None)
@given(st.lists(st.builds(Delivery, st.integers(0, 3), st.sampled_from(AlertStatus)), min_size=1, max_size=6))
def test_the_newest_episode_wins_and_its_end_is_its_end(deliveries: list[Delivery]) -> None:
    """Within the late window: a firing that arrives after its own end is late, whoever was faster."""
    newest = max(one.episode for one in deliveries)
    ended = any(one.episode == newest and one.status is RESOLVED for one in deliveries)
    found = told(deliveries)
    assert found is not None
    assert found.starts_at == T + newest * 3600 * S
    assert found.status is (RESOLVED if ended else FIRING)


def test_all_orders_of_two_episodes_end_alike() -> None:
    deliveries = [Delivery(0, FIRING), Delivery(0, RESOLVED), Delivery(1, FIRING), Delivery(1, RESOLVED)]
    ends = {(told(list(order)) or known(FIRING)).status for order in permutations(deliveries)}
    assert ends == {RESOLVED}


@settings(deadline=None)
@given(st.lists(st.builds(Delivery, st.integers(0, 2), st.sampled_from(AlertStatus)), min_size=1, max_size=5))
def test_each_delivery_twice_changes_nothing(deliveries: list[Delivery]) -> None:
    twice = [one for one in deliveries for _ in range(2)]
    once, again = told(deliveries), told(twice)
    assert once is not None
    assert again is not None
    assert (once.starts_at, once.status) == (again.starts_at, again.status)
