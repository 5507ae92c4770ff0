"""While two thousand alerts come in, evidence is gathered and a verification runs, every press is acknowledged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.presses import LAW, measure
from bot.sandbox.world import World

pytestmark = pytest.mark.timeout(600)


async def test_every_press_during_a_burst_is_acknowledged_in_time(
    tmp_path: Path, soak: bool, tell: Callable[[object], None]
) -> None:
    """Slack shows an error after 3 s; 2.5 s is the law. The percentiles are printed, not judged."""
    async with World(tmp_path) as world:
        found = await measure(world, alerts=2000, seconds=30.0 if soak else 5.0)
        tell(found)
        assert found.lost == []
        assert max(found.acked) <= LAW
        assert found.alerts >= 2000
        assert len(found.acked) > 10
        assert found.verdict == "PASS"
        assert await world.bot.stop() == 0
