"""A crash at each named point while crash-looping pods go one after another: none goes twice, none is forgotten."""

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.mitigation import Action
from tests.chance import most, some
from tests.invariants import hold

from .night import Night, approves, insists, left
from .test_crashes import around

Build = Callable[..., Awaitable[Night]]

POINTS = [
    *around("_claim#1", "write#1", "_held#1", "_claim#2", "write#2", "_record#1", "_settle#1"),
]
"""Two pods: the first is claimed, evicted and told; then the second, and the whole is verified."""


class Asks:
    """Bo asks until it is answered with yes, and again where the card shows no offer."""

    def __init__(self) -> None:
        self.answered = False

    async def __call__(self, night: Night) -> bool:
        """Whether it is still wanted."""
        if self.answered:
            return await insists(night)
        bo = await night.floor.person("bo")
        answer = await night.floor.verbs.act(bo, Action.EVICT, "shop/web", {"pod": "crashing"})
        self.answered = answer.ok or "in flight" in answer.text
        return True


async def furnished(build: Build, *crash_at: str, times: int = 1) -> tuple[Night, set[str]]:
    """Two of eight pods crash; two may be away at once. Their uids."""
    night = await build(*crash_at, times=times)
    await night.end()
    night.actions, night.door = "evict", ("create", "pods/eviction")
    cluster = night.server.cluster
    cluster.deployment("shop", "web", replicas=8, image="registry.example/web:1")
    cluster.advance(120)
    ill = cluster.crash_loop("shop", "web", pods=2)
    cluster.advance(120)
    await night.begin()
    return night, {one["metadata"]["uid"] for one in cluster.pods("shop", "web") if one["metadata"]["name"] in ill}


async def ended_well(night: Night, ill: set[str]) -> None:
    hold(left(night))
    carried_out = [
        one for one in night.server.requests if one.resource == "pods/eviction" and "dryRun" not in one.query
    ]
    assert max(Counter(one.name for one in carried_out if one.status == 201).values()) == 1
    now = {one["metadata"]["uid"] for one in night.server.cluster.pods("shop", "web")}
    assert not now & ill, "all that crashed are gone"
    assert len(now) == 8


@pytest.mark.parametrize("point", ["", *most(some(POINTS, 6), 2)])
async def test_a_crash_anywhere(night: Build, point: str) -> None:
    broken, ill = await furnished(night, *filter(None, [point]))
    await broken.live(Asks(), approves)
    assert broken.crashes == bool(point), broken.points
    await ended_well(broken, ill)


@pytest.mark.parametrize(
    "point", some(["before:_claim#2", "before:_waiting#1", "after:_waiting#1", "before:_record#1"], 2)
)
async def test_a_lost_answer_and_a_crash(night: Build, point: str) -> None:
    broken, ill = await furnished(night, point)
    broken.lose_answer = True
    await broken.live(Asks(), approves)
    await ended_well(broken, ill)


async def test_every_stage_twice(night: Build) -> None:
    twice, ill = await furnished(night, times=2)
    await twice.live(Asks(), approves)
    await ended_well(twice, ill)
