"""What Alertmanager says when it is asked: lost resolves are made good, late firings decided, nothing too soon."""
# ruff: noqa: D102 - the methods of the room do what their names say

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.alert import Alert, AlertGroup, AlertStatus
from bot.domain.incident import Incident, IncidentState
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.door import Access
from bot.integrations.sources import Sources
from bot.storage import incidents
from bot.storage.db import Tx
from bot.workflow import intake
from bot.workflow.sweep import Sweep
from tests.integration.replayed import Replay, answer, replaying
from tests.integration.workflow.floor import LABELS, Floor

STATUS, ALERTS = "/api/v2/status", "/api/v2/alerts"


class Room:
    """The floor, an Alertmanager whose answers a test sets, and the sweep that asks it."""

    def __init__(self, floor: Floor, replay: Replay) -> None:
        self.floor = floor
        self.replay = replay
        client = Alertmanager(Access("Alertmanager", "ALERTMANAGER", replay.url))
        floor.switch(sources=Sources(alertmanager=client))
        self.client = client
        self.sweep = Sweep(floor.ctx)
        self.up_since(hours=24)
        self.holds()

    def up_since(self, **ago: float) -> None:
        """When that Alertmanager was started."""
        body = {"uptime": (self.floor.now() - timedelta(**ago)).isoformat(), "versionInfo": {"version": "0.33.1"}}
        self.replay.answers[STATUS] = answer("200 OK", json.dumps(body).encode(), Content_Type="application/json")

    def holds(self, *alerts: tuple[str, datetime]) -> None:
        """The alerts it holds: (fingerprint, start)."""
        rows = [
            {
                "fingerprint": mark, "startsAt": start.isoformat(timespec="milliseconds"), "labels": dict(LABELS),
                "annotations": {"summary": "password=hunter22"}, "status": {"state": "active"},
            }
            for mark, start in alerts
        ]  # fmt: skip
        self.replay.answers[ALERTS] = answer("200 OK", json.dumps(rows).encode(), Content_Type="application/json")

    async def deliver(self, status: AlertStatus, start: datetime, mark: str = "f1") -> Incident:
        """One alert by the webhook's way."""
        alert = Alert(mark, status, {**LABELS, "mark": mark}, {}, start)
        rules = intake.IntakeRules.of(self.floor.ctx.settings, self.floor.ctx.channel)
        receipt = await self.floor.store.transact(intake.receive, AlertGroup("g", (alert,)), self.floor.now(), rules)
        return await self.floor.store.read(incidents.get, receipt.incidents[0])

    async def look(self, times: int = 1, every: float = 60.0) -> None:
        for _ in range(times):
            self.floor.advance(every)
            await self.sweep.look()

    async def state(self, incident: Incident) -> IncidentState:
        return (await self.floor.store.read(incidents.get, incident.id)).state

    async def told(self, incident: Incident) -> str:
        def read(tx: Tx) -> str:
            rows = tx.execute(
                "SELECT params FROM outbox WHERE subject = ? AND kind = 'thread'", (incident.id,)
            ).fetchall()
            return " ".join(str(row[0]) for row in rows)

        return str(await self.floor.store.read(read))


@pytest.fixture
async def room(floor: Floor) -> AsyncIterator[Room]:
    async with replaying() as replay:
        made = Room(floor, replay)
        yield made
        await made.client.close()


