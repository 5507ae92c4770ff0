"""The scenarios as a person looks for one: in groups, the stories of a newcomer first, then each breakage by itself.

It refuses to play any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.sandbox.breakages.every import BREAKAGES, ROOMS
from bot.sandbox.scenarios import schema
from bot.sandbox.scenarios.groups import GROUPS

OWN_HEAD = "Yours"
ROOM_HEADS = {
    "pods": "Broken: pods",
    "workloads": "Broken: workloads",
    "services": "Broken: services",
    "volumes": "Broken: volumes",
    "nodes": "Broken: nodes and machines",
    "plane": "Broken: the cluster's own parts",
}
BREAKAGES_HEAD = "One thing is broken; its alert comes, and the card must name the cause"


def in_groups(scenarios: Iterable[schema.Scenario]) -> Mapping[str, list[schema.Scenario]]:
    """Heading -> its scenarios, both in their order; groups without any are left out."""
    ordered = sorted(scenarios, key=lambda one: (one.order, one.name))
    told = {head: [one for one in ordered if one.group == group] for group, head in GROUPS.items()}
    return {head: listed for head, listed in told.items() if listed}


def broken() -> dict[str, schema.Scenario]:
    """A scenario of each breakage; ``all`` plays those of whole rooms, so that a few worlds do."""
    return {name: schema.of_breakage(name) for name in BREAKAGES}


def lines(scenarios: Iterable[schema.Scenario]) -> Iterator[str]:
    """What ``--list`` prints: a heading a group, and a line a scenario."""
    for head, listed in {**in_groups(scenarios), BREAKAGES_HEAD: list(broken().values())}.items():
        yield f"{head}"
        yield from (f"  {one.name:26} {one.title}" for one in listed)
        yield ""


def to_choose(
    scenarios: Iterable[schema.Scenario], own: schema.Scenario | None = None
) -> Mapping[str, list[schema.Scenario]]:
    """The same by heading, breakages by the room that they stand in; somebody's own comes first."""
    yours = {OWN_HEAD: [own]} if own is not None else {}
    single = broken()
    rooms = {ROOM_HEADS[room]: [single[one.name] for one in listed] for room, listed in ROOMS.items()}
    return {**yours, **in_groups(scenarios), **rooms}
