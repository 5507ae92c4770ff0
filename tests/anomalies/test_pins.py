"""📌 through crashes, repetitions and restarts: one note, one entry, and what Slack shows is what stands."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.domain.incident import Incident
from bot.domain.note import Brought, PinNews, Seen
from bot.domain.owed import DueWork, Stage
from bot.domain.severity import Severity
from bot.jobs import LEASE, Jobs
from bot.storage import audit, due, incidents
from bot.storage.db import Tx
from tests.chance import most
from tests.patience import PATIENT

from .night import CrashError, Night
from .whole import PLACE, running, whole

Build = Callable[..., Awaitable[Night]]
SAID = Seen(on=True, text="failing over", author="U0LI")
POINTS = [
    f"{when}:{name}#{turn}"
    for name, turns in (("_heard", 2), ("claim", 2), ("_principal", 2), ("_settle", 2))
    for turn in range(1, turns + 1)
    for when in ("before", "after")
]
"""Kept, claimed, looked at and settled: once for putting it on, once for taking it off."""


class Wall:
    """What Slack shows, and sends until it is told that it arrived."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.on = False
        self.told: list[str] = []

    async def settle(self, work: DueWork) -> None:
        """The stage, as ``commands`` does it."""
        person = await self.night.floor.person("ana")
        answer = await self.night.floor.verbs.settle_pin(work, person, replace(SAID, on=self.on))
        self.told += [answer.text] if answer else []

    async def changes(self, *, on: bool) -> None:
        """Ana puts it on or takes it off; rounds go on until it is kept, looked at, and nothing is owed."""
        self.on = on
        news, kept = PinNews(f"Ev-{on}", "C0ONCALL", "1.000100", "U0ANA", on), False
        while True:
            try:
                if not kept:
                    await self.night.floor.verbs.heard(news)
                    kept = True
                if await self._work():
                    return
            except CrashError:
                await self.night.end()
                self.night.advance(300)
                await self.night.begin()

    async def _work(self) -> bool:
        floor = self.night.floor
        jobs = Jobs(floor.ctx, hands={Stage.PIN: self.settle})
        for work in await floor.store.transact(due.claim, floor.now(), Stage.PIN, LEASE, 5):
            for _ in range(self.night.times):
                await jobs._work(work)
        return not (await floor.owed()).get("pin")


async def begun(night: Night) -> Incident:
    def add(tx: Tx) -> Incident:
        return incidents.add(
            tx, key="k", title="Trouble", alertname="", namespace="shop", severity=Severity.SEV2,
            now=night.floor.now(), channel="C0ONCALL",
        )  # fmt: skip

    return await night.floor.store.transact(add)


async def ended(night: Night) -> list[tuple[Any, ...]]:
    """The notes' entries in the audit, whose chain holds."""
    assert await night.floor.store.read(audit.verify_chain) == []
    return [(one.tag, one.subject) for one in await night.floor.entries("incident:note:")]


BOTH = [("incident:note:added", "note:1"), ("incident:note:retracted", "note:1")]


async def test_the_points_of_a_pin_are_these(night: Build) -> None:
    """A transacted function that joins the path has to join the list."""
    whole_night = await night()
    await begun(whole_night)
    before = len(whole_night.points)
    wall = Wall(whole_night)
    await wall.changes(on=True)
    await wall.changes(on=False)
    assert whole_night.points[before:] == [
        f"{when}:{name}#{turn}"
        for turn in (1, 2)
        for name in ("_heard", "claim", "_principal", "_settle")
        for when in ("before", "after")
    ]
    assert await ended(whole_night) == BOTH


@pytest.mark.parametrize("point", most(POINTS, 6))
async def test_a_crash_anywhere_leaves_one_note_and_one_retraction(night: Build, point: str) -> None:
    broken = await night(point)
    await begun(broken)
    wall = Wall(broken)
    await wall.changes(on=True)
    assert (await broken.floor.count("notes")) == 1
    await wall.changes(on=False)
    assert broken.crashes == 1, broken.points
    assert await ended(broken) == BOTH


async def test_the_stage_run_twice_changes_nothing_and_tells_once(night: Build) -> None:
    doubled = await night(times=2)
    await begun(doubled)
    wall = Wall(doubled)
    await wall.changes(on=True)
    await wall.changes(on=False)
    assert await ended(doubled) == BOTH
    assert len(wall.told) == 2


async def test_one_event_twice_and_across_a_restart_of_the_whole_bot_is_one_note(tmp_path: Path) -> None:
    """As Slack does after a reconnect or a late acknowledgement: the very same payload, to whoever is connected."""
    async with whole(tmp_path) as one:
        server, room = one.world.slack_server, one.world.slack
        async with running(one):
            await one.crash()
            assert (await one.world.fire("KubePodCrashLooping", PLACE)).accepted
            await room.expect_card(PLACE)
            await room.post("li", "The database fails over.")
            server.faults.duplicate_next_envelope()
            await room.react("ana", "pushpin", "fails over")
            await room.expect_ephemeral("ana", "Noted in the timeline of INC-1")
            (event,) = {str(sent["event_id"]): sent for sent in _reactions(server)}.values()
            assert len(_reactions(server)) >= 2
            await server.sockets._deliver_event(event)
            await one.until(partial(_settled, one))
        async with running(one):
            await server.wait_connected(timeout=PATIENT)
            await server.sockets._deliver_event(event)
            await room.react("bo", "pushpin", "fails over")  # news that comes later, and is told
            await room.expect_ephemeral("bo", "until nobody holds it there")
            await one.until(partial(_settled, one))
        assert one.left.rows("SELECT text, retracted_at FROM notes") == [("The database fails over.", None)]
        assert one.left.rows("SELECT count(*) FROM audit WHERE tag = 'incident:note:added'") == [(1,)]
        told = server.workspace.ephemerals("U0ANA", room.channel)
        assert [one.text for one in told] == ["Noted in the timeline of INC-1. Taking 📌 off retracts it."]


def _reactions(server: Any) -> list[Any]:
    sent = [one["payload"] for one in server.sockets.sent if one["type"] == "events_api"]
    return [one for one in sent if one["event"]["type"] == "reaction_added"]


def _settled(one: Any) -> bool:
    return not one.left.rows("SELECT 1 FROM due WHERE stage = 'pin'")


@pytest.mark.parametrize("point", ["before:_declare#1", "after:_declare#1"])
async def test_a_crash_leaves_an_incident_with_its_message_or_neither(night: Build, point: str) -> None:
    """The form arrives once more, at the next process."""
    broken = await night(point)
    brought = Brought("C0ONCALL", "1.000100", SAID, "V1")
    for _ in range(2):
        try:
            person = await broken.floor.person("ana")
            await broken.floor.verbs.declare_from(person, "Checkout is slow", Severity.SEV2, "", "", brought)
        except CrashError:
            counts = await broken.floor.count("incidents"), await broken.floor.count("notes")
            assert counts[0] == counts[1]
            await broken.end()
            broken.advance(300)
            await broken.begin()
    assert broken.crashes == 1
    assert (await broken.floor.count("incidents"), await broken.floor.count("notes")) == (1, 1)
    assert await ended(broken) == [("incident:note:added", "note:1")]
