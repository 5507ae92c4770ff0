"""Slack fails one call, by its number, over a whole night of the whole bot: one card, one effect, one verdict."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.sockets import ACK_SECONDS
from tests.chance import SEED, SOAK

from .whole import Whole, running, whole

pytestmark = pytest.mark.timeout(3000)

FAULTS: dict[str, Fault | None] = {
    "posted, then reset": Fault("drop_after"),
    "reset": Fault("drop_before"),
    "429": Fault("rate_limit", retry_after=1),
    "503 in HTML": Fault("error", error=503),
    "fatal_error": Fault("error", error="fatal_error"),
    "stall": Fault("hang"),
    "done, then stall": Fault("hang_after"),
    "sockets closed": None,
}
CALLS = 14
"""The Web API calls of a whole night, from the preflight to the last edit; on a busy machine two edits may be one."""
AT_ONCE = 8 if SOAK else 4
"""Whole bots in one loop: in the suite, beside other workers, more of them would starve each other of time."""


class Calls:
    """Counts the calls to Slack's Web API and fails one of them."""

    def __init__(self, night: Whole, fault: Fault | None, at: int) -> None:
        self.methods: list[str] = []
        self._faults, self._fault, self._at = night.world.slack_server.faults, fault, at
        take: Any = self._take
        self._faults.take = take

    def _take(self, method: str) -> list[Fault]:
        self.methods.append(method)
        if len(self.methods) != self._at:
            return []
        if self._fault is None:
            self._faults.close_sockets()
            return []
        return [self._fault]


async def test_a_whole_night_with_any_call_to_slack_failing(tmp_path: Path, tell: Callable[[object], None]) -> None:
    """Reset after the post, refused, silent, or its sockets closed: the person sees one card that tells the truth."""
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    cases = [(name, at) for name in FAULTS for at in (range(1, CALLS + 1) if SOAK else [rng.randint(1, CALLS - 1)])]
    gate = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as nights:
        made = [
            nights.create_task(_night(gate, tmp_path / str(number), name, at))
            for number, (name, at) in enumerate(cases)
        ]
    failed = sum(one.result() >= at for one, (_, at) in zip(made, cases, strict=True))
    tell(f"seed {SEED}: {len(cases)} nights, {failed} with one of {CALLS} calls failing, in {len(FAULTS)} ways")
    assert failed >= 0.9 * len(cases)


async def _night(gate: asyncio.Semaphore, folder: Path, name: str, at: int) -> int:
    """How many calls it made."""
    async with gate, whole(folder) as night:
        calls = Calls(night, FAULTS[name], at)
        night.world.slack_server.sockets.ack_seconds = ACK_SECONDS  # a press may be heard by nobody
        try:
            async with running(night):
                await night.play()
            night.ended_well()
        except AssertionError as error:
            method = calls.methods[at - 1] if len(calls.methods) >= at else "never made"
            raise AssertionError(f"{name} at call {at} ({method})") from error
        return len(calls.methods)
