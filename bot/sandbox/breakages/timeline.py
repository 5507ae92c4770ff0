"""Breaks a cluster: one or many breakages at once, each with its past, so that what is seen now has a history.

A workload was there for a day and was changed for other reasons hours ago before it broke. The cluster's clock is put
back for that and brought forward again; only a few seconds after each step are lived through. It refuses to fire
alerts: it tells which there would be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.sandbox.alert_names import RULES
from bot.sandbox.alert_rule import HOST, NODE, NOTHING, POD
from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.breakages.site import Site
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.replicasets import ready_since
from bot.sandbox.measures import Measure

DAY, HOURS = 24 * 3600.0, 5 * 3600.0
"""When a site was furnished, and when it was changed for other reasons, in seconds before now."""
SETTLED, LIVED = 6.0, 20.0
"""Seconds that are lived through after a calm step, and after the breaking."""
SLICE = 2.0
"""Seconds that are lived through at a time."""
EXPORTER = "node-exporter"


@dataclass(frozen=True)
class Broken:
    """A breakage that happened at a site; ``since`` is when its alerts began, in seconds since 1970."""

    breakage: Breakage
    site: Site
    since: float

    def alerts(self, name: str = "") -> list[dict[str, str]]:
        """The label sets of an alert that tells of it, the first one's unless named; without those of its rule."""
        rule = RULES[name or self.breakage.alerts[0]]
        site, about = self.site, self.breakage.about or self.site.about
        extra = dict(self.breakage.labels)
        if rule.by == NOTHING:
            return [extra]
        if rule.by == POD:
            return [{"namespace": site.namespace, "pod": pod, **extra} for pod in _ill_pods(site)]
        if rule.by == NODE:
            return [{"node": about, **extra}]
        if rule.by == HOST:
            return [{"instance": about, "pod": _exporter_on(site.cluster, about), **extra}]
        if rule.by == "persistentvolume":
            return [{rule.by: about, **extra}]
        return [{"namespace": site.namespace, rule.by: about, **extra}]


def happen(
    cluster: Cluster, names: Sequence[str], *, namespace: str = "", measures: list[Measure] | None = None
) -> list[Broken]:
    """Break a cluster in these ways, each in a namespace of its name or all in one; ``KeyError`` for an unknown."""
    happening = _happening(cluster, names, namespace, measures)
    while True:
        try:
            next(happening)
        except StopIteration as over:
            return list(over.value)


async def happen_meanwhile(
    cluster: Cluster, names: Sequence[str], *, namespace: str = "", measures: list[Measure] | None = None
) -> list[Broken]:
    """The same, a little at a time, so that others in this loop go on; nobody may look at the cluster meanwhile."""
    happening = _happening(cluster, names, namespace, measures)
    while True:
        try:
            next(happening)
        except StopIteration as over:
            return list(over.value)
        await asyncio.sleep(0)


def _happening(
    cluster: Cluster, names: Sequence[str], namespace: str, measures: list[Measure] | None
) -> Generator[None, None, list[Broken]]:
    """Yields whenever somebody else may have a turn."""
    chosen = [BREAKAGES[name] for name in names]
    sites = [Site(cluster, namespace or one.name, one.workload, measures) for one in chosen]
    pairs = list(zip(chosen, sites, strict=True))
    now = cluster.clock.offset
    watch_nodes(cluster)
    for ago, steps in _steps(pairs):
        cluster.clock.offset = now - ago
        for breakage, site, step in steps:
            _carry_out(breakage, site, step)
            yield
        lived = LIVED if any(step == "happen" for _, _, step in steps) else SETTLED
        for _ in range(int(lived / SLICE)):
            cluster.advance(SLICE)
            yield
    cluster.clock.offset = now
    cluster.advance(0)
    for breakage, site in pairs:
        breakage.lately(site)
    cluster.advance(0)
    end = cluster.clock.now()
    return [Broken(one, site, end - 0.6 * one.ago) for one, site in pairs]


def watch_nodes(cluster: Cluster) -> None:
    """The node exporter on every node, as its alerts name its pods."""
    if cluster.get("DaemonSet", "monitoring", EXPORTER) is None:
        site = Site(cluster, "monitoring", EXPORTER)
        site.workload("DaemonSet", tolerations=[{"operator": "Exists"}])


def _steps(pairs: Sequence[tuple[Breakage, Site]]) -> Iterator[tuple[float, list[tuple[Breakage, Site, str]]]]:
    """(seconds before now, what happens then), the oldest first."""
    planned: dict[float, list[tuple[Breakage, Site, str]]] = {}
    for breakage, site in pairs:
        for ago, step in ((DAY, "furnish"), (HOURS, "old news"), (breakage.ago, "happen")):
            planned.setdefault(ago, []).append((breakage, site, step))
    return iter(sorted(planned.items(), reverse=True))


def _carry_out(breakage: Breakage, site: Site, step: str) -> None:
    if step == "furnish":
        if not breakage.alone:
            site.neighbour()
        breakage.furnish(site)
    elif step == "old news":
        _old_news(site)
    else:
        breakage.happen(site)


def _old_news(site: Site) -> None:
    """Rollouts of long ago, which went well: of the neighbour, and of the workload itself."""
    level = {"env": [{"name": "LOG_LEVEL", "value": "info"}]}
    for name in ("mailer", site.name):
        for kind in ("Deployment", "StatefulSet", "DaemonSet"):
            if site.cluster.get(kind, site.namespace, name) is not None:
                site.change(lambda obj: _logged(obj, level), kind=kind, name=name)


def _logged(obj: Mapping[str, object], level: Mapping[str, object]) -> None:
    spec = obj["spec"]
    container = spec["template"]["spec"]["containers"][0]  # type: ignore[index]
    container["env"] = [*container.get("env", []), *level["env"]]  # type: ignore[misc]


def _ill_pods(site: Site) -> list[str]:
    pods = site.cluster.pods(site.namespace, site.name)
    ill = [pod for pod in pods if ready_since(pod) is None or _restarted(pod)] or pods
    return [pod["metadata"]["name"] for pod in ill]


def _restarted(pod: Mapping[str, object]) -> bool:
    status = pod["status"]
    return any(one.get("restartCount") for one in status.get("containerStatuses", []))  # type: ignore[attr-defined]


def _exporter_on(cluster: Cluster, node: str) -> str:
    for pod in cluster.world.store.list(by_kind("Pod"), "monitoring"):
        if pod["spec"].get("nodeName") == node and pod["metadata"]["name"].startswith(EXPORTER):
            return str(pod["metadata"]["name"])
    raise LookupError(f"the node exporter doesn't run on {node}")
