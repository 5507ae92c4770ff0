"""The nodes under the target's pods, or the alert's own: ready or not, cordoned, tainted, under pressure, last sign.

A few are read, those with pods that aren't ready first. It refuses to list the nodes of a cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.errors import RequestError
from bot.domain.evidence import Evidence
from bot.domain.observed import NodeSeen
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube import nodes
from bot.kube.hints import node_label
from bot.kube.members import target_pods
from bot.kube.pods import Pod

SOURCE = "nodes"
PRESSURE = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"nodes": [NodeSeen], "total": n}``; ``total`` counts the nodes under the target's pods."""
    names, pods, total = await _names(ask)
    found = await nodes.read_nodes(ask.cluster, names)
    leases = await asyncio.gather(*(nodes.last_sign(ask.cluster, node) for node in found))
    rows = [nodes.read_node(node, pods, lease) for node, lease in zip(found, leases, strict=True)]
    data = {"nodes": rows, "total": max(total, len(rows))}
    return answered(SOURCE, ask.clock(), summary(rows, names), data, empty=not rows)


async def _names(ask: Ask) -> tuple[list[str], tuple[Pod, ...], int]:
    if ask.target is None:
        named = list(dict.fromkeys(filter(None, (node_label(alert.labels) for alert in ask.alerts))))
        if not named:
            raise RequestError("The alerts name neither a workload nor a node.")
        return named[: nodes.MOST], (), len(named)
    pods = await target_pods(ask.cluster, ask.target)
    if ask.target.kind == "Node":
        return [ask.target.name], pods, 1
    return nodes.nodes_of(pods), pods, len({pod.row.node for pod in pods if pod.row.node})


def summary(rows: Sequence[NodeSeen], names: Sequence[str]) -> str:
    """``n1 NotReady (Kubelet stopped posting node status.), n2 cordoned``; ``all ready`` otherwise."""
    if not rows:
        return f"{', '.join(names)} isn't in the cluster" if names else "no pod runs on a node"
    told = [f"{row.name} {', '.join(_trouble(row))}" for row in rows if _trouble(row)]
    return "; ".join(told) if told else f"{len(rows)} looked at, all ready"


def _trouble(row: NodeSeen) -> list[str]:
    """What is wrong with a node, in a few words each."""
    found = []
    if row.ready is not True:
        why = next((one.reason for one in row.conditions if one.type == "Ready"), "")
        found.append(f"{'NotReady' if row.ready is False else 'not reporting'}{f' ({why})' if why else ''}")
    found += [one.type for one in row.conditions if one.type in PRESSURE and one.status == "True"]
    if row.unschedulable:
        found.append("cordoned")
    return found
