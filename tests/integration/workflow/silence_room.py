"""The floor with an Alertmanager beside it that can be silenced, over its socket; its clock is the floor's."""
# ruff: noqa: D102 - the methods of the room do what their names say

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from bot.domain.alert import Alert, AlertStatus
from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.incident import Incident
from bot.domain.mitigation import Action, Notice
from bot.domain.owed import Stage
from bot.domain.silence import Silence, SilencePreview
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.door import Access
from bot.integrations.sources import Sources
from bot.sandbox import alertmanager as sandbox
from bot.sandbox.alertmanager_api import AlertmanagerServer
from bot.sandbox.silence_book import Kept
from bot.storage import silences
from bot.storage.db import Tx
from tests.integration.workflow.floor import LABELS, Floor

HOUR = timedelta(hours=1)


class Room:
    """People ask by verbs, what is owed is run on demand, Alertmanager is looked into."""

    def __init__(self, floor: Floor, server: AlertmanagerServer) -> None:
        self.floor = floor
        self.server = server
        self.book = server.alertmanager.silences
        self.book.clock = floor.now
        self.client = self.connect()
        floor.configure(ALLOWED_ACTIONS=(Action.RESTART, Notice.SILENCE), SILENCE_MAX=timedelta(hours=4))

    def connect(self) -> Alertmanager:
        """A client as a fresh process has one."""
        client = Alertmanager(Access("Alertmanager", "ALERTMANAGER", self.server.url))
        self.floor.switch(sources=Sources(alertmanager=client))
        self.client = client
        return client

    def holds(self, labels: Mapping[str, str] = LABELS, count: int = 1) -> None:
        """Alertmanager has the same alerts as ``floor.alert`` delivers."""
        for number in range(count):
            one = {**labels, "pod": f"api-{number}"} if count > 1 else dict(labels)
            self.server.alertmanager.put(one, self.floor.now())

    async def delivered(self, labels: Mapping[str, str] = LABELS, count: int = 1) -> Incident:
        """These alerts reach Fettle, with the fingerprints that Alertmanager gives them."""
        each = [{**labels, "pod": f"api-{number}"} if count > 1 else dict(labels) for number in range(count)]
        now = self.floor.now()
        alerts = tuple(Alert(sandbox.fingerprint(one), AlertStatus.FIRING, one, {}, now) for one in each)
        receipt = await self.floor._receive(alerts, labels)
        self.floor._firing[receipt.incidents[0]] = alerts
        return await self.floor.incident(receipt.incidents[0])

    async def firing(self, labels: Mapping[str, str] = LABELS, count: int = 1) -> Incident:
        self.holds(labels, count)
        return await self.delivered(labels, count)

    async def preview(self, incident: Incident, by: str = "ana", **facts: bool) -> SilencePreview:
        return await self.floor.verbs.silence_preview(incident.id, await self.floor.person(by, **facts))

    async def ask(
        self, incident: Incident, by: str | Principal = "ana", lasting: timedelta = HOUR, digest: str = ""
    ) -> Answer:
        principal = await self.floor.person(by) if isinstance(by, str) else by
        digest = digest or (await self.preview(incident)).digest
        return await self.floor.verbs.silence(incident.id, principal, lasting, "deploying", digest)

    async def asked(self, incident: Incident, lasting: timedelta = HOUR) -> Silence:
        answer = await self.ask(incident, lasting=lasting)
        assert answer.ok, answer.text
        found = await self.in_force(incident)
        assert found is not None
        return found

    async def in_force(self, incident: Incident) -> Silence | None:
        return await self.floor.store.read(silences.in_force, incident.id)

    async def silence(self, number: int = 1) -> Silence:
        return await self.floor.store.read(silences.get, number)

    async def run(self, looks: int = 8, step: float = 1.0) -> None:
        """What is owed of silences, again and again, letting time pass."""
        for _ in range(looks):
            await self.floor.run(Stage.SILENCE)
            self.floor.advance(step)

    async def set(self, count: int = 1) -> tuple[Incident, Silence]:
        """An incident that is silenced, and its verdict given."""
        incident = await self.firing(count=count)
        await self.asked(incident)
        await self.run()
        return incident, await self.silence()

    def active(self) -> list[Kept]:
        return [one for one in self.book.kept.values() if one.state(self.book.clock()) == "active"]

    def posts(self) -> list[Any]:
        return self.server.wrote("POST")

    def deletes(self) -> list[Any]:
        return self.server.wrote("DELETE")

    async def thread(self) -> str:
        def read(tx: Tx) -> str:
            rows = tx.execute("SELECT params FROM outbox WHERE kind = 'thread' ORDER BY id").fetchall()
            return "\n".join(str(row[0]) for row in rows)

        return str(await self.floor.store.read(read))


@asynccontextmanager
async def opened(floor: Floor) -> AsyncIterator[Room]:
    """The room, its Alertmanager listening on loopback."""
    server = AlertmanagerServer(sandbox.Alertmanager("", ""))
    await server.start()
    room = Room(floor, server)
    try:
        yield room
    finally:
        await room.client.close()
        await server.stop()
