"""One world after another at one address: the free sandbox and scenarios, as somebody on the page chooses them.

The socket that a browser knows is kept meanwhile, so that whoever asks between two worlds waits and isn't refused. It
refuses to know what happens in a world; it begins one, and ends it in order: the bot first, then Slack and the cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web_app

from bot.sandbox.free import FreeSandbox
from bot.sandbox.lasting import Lasting
from bot.sandbox.options import SandboxOptions, say, wrong
from bot.sandbox.page.panels.playbill import Playbill
from bot.sandbox.page.routes import Page
from bot.sandbox.scenarios import listing
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.slack.server import listening
from bot.sandbox.tour import Tour


def _forget() -> None:
    """Gives back the memory of a world that is over: aiohttp remembers a thousand handlers, and so their world."""
    remembered: Any = getattr(web_app, "_cached_build_middleware", None)
    if remembered is not None:
        remembered.cache_clear()
    gc.collect()  # a world is full of circles


class Performance(Protocol):
    """What runs in one world; ``code`` is the exit code if it is the last."""

    page: Page

    @property
    def code(self) -> int:
        """0 or 1, as it stands now."""

    async def run(self) -> None:
        """Until it ends by itself or is cancelled; the world is over then."""


class Stage:
    """``own`` is a scenario of somebody's own, which can be chosen beside all others."""

    def __init__(
        self,
        options: SandboxOptions,
        scenarios: Mapping[str, Scenario],
        stop: asyncio.Event,
        own: Scenario | None = None,
    ) -> None:
        self._options, self._stop = options, stop
        self._groups = listing.to_choose(scenarios.values(), own)
        self._known = {one.name: one for group in self._groups.values() for one in group}
        self._next: Scenario | None = None
        self._asked = asyncio.Event()
        self._was_free = False

    async def run(self, on: Scenario | None) -> int:
        """Until the event is set, or the bot of the free sandbox dies; the exit code of what ran last."""
        try:
            listener = listening(port=self._options.port)
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return wrong(
                    f"Port {self._options.port} is in use by another program. Stop that one, or choose another --port."
                )
            return wrong(f"The sandbox can't listen: {error}. Choose another --port.")
        told = ""
        with listener, self._place() as place, Lasting(place) as lasting:
            while True:
                _forget()
                self._asked.clear()
                try:
                    code = await self._one(on, told, listener, lasting)
                except Exception as error:
                    if on is None and isinstance(error, OSError):
                        return wrong(f"The sandbox can't start: {error}.")
                    if on is None or self._stop.is_set():
                        raise
                    # The page is there still, and whoever chose this reads why it doesn't come.
                    told = f"“{on.title}” could not begin ({type(error).__name__}: {error}). This is the free sandbox."
                    sys.stderr.write(told + "\n")
                    on = None
                    continue
                if self._stop.is_set() or not self._asked.is_set():
                    return code
                on, told = self._next, ""

    async def _one(self, on: Scenario | None, told: str, listener: socket.socket, lasting: Lasting) -> int:
        """One world from its beginning to its end; the exit code if it was the last."""
        with self._folder(on) as folder, listener.dup() as mine:
            performance = (
                self._free(folder, mine, lasting, told) if on is None else self._tour(on, folder, mine, lasting)
            )
            performing = asyncio.create_task(performance.run())
            others = {asyncio.create_task(event.wait()) for event in (self._stop, self._asked)}
            await asyncio.wait({performing, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                task.cancel()
            if performing.done():
                performing.result()  # it couldn't begin, or its bot died
            else:
                await self._leave(performance)
                await self._ended(performing)
            return performance.code

    async def _ended(self, performing: asyncio.Task[None]) -> None:
        """The world is over. What fails at its end is said, and keeps nobody from the next one."""
        performing.cancel()
        (failed,) = await asyncio.gather(performing, return_exceptions=True)
        if failed is not None and not isinstance(failed, asyncio.CancelledError):
            sys.stderr.write(f"What ran didn't end in order ({type(failed).__name__}: {failed}).\n")

    async def _leave(self, performance: Performance) -> None:
        if self._stop.is_set():
            say("Ending: the bot first, then Slack and the cluster.")
            return
        chosen = self._next.name if self._next is not None else "the free sandbox"
        say(f"Chosen on the page: {chosen}. What runs ends: the bot first, then Slack and the cluster.")
        await performance.page.leave(self._coming())

    @contextlib.contextmanager
    def _place(self) -> Iterator[Path]:
        """Where lies what is told at the start and stays true; beside the state where that is kept."""
        if self._options.data is not None:
            yield self._made(self._options.data)
            return
        with tempfile.TemporaryDirectory(prefix="fettle-sandbox-kubeconfig-") as made:
            yield Path(made)

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.absolute().mkdir(parents=True, exist_ok=True)
        return folder.absolute()

    @contextlib.contextmanager
    def _folder(self, on: Scenario | None) -> Iterator[Path]:
        if on is None and self._options.data is not None:
            yield self._made(self._options.data)
            return
        with tempfile.TemporaryDirectory(prefix="fettle-sandbox-" if on is None else "fettle-tour-") as made:
            yield Path(made)

    def _free(self, folder: Path, listener: socket.socket, lasting: Lasting, told: str) -> FreeSandbox:
        # What was kept goes on where it was; a fresh one begins as the first did.
        first = self._options.data is None or not self._was_free
        self._was_free = True
        # Whoever runs a bot of their own has its settings from this world: it isn't taken away from them.
        playbill = self._playbill(None) if self._options.bot else None
        return FreeSandbox(
            self._options,
            folder,
            listener,
            lasting=lasting,
            playbill=playbill,
            first=first,
            told=told,
            groups=self._groups,
        )

    def _tour(self, on: Scenario, folder: Path, listener: socket.socket, lasting: Lasting) -> Tour:
        tour = Tour(
            on,
            folder,
            settings=self._options.settings,
            say=say,
            playbill=self._playbill(on),
            env=self._options.env,
            lasting=lasting,
        )
        tour.world.listener = listener
        return tour

    # -- choosing ---------------------------------------------------------------------------------

    def _playbill(self, on: Scenario | None) -> Playbill:
        kept = self._options.data
        loss = "Whatever you choose begins in a fresh world; what is in this one is gone then."
        if kept is not None and on is None:
            loss = f"Whatever you choose begins in a fresh world; this one is kept in {kept} until you come back to it."
        return Playbill(self._groups, on.name if on is not None else "", loss, self.choose)

    def choose(self, name: str) -> str:
        """What begins when this world has ended, "" for the free sandbox; the first word counts. What the page says."""
        if self._asked.is_set():
            return f"{self._coming()} Choose again when it runs."
        self._next = self._known[name] if name else None
        self._asked.set()
        return self._coming()

    def _coming(self) -> str:
        what = f"The world of “{self._next.title}” starts" if self._next is not None else "The free sandbox starts"
        return f"{what}. This page follows by itself in a few seconds."
