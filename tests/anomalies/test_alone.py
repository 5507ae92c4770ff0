"""A night in which a playbook's word takes the person's place, and the process dies at each point of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.playbooks.shelf import Shelf
from bot.storage import outbox
from bot.storage.db import Tx
from tests.chance import most
from tests.integration.workflow.floor import LEASE
from tests.invariants import problems

from .night import Clears, Fires, Night, approves, ended_well, left, shop
from .test_invariants import tampered

Build = Callable[..., Awaitable[Night]]

POINTS = [
    f"{when}:{name}"
    for name in ("_save#2", "_told#1", "_ready#1", "_act#1", "_claim#1", "write#1", "_record#1")
    for when in ("before", "after")
]
NOT_SENT = frozenset({"after:_claim#1", "before:write#1"})
"""The process died when the request might have been on its way; it is read back as not applied."""
OURS = """\
name: pod-crash-looping
title: Ours
match: {alerts: [KubePodCrashLooping]}
evidence: [pods, events, changes, logs]
findings: {crash_loop: [restart]}
approval: {none: {hourly: 1, delay: 30s}}
"""


class Alone(Night):
    """Every process of this night is set to act without an approval."""

    async def begin(self) -> None:
        """Starts, and takes the playbook in force."""
        await super().begin()
        (self.folder / "ours").mkdir(exist_ok=True)
        (self.folder / "ours" / "pod-crash-looping.yaml").write_text(OURS)
        self.floor.configure(AUTONOMY_ACTIONS=(Action.RESTART,), BREAKER=2)
        self.floor.switch(playbooks=Shelf(self.folder / "ours"))


async def told(night: Night) -> bool:
    """Slack takes whatever is owed."""

    def _told(tx: Tx) -> None:
        for row in outbox.claim(tx, night.floor.now(), LEASE, 50):
            outbox.sent(tx, row, night.floor.now(), "C0ONCALL", f"{row.id}.1")

    await night.floor.store.transact(_told)
    return False


async def comes_after(night: Night) -> bool:
    """Ana approves what is offered again: what came to nothing once isn't tried again without a person."""
    ran = await night.floor.newest("executions")
    return await approves(night) if ran is not None and ran.state is ExecutionState.FAILED else False


@pytest.fixture
async def night(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Build]:
    made: list[Night] = []
    async with shop() as server:

        async def build(*crash_at: str, times: int = 1) -> Night:
            one = Alone(server, sqlite_url, tmp_path, crash_at)
            one.times = times
            await one.begin()
            made.append(one)
            return one

        yield build
        for one in made:
            await one.end()


async def _lived(one: Night) -> None:
    await one.live(Fires(), told, comes_after, Clears())
    await ended_well(one)
    assert len(one.floor.patches()) == 1
    granted = [entry.actor for entry in await one.floor.entries("proposal:approval:granted")]
    assert granted[0] == "fettle:playbook:pod-crash-looping"
    assert len(granted) == (2 if one.crash_at & NOT_SENT else 1)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_whole_night_without_a_person(night: Build, times: int) -> None:
    """Also where every stage runs twice on one claim."""
    await _lived(await night(times=times))


@pytest.mark.parametrize("point", most(POINTS, 5))
async def test_a_crash_anywhere_is_one_effect_at_most_and_one_in_the_end(night: Build, point: str) -> None:
    broken = await night(point)
    await _lived(broken)
    assert broken.crashes == 1, broken.points


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET tag = 'proposal:autonomy:other' WHERE tag = 'proposal:autonomy:announced'", "don't say"),
        ("UPDATE executions SET approved_by = 'fettle:playbook:other'", "don't say"),
        ("UPDATE audit SET at = '2036-01-01T00:00:00.000000Z' WHERE tag = 'proposal:autonomy:announced'", "delay"),
        ("UPDATE audit SET tag = 'proposal:autonomy:stopped' WHERE tag = 'proposal:state:proposed'", "stopped or left"),
    ],
)
async def test_the_checker_sees_a_playbooks_word_that_counts_for_nothing(
    night: Build, tmp_path: Path, statement: str, words: str
) -> None:
    good = await night()
    await _lived(good)
    assert any(one.startswith("I4") and words in one for one in problems(tampered(left(good), tmp_path, statement)))
