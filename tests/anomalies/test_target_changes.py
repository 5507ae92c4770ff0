"""Somebody else acts at any moment of a night: what they changed is never restarted on an approval of what it was."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox.kubernetes.store import Change
from bot.storage import freeze
from bot.storage.db import Store
from tests.chance import SEED, some
from tests.invariants import EXECUTION_ID, hold

from .conftest import Fresh
from .night import Asks, Night, approves, ended_well, insists, left

pytestmark = pytest.mark.timeout(3000)

Seen = tuple[str, str, int]
"""Uid, image and number of pods of a workload."""


def rolled_out(night: Night) -> None:
    """Another image."""
    night.server.cluster.deployment("shop", "api", replicas=2, image="registry.example/shop/api:1.4.2")


def scaled(night: Night) -> None:
    """Another number of pods."""
    night.floor.change(lambda obj: obj["spec"].update(replicas=3))


def made_anew(night: Night) -> None:
    """The same name, another object."""
    cluster = night.server.cluster
    cluster.delete("Deployment", "shop", "api")
    cluster.advance(1)  # its ReplicaSets go, too
    cluster.deployment("shop", "api", replicas=2, image="registry.example/shop/api:1.4.1")


CHANGES: dict[str, Callable[[Night], None]] = {
    "another image": rolled_out, "another scale": scaled, "made anew": made_anew,
}  # fmt: skip


class Calls:
    """Does something when the cluster is asked for the ``at``-th time, before it answers."""

    def __init__(self, night: Night, at: int = 0, act: Callable[[Night], None] | None = None) -> None:
        self.asked: list[str] = []
        faults: Any = night.server.faults

        def take(verb: str, resource: str, _namespace: str = "") -> None:
            self.asked.append(f"{verb} {resource}")
            if len(self.asked) == at and act is not None:
                act(night)

        faults.take = take


async def whole(fresh: Fresh) -> list[str]:
    """The calls of a night in which nobody else does anything."""
    async with fresh() as night:
        calls = Calls(night)
        await night.live(Asks(), approves, insists)
        return calls.asked


def restarted(night: Night) -> dict[str, Seen]:
    """Execution to what it found when its write was carried out; filled in as that happens."""
    store, found = night.server.cluster.store, {}
    before = store.on_change

    def on_change(change: Change) -> None:
        before(change)
        obj = change.obj
        mark = (obj.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations") or {}).get(EXECUTION_ID)
        if obj["kind"] == "Deployment" and mark:
            spec = obj["spec"]
            seen = (obj["metadata"]["uid"], spec["template"]["spec"]["containers"][0]["image"], spec["replicas"])
            found.setdefault(mark, seen)

    store.on_change = on_change
    return found


def approved(night: Night) -> dict[str, Seen]:
    """Execution to what the approver saw."""
    sql = "SELECT e.uid, p.target, p.baseline FROM executions AS e JOIN proposals AS p ON p.id = e.proposal_id"
    rows = [(uid, json.loads(target), json.loads(baseline)) for uid, target, baseline in left(night).rows(sql)]
    return {uid: (target["uid"], baseline["images"][0], baseline["replicas"]) for uid, target, baseline in rows}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_target_that_changes_is_not_restarted_as_what_it_was(
    fresh: Fresh, name: str, tell: Callable[[object], None]
) -> None:
    """Each write that was carried out found the object, the image and the scale that its approver saw."""
    total = len(await whole(fresh))
    numbers, done = some(range(1, total + 1), 4), 0
    for number in numbers:
        async with fresh() as night:
            calls, found = Calls(night, number, CHANGES[name]), restarted(night)
            try:
                await night.live(Asks(), approves, insists)
                hold(left(night))
                assert found.items() <= approved(night).items()
                assert found.keys() == left(night).effects()
            except AssertionError as error:
                raise AssertionError(f"{name} at call {number} of {total}, {calls.asked[number - 1]}") from error
            done += len(found)
    assert done
    tell(f"seed {SEED}: {len(numbers)} nights, the target changed at one of {total} calls; {done} restarts")


async def test_a_freeze_at_any_moment_stops_whatever_is_checked_after_it(
    fresh: Fresh, tell: Callable[[object], None]
) -> None:
    """I8, by a command line beside the bot; once it is lifted, the night ends well."""
    asked = await whole(fresh)
    write = max(number for number, call in enumerate(asked, start=1) if call == "patch deployments")
    numbers = some(range(1, len(asked) + 1), 6)
    for number in numbers:
        async with fresh() as night:
            frozen, rounds = freezing(night.url, on=True), iter(range(100))
            Calls(night, number, lambda _, frozen=frozen: frozen())

            async def thaws(night: Night, rounds: Any = rounds, number: int = number) -> bool:
                if next(rounds) == 8:
                    assert bool(left(night).effects()) is (number >= write)
                    freezing(night.url, on=False)()
                return False

            try:
                await night.live(Asks(), approves, insists, thaws)
                await ended_well(night)
            except AssertionError as error:
                raise AssertionError(f"frozen at call {number} of {len(asked)}, {asked[number - 1]}") from error
    tell(f"seed {SEED}: {len(numbers)} nights, frozen at one of {len(asked)} calls")


def freezing(url: str, *, on: bool) -> Callable[[], None]:
    """`fettle freeze on` or `off`, as another process does it."""

    def act() -> None:
        guest = Store.open(url, lock=False)
        guest.transact_now(freeze.set_frozen, on, "cli:ana", "drill", datetime.now(UTC))
        guest.close_now()

    return act
