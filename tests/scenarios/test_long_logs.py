"""What containers said is a file in the thread where it is long: once, redacted, the errors first."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.slack.models import File
from bot.sandbox.world import World, WorldOptions

pytestmark = pytest.mark.timeout(540)

CANARY = "hunter2-Canary-93f1"
LINES = (
    *(f"INFO request {number} served" for number in range(120)),
    f"ERROR login with password={CANARY} failed",
    "Traceback (most recent call last):",
    f"  connect(token='{CANARY}')",
    "KeyError: 'DB_URL'",
)


def files(world: World) -> list[File]:
    """The files of the one card's thread."""
    [card] = world.slack.cards()
    workspace = world.slack_server.workspace
    return [
        workspace.files[number]
        for message in workspace.messages(card.message.channel, card.message.ts)
        for number in message.files
    ]


async def test_a_long_log_is_one_file_in_the_thread(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        world.cluster.crash_loop("shop", "api", pods=2)
        for previous in (True, False):
            world.cluster.set_logs("shop", "api", LINES, previous=previous)
        await world.fire("KubePodCrashLooping", "shop/api")
        await world.slack.expect_card("shop/api")
        [file] = await world.slack.until(lambda: files(world) or None, 30, lambda: "no file came")
        text = (file.content or b"").decode()
        assert file.title == "Logs of shop/api"
        assert "--- 1 times" in text or "--- 2 times" in text
        assert text.index("KeyError: 'DB_URL'") < text.index("INFO request 119 served"), "errors first, then the tail"
        assert "INFO request 100 served" in text, "more than the thread shows"
        assert CANARY not in text
        assert "[hidden]" in text
        assert world.slack_server.invalid == []


async def test_a_short_log_is_no_file(tmp_path: Path, measuring: Mapping[str, str]) -> None:
    async with World(tmp_path, WorldOptions(extra=measuring)) as world:
        await world.start_bot()
        world.cluster.crash_loop("shop", "api", pods=2)
        for previous in (True, False):
            world.cluster.set_logs("shop", "api", LINES[-3:], previous=previous)
        await world.fire("KubePodCrashLooping", "shop/api")
        card = await world.slack.expect_card("shop/api")
        await world.slack.expect_thread(card, "Last words", within=20)
        await world.slack.quiet(1)
        assert files(world) == []
