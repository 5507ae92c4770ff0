"""Notes and the 📌 that hold them up, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import FettleError, NotFoundError
from bot.domain.note import Brought, Note, PinNews, Seen
from bot.storage import notes, people
from bot.storage.db import Store, Tx

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def news(event: str, *, on: bool = True, who: str = "U0ANA") -> PinNews:
    return PinNews(event, "C1", "1.000100", who, on)


def hear(tx: Tx, told: PinNews, now: datetime = NOW) -> int:
    return notes.heard(tx, told, people.person_for(tx, told.slack_id, "", now), now)


def note(tx: Tx, pin_id: int, incident: int = 7) -> Note:
    said = {"link": "https://x", "text": "failing over", "author": "", "noted_by": "person:1"}
    return notes.add(tx, incident, notes.pin(tx, pin_id), **said, now=NOW)


async def test_an_event_counts_once_and_the_newest_that_was_heard_is_kept(store: Store) -> None:
    first = await store.transact(hear, news("Ev1"))
    assert first
    assert await store.transact(hear, news("Ev1")) == 0
    assert await store.transact(hear, news("Ev2", on=False), NOW + MINUTE) == first
    assert await store.transact(hear, news("Ev1")) == 0
    pin = await store.read(notes.pin, first)
    assert (pin.on, pin.slack_id, pin.note_id, pin.heard_at) == (False, "U0ANA", 0, NOW + MINUTE)
    assert await store.transact(hear, news("Ev1", who="U0LI")) != first


async def test_so_many_events_are_remembered(store: Store) -> None:
    for number in range(notes.REMEMBERED + 1):
        assert await store.transact(hear, news(f"Ev{number}", on=number % 2 == 0))
    assert await store.transact(hear, news("Ev1")) == 0
    assert await store.transact(hear, news("Ev0"))  # forgotten, and looked at again without harm


async def test_a_message_has_one_note_that_stands(store: Store) -> None:
    first, other = [await store.transact(hear, news("Ev1", who=who)) for who in ("U0ANA", "U0LI")]
    made = await store.transact(note, first)
    with pytest.raises(FettleError):
        await store.transact(note, other, 8)
    await store.transact(notes.hold, other, made.id)
    await store.transact(notes.hold, first, 0)
    assert await store.read(notes.held, made.id)
    await store.transact(notes.hold, other, 0)
    assert not await store.read(notes.held, made.id)
    assert await store.read(notes.counts, {7, 8}) == {7: 1}
    await store.transact(notes.retract, made.id, "person:2", NOW + MINUTE)
    await store.transact(notes.retract, made.id, "person:1", NOW + 2 * MINUTE)  # the first word stays
    assert (await store.read(notes.get, made.id)).retracted_at == NOW + MINUTE
    assert await store.read(notes.standing, "C1", "1.000100") is None
    assert await store.read(notes.counts, {7, 8}) == {}
    again = await store.transact(note, first)
    assert await store.read(notes.standing, "C1", "1.000100") == again


async def test_an_erased_persons_id_goes_from_what_others_said_and_no_other_id_does(store: Store) -> None:
    def told(tx: Tx, pin_id: int, text: str) -> int:
        said = {"link": "https://x", "text": text, "author": "", "noted_by": "person:9"}
        return notes.add(tx, 7, notes.pin(tx, pin_id), **said, now=NOW).id

    first = await store.transact(hear, news("Ev1"))
    named = await store.transact(told, first, "ask @U0LI")
    await store.transact(notes.retract, named, "person:9", NOW)
    other = await store.transact(told, first, "ask @U0_LI, 100 %")
    await store.transact(people.person_for, "U0LI", "li", NOW)
    await store.transact(people.erase, "U0LI")
    assert [(await store.read(notes.get, one)).text for one in (named, other)] == ["", "ask @U0_LI, 100 %"]


async def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFoundError, match="put it on again"):
        await store.read(notes.pin, 9)
    with pytest.raises(NotFoundError, match="There is no note 9"):
        await store.read(notes.get, 9)


async def test_a_form_counts_once_for_each_person_and_holds_a_note_up_like_a_pin(store: Store) -> None:
    def ask(tx: Tx, form: str, who: str = "U0ANA") -> tuple[int, bool]:
        person = people.person_for(tx, who, "", NOW)
        pin, news = notes.asked(tx, Brought("C1", "1.000100", Seen(on=True), form), person, NOW)
        return pin.id, news

    def held(tx: Tx) -> int:
        return notes.holds(tx, "C1", "1.000100", people.person_for(tx, "U0ANA", "", NOW))

    first, news_of_it = await store.transact(ask, "V1")
    assert news_of_it
    assert await store.transact(ask, "V1") == (first, False)
    assert await store.transact(ask, "V2") == (first, True)
    assert await store.transact(ask, "V1") == (first, False)
    other, news_of_it = await store.transact(ask, "V1", "U0LI")
    assert (other != first, news_of_it) == (True, True)
    assert await store.transact(held) == 0
    kept = await store.transact(note, first)
    assert await store.transact(held) == kept.id
    assert await store.transact(hear, news("Ev1")) == first
