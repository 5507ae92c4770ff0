"""A crash at each named point while a workload is scaled, its autoscaler's bounds are changed, or a pod is evicted.

They leave no mark in the cluster: what a dead process did is told by the number, the bounds, or the pod's uid.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.mitigation import Action
from bot.workflow import revert
from tests.chance import most, some
from tests.integration.workflow.floor import API
from tests.invariants import hold

from .night import Night, approves, insists, left
from .test_crashes import REQUEST, around

Build = Callable[..., Awaitable[Night]]

LOST = [
    *around("_claim#1"),
    "before:write#1",
    *around("_waiting#1", "_record#1", "_settle#1"),
]
"""Where a lost answer is read back."""
HELD = [*around("_held#1", "_claim#2"), "before:write#2", "after:write#1", *around("_record#1", "_settle#1")]
"""Where a disruption budget holds an eviction back, and lets it go later."""


@dataclass(frozen=True)
class Verb:
    """What is asked for, and the write that it makes."""

    action: Action
    door: tuple[str, str]

    def wanted(self, night: Night) -> Mapping[str, str]:
        """As it is typed."""
        if self.action is Action.SCALE:
            return {"replicas": "4"}
        return {"bounds": "4"} if self.action is Action.RAISE_AUTOSCALER else {"pod": min(pods(night))}


VERBS = [
    Verb(Action.SCALE, ("patch", "deployments/scale")),
    Verb(Action.RAISE_AUTOSCALER, ("patch", "horizontalpodautoscalers")),
    Verb(Action.EVICT, ("create", "pods/eviction")),
]
by_verb = pytest.mark.parametrize("verb", VERBS, ids=[str(one.action) for one in VERBS])


class Asks:
    """Bo asks until it is answered with yes, and again where the card shows no offer."""

    def __init__(self, verb: Verb) -> None:
        self.verb = verb
        self.answered = False

    async def __call__(self, night: Night) -> bool:
        """Whether it is still wanted."""
        if self.answered:
            return await insists(night)
        bo = await night.floor.person("bo")
        answer = await night.floor.verbs.act(bo, self.verb.action, API.ref, self.verb.wanted(night))
        self.answered = answer.ok or "in flight" in answer.text
        return True


def pods(night: Night) -> dict[str, str]:
    found = night.server.cluster.pods("shop", "api")
    return {
        one["metadata"]["name"]: one["metadata"]["uid"] for one in found if "deletionTimestamp" not in one["metadata"]
    }


async def furnished(build: Build, verb: Verb, *crash_at: str, times: int = 1) -> Night:
    """A night in which this verb is allowed, with an autoscaler where it needs one; nothing is owed for later."""
    night = await build(*crash_at, times=times)
    await night.end()
    night.actions, night.door = verb.action.value.replace("_", "-"), verb.door
    if verb.action is Action.RAISE_AUTOSCALER:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
        spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
        meta = {"name": "api", "namespace": "shop"}
        night.server.cluster.apply({"kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec})
    await night.begin()
    return night


@pytest.fixture(autouse=True)
def no_revert(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proposal of the old bounds hours later is another test's; here a night ends when nothing is owed."""
    monkeypatch.setattr(revert, "owe", lambda *_: None)


def became(night: Night, verb: Verb) -> Any:
    """What the cluster has of it."""
    if verb.action is Action.SCALE:
        return night.floor.workload()["spec"]["replicas"]
    if verb.action is Action.RAISE_AUTOSCALER:
        return night.floor.workload("api", "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    return frozenset(pods(night).values())


async def done_once(night: Night, verb: Verb, before: Any) -> None:
    """The invariants hold, it was done once, verified and closed, as if nothing had happened."""
    hold(left(night))
    assert len(await night.floor.entries("execution:state:succeeded")) == 1
    if verb.action is Action.EVICT:
        now = became(night, verb)
        assert (len(before - now), len(now)) == (1, len(before)), "one pod is another one, and one alone"
    else:
        assert (before, became(night, verb)) == (2, 4)
    verification = await night.floor.verification()
    assert verification.verdict == "pass", verification
    assert not (await night.floor.incident(1)).open
    assert await night.floor.count("incidents") == 1


@by_verb
@pytest.mark.parametrize("point", most(some([one for one in REQUEST if "_principal#3" not in one], 12), 2))
async def test_a_crash_anywhere_in_a_request(night: Build, verb: Verb, point: str) -> None:
    broken = await furnished(night, verb, point)
    before = became(broken, verb)
    await broken.live(Asks(verb), approves)
    assert broken.crashes == 1, broken.points
    await done_once(broken, verb, before)


@by_verb
@pytest.mark.parametrize("point", ["", *most(LOST, 3)])
async def test_a_lost_answer_with_and_without_a_crash(night: Build, verb: Verb, point: str) -> None:
    broken = await furnished(night, verb, *filter(None, [point]))
    before = became(broken, verb)
    broken.lose_answer = True
    await broken.live(Asks(verb), approves, insists)
    assert broken.crashes == bool(point), broken.points
    await done_once(broken, verb, before)


@by_verb
async def test_every_stage_twice(night: Build, verb: Verb) -> None:
    broken = await furnished(night, verb, times=2)
    before = became(broken, verb)
    await broken.live(Asks(verb), approves)
    await done_once(broken, verb, before)


@pytest.mark.parametrize("point", ["", *most(HELD, 3)])
async def test_a_budget_that_holds_for_a_while_with_and_without_a_crash(night: Build, point: str) -> None:
    """What is held back is asked again only after a clear no; a process that died between reads back first."""
    verb = VERBS[-1]
    broken = await furnished(night, verb, *filter(None, [point]))
    cluster = broken.server.cluster
    (ill,) = cluster.strike("shop", "api", "not-ready")
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "api"}}}
    meta = {"name": "guard", "namespace": "shop"}
    cluster.apply({"kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    broken.advance(5)
    before = became(broken, verb)
    asks = Asks(Verb(verb.action, verb.door))
    rounds = iter(range(1000))

    async def heals(night: Night) -> bool:
        """The other pod gets well once an eviction was held back."""
        waited = any(one.status == 429 for one in night.server.requests if one.path.endswith("/eviction"))
        if waited and next(rounds) == 2:
            cluster.heal("shop", "api")
        return False

    well = next(name for name in pods(broken) if name != ill)
    named = {"pod": well}

    async def wants(night: Night) -> bool:
        if asks.answered:
            return await insists(night)
        answer = await night.floor.verbs.act(await night.floor.person("bo"), verb.action, API.ref, named)
        asks.answered = answer.ok or "in flight" in answer.text
        return True

    await broken.live(wants, approves, insists, heals)
    assert broken.crashes == bool(point), broken.points
    await done_once(broken, verb, before)
