"""Watches the ConfigMaps that targets of open incidents name, so that a change of configuration has a time.

One watch a ConfigMap, by its name, so that no other one's content is ever sent here; of its own only a hash is kept. A
watch begins with what is there now, never at an old version: one that has expired (410), broke or was silent for long
is begun again and misses nothing, as hashes are compared. Bounded in number; a missing right ends it with one line in
the log. It refuses to list ConfigMaps and to watch what no open incident needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from bot.domain.errors import FettleError, ForbiddenError
from bot.kube import configs
from bot.kube.client import Cluster
from bot.kube.config_memory import Place
from bot.kube.objects import count, mapping, path, text

MOST = 20
"""Watches at once, each a connection; those of the newest incidents count."""
SERVED, SILENT = 300, 330.0
"""Seconds after which the server is asked to end a watch, and those after which a silent one is given up."""
PAUSE, LONGEST_PAUSE = 2.0, 120.0
GONE = 410

log = logging.getLogger(__name__)


class ConfigWatch:
    """The watches of one process; ``follow`` says what to watch from now on, until it is closed or forbidden."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster.relaxed
        self._clock = clock
        self._running: dict[Place, asyncio.Task[None]] = {}
        self._ended = False

    @property
    def watched(self) -> frozenset[Place]:
        """What is watched now."""
        return frozenset(place for place, task in self._running.items() if not task.done())

    def follow(self, places: Iterable[Place]) -> None:
        """Watches these, the first ones if there are too many, and nothing else."""
        wanted = [] if self._ended else list(dict.fromkeys(places))[:MOST]
        for place in self._running.keys() - set(wanted):
            self._running.pop(place).cancel()
        for place in wanted:
            if place not in self._running or self._running[place].done():
                self._running[place] = asyncio.create_task(self._keep(place), name=f"config-watch-{'/'.join(place)}")

    async def close(self) -> None:
        """Ends all of them."""
        self._ended = True
        tasks = list(self._running.values())
        self.follow(())
        if tasks:
            await asyncio.wait(tasks)

    async def _keep(self, place: Place) -> None:
        """Looks, watches, and looks again whenever the watch has ended."""
        pause = PAUSE
        while True:
            try:
                # A watch is silent about what isn't there, so that is asked for.
                await configs.look(self._cluster, *place, self._clock(), again=True)
                await self._watch(place)
                pause = PAUSE
            except ForbiddenError as error:
                if not self._ended:
                    log.warning("ConfigMaps aren't watched, so their changes have no time: %s", error)
                self._ended = True
                return
            except FettleError as error:
                log.debug("the watch of ConfigMap %s/%s broke: %s", *place, error)
                pause = min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _watch(self, place: Place) -> None:
        """Takes in what is there and what happens to it, until the server ends the watch or says that it expired."""
        namespace, name = place
        query = {
            "watch": "1",
            "fieldSelector": f"metadata.name={name}",
            "timeoutSeconds": str(SERVED),
            "allowWatchBookmarks": "true",
        }
        async with contextlib.aclosing(self._cluster.lines(path("ConfigMap", namespace), query, SILENT)) as events:
            async for event in events:
                kind, obj = text(event, "type"), mapping(event, "object")
                if kind == "ERROR":
                    if count(obj, "code") != GONE:
                        log.debug("the watch of ConfigMap %s/%s ended: %s", *place, text(obj, "message"))
                    return
                if kind in {"ADDED", "MODIFIED", "DELETED"}:
                    self._cluster.configs.learn(place, None if kind == "DELETED" else obj, self._clock())
