"""The checker can say no: each invariant, broken in a copy of what a good night left behind, is named."""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.invariants import LAWS, Left, problems

from .night import Clears, Fires, Night, approves, left

Build = Callable[..., Awaitable[Night]]

BREAKS = {
    "I1": "DELETE FROM alerts",
    "I2": "UPDATE outbox SET kind = 'card', subject = 1",
    "I4": "UPDATE proposals SET expires_at = '2020-01-01T00:00:00.000000Z'",
    "I5": "UPDATE verifications SET current = 0",
    "I6": "UPDATE audit SET outcome = 'other' WHERE seq = 3",
    "I7": "UPDATE executions SET state = 'running'",
    "I8": "UPDATE audit SET tag = 'freeze:state:on' WHERE seq = 1",
    "I9": "UPDATE executions SET state = 'failed'",
}
"""Law to what breaks it; I3 is broken in the cluster's log instead, which has no constraint against it."""


def tampered(left: Left, folder: Path, statement: str) -> Left:
    """A copy of the database without its triggers, changed."""
    path = folder / "copy.db"
    with closing(sqlite3.connect(left.url.removeprefix("sqlite:///"))) as source:
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(left.url.removeprefix("sqlite:///"), path)
    with closing(sqlite3.connect(path)) as copy:
        for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            copy.execute(f"DROP TRIGGER {name}")
        copy.execute(statement)
        copy.commit()
    return replace(left, url=f"sqlite:///{path}")


def test_every_invariant_has_a_break() -> None:
    assert {*BREAKS, "I3"} == set(LAWS)


@pytest.mark.parametrize("law", LAWS)
async def test_a_broken_invariant_is_named(night: Build, tmp_path: Path, law: str) -> None:
    good = await night()
    await good.live(Fires(), approves, Clears())
    assert problems(left(good)) == []
    if law == "I3":
        good.server.requests.append(good.floor.patches()[0])
        broken = left(good)
    else:
        broken = tampered(left(good), tmp_path, BREAKS[law])
    assert {found.partition(":")[0] for found in problems(broken)} >= {law}
