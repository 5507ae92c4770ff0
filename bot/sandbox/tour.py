"""A scenario on the page: its world runs, its steps play between Play, Pause and Step, and all of it stays afterwards.

It refuses to play by itself: the engine does, the same one as without a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.sandbox import env_file
from bot.sandbox.demo import Demo
from bot.sandbox.lasting import Lasting
from bot.sandbox.page.panels.every import beside
from bot.sandbox.page.panels.playbill import Playbill
from bot.sandbox.page.panels.tour import TourBar
from bot.sandbox.page.routes import add_page
from bot.sandbox.scenarios import engine
from bot.sandbox.scenarios.gate import Gate
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.world import World

log = logging.getLogger(__name__)

PATIENT = {"APPROVAL_TTL": "1h"}
"""Somebody reads before they press; a scenario about an approval's end says its own time."""


class Tour:
    """One scenario in a world with a page; ``playing`` ends when it is over, what runs is ended by ``running``.

    ``playbill`` is where another one is chosen, ``env`` the dotenv file of this world while it runs.
    """

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        say: Callable[[str], None] | None = None,
        playbill: Playbill | None = None,
        env: Path | None = None,
        lasting: Lasting | None = None,
    ) -> None:
        patient = {} if scenario.production_times else PATIENT
        patient = {name: value for name, value in patient.items() if name not in scenario.settings}
        options = engine.world_of(scenario, {**patient, **(settings or {})})
        self.world = World(folder, replace(options, port=port), lasting)
        self.gate = Gate(scenario.steps, self.world.slack_server.workspace)
        self.bar = TourBar(scenario, self.gate, may_choose=playbill is not None)
        self._scenario, self._say, self._env = scenario, say, env
        self._demo = Demo(self.world)
        panels = beside(self.world, self._demo)
        self.page = add_page(self.world.slack_server, fires=(), panels=panels, tour=self.bar, playbill=playbill)

    @property
    def code(self) -> int:
        """1 where it ended otherwise than it should, else 0."""
        return 1 if self.bar.ended is not None and not self.bar.ended.ok else 0

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

    async def run(self) -> None:
        """Until cancelled: what was played runs on after its end."""
        async with self.running():
            with env_file.kept(self._env, self.world.dotenv()):
                self._greet()
                await asyncio.Event().wait()

    def _greet(self) -> None:
        if self._say is None:
            return
        self._say("The scenario plays on the page; nothing leaves this machine.")
        self._say(f"  Page       {self.world.slack_server.url}/")
        self._say(f"  Cluster    export KUBECONFIG={self.world.kubeconfig('admin')}")
        if self._env is not None:
            self._say(f"  Settings   {self._env.absolute()}")
        self._say("Press Play or Step in the bar on top of the page. Ctrl-C ends everything.")
        self._say("")

    async def _play(self) -> None:
        result = engine.begun(self._scenario, self._say)
        try:
            await engine.play_in(self.world, self._scenario, result, self.gate.turn)
            self.bar.looking_back = True
            await engine.look_back(self.world, result)
        except Exception as error:
            # The edge of what plays: whoever watches reads that it failed, the log says where.
            log.exception("the scenario %s failed", self._scenario.name)
            result.problems.append(f"The player failed ({type(error).__name__}: {error}).")
        self.bar.looking_back = True
        engine.conclude(result)
        self.bar.ended = result
