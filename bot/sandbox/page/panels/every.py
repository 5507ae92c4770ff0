"""The panels of a world, in the order of their tabs; who breaks and fires from them is the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.page.panels.cluster import ClusterPanel
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

    return [ClusterPanel(world.cluster, demo.owe, breaks)]
