"""The disk fails at the n-th thing that SQLite asks of it, over a whole night: refused, owed again, it ends well."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chance import SEED, some
from tests.disk.watched import Op, Watcher, available, watched

from .conftest import Fresh
from .night import Clears, Fires, approves, ended_well, insists

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not available(), reason="this Python hides its SQLite, so it can't be made to fail"),
]

FULL, WRITE, SYNC = 13, 10 | 3 << 8, 10 | 4 << 8
"""SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC."""


class Failing(Watcher):
    """Fails ``times`` changes from the ``at``-th on; 0 fails none and counts."""

    def __init__(self, at: int = 0, times: int = 1, *, full: bool = False) -> None:
        self.at, self.times, self.full = at, times, full
        self.count = 0
        self.failed = 0

    def before(self, op: Op) -> int:
        """The code of a full disk, or of an I/O error."""
        self.count += 1
        if not self.at <= self.count < self.at + self.times:
            return 0
        self.failed += 1
        return SYNC if op.kind == "sync" else FULL if self.full else WRITE


async def play(fresh: Fresh, folder: Path, watcher: Failing) -> None:
    """An alert, its restart, its end; with the disk watched from the first statement to the last."""
    with watched(folder, watcher):
        async with fresh() as night:
            await night.live(Fires(), approves, insists, Clears())
            await ended_well(night)


@pytest.mark.parametrize(("times", "full"), [(1, False), (12, True)], ids=["one I/O error", "full for a while"])
async def test_a_store_that_fails_at_any_operation_loses_nothing_and_repeats_nothing(
    fresh: Fresh, tmp_path: Path, tell: Callable[[object], None], times: int, full: bool
) -> None:
    whole = Failing()
    await play(fresh, tmp_path, whole)
    cases = some(range(1, whole.count + 1), 5)
    for at in cases:
        failing = Failing(at, times, full=full)
        try:
            await play(fresh, tmp_path, failing)
        except AssertionError as error:
            raise AssertionError(f"operation {at} of {whole.count}") from error
        assert failing.failed
    tell(f"seed {SEED}: {len(cases)} nights, each with the store failing at one of {whole.count} operations")
