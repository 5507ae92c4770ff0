"""Which ConfigMaps are watched: those that the targets of open incidents name, looked up again and again.

It refuses to keep what it finds: the cluster's memory does, and evidence reads it there.
"""

from __future__ import annotations

import structlog

from bot.domain.errors import FettleError
from bot.domain.target import Target
from bot.kube import configs
from bot.kube.config_memory import Place
from bot.kube.config_watch import MOST, ConfigWatch
from bot.storage import incidents
from bot.storage.db import Tx
from bot.workflow.context import Context

log = structlog.get_logger(__name__)


class Following:
    """The watches of one process."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._watch: ConfigWatch | None = None

    async def look(self) -> None:
        """Follows the open incidents as they are now; what can't be asked now is asked again next time."""
        try:
            targets = await self._ctx.store.read(_open_targets)
        except FettleError as error:
            log.warning("the store didn't say whose configuration to watch", error=str(error))
            return
        found: list[Place] = []
        for target in targets:
            try:
                found += await configs.places_of(self._ctx.cluster.relaxed, target)
            except FettleError as error:
                log.debug("whose configuration to watch isn't known", target=target.key, error=str(error))
            if len(found) >= MOST:
                break
        self._watch = self._watch or ConfigWatch(self._ctx.cluster, self._ctx.clock)
        self._watch.follow(found)

    async def close(self) -> None:
        """Ends the watches."""
        if self._watch is not None:
            await self._watch.close()


def _open_targets(tx: Tx) -> list[Target]:
    """Those of the worst and newest incidents, each once."""
    found = (incident.target for incident in incidents.list_open(tx))
    return list(dict.fromkeys(target for target in found if target is not None))
