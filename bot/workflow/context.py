"""What every stage needs, in one frozen object: the store, the cluster, the settings and the clock.

It refuses to decide anything; it is handed from ``app`` to the stages, so that none of them builds its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.evidence.handlers import Handlers
from bot.integrations.sources import Sources
from bot.kube.client import Cluster
from bot.playbooks.shelf import Shelf
from bot.settings import Settings
from bot.storage.db import Store
from bot.workflow import freeze_file
from bot.workflow.pager import Pager


@dataclass(frozen=True)
class Context:
    """Shared by all stages of one process.

    ``cluster_uid`` is the uid of the kube-system namespace: it is part of what is approved. ``channel`` is where cards
    go. ``frozen_by_environment`` is read once at the start. ``playbooks`` holds the set in force; without a folder that
    is the built-in catalog. ``sources`` are the outside systems that are configured, ``pager`` is whom an incident
    is taken to beside Slack, ``handlers`` a team's own code that adds evidence.
    """

    store: Store
    cluster: Cluster
    settings: Settings
    clock: Callable[[], datetime]
    channel: str
    frozen_by_environment: bool = False
    playbooks: Shelf = field(default_factory=Shelf)
    sources: Sources = field(default_factory=Sources)
    pager: Pager | None = None
    handlers: Handlers = field(default_factory=Handlers)

    async def freeze_file(self) -> bool | None:
        """Whether the file that freezes all writes exists; None when that can't be told (then it denies)."""
        return await freeze_file.present(self.settings.FREEZE_FILE)
