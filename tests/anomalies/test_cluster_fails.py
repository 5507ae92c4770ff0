"""The API server fails one call, by its number, over a whole night: one restart in the end, verified, or none."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.kubernetes.faults import Fault
from tests.chance import SEED, some
from tests.patience import PATIENT

from .conftest import Fresh
from .night import Clears, Fires, Night, approves, chooses, ended_well, insists

pytestmark = pytest.mark.timeout(3000)

FAULTS = {
    "reset before": Fault("*", "*", 1, drop_before=True),
    "reset after": Fault("*", "*", 1, drop_after=True),
    "403": Fault("*", "*", 1, status=403),
    "409": Fault("*", "*", 1, status=409),
    "422": Fault("*", "*", 1, status=422),
    "429": Fault("*", "*", 1, status=429),
    "500": Fault("*", "*", 1, status=500),
    "503": Fault("*", "*", 1, status=503),
    "stall": Fault("*", "*", 1, hang=3600.0),
    "stall after": Fault("*", "*", 1, hang=3600.0, late=True),
}


class Calls:
    """Counts the calls of a night and fails one of them, 0 for none."""

    def __init__(self, night: Night, fault: Fault | None = None, at: int = 0) -> None:
        self.count = 0
        self.failed = ""
        self._fault, self._at = fault, at
        faults: Any = night.server.faults
        faults.take = self._take

    def _take(self, verb: str, resource: str, _namespace: str = "") -> Fault | None:
        self.count += 1
        if self.count != self._at:
            return None
        self.failed = f"{verb} {resource}"
        return self._fault


WHOLE: list[int] = []


async def whole(fresh: Fresh) -> int:
    """How many calls a night makes in which nothing fails; counted once."""
    if not WHOLE:
        WHOLE.append(await _counted(fresh))
    return WHOLE[0]


async def _counted(fresh: Fresh) -> int:
    async with fresh() as night:
        calls = Calls(night)
        await night.live(Fires(), chooses, approves, insists, Clears())
        await ended_well(night)
        return calls.count


@pytest.mark.parametrize("name", FAULTS)
async def test_any_call_to_the_cluster_may_fail_once(fresh: Fresh, name: str, tell: Callable[[object], None]) -> None:
    """Refused, cut off before or after the work, or silent: in the end the person got one restart, verified."""
    total = await whole(fresh)
    numbers = some(range(1, total + 1), 4)
    for number in numbers:
        async with fresh(kube_timeout=1.0 if "stall" in name else PATIENT) as night:
            calls = Calls(night, FAULTS[name], number)
            try:
                await night.live(Fires(), chooses, approves, insists, Clears())
                await ended_well(night)
            except AssertionError as error:
                raise AssertionError(f"{name} at call {number} of {total}, {calls.failed}") from error
            assert calls.failed
    tell(f"seed {SEED}: {len(numbers)} nights, each with one of {total} calls failing")
