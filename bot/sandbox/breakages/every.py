"""All breakages by name, and by the room they stand in. It refuses two of one name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.sandbox.breakages import nodes, plane, pods, services, volumes, workloads
from bot.sandbox.breakages.breakage import Breakage

ROOMS: Mapping[str, tuple[Breakage, ...]] = {
    "pods": pods.BREAKAGES,
    "workloads": workloads.BREAKAGES,
    "services": services.BREAKAGES,
    "volumes": volumes.BREAKAGES,
    "nodes": nodes.BREAKAGES,
    "plane": plane.BREAKAGES,
}
BREAKAGES: Mapping[str, Breakage] = {one.name: one for room in ROOMS.values() for one in room}
if len(BREAKAGES) < sum(map(len, ROOMS.values())) or BREAKAGES.keys() & ROOMS.keys():
    raise ValueError("two breakages, or a breakage and a room, have one name")


def named(words: Iterable[str]) -> tuple[str, ...]:
    """The breakages that are meant, rooms taken for all that stand in them; ``KeyError`` for an unknown word."""
    return tuple(one.name for word in words for one in ROOMS.get(word) or (BREAKAGES[word],))
