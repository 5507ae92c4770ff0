"""Reads the ConfigMaps that a workload's template names, a few at a time, and keeps of them what the memory keeps.

Secrets are never read: whether one exists is not known here. The content isn't kept, neither here nor by the lane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.errors import NotFoundError
from bot.domain.observed import ChangeSeen, ReferenceSeen
from bot.domain.target import RESTARTABLE, Target
from bot.kube import lists
from bot.kube.client import Cluster
from bot.kube.config_memory import Known, Place
from bot.kube.objects import Json, mapping, path, text
from bot.kube.references import Reference, references

FRESH = timedelta(seconds=5)
MOST = 3
"""ConfigMaps that are read of one workload; more are named and not read."""


async def look(cluster: Cluster, namespace: str, name: str, now: datetime, *, again: bool = False) -> Known:
    """Reads one ConfigMap into the memory; one that isn't there is known as such.

    One that was read this moment is not asked for once more, unless ``again``.
    """
    known = cluster.configs.get((namespace, name))
    if not again and known is not None and known.read_at is not None and now - known.read_at < FRESH:
        return known
    try:
        found: Json | None = await cluster.get(path("ConfigMap", namespace, name), keep=False)
    except NotFoundError:
        found = None
    return cluster.configs.learn((namespace, name), found, now)


async def places_of(cluster: Cluster, target: Target) -> tuple[Place, ...]:
    """Which ConfigMaps a target names, from the memory or else from its template; none for what has no template."""
    known = cluster.configs.named_by(target.key)
    if known is not None or target.kind not in RESTARTABLE:
        return known or ()
    try:
        wanted = named(await lists.one(cluster, target.kind, target.namespace, target.name))
    except NotFoundError:
        wanted = ()
    places = tuple((target.namespace, one.name) for one in wanted if one.kind == "ConfigMap")
    cluster.configs.name(target.key, places)
    return places


def named(obj: Json) -> tuple[Reference, ...]:
    """What the template of a workload names."""
    return references(mapping(obj, "spec", "template"))


async def read(cluster: Cluster, obj: Json, now: datetime) -> list[tuple[Reference, Known | None]]:
    """Each reference with what is known of it; None for Secrets and for ConfigMaps beyond the first few."""
    namespace = text(obj, "metadata", "namespace")
    wanted = named(obj)
    maps = [one for one in wanted if one.kind == "ConfigMap"][:MOST]
    known = await asyncio.gather(*(look(cluster, namespace, one.name, now) for one in maps))
    found = dict(zip(maps, known, strict=True))
    return [(one, found.get(one)) for one in wanted]


async def written(cluster: Cluster, obj: Json, now: datetime) -> list[ChangeSeen]:
    """The ConfigMaps of a workload as changes: when each was last written, and by whom."""
    return [
        ChangeSeen(
            kind="config",
            what=f"ConfigMap {reference.name} {'written' if known.exists else 'deleted'}",
            at=known.changed_at,
            by=known.by,
        )
        for reference, known in await read(cluster, obj, now)
        if known is not None and known.changed_at
    ]


def rows(found: Sequence[tuple[Reference, Known | None]]) -> list[ReferenceSeen]:
    """The same as evidence."""
    return [
        ReferenceSeen(
            kind=reference.kind,
            name=reference.name,
            keys=reference.keys,
            missing=_missing(reference, known),
            exists=known.exists if known is not None else None,
            optional=reference.optional,
            changed_at=known.changed_at if known is not None else "",
        )
        for reference, known in found
    ]


def _missing(reference: Reference, known: Known | None) -> tuple[str, ...]:
    if known is None or not known.exists:
        return ()
    return tuple(key for key in reference.keys if key not in {*known.keys, *reference.optional_keys})
