"""Every stage run twice on one claim, and every call to the cluster failing once: the same end, one write."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.sandbox.kubernetes.faults import Fault

from .night import Asks, Clears, Fires, Night, approves, holds

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
    ]


REFUSED = [pytest.param("403", number, id=f"call {number} refused") for number in range(1, 46, 2)]
DROPPED = [pytest.param("dropped", number, id=f"call {number} dropped") for number in (4, 15, 24, 25, 32, 39, 40, 43)]
"""The main path makes 45 calls; 24 is the dry run, 39 the write, 26 and 32 access reviews."""


def fail_call(night: Night, number: int, fault: Fault) -> None:
    """The API server fails exactly one call, by its number."""
    count = 0

    def take(_verb: str, _resource: str) -> Fault | None:
        nonlocal count
        count += 1
        return fault if count == number else None

    faults: Any = night.server.faults
    faults.take = take


@pytest.mark.parametrize(("fault", "number"), REFUSED + DROPPED)
async def test_any_call_to_the_cluster_may_fail_once(night: Build, fault: str, number: int) -> None:
    """Refused, or carried out and its answer lost: in the end the person got one restart, verified."""
    broken = await night()
    kind = {
        "403": Fault("*", "*", 1, status=403),
        "dropped": Fault("*", "*", 1, drop_after=True),
    }[fault]
    fail_call(broken, number, kind)
    await broken.live(Asks(), approves)
    await holds(broken)
    executed = await broken.floor.execution()
    if executed.state == "failed" and executed.outcome.startswith("not applied"):
        assert "propose" not in await broken.floor.owed()
        return  # refused for lack of rights: a person applies the role and asks again
    assert (await broken.floor.verification()).verdict == "pass"
    assert not (await broken.floor.incident(1)).open
