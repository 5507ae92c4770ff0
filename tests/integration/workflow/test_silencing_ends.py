"""A silence ends with its incident at the latest, whoever was away, and is never called ended before it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.silence import SilenceState
from bot.integrations.sources import Sources
from bot.workflow.sweep import Sweep
from tests.integration.workflow.floor import Floor
from tests.integration.workflow.silence_room import Room, opened


@pytest.fixture
async def room(floor: Floor) -> AsyncIterator[Room]:
    async with opened(floor) as made:
        yield made


# -- its end --------------------------------------------------------------------------------------


async def test_it_ends_when_the_alerts_end(room: Room) -> None:
    incident, _ = await room.set()
    assert await room.floor.clear(incident.id)
    await room.run()
    silence = await room.silence()
    assert (silence.state, room.active()) == (SilenceState.ENDED, [])
    assert room.deletes() == [f"/api/v2/silence/{silence.ids[0]}"]
    tags = [
        entry.tag for entry in await room.floor.entries("silence:end") + await room.floor.entries("silence:state:e")
    ]
    assert tags == ["silence:end:requested", "silence:end:committed", "silence:state:ended"]
    assert "No longer silenced" in await room.thread()
    assert "silence" not in await room.floor.owed()


async def test_the_sweep_closes_what_is_silenced_since_its_resolve_is_never_sent(room: Room) -> None:
    incident, _ = await room.set()
    sweep = Sweep(room.floor.ctx)
    await sweep.look()
    room.server.alertmanager.lose()
    for _ in range(5):
        room.floor.advance(60)
        await sweep.look()
    assert not (await room.floor.incident(incident.id)).open
    await room.run()
    assert room.active() == []


async def test_it_ends_when_a_person_resolves_the_incident(room: Room) -> None:
    incident, _ = await room.set()
    assert (await room.floor.verbs.resolve(incident.id, await room.floor.person("li"), "done")).ok
    await room.run()
    assert (await room.silence()).state is SilenceState.ENDED


async def test_anybody_may_take_it_back(room: Room) -> None:
    incident, _ = await room.set()
    bo = await room.floor.person("bo")
    assert (await room.floor.verbs.unsilence(incident.id, bo)).ok
    assert "being ended already" in (await room.floor.verbs.unsilence(incident.id, bo)).text
    await room.run()
    assert (await room.silence()).state is SilenceState.ENDED
    assert room.active() == []
    assert (await room.floor.entries("silence:end:committed"))[0].actor == bo.id
    assert "No silence of" in (await room.floor.verbs.unsilence(incident.id, bo)).text


async def test_an_alertmanager_that_is_away_is_asked_until_it_is_ended(room: Room) -> None:
    incident, _ = await room.set()
    room.server.fault("error", "silence", times=None)
    room.server.fault("error", "delete", times=None)
    room.server.faults[0].method = "GET"
    assert await room.floor.clear(incident.id)
    await room.run(100, step=5)
    assert (await room.silence()).state is SilenceState.ENDING
    assert len(room.active()) == 1
    room.server.faults.clear()
    await room.run(20, step=10)
    assert (await room.silence()).state is SilenceState.ENDED
    assert room.active() == []


async def test_a_lost_answer_to_the_end_is_looked_at_and_ended_once_more_only_if_it_holds(room: Room) -> None:
    incident, _ = await room.set()
    room.server.fault("drop_after", "delete silence", times=None)
    assert await room.floor.clear(incident.id)
    await room.run()
    assert (await room.silence()).state is SilenceState.ENDED


async def test_what_is_frozen_is_not_ended_and_told_until_it_may_be(room: Room) -> None:
    incident, _ = await room.set()
    await room.floor.freeze()
    assert "rozen" in (await room.floor.verbs.unsilence(incident.id, await room.floor.person("ana"))).text
    assert await room.floor.clear(incident.id)
    await room.run(20, step=5)
    assert (room.deletes(), (await room.silence()).state) == ([], SilenceState.ENDING)
    assert len(await room.floor.entries("silence:end:delayed")) == 1
    assert "can't be ended yet" in await room.thread()
    await room.floor.freeze(on=False)
    await room.run(20, step=5)
    assert (await room.silence()).state is SilenceState.ENDED


async def test_an_end_that_is_wanted_before_it_is_known_to_be_set_comes_when_it_is(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.server.fault("drop_after", "post silences")
    await room.run(1)
    assert await room.floor.clear(incident.id)
    await room.run(30)
    assert (await room.silence()).state is SilenceState.ENDED
    assert room.active() == []


async def test_one_that_was_not_begun_is_dropped_when_the_incident_ends(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    assert await room.floor.clear(incident.id)
    await room.run(3)
    assert (await room.silence()).state is SilenceState.FAILED
    assert room.posts() == []


async def test_what_a_proxy_sent_twice_is_ended_twice(room: Room) -> None:
    incident, silence = await room.set()
    twin = {**json.loads(json.dumps(room.posts()[0]))}
    room.book.post(twin)
    assert len(room.active()) == 2
    assert await room.floor.clear(incident.id)
    await room.run(12)
    assert (await room.silence()).state is SilenceState.ENDED
    assert room.active() == []
    assert silence.uid in twin["comment"]


async def test_what_somebody_made_of_it_in_alertmanager_is_theirs(room: Room) -> None:
    """Other matchers: another silence, which isn't ended with the incident."""
    incident, silence = await room.set()
    wider = {**room.posts()[0], "id": silence.ids[0], "matchers": room.posts()[0]["matchers"][:2]}
    theirs = room.book.post(wider)
    await room.run(8, step=30)
    ended = await room.silence()
    assert (ended.state, "at Alertmanager" in ended.outcome) == (SilenceState.ENDED, True)
    assert await room.floor.clear(incident.id)
    await room.run(5)
    assert [one.id for one in room.active()] == [theirs]


async def test_it_ends_by_itself_when_its_time_is_over_and_the_card_says_so(room: Room) -> None:
    incident, _ = await room.set()
    await room.run(70, step=60)
    silence = await room.silence()
    assert (silence.state, silence.outcome) == (SilenceState.ENDED, "its time is over")
    assert room.deletes() == []
    assert await room.floor.owed() == {"investigate": 1}
    assert (await room.preview(incident)).refusal == ""


async def test_what_still_holds_when_its_time_is_over_is_ended(room: Room) -> None:
    """A clock was set in between: Alertmanager's end is another one than ours."""
    await room.set()
    room.book.clock = lambda: room.floor.now() - timedelta(hours=1)
    await room.run(75, step=60)
    silence = await room.silence()
    assert (silence.state, silence.outcome) == (SilenceState.ENDED, "ended: its time is over")
    assert len(room.deletes()) == 1
    assert room.active() == []


async def test_an_alertmanager_that_is_taken_out_of_the_settings_leaves_it_to_its_end(room: Room) -> None:
    incident, _ = await room.set()
    room.floor.switch(sources=Sources())
    assert await room.floor.clear(incident.id)
    await room.run(10, step=5)
    assert "ALERTMANAGER_URL" in (await room.silence()).trouble
    await room.run(10, step=600)
    silence = await room.silence()
    assert (silence.state, "never known" in silence.outcome) == (SilenceState.ENDED, True)
