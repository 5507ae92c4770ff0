"""A scenario on the page: its world runs, its steps play between Play, Pause and Step, and all of it stays afterwards.

It refuses to play by itself: the engine does, the same one as without a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.sandbox.demo import Demo
from bot.sandbox.page.panels.every import beside
from bot.sandbox.page.panels.tour import TourBar
from bot.sandbox.page.routes import add_page
from bot.sandbox.scenarios import engine
from bot.sandbox.scenarios.gate import Gate
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.world import World

PATIENT = {"APPROVAL_TTL": "1h"}
"""Somebody reads before they press; a scenario about an approval's end says its own time."""


class Tour:
    """One scenario in a world with a page; ``playing`` ends when it is over, what runs is ended by ``running``."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        patient = {} if scenario.production_times else PATIENT
        patient = {name: value for name, value in patient.items() if name not in scenario.settings}
        options = engine.world_of(scenario, {**patient, **(settings or {})})
        self.world = World(folder, replace(options, port=port))
        self.gate = Gate(scenario.steps, self.world.slack_server.workspace)
        self.bar = TourBar(scenario, self.gate)
        self._scenario, self._say = scenario, say
        self._demo = Demo(self.world)
        add_page(self.world.slack_server, fires=(), panels=beside(self.world, self._demo), tour=self.bar)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """The world runs, and the scenario begins; yields what ends when it has ended."""
        async with self.world:
            tasks = [asyncio.create_task(self._play()), asyncio.create_task(self._demo.attend())]
            try:
                yield tasks[0]
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self) -> None:
        result = engine.begun(self._scenario, self._say)
        await engine.play_in(self.world, self._scenario, result, self.gate.turn)
        self.bar.looking_back = True
        await engine.look_back(self.world, result)
        engine.conclude(result)
        self.bar.ended = result


async def show(
    scenario: Scenario, *, settings: Mapping[str, str], port: int, say: Callable[[str], None], stop: asyncio.Event
) -> int:
    """Until the event is set; 1 where the scenario ended otherwise than it should, else 0."""
    with tempfile.TemporaryDirectory(prefix="fettle-tour-") as folder:
        tour = Tour(scenario, Path(folder), settings=settings, port=port, say=say)
        async with tour.running() as playing:
            say("The scenario plays on the page; nothing leaves this machine.")
            say(f"  Page       {tour.world.slack_server.url}/")
            say(f"  Cluster    export KUBECONFIG={tour.world.kubeconfig('admin')}")
            say("Press Play or Step in the bar on top of the page. Ctrl-C ends everything.")
            say("")
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()  # what the engine didn't foresee is no secret
            await stopped
        say("Ending: the bot first, then Slack and the cluster.")
        ended = tour.bar.ended
    return 1 if ended is not None and not ended.ok else 0
