"""What isn't answered is looked for and never sent again; peers that differ, and whoever dies in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from bot import restored
from bot.domain.silence import SilenceState
from bot.domain.verification import Verdict
from bot.sandbox.silence_book import SilenceBook
from bot.storage import due
from bot.storage.copies import Replaced
from bot.storage.db import Store
from tests.integration.workflow.floor import Floor
from tests.integration.workflow.silence_room import Room, opened


@pytest.fixture
async def room(floor: Floor) -> AsyncIterator[Room]:
    async with opened(floor) as made:
        yield made


# -- an outcome that isn't known ------------------------------------------------------------------


async def test_a_lost_answer_is_looked_for_and_nothing_is_sent_again(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.server.fault("drop_after", "post silences")
    await room.run(1)
    assert (await room.silence()).state is SilenceState.RUNNING
    await room.run(30)
    silence = await room.silence()
    assert (silence.state, silence.verdict) == (SilenceState.ACTIVE, Verdict.PASS)
    assert silence.ids == (room.active()[0].id,)
    assert len(room.posts()) == 1


async def test_a_request_that_never_arrived_is_not_set_after_several_looks_and_not_sent_again(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.server.fault("drop_before", "post silences")
    await room.run(30)
    silence = await room.silence()
    assert (silence.state, silence.in_force) == (SilenceState.FAILED, False)
    assert "not set (read back)" in silence.outcome
    assert len(room.posts()) == 1
    assert len([1 for method, path, _ in room.server.asked if (method, path) == ("GET", "/api/v2/silences")]) >= 3
    assert (await room.ask(incident)).ok, "it may be asked for again"


async def test_it_is_not_looked_for_while_the_request_may_still_arrive(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.server.fault("drop_before", "post silences")
    await room.run(10)
    assert not any(path == "/api/v2/silences" for method, path, _ in room.server.asked if method == "GET")
    assert (await room.silence()).state is SilenceState.RUNNING


async def test_one_peer_of_several_that_knows_it_is_enough_to_know_that_it_is_set(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.server.peers.append(SilenceBook(room.floor.now))
    room.server.fault("drop_after", "post silences")
    await room.run(30)
    assert (await room.silence()).state is SilenceState.ACTIVE
    assert len(room.posts()) == 1


async def test_peers_that_differ_make_it_inconclusive(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    room.server.peers.append(SilenceBook(room.floor.now))
    room.server._turn = 1
    await room.run(80)
    silence = await room.silence()
    assert (silence.state, silence.verdict) == (SilenceState.ACTIVE, Verdict.INCONCLUSIVE)
    assert "INCONCLUSIVE" in await room.thread()


async def test_peers_that_differ_do_not_end_it_and_its_end_reaches_the_one_that_has_it(room: Room) -> None:
    """Not to be listed is no end: only what is seen expired, or was told to end, is over."""
    incident = await room.firing()
    await room.asked(incident)
    room.server.peers.append(SilenceBook(room.floor.now))
    await room.run(200, step=5)
    assert (await room.silence()).state is SilenceState.ACTIVE
    assert await room.floor.clear(incident.id)
    await room.run(12)
    assert room.active() == []


async def test_an_alertmanager_that_lost_what_it_knew_makes_it_unknown_not_over(room: Room) -> None:
    incident, _ = await room.set()
    room.book.kept.clear()
    await room.run(20, step=30)
    silence = await room.silence()
    assert (silence.state, "doesn't list it" in silence.trouble) == (SilenceState.ACTIVE, True)
    assert silence.outcome == "set"
    assert await room.floor.clear(incident.id)
    await room.run(12, step=5)
    assert (await room.silence()).state is SilenceState.ENDED


async def test_an_alertmanager_that_falls_silent_makes_it_inconclusive_and_the_card_says_so(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    await room.run(1)
    room.server.fault("error", "get", times=None)
    await room.run(80)
    silence = await room.silence()
    assert (silence.state, silence.verdict) == (SilenceState.ACTIVE, Verdict.INCONCLUSIVE)
    assert "503" in silence.trouble
    room.server.faults.clear()
    await room.run(80)
    assert ((await room.silence()).outcome, (await room.silence()).trouble) == ("set", "")


async def test_an_alert_that_stays_loud_is_a_fail(room: Room) -> None:
    """Somebody cut it short at once: another end than was asked for."""
    incident = await room.firing()
    await room.asked(incident)
    await room.run(1)
    room.active()[0].ends_at -= timedelta(minutes=30)
    await room.run(80)
    assert (await room.silence()).verdict is Verdict.FAIL
    assert "FAIL" in await room.thread()


async def test_a_restored_store_looks_for_what_it_was_asked_for_and_sends_nothing(room: Room) -> None:
    """Another life of it may have sent it after the copy was made."""
    incident = await room.firing()
    silence = await room.asked(incident)
    await room.floor.store.transact(restored.void, Replaced(readable=False), "cli:ana", room.floor.now())
    await room.run(5, step=20)
    assert (await room.silence()).state is SilenceState.FAILED
    assert room.posts() == []
    again = await room.asked(incident)
    await room.floor.store.transact(restored.void, Replaced(readable=False), "cli:ana", room.floor.now())
    theirs = {
        "matchers": list(again.matchers), "startsAt": room.floor.now().isoformat(), "comment": again.mark,
        "endsAt": again.ends_at.isoformat(), "createdBy": "an earlier life",
    }  # fmt: skip
    room.book.post(theirs)
    await room.run(5, step=20)
    assert (await room.silence(again.id)).state is SilenceState.ACTIVE
    assert silence.uid != again.uid
    assert room.posts() == []


# -- whoever dies in between ----------------------------------------------------------------------


class CrashError(BaseException):
    """The process is gone."""


POINTS = [
    "before:_claim", "after:_claim", "before:silence", "after:silence", "before:there", "after:there", "before:_looked",
    "after:_looked", "before:_may_end", "after:_may_end", "before:end", "after:end", "before:over", "after:over",
]  # fmt: skip


NEVER = {"before:end", "after:end"}


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_each_point_sets_one_at_most_and_leaves_none_behind(
    room: Room, point: str, sqlite_url: str, open_store: Callable[..., Store]
) -> None:
    """Set, read back, ended with its incident, whatever step the process died in."""
    incident = await room.firing()
    await room.asked(incident)
    crashed: list[str] = []

    def die(passed: str) -> None:
        if passed == point and not crashed:
            crashed.append(passed)
            raise CrashError(passed)

    async def live(looks: int) -> None:
        for _ in range(looks):
            room.client.crash_point = room.floor.store.crash_point = die
            try:
                await room.run(1)
            except CrashError:
                await begin()

    async def begin() -> None:
        """A new process on the same file, some seconds later."""
        await room.client.close()
        await room.floor.store.close()
        room.floor.switch(store=open_store(sqlite_url, group_size=1))
        room.connect()
        await room.floor.store.transact(due.free_claims)
        room.floor.advance(3)

    await live(40)
    silence = await room.silence()
    unsent = point in {"after:_claim", "before:silence"}
    assert silence.state is (SilenceState.FAILED if unsent else SilenceState.ACTIVE)
    assert len(room.posts()) == (0 if unsent else 1)
    assert await room.floor.clear(incident.id)
    await live(40)
    assert crashed == ([] if point in NEVER and not room.posts() else [point])
    assert (await room.silence()).in_force is False
    assert room.active() == []
    assert (await room.floor.owed()).get("silence") is None
    audited = [entry.tag for entry in await room.floor.entries("silence:intent")]
    assert len(audited) == 1


async def test_what_was_inconclusive_is_measured_again_by_whoever_asks(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    await room.run(1)
    room.server.fault("error", "get", times=None)
    await room.run(80)
    assert (await room.silence()).verdict is Verdict.INCONCLUSIVE
    room.server.faults.clear()
    cora = await room.floor.person("cora")
    answer = await room.floor.verbs.measure_again(incident.id, cora)
    assert answer.ok, answer.text
    assert (await room.silence()).verdict is Verdict.MEASURING
    await room.run(8)
    assert (await room.silence()).verdict is Verdict.PASS
    assert "read back" in await room.thread()
    assert [entry.actor for entry in await room.floor.entries("silence:verdict:requested")] == [cora.id]
    assert len(room.posts()) == 1, "measuring sets nothing"


async def test_a_silence_that_holds_has_nothing_to_measure_again(room: Room) -> None:
    incident, _ = await room.set()
    answer = await room.floor.verbs.measure_again(incident.id, await room.floor.person("cora"))
    assert not answer.ok
    assert (await room.silence()).verdict is Verdict.PASS


async def test_guests_do_not_measure_a_silence_again(room: Room) -> None:
    incident = await room.firing()
    await room.asked(incident)
    await room.run(1)
    room.server.fault("error", "get", times=None)
    await room.run(80)
    assert not (await room.floor.verbs.measure_again(incident.id, await room.floor.person("gus", restricted=True))).ok
    assert (await room.silence()).verdict is Verdict.INCONCLUSIVE
