"""The panels of a world, in the order of their tabs; who breaks and fires from them is the demo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.faults.presets import PRESETS
from bot.sandbox.harms import Harming
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.status import StatusError
from bot.sandbox.page.panels.alerts import AlertsPanel
from bot.sandbox.page.panels.audit import AuditPanel
from bot.sandbox.page.panels.cluster import ClusterPanel
from bot.sandbox.page.panels.faults import FaultsPanel
from bot.sandbox.page.panels.panel import Panel
from bot.sandbox.slack.errors import NotThere

if TYPE_CHECKING:
    from bot.sandbox.demo import Demo
    from bot.sandbox.world import World

PLACE = "shop"
"""The namespace in which something with a past is broken; the bot may act there."""


async def break_here(world: World, demo: Demo, name: str) -> str:
    """Break the cluster so, and tell the bot; ``NotThere`` where what was broken before is in the way.

    The past of a breakage is lived through with the clock put back, and a half-lived one must not leave it there.
    """
    offset = world.cluster.clock.offset
    title = BREAKAGES[name].title
    try:
        (broken,) = world.break_(name, namespace=PLACE)
    except (LookupError, StatusError) as error:
        world.cluster.clock.offset = offset
        why = f"{title}: that can't be broken in {PLACE} now, something broken before is in its way ({error})."
        raise NotThere(why) from error
    return f"Broken in {PLACE}: {title}. {await demo.tell(broken)}"


def beside(world: World, demo: Demo) -> list[Panel]:
    """What stands beside Slack on the page of this world."""

    def nodes() -> list[str]:
        return [node["metadata"]["name"] for node in world.cluster.store.list(by_kind("Node"))]

    harming = Harming(world.cluster)
    return [
        ClusterPanel(world.cluster, demo.owe, partial(break_here, world, demo)),
        AlertsPanel(world.alertmanager, world.alert_sets, harming.targets, nodes),
        AuditPanel(world.folder / "fettle.db", lambda: world.fettle("audit", "verify")),
        FaultsPanel(world.faults, [head for head in PRESETS if head != "Alertmanager" or world.options.silences]),
    ]
