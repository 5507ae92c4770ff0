"""While two thousand alerts come in, or fifty workloads break at once, every press is acknowledged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.evidence import pressed
from bench.presses import measure
from bot.sandbox.world import World

pytestmark = pytest.mark.timeout(1800)


async def test_every_press_during_a_burst_is_acknowledged(
    tmp_path: Path, soak: bool, tell: Callable[[object], None]
) -> None:
    """None is lost, and people press on while the burst comes in. How soon is printed and not judged: see bench."""
    async with World(tmp_path) as world:
        found = await measure(world, alerts=2000, seconds=30.0 if soak else 5.0, least=11)
        tell(found)
        assert found.lost == []
        assert found.alerts >= 2000
        assert len(found.acked) > 10
        assert found.verdict == "PASS"
        assert await world.bot.stop() == 0


async def test_fifty_incidents_at_once_don_t_slow_a_press(soak: bool, tell: Callable[[object], None]) -> None:
    """The same measure; here each of the alerts is about a workload that is there, so that all are looked into."""
    found = await pressed(incidents=50, seconds=30.0 if soak else 10.0, least=11)
    tell(f"{found}; {found.calls} calls to the cluster meanwhile")
    assert found.lost == []
    assert found.calls > 50, "evidence was gathered meanwhile"
    assert len(found.acked) > 10
