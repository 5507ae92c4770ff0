"""The order in which deliveries arrive changes neither what fires nor which incidents are open."""

import asyncio
import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.storage.db import Store
from tests.chance import examples

from .door import Desk, alert, group

one_alert = st.builds(
    lambda pod, start, ended, severity: alert(
        pod=pod, start=float(start), end=float(start + 1) if ended else None, severity=severity
    ),
    st.sampled_from("abc"), st.sampled_from([0, 3, 6]), st.booleans(), st.sampled_from(["critical", "warning"]),
)  # fmt: skip
some = st.lists(st.lists(one_alert, min_size=1, max_size=3).map(lambda alerts: group(*alerts)), min_size=2, max_size=5)


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Deliveries, and the same in another order, with the alerts of each in another order too."""
    deliveries = draw(some)
    other = [
        delivery | {"alerts": draw(st.permutations(delivery["alerts"]))}
        for delivery in draw(st.permutations(deliveries))
    ]
    return deliveries, other


async def outcome(desk: Desk, number: int, deliveries: list[Any]) -> tuple[Any, ...]:
    """What fires, and the open incidents with their counts, after deliveries that all arrive within the late window.

    Each run has a namespace of its own in one store.
    """
    space = f"n{number}"
    for turn, delivery in enumerate(json.loads(json.dumps(deliveries).replace('"shop"', f'"{space}"'))):
        await desk.take(delivery, minutes=10 + turn / 60)
    rows = await desk.rows("SELECT labels, status FROM alerts WHERE namespace = ? ORDER BY starts_at", space)
    states: dict[str, list[str]] = {}
    for labels, status in rows:
        states.setdefault(labels.replace(space, "shop"), []).append(status)
    newest = {name: found[-1] for name, found in states.items()}
    older_still_firing = [name for name, found in states.items() if "firing" in found[:-1]]
    still_open = await desk.rows(
        "SELECT alerts_firing FROM incidents WHERE namespace = ? AND state <> 'resolved'", space
    )
    return newest, older_still_firing, still_open


def test_any_order_ends_in_the_same_state(sqlite_url: str) -> None:
    numbers = itertools.count()
    store = Store.open(sqlite_url)

    @settings(max_examples=examples(240), deadline=None)
    @given(orders=shuffled())
    def law(orders: tuple[list[Any], list[Any]]) -> None:
        desk = Desk(store)
        first, second = (loop.run(outcome(desk, next(numbers), order)) for order in orders)
        assert first == second
        newest, older_still_firing, still_open = first
        assert older_still_firing == []
        assert sum(count for (count,) in still_open) == list(newest.values()).count("firing")

    with asyncio.Runner() as loop:
        try:
            law()
        finally:
            loop.run(store.close())
