"""The whole bot with a team's own code and a pager: a handler's line in the thread, the load in the audit."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.world import World, WorldOptions

pytestmark = pytest.mark.timeout(540)

TEXT = """
class KubePodCrashLoopingHandler:
    def enrich(self, alert_item):
        return {**alert_item, "enriched_data": {"customers": "three in " + alert_item["labels"]["namespace"]}}

    def find(self, view):
        yield {"text": "the customers of " + view["target"]["name"] + " wait", "confidence": "high"}
"""


async def test_a_handler_s_data_stands_in_the_thread_and_its_load_in_the_audit(
    tmp_path: Path, measuring: Mapping[str, str]
) -> None:
    folder = tmp_path / "handlers"
    folder.mkdir()
    file = folder / "KubePodCrashLooping.py"
    file.write_text(TEXT, encoding="utf-8")
    file.chmod(0o444)
    folder.chmod(0o555)
    options = {"HANDLERS_DIR": str(folder), "PAGERDUTY_SERVICES": "shop=0123456789abcdef", "WATCHDOG_TIMEOUT": "15m"}
    async with World(tmp_path, WorldOptions(extra={**measuring, **options})) as world:
        await world.start_bot()
        world.cluster.crash_loop("shop", "api")
        await world.fire("KubePodCrashLooping", "shop/api")
        card = await world.slack.expect_card("shop/api")
        await world.slack.expect_thread(card, "three in shop")
        await world.slack.expect_thread(card, "Handler KubePodCrashLooping: the customers of api wait")
        assert "system:handlers:loaded" in await world.audit()
