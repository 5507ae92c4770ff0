"""The clock of the bot's machine is set, hours ahead or minutes back, at any point of a night or while it is down.

Nothing expires into an effect, nothing passes that wasn't watched long enough, and nothing waits until the clock has
caught up. The cluster has a clock of its own, which is right.
"""

from collections.abc import Callable

import pytest

from bot.domain.proposal import SYSTEM
from tests.chance import SEED, some

from .conftest import Fresh
from .night import Asks, Clears, Fires, Night, Wish, approves, ended_well, holds, insists
from .test_crashes import LOST, REQUEST

pytestmark = pytest.mark.timeout(3000)

JUMPS = {"hours ahead": 5 * 3600.0, "minutes back": -20 * 60.0}
POINTS = [("asked", point) for point in REQUEST] + [("alerted", point) for point in LOST]


def wishes(night: Night, way: str) -> list[Wish]:
    """What people want in the two nights of the crash tests."""
    if way == "asked":
        return [Asks(), approves, insists]
    night.lose_answer = True
    return [Fires(), approves, insists, Clears()]


@pytest.mark.parametrize("down", [False, True], ids=["while it runs", "while it is down"])
@pytest.mark.parametrize("name", JUMPS)
async def test_a_clock_that_is_set_at_any_point_changes_no_end(
    fresh: Fresh, name: str, down: bool, tell: Callable[[object], None]
) -> None:
    """One effect, verified, within the minutes that such a night takes: 60 rounds of three seconds at most."""
    cases = some(POINTS, 4)
    for way, point in cases:
        async with fresh(crash_at=[point] if down else ()) as night:
            night.jumps[point] = JUMPS[name]
            try:
                await night.live(*wishes(night, way))
                await night.work()  # it may have been set at the very last point
                await ended_well(night)
                assert not night.jumps
                assert night.crashes == int(down)
                assert len(await night.floor.entries("system:clock:set")) == 1
                assert way == "asked" or (await night.floor.proposal()).requested_by == SYSTEM
            except AssertionError as error:
                raise AssertionError(f"{name} at {point} of the night {way}") from error
    tell(f"seed {SEED}: {len(cases)} nights, the clock set once in each")


@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize("name", JUMPS)
async def test_a_soak_takes_as_long_as_it_takes(fresh: Fresh, name: str, at: int) -> None:
    """The new pods begin to crash in the middle of a soak of a minute: no clock makes that a PASS."""
    async with fresh(soak="60s") as night:
        night.jumps[f"before:_progress#{at}" if at else "before:_record#1"] = JUMPS[name]
        soaking: list[float] = []

        async def crashes(night: Night) -> bool:
            measured = await night.floor.newest("verifications")
            if measured is not None and measured.rolled_out_at is not None and len(soaking) < 11:
                soaking.append(night._since_boot())
                if len(soaking) == 11:  # eleven rounds of three seconds
                    night.server.cluster.crash_loop("shop", "api")
            return False

        await night.live(Fires(), approves, crashes)
        await holds(night)
        assert not night.jumps
        assert (await night.floor.verification()).verdict == "fail"


async def test_an_approval_is_as_old_as_it_is(fresh: Fresh) -> None:
    """The clock is set back 20 minutes while a proposal waits: a quarter of an hour later it has expired."""
    async with fresh() as night:
        await Fires()(night)
        await night.work()
        offered = await night.floor.proposal()
        night.jump(JUMPS["minutes back"])
        await night.work()
        assert (await night.floor.proposal_now(offered)).expires_at < offered.expires_at
        night.advance(10 * 60)
        await night.work()
        assert (await night.floor.proposal_now(offered)).state == "pending"
        night.advance(6 * 60)
        answer = await night.floor.approve(offered)
        assert not answer.ok
        assert "expired" in answer.text
        assert not night.floor.patches()
