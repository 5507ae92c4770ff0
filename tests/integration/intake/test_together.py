"""Deliveries that wait together are taken as if they had come one after the other."""

import itertools
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import payload
from bot.storage import audit, incidents
from bot.storage.db import Store, Tx
from bot.storage.fields import to_text
from bot.workflow.arrivals import Arrival
from bot.workflow.intake import Delivered, IntakeRules, Receipt, receive_all
from tests.chance import examples

from .door import CHANNEL, START, alert, group, sent_all

RULES = IntakeRules(CHANNEL, "eu-1", reopen_window=timedelta(minutes=30))
TABLES = {
    "alerts": "fingerprint, starts_at, status, ends_at, resolved_arrived_at, late_at, incident_id, severity, name, "
    "namespace, labels, annotations, first_seen_at, last_seen_at, deliveries, current",
    "deliveries": "fingerprint, starts_at, status, ends_at, received_at, effect",
    "incidents": "*",
    "quarantine": "received_at, receiver, reason, body",
    "outbox": "key, kind, subject, channel, rank, owed_at, due_at, version, thread_key, params",
    "due": "stage, subject, due_at, version, params",
    "digests": "*",
    "audit": "at, tag, actor, subject, outcome, incident_id",
}

one_alert = st.builds(
    lambda name, pod, workload, start, ended, severity: alert(
        name, pod=pod, deployment=workload, start=start, end=None if ended is None else (start or 0) + ended,
        severity=severity,
    ),
    st.sampled_from(["Down", "Slow", "Watchdog"]), st.sampled_from("ab"), st.sampled_from(["api", "db"]),
    st.sampled_from([None, 0.0, 3.0, 40.0]), st.sampled_from([None, None, 1.0]), st.sampled_from(["critical", "none"]),
)  # fmt: skip
one_group = st.builds(
    lambda alerts, key, bad: group(*alerts, *([7] if bad else []), key=key),
    st.lists(one_alert, min_size=1, max_size=3),
    st.sampled_from(["g1", "g2", "g3", ""]),
    st.sampled_from([False, False, True]),
)  # fmt: skip
batches = st.lists(
    st.tuples(st.sampled_from([0.1, 1.0, 50.0]), st.lists(one_group, min_size=1, max_size=5)), max_size=4
)
"""Minutes that pass, and what waits then."""


def rows(tx: Tx) -> dict[str, list[Any]]:
    found = {name: tx.execute(f"SELECT {what} FROM {name}").fetchall() for name, what in TABLES.items()}  # noqa: S608 - names above
    return {name: sorted(table, key=repr) for name, table in found.items()}


def deliveries(bodies: Sequence[Any], space: str, minutes: float) -> list[Delivered]:
    """The bodies in a namespace of their own, each a second after the one before."""
    named = [body | {"groupKey": body["groupKey"] and f"{space}-{body['groupKey']}"} for body in bodies]
    texts = [json.dumps(body).replace('"shop"', f'"{space}"') for body in named]
    return [
        Delivered(payload.parse(text.encode()), START + timedelta(minutes=minutes, seconds=index), RULES)
        for index, text in enumerate(texts)
    ]


def test_a_batch_leaves_what_its_deliveries_leave_one_by_one(tmp_path: Path) -> None:
    apart, together = (Store.open(f"sqlite:///{tmp_path}/{name}.db") for name in ("apart", "together"))
    numbers = itertools.count()
    minutes = 0.0

    @settings(max_examples=examples(600), deadline=None)
    @given(batches)
    def law(story: list[tuple[float, list[Any]]]) -> None:
        nonlocal minutes
        space = f"n{next(numbers)}"
        for passed, bodies in story:
            minutes += passed
            some = deliveries(bodies, space, minutes)
            one_by_one: list[Receipt] = [receipt for one in some for receipt in apart.transact_now(receive_all, [one])]
            assert together.transact_now(receive_all, some) == one_by_one
        assert together.read_now(rows) == apart.read_now(rows)

    try:
        law()
        assert together.read_now(audit.verify_chain) == []
    finally:
        apart.close_now()
        together.close_now()


