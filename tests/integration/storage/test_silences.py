"""Silences on both databases: one in force for an incident, moved as the table says, forgotten with their words."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.errors import IllegalTransitionError, NotFoundError
from bot.domain.incident import IncidentEvent
from bot.domain.severity import Severity
from bot.domain.silence import Silence, SilenceState
from bot.domain.verification import Check, CheckState, Verdict
from bot.storage import incidents, people, purge, redate, silences
from bot.storage.db import Store, Tx

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
MATCHERS = ({"name": "namespace", "value": "shop", "isRegex": False, "isEqual": True},)
LOOK = (Check("silence", CheckState.GOOD, "active", "active", NOW),)


def opened(tx: Tx, uid: str = "u1", incident_id: int = 0) -> Silence | None:
    """A silence that Ana asked for, of a new incident or of this one."""
    ana = people.person_for(tx, "U1", "Ana", NOW)
    if not incident_id:
        made = incidents.add(
            tx, key=uid, title="X", alertname="X", namespace="shop", severity=Severity.SEV2, now=NOW, channel="C1"
        )
        incident_id = made.id
    return silences.add(
        tx, uid=uid, incident_id=incident_id, requested_by=ana, matchers=MATCHERS, comment="deploying", alerts=3,
        ends_at=NOW + timedelta(hours=1), now=NOW,
    )  # fmt: skip


async def test_what_was_asked_is_read_as_it_was_written(store: Store) -> None:
    silence = await store.transact(opened)
    assert silence is not None
    assert silence == await store.read(silences.get, silence.id) == await store.read(silences.in_force, 1)
    assert (silence.state, silence.matchers, silence.comment) == (SilenceState.PENDING, MATCHERS, "deploying")
    assert (silence.ends_at, silence.in_force, silence.body) == (NOW + timedelta(hours=1), True, None)


async def test_an_incident_has_one_in_force_whoever_asks_at_once(store: Store) -> None:
    first = await store.transact(opened)
    assert first is not None
    found = await asyncio.gather(*(store.transact(opened, f"u{n}", first.incident_id) for n in range(2, 6)))
    assert found == [None] * 4
    await store.transact(silences.fail, first.id, NOW, "no")
    assert await store.transact(opened, "u9", first.incident_id) is not None


async def test_the_way_from_asked_to_over(store: Store) -> None:
    await store.transact(opened)
    claimed = await store.transact(silences.claim, 1, {"comment": "x"}, NOW)
    assert (claimed.state, claimed.body, claimed.intent_at) == (SilenceState.RUNNING, {"comment": "x"}, NOW)
    await store.transact(silences.note, 1, "No answer.")
    assert (await store.read(silences.get, 1)).trouble == "No answer."
    there = await store.transact(silences.confirm, 1, ("a-1",), NOW + timedelta(minutes=1), "set")
    assert (there.outcome, there.trouble) == ("set", "")
    assert await store.read(silences.ids_of, there.incident_id) == {"a-1"}
    assert (there.ids, there.check_by) == (("a-1",), NOW + timedelta(minutes=1))
    seen = await store.transact(silences.measured, 1, Verdict.PASS, LOOK, ("a-1",))
    assert (seen.verdict, seen.checks) == (Verdict.PASS, LOOK)
    assert (await store.transact(silences.measured, 1, Verdict.FAIL, (), ())).verdict is Verdict.PASS
    assert (await store.transact(silences.end, 1, "person:1", "why")).state is SilenceState.ENDING
    over = await store.transact(silences.over, 1, NOW, "ended")
    assert (over.state, over.in_force, over.ended_at) == (SilenceState.ENDED, False, NOW)
    assert await store.read(silences.in_force, over.incident_id) is None


@pytest.mark.parametrize(
    ("step", "arguments"),
    [(silences.confirm, ((), NOW, "")), (silences.end, ("x", "y")), (silences.over, (NOW, ""))],
)
async def test_a_step_that_the_table_lacks_is_refused(store: Store, step: Any, arguments: tuple[Any, ...]) -> None:
    await store.transact(opened)
    with pytest.raises(IllegalTransitionError):
        await store.transact(step, 1, *arguments)


async def test_there_is_no_silence_that_nobody_asked_for(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.read(silences.get, 1)


async def test_the_form_was_opened_since(store: Store) -> None:
    assert not await store.read(silences.asked_since, NOW)
    await store.transact(silences.asked, NOW)
    assert await store.read(silences.asked_since, NOW)
    assert not await store.read(silences.asked_since, NOW + timedelta(seconds=1))


async def test_a_person_who_is_erased_takes_their_words_along(store: Store) -> None:
    await store.transact(opened)
    await store.transact(silences.claim, 1, {"createdBy": "Ana (Fettle)"}, NOW)
    await store.transact(people.erase, "U1")
    silence = await store.read(silences.get, 1)
    assert (silence.comment, silence.body, silence.matchers) == ("", None, MATCHERS)


async def test_retention_forgets_what_was_matched_once_it_is_over(store: Store) -> None:
    def resolved(tx: Tx) -> None:
        opened(tx)
        incidents.move(tx, 1, IncidentEvent.RESOLVE, NOW, resolved_at=NOW, resolution="person", reason="")

    await store.transact(resolved)
    later = NOW + timedelta(days=1)
    assert (await purge.purge(store, later, "fettle", later))["silences"] == 0, "it may hold still"
    await store.transact(silences.fail, 1, NOW, "no")
    assert (await purge.purge(store, later, "fettle", later))["silences"] == 1
    silence = await store.read(silences.get, 1)
    assert (silence.matchers, silence.comment, silence.body) == ((), "", None)


async def test_its_end_moves_with_a_clock_that_is_set(store: Store) -> None:
    await store.transact(opened)
    await store.transact(redate.shift, timedelta(hours=-1))
    assert (await store.read(silences.get, 1)).ends_at == NOW
