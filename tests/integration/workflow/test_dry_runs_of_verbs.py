"""Whatever a card says of a dry run was asked of the API server: of every verb that has one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain.proposal import Proposal, ProposalState
from tests.ways import WAYS, Way, furnished

from .floor import Floor

WRITES = [way for way in WAYS if way.door[1] not in {"pods/exec", "pods/proxy"}]
"""A command in a container and a question to a port have no dry run."""
each = pytest.mark.parametrize("way", WRITES, ids=[way.name for way in WRITES])


@asynccontextmanager
async def asked(floor: Floor, way: Way, folder: Path, *, status: int = 0) -> AsyncIterator[Proposal]:
    """Bo asks for it; the API server refuses its write with ``status``."""
    async with furnished(way, floor.cluster, floor.advance, folder) as (world, sources):
        floor.switch(sources=sources)
        floor.configure(ALLOWED_ACTIONS=(way.action,), **way.settings)
        if status:
            floor.server.faults.set(*way.door, status=status)
        await floor.verbs.act(await floor.person("bo"), way.action, way.typed, way.wanted(world))
        await floor.prepare()
        yield await floor.proposal()


@each
async def test_what_is_told_as_ok_was_asked(floor: Floor, tmp_path: Path, way: Way) -> None:
    async with asked(floor, way, tmp_path) as proposal:
        assert proposal.state is ProposalState.PENDING, proposal.text.refusal
        assert "dry run ok" in proposal.text.facts
    dry = [one for one in floor.server.requests if "dryRun" in one.query and (one.verb, one.resource) == way.door]
    assert dry
    assert all(one.status < 300 for one in dry)


@each
async def test_one_that_is_refused_leaves_nothing_to_approve(floor: Floor, tmp_path: Path, way: Way) -> None:
    async with asked(floor, way, tmp_path, status=422) as proposal:
        assert proposal.state is ProposalState.RECORDED
        assert "dry run refused" in proposal.text.facts
