"""Nodes under a target's pods, the most suspect first, and the kubelet's last sign of life.

A cluster may have thousands of nodes of some ten kilobytes each, so a few are asked for by name and no list is made. A
node's lease is read only where the node isn't ready: it tells whether the kubelet or the way to it is gone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from bot.domain.errors import FettleError, NotFoundError
from bot.domain.observed import NodeSeen
from bot.kube.client import Cluster
from bot.kube.containers import read_conditions
from bot.kube.objects import Json, dig, mapping, path, text
from bot.kube.pods import Pod
from bot.kube.quantity import quantity

MOST = 2
LEASES = "kube-node-lease"


def nodes_of(pods: Sequence[Pod], most: int = MOST) -> list[str]:
    """Names of nodes: those with most pods that aren't ready first, then those with most pods."""
    bad = Counter(pod.row.node for pod in pods if not pod.row.ready)
    every = Counter(pod.row.node for pod in pods if pod.row.node)
    return sorted(every, key=lambda name: (-bad[name], -every[name], name))[:most]


async def read_nodes(cluster: Cluster, names: Sequence[str]) -> list[Json]:
    """The nodes that are there; one that was removed is left out."""
    found = await asyncio.gather(*(_node(cluster, name) for name in names))
    return [node for node in found if node is not None]


async def last_sign(cluster: Cluster, node: Json) -> str:
    """When the kubelet of a node that isn't ready last renewed its lease; empty for a ready one and when not told."""
    if is_ready(node) is True:
        return ""
    try:
        lease = await cluster.get(path("Lease", LEASES, text(node, "metadata", "name")))
    except FettleError:  # a missing right or lease costs this one time, not the node's conditions
        return ""
    return text(lease, "spec", "renewTime")


def is_ready(node: Json) -> bool | None:
    """Its Ready condition; None for Unknown, which the node controller writes when the kubelet is silent."""
    for one in dig(node, "status", "conditions") or []:
        if text(one, "type") == "Ready":
            return {"True": True, "False": False}.get(text(one, "status"))
    return None


def read_node(node: Json, pods: Sequence[Pod], lease_at: str = "") -> NodeSeen:
    """One row; ``pods`` are the target's, wherever they run."""
    name = text(node, "metadata", "name")
    allocatable = mapping(node, "status", "allocatable")
    most = quantity(allocatable.get("pods"))
    return NodeSeen(
        name=name,
        ready=is_ready(node),
        unschedulable=bool(dig(node, "spec", "unschedulable")),
        taints=tuple(_taint(one) for one in dig(node, "spec", "taints") or []),
        conditions=read_conditions(mapping(node, "status")),
        cpu=quantity(allocatable.get("cpu")),
        memory=quantity(allocatable.get("memory")),
        pods_most=None if most is None else int(most),
        created_at=text(node, "metadata", "creationTimestamp"),
        lease_at=lease_at,
        pods=tuple(pod.row.name for pod in pods if pod.row.node == name)[:20],
    )


def _taint(taint: Json) -> str:
    """``key=value:Effect``, as kubectl writes it."""
    value = text(taint, "value")
    return f"{text(taint, 'key')}{f'={value}' if value else ''}:{text(taint, 'effect')}"


async def _node(cluster: Cluster, name: str) -> Json | None:
    try:
        return await cluster.get(path("Node", "", name))
    except NotFoundError:
        return None