async def test_a_resolve_that_got_lost_is_made_good_after_several_looks(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    room.holds(("f1", start))
    await room.look(3)
    assert await room.state(incident) is IncidentState.TRIGGERED
    room.holds()
    await room.look(2)
    assert await room.state(incident) is IncidentState.TRIGGERED, "two looks are not enough"
    await room.look()
    assert await room.state(incident) is IncidentState.RESOLVED
    assert "its resolve never arrived" in await room.told(incident)
    entries = await room.floor.entries("alert:sweep:settled")
    assert [entry.outcome for entry in entries] == ["1 gone, 0 back"]


async def test_an_alert_that_was_never_seen_there_is_somebody_elses(room: Room) -> None:
    """Grafana, another Alertmanager, fettle alert send: not held there, and never was."""
    incident = await room.deliver(AlertStatus.FIRING, room.floor.now())
    await room.look(10)
    assert await room.state(incident) is IncidentState.TRIGGERED


async def test_an_alertmanager_that_was_restarted_is_not_believed_until_it_was_told_again(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    room.holds(("f1", start))
    await room.look(3)
    room.holds()
    room.up_since(seconds=0)
    await room.look(4)
    assert await room.state(incident) is IncidentState.TRIGGERED
    room.holds(("f1", start))
    await room.look(5)
    assert await room.state(incident) is IncidentState.TRIGGERED


async def test_an_answer_that_fails_in_between_begins_the_count_anew(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    room.holds(("f1", start))
    await room.look(3)
    room.holds()
    await room.look(2)
    room.replay.answers[ALERTS] = answer("503 Service Unavailable")
    await room.look()
    room.holds()
    await room.look(2)
    assert await room.state(incident) is IncidentState.TRIGGERED
    await room.look()
    assert await room.state(incident) is IncidentState.RESOLVED


async def test_what_was_seen_there_is_known_after_a_restart_of_ours(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    room.holds(("f1", start))
    await room.look()
    room.sweep = Sweep(room.floor.ctx)
    room.holds()
    await room.look(5)
    assert await room.state(incident) is IncidentState.RESOLVED


async def test_a_delivery_right_before_the_look_is_newer_than_its_answer(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    room.holds(("f1", start))
    await room.look(3)
    room.holds()
    for _ in range(6):
        await room.deliver(AlertStatus.FIRING, start)
        await room.look()
    assert await room.state(incident) is IncidentState.TRIGGERED


async def test_other_alerts_of_the_incident_keep_it_open(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    await room.deliver(AlertStatus.FIRING, start, "f2")
    room.holds(("f1", start), ("f2", start))
    await room.look(3)
    room.holds(("f2", start))
    await room.look(4)
    assert await room.state(incident) is IncidentState.TRIGGERED
    assert (await room.floor.store.read(incidents.get, incident.id)).alerts_firing == 1


@pytest.mark.parametrize("still", [True, False], ids=["it still fires", "it is over"])
async def test_a_firing_that_came_right_after_its_resolve_is_decided(room: Room, still: bool) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    await room.deliver(AlertStatus.RESOLVED, start)
    room.floor.advance(20)
    await room.deliver(AlertStatus.FIRING, start)
    assert await room.state(incident) is IncidentState.RESOLVED, "late: not decided yet"
    room.holds(*([("f1", start)] if still else []))
    await room.look()
    assert await room.state(incident) is IncidentState.RESOLVED, "too soon"
    await room.look(2)
    assert await room.state(incident) is (IncidentState.TRIGGERED if still else IncidentState.RESOLVED)
    rows = await room.floor.store.read(lambda tx: tx.execute("SELECT late_at, annotations FROM alerts").fetchall())
    assert rows[0][0] is None
    assert "hunter22" not in str(rows)
    count = await room.floor.store.read(lambda tx: tx.execute("SELECT count(*) FROM incidents").fetchone()[0])
    assert count == 1, "it comes back to its own incident"


async def test_without_an_alertmanager_nothing_is_asked(room: Room) -> None:
    room.floor.switch(sources=Sources())
    await Sweep(room.floor.ctx).look()
    assert room.replay.asked == []


async def test_many_alerts_are_one_look(room: Room) -> None:
    start = room.floor.now()
    incident = await room.deliver(AlertStatus.FIRING, start)
    marks: list[Any] = [(f"f{number}", start) for number in range(1, 400)]
    for mark, _ in marks[1:5]:
        await room.deliver(AlertStatus.FIRING, start, mark)
    room.holds(*marks)
    await room.look(3)
    assert len(room.replay.asked) == 6
    assert (
        replace(incident, alerts_firing=5).alerts_firing
        == (await room.floor.store.read(incidents.get, incident.id)).alerts_firing
    )
