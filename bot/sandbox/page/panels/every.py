"""The panels of a world, in the order of their tabs; who breaks and fires from them is the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.harms import Harming
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.page.panels.alerts import AlertsPanel
from bot.sandbox.page.panels.audit import AuditPanel
from bot.sandbox.page.panels.cluster import ClusterPanel
from bot.sandbox.page.panels.faults import FaultsPanel
from bot.sandbox.page.panels.panel import Panel

if TYPE_CHECKING:
    from bot.sandbox.demo import Demo
    from bot.sandbox.world import World

PLACE = "shop"
"""The namespace in which something with a past is broken; the bot may act there."""


def beside(world: World, demo: Demo) -> list[Panel]:
    """What stands beside Slack on the page of this world."""

    async def breaks(name: str) -> str:
        (broken,) = world.break_(name, namespace=PLACE)
        told = broken.breakage.alerts[0]
        if world.bot.running:
            await world.tell(broken)
        return f"Broken in {PLACE}: {broken.breakage.title}. {told} tells of it."

    def nodes() -> list[str]:
        return [node["metadata"]["name"] for node in world.cluster.store.list(by_kind("Node"))]

    harming = Harming(world.cluster)
    return [
        ClusterPanel(world.cluster, demo.owe, breaks),
        AlertsPanel(world.alertmanager, world.alert_sets, harming.targets, nodes),
        AuditPanel(world.folder / "fettle.db", lambda: world.fettle("audit", "verify")),
        FaultsPanel(world.slack_server.faults, world.cluster_server.faults),
    ]
