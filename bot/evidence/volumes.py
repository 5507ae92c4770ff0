"""Claims that the target's pods mount, or the alert's own: bound, how large, and whether they may grow.

How full they are is Prometheus's to tell. A class that can't be read leaves "may grow" unknown, never false.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.errors import FettleError, RequestError
from bot.domain.evidence import Evidence
from bot.domain.observed import VolumeSeen
from bot.domain.target import Target
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube.client import Cluster
from bot.kube.members import target_pods
from bot.kube.objects import Json, path, text
from bot.kube.pods import Pod
from bot.kube.volumes import read_volume

SOURCE = "volumes"
MAX_ROWS, MOST_CLASSES = 20, 1


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"volumes": [VolumeSeen]}``; claims that are named and not there are told in the summary."""
    cluster = ask.cluster
    namespace, wanted, pods = await _wanted(ask)
    if not wanted:
        return answered(SOURCE, ask.clock(), "its pods mount no claims", {"volumes": []}, empty=True)
    listed = {
        text(item, "metadata", "name"): item for item in await cluster.items(path("PersistentVolumeClaim", namespace))
    }
    claims = [listed[name] for name in wanted if name in listed][:MAX_ROWS]
    classes = list(dict.fromkeys(filter(None, (text(one, "spec", "storageClassName") for one in claims))))[
        :MOST_CLASSES
    ]
    expandable = dict(zip(classes, await asyncio.gather(*(_expandable(cluster, one) for one in classes)), strict=True))
    rows = [read_volume(claim, expandable, pods) for claim in claims]
    missing = [name for name in wanted if name not in listed]
    return answered(SOURCE, ask.clock(), summary(rows, missing), {"volumes": rows, "missing": missing}, empty=not rows)


async def _wanted(ask: Ask) -> tuple[str, list[str], tuple[Pod, ...]]:
    """(namespace, names of claims, the pods that mount them)."""
    target = ask.target
    if target is None:
        namespace, claim = ask.label("namespace"), ask.label("persistentvolumeclaim")
        if not namespace or not claim:
            raise RequestError("The alerts name neither a workload nor a claim.")
        target = Target("PersistentVolumeClaim", namespace, claim)
    pods = await target_pods(ask.cluster, target)
    if target.kind == "PersistentVolumeClaim":
        return target.namespace, [target.name], pods
    return target.namespace, sorted({claim for pod in pods for claim in pod.claims}), pods


async def _expandable(cluster: Cluster, name: str) -> bool | None:
    try:
        found: Json = await cluster.get(path("StorageClass", "", name))
    except FettleError:  # gone or not readable: then nobody knows, and the claim is told all the same
        return None
    return bool(found.get("allowVolumeExpansion"))


def summary(rows: Sequence[VolumeSeen], missing: Sequence[str]) -> str:
    """``data-db-0 Bound, 10 Gi, may grow; cache not there``."""
    told = [", ".join(filter(None, (f"{row.claim} {row.phase}", _size(row), _grows(row)))) for row in rows[:4]]
    told += [f"{name} not there" for name in missing[:4]]
    return "; ".join(told)


def _size(row: VolumeSeen) -> str:
    return f"{row.capacity / 2**30:.3g} GiB" if row.capacity else ""


def _grows(row: VolumeSeen) -> str:
    if row.expandable is None:
        return ""
    return "may grow" if row.expandable else "can't grow"
