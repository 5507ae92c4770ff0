"""A JVM in the container of a pod of the sandbox's cluster, and a store of dumps in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.execution import WriteRequest
from bot.integrations.artifacts_folder import Folder
from bot.kube import reads
from bot.kube.execs import Place
from bot.mitigations.verb import Brought
from tests.integration import jvm as machine
from tests.integration.clusters import API, World, now, world

GIB = 1024**3
E = "0123456789abcdef0123456789abcdef"


@dataclass
class Room:
    """The cluster, the pod, and what runs in it."""

    kube: World
    place: Place
    pod: Any
    store: Folder

    @property
    def tmp(self) -> Path:
        """The container's /tmp."""
        running = self.kube.server.containers.of(self.pod["metadata"]["uid"], self.place.container)
        assert running is not None
        return running.folder

    async def start(self, *argv: str, until: str = "up", **env: str) -> None:
        """Begins the container with this program."""
        await machine.started(self.kube.server, self.pod, *argv, until=until, **env)

    async def stored(self, verb: Any, **wanted: Any) -> WriteRequest:
        """What would be approved for the pod of the room."""
        state = await reads.target_state(self.kube.cluster, API, now=now())
        params = await verb.MITIGATION.plan(self.kube.cluster, state, {"pod": self.place.pod, **wanted})
        request: WriteRequest = verb.MITIGATION.request(
            state, approved_at=datetime.now(UTC), execution_uid=E, params=params
        )
        return request

    async def brought(self, verb: Any) -> Brought:
        """Approved and carried out."""
        request = await self.stored(verb)
        found: Brought = await verb.MITIGATION.bringing.bring(self.kube.cluster, self.store, request)
        return found

    def ran(self, word: str) -> list[tuple[str, ...]]:
        """The commands that hold this word."""
        return [argv for argv in self.kube.server.executing.ran if word in " ".join(argv)]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with world(tmp_path) as kube:
        await kube.api()
        pod = kube.sandbox.pods("shop", "api")[0]
        place = Place("shop", pod["metadata"]["name"], pod["spec"]["containers"][0]["name"], E)
        yield Room(kube, place, pod, Folder(tmp_path / "dumps", 2 * GIB))


@pytest.fixture
async def jvm(room: Room, program: Path) -> Room:
    """A JVM that isn't pid 1, in a heap of 64 MiB."""
    await room.start(*machine.argv(program))
    return room