async def test_a_repetition_that_waits_beside_its_original_is_one(store: Store) -> None:
    """Two of a pair of Alertmanagers send the same at the same moment."""
    body = group(alert(pod="a"), alert(pod="b"))
    first, second = await store.transact(receive_all, deliveries([body, body], "n", 0))
    assert (first.duplicates, second.duplicates) == (0, 2)
    assert first.incidents == second.incidents
    (incident,) = await store.read(incidents.list_recent, 10)
    assert (incident.alerts_firing, incident.alerts_total, incident.flaps) == (2, 2, 0)


async def test_of_those_taken_together_each_is_told_its_own_duplicates(store: Store) -> None:
    """New ones, a repetition and one of both share their statements; ends and counts are their own too."""
    bodies = [group(*(alert(pod=f"{key}{pod}") for pod in range(3)), key=key) for key in "abc"]
    firing = await store.transact(receive_all, deliveries(bodies, "n", 0))
    assert [receipt.duplicates for receipt in firing] == [0, 0, 0]
    ended = group(*(alert(pod=f"a{pod}", end=pod + 1) for pod in range(2)), key="a")
    both = group(*(alert(pod=f"c{pod}") for pod in range(4)), key="c")
    mixed = await store.transact(receive_all, deliveries([ended, bodies[1], both], "n", 9))
    assert [receipt.duplicates for receipt in mixed] == [0, 3, 3]
    found = {incident.id: incident for incident in await store.read(incidents.list_recent, 10)}
    counts = [(found[one.incidents[0]].alerts_firing, found[one.incidents[0]].alerts_total) for one in firing]
    assert counts == [(1, 3), (3, 3), (4, 4)]
    sql = "SELECT labels, ends_at, resolved_arrived_at, last_seen_at, deliveries FROM alerts WHERE status = ?"
    ends = sorted(await store.read(lambda tx: [tuple(row) for row in tx.execute(sql, ("resolved",)).fetchall()]))
    assert [json.loads(row[0])["pod"] for row in ends] == ["a0", "a1"]
    came = to_text(START + timedelta(minutes=9))
    assert [row[1:] for row in ends] == [(to_text(START + timedelta(minutes=m)), came, came, 1) for m in (1, 2)]
    again = "SELECT labels, last_seen_at FROM alerts WHERE deliveries = 2"
    seen = await store.read(lambda tx: [tuple(row) for row in tx.execute(again).fetchall()])
    times = {json.loads(labels)["pod"]: at for labels, at in seen}
    assert times == {
        **{f"b{pod}": to_text(START + timedelta(minutes=9, seconds=1)) for pod in range(3)},
        **{f"c{pod}": to_text(START + timedelta(minutes=9, seconds=2)) for pod in range(3)},
    }


async def test_a_hundred_that_share_an_incident_are_looked_at_a_few_times_each(sqlite_store: Store) -> None:
    """They are taken one after the other, and not all of those that still wait are looked at for each."""
    some = deliveries([group(alert(pod=str(number))) for number in range(100)], "n", 0)
    looked_at: list[int] = []
    plan = Arrival.plan

    def counted(self: Arrival, known: Any) -> None:
        looked_at.append(1)
        plan(self, known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Arrival, "plan", counted)
        receipts = await sqlite_store.transact(receive_all, some)
    assert {receipt.incidents for receipt in receipts} == {(1,)}
    assert len(looked_at) < 4 * len(some)


async def test_a_hundred_groups_at_once_are_one_round_of_statements(sqlite_store: Store) -> None:
    """Alerts that have nothing to do with each other cost a few statements together, not a few each."""
    some = deliveries([group(alert(pod=str(number)), key=f"g{number}") for number in range(100)], "n", 0)
    await sqlite_store.transact(receive_all, some)
    await sent_all(sqlite_store)
    await sqlite_store.transact(lambda tx: tx.execute("UPDATE incidents SET digest_id = NULL"))
    again = deliveries([group(alert(pod=str(number), start=5), key=f"g{number}") for number in range(100)], "n", 6)

    def counted(tx: Tx) -> int:
        statements: list[str] = []
        tx._connection.set_trace_callback(statements.append)
        receive_all(tx, again)
        tx._connection.set_trace_callback(None)
        return len(statements)

    assert await sqlite_store.transact(counted) < 100 * 4 + 50
