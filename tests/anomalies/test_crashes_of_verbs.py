"""A crash around the act of a mitigation that is no restart: settled by what the cluster shows, never done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.domain.mitigation import Action
from bot.integrations.registries import Registries
from bot.integrations.sources import Sources
from bot.sandbox.registry import ImageRegistry
from bot.settings_registries import registries
from tests.chance import most, some

from .night import Asks, Night, approves, ended_well

Build = Callable[..., Awaitable[Night]]
POINTS = [
    "before:_approve#1", "after:_approve#1", "before:_claim#1", "after:_claim#1", "before:write#1", "after:write#1",
    "before:_record#1", "after:_record#1", "before:_settle#1", "after:_settle#1",
]  # fmt: skip
VERBS = [Action.SET_IMAGE, Action.PAUSE, Action.RESUME]


def edited(night: Night, change: Callable[[Any], object]) -> None:
    """Somebody changes shop/api before the night."""
    night.floor.change(change)
    night.advance(30)
    night.generation = night.floor.workload()["metadata"]["generation"]


@asynccontextmanager
async def prepared(night: Night, action: Action) -> AsyncIterator[None]:
    """The workload as it is when that action is wanted: hung on an image, in the middle of a rollout, or paused."""
    images = ImageRegistry()
    await images.start()
    listed = Registries(registries(f"{images.host} insecure"))
    try:
        if action is Action.SET_IMAGE:
            images.push("shop/api", "1.4.2")
            night.server.cluster.world.lacks = images.lacks
            night.sources = Sources(registries=listed)
        night.actions = str(action)
        await night.end()
        await night.begin()
        container = {"image": f"{images.host}/shop/api:1.4.3"}
        if action is Action.SET_IMAGE:
            edited(night, lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(container))
        if action is Action.RESUME:
            edited(night, lambda obj: obj["spec"].update(paused=True))
            edited(night, lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="shop/api:1.5"))
        yield
    finally:
        await listed.close()
        await images.stop()


@pytest.mark.parametrize("point", most(some(POINTS, 8), 1))
@pytest.mark.parametrize("action", VERBS)
async def test_a_crash_around_the_act(night: Build, action: Action, point: str) -> None:
    broken = await night(point)
    async with prepared(broken, action):
        await broken.live(Asks(action), approves)
        assert broken.crashes == 1, broken.points
        await ended_well(broken)


@pytest.mark.parametrize(
    "point", most(["after:_claim#1", "before:_waiting#1", "after:_waiting#1", "before:_record#1"], 2)
)
@pytest.mark.parametrize("action", VERBS)
async def test_a_crash_around_an_answer_that_is_lost(night: Build, action: Action, point: str) -> None:
    broken = await night(point)
    async with prepared(broken, action):
        broken.lose_answer = True
        await broken.live(Asks(action), approves)
        assert broken.crashes == 1, broken.points
        await ended_well(broken)
