"""An alert whose labels fit several workloads: the card says so, and whoever knows better picks another one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.slack_room import CardHandle
from bot.sandbox.world import World, WorldOptions

pytestmark = pytest.mark.timeout(540)


def picker(card: CardHandle) -> dict[str, object] | None:
    """The card's picker of workloads."""
    elements = [one for block in card.message.blocks for one in block.get("elements") or ()]
    return next((one for one in elements if one["type"] == "static_select"), None)


async def test_what_labels_fit_is_said_and_asked_with_a_picker(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    """A Service in front of two Deployments, both of which crash: Ana knows that it is the second one."""
    options = WorldOptions(workloads={"shop/api": 2, "shop/web": 2}, extra=measuring)
    async with World(tmp_path, options) as world:
        for name in ("api", "web"):
            made = world.cluster.get("Deployment", "shop", name)
            made["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
            world.cluster.apply(made)
        world.cluster.service("shop", "front", selector={"tier": "front"})
        await world.cluster.settle()
        await world.start_bot()
        world.cluster.crash_loop("shop", "web", pods=2)
        await world.alertmanager.fire(
            "HighErrorRate", {"namespace": "shop", "service": "front", "severity": "critical"}
        )
        said = "The alerts lead to Deployment shop/api as well as to Deployment shop/web"
        card = await world.slack.expect_card("shop/api", said, within=30)
        asked = await world.slack.until(lambda: picker(card), 20, lambda: f"no picker on the card:\n{card.text}")
        assert asked["placeholder"]["text"] == "Choose another target"  # type: ignore[index]
        (option,) = asked["options"]  # type: ignore[misc]
        assert option["text"]["text"] == "Deployment shop/web"
        reply = await world.slack_server.choose(
            "ana", card.message.channel, card.message.ts, str(asked["action_id"]), option["value"]
        )
        assert reply.acked
        await card.expect("shop/web", without=[said], within=20)
        await world.slack.expect_thread(card, "0/2 ready", within=20)
        assert "incident:target:chosen" in await world.audit()
