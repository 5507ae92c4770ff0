"""Each guard refuses each verb that it is for, at the proposal, at the press and at the execution."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.owed import Stage
from bot.policy import guardrails
from bot.policy.guardrails import Point
from tests.chance import most, some
from tests.integration.workflow.floor import Floor
from tests.ways import STATEFUL, WAYS, Way, furnished

from .room import Guard, Room, ahead, play
from .table import GUARDS

Case = tuple[Guard, Way, Point]


def cases() -> list[Case]:
    """In a soak all; else one of each guard, and one more of each verb that none of these is."""
    every = [(g, w, p) for g in GUARDS for w in (*WAYS, *STATEFUL) if g.fits(w) for p in g.points]
    chosen = [one for guard in GUARDS for one in some([case for case in every if case[0] is guard], 1)]
    met = {way.name for _, way, _ in chosen}
    return chosen + [
        one
        for way in (*WAYS, *STATEFUL)
        if way.name not in met
        for one in some([case for case in every if case[1] is way], 1)
    ]


CASES = most(cases(), 35)
"""All that `make check` plays; `make test` a part of it."""


@pytest.mark.parametrize(("guard", "way", "point"), CASES, ids=[f"{g.name}-{w.name}-{p}" for g, w, p in CASES])
async def test_a_guard_refuses(
    floor: Floor, tmp_path: Path, guard: Guard, way: Way, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    if guard.stand is ahead:
        monkeypatch.setattr(guardrails, "MAX_AGE", timedelta(seconds=5))  # as it is; others are forgiven
    async with furnished(way, floor.cluster, floor.advance, tmp_path) as (world, sources):
        floor.switch(sources=sources)
        floor.configure(ALLOWED_ACTIONS=(way.action,), **way.settings)
        await play(Room(floor, way, world), guard, point)


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
async def test_where_no_guard_refuses_it_is_done(floor: Floor, tmp_path: Path, way: Way) -> None:
    """Else the table would show nothing."""
    async with furnished(way, floor.cluster, floor.advance, tmp_path) as (world, sources):
        floor.switch(sources=sources)
        floor.configure(ALLOWED_ACTIONS=(way.action,), **way.settings)
        room = Room(floor, way, world)
        await room.ask()
        await floor.prepare()
        proposal = await floor.proposal()
        before = room.effects()
        for who in way.people:
            answer = await floor.approve(proposal, who)
            assert answer.ok, (answer.text, proposal.text.refusal)
        await floor.run(Stage.EXECUTE)
        assert before == []
        assert room.effects()[0].resource == way.door[1]
