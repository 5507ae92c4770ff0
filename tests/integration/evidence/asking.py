"""Asks one collector, or all, about a target of the sandbox's cluster; and a hand that writes as kubectl would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.domain.evidence import Evidence
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target
from bot.evidence import collect
from bot.evidence.ask import Ask
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.writes import Writing
from tests.integration.clusters import API, PATIENT, World, now


def ask_of(kube: World, target: Target | None = API, *, since: datetime | None = None, **labels: str) -> Ask:
    """A question about ``target`` because of one alert with these labels."""
    alerts = (AlertSeen(labels, {}, since),) if labels or since else ()
    return Ask(kube.cluster, target, now, alerts, since)


async def gathered(
    kube: World, *sources: str, target: Target | None = API, deadline: float = PATIENT, **more: Any
) -> Snapshot:
    """What these collectors (all without names) tell, as a snapshot."""
    chosen = collect.chosen(sources or collect.COLLECTORS)
    ask = ask_of(kube, target, **more)
    kube.cluster.shared.forget()
    found = await collect.gather(ask, deadline=deadline, collectors=chosen)
    return Snapshot(now(), ask.alerts, target, {one.source: one for one in found})


async def one(kube: World, source: str, **more: Any) -> Evidence:
    """One collector's evidence."""
    return (await gathered(kube, source, **more)).evidence[source]


def write(
    kube: World, kind: str, namespace: str, name: str, change: Callable[[dict[str, Any]], object], manager: str
) -> None:
    """Changes an object as that field manager."""

    def changed(obj: dict[str, Any]) -> dict[str, Any]:
        change(obj)
        return obj

    kube.sandbox.writes.patch(by_kind(kind), namespace, name, changed, Writing(manager))


def container(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The first container of a workload's template."""
    found: dict[str, Any] = obj["spec"]["template"]["spec"]["containers"][0]
    return found


def config_map(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap in shop."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data}
