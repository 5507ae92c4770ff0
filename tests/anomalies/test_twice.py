"""Every stage run twice on one claim: the same end, one write."""

from collections.abc import Awaitable, Callable

import pytest

from .night import Clears, Fires, Night, approves, holds

Build = Callable[..., Awaitable[Night]]


def story(tags: list[str]) -> list[str]:
    """What the audit tells, without evidence, which is read again whenever somebody looks."""
    return [tag for tag in tags if tag != "incident:evidence:collected"]


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
async def test_every_stage_run_twice_changes_nothing(night: Build, lost: bool) -> None:
    doubled = await night(times=2)
    doubled.lose_answer = lost
    await doubled.live(Fires(), approves, Clears())
    await holds(doubled)
    assert len(doubled.floor.patches()) == 1
    assert story(await doubled.floor.tags()) == [
        "incident:state:triggered",
        "alert:delivery:received",
        "proposal:state:proposed",
        "person:identity:seen",
        "proposal:approval:granted",
        "incident:state:mitigating",
        "execution:intent:committed",
        *([] if lost else ["execution:state:succeeded", "verification:state:started"]),
        "alert:delivery:received",
        *(["execution:state:succeeded", "verification:state:started"] if lost else []),
        "verification:verdict:given",
        "incident:state:mitigated",
        "incident:state:resolved",
        "incident:aftermath:seen",
    ]
