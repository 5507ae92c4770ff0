"""The cluster's panel: workloads and pods as they roll, nodes, events, and ways to break it with one press."""

from collections.abc import Awaitable, Callable, Mapping

from markupsafe import Markup

from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.harms import HARMS, Harm, Harming
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.page.panels import reading
from bot.sandbox.page.panels.panel import Act, Json, field
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere

Owe = Callable[[Harm, str, Callable[[], bool], str], None]
"""Told of a harm, its workload, whether it shows yet, and its node: the alert that tells of it follows."""
Breaks = Callable[[str], Awaitable[str]]
"""Breaks the cluster in a way that has a past, by its name, and answers a sentence."""


class ClusterPanel:
    """``owe`` hears of what was broken, ``breaks`` does what needs a past of its own; both may be missing."""

    name, title = "cluster", "Cluster"

    def __init__(self, cluster: Cluster, owe: Owe | None = None, breaks: Breaks | None = None) -> None:
        self._cluster = cluster
        self._harming = Harming(cluster)
        self._owe, self._breaks = owe, breaks
        self.acts: Mapping[str, Act] = {"harm": self._harm, "right": self._right, "break": self._break}

    def mark(self) -> int:
        """The store counts its writes."""
        return self._cluster.store.version

    def html(self) -> Markup:
        """Everything there is to see of the cluster."""
        nodes, workloads = reading.nodes(self._cluster), reading.workloads(self._cluster)
        return render(
            "panels/cluster.html",
            nodes=nodes,
            workloads=workloads,
            events=reading.events(self._cluster),
            targets=self._harming.targets(),
            harms=list(HARMS.values()),
            breakages=BREAKAGES.values() if self._breaks else (),
        )

    async def _harm(self, body: Json) -> str:
        workload = field(body, "workload")
        harm, site, node, said = self._harming.harm(field(body, "harm"), workload)
        if self._owe is None or not harm.alert:
            return said
        self._owe(harm, workload, lambda: harm.shows(site), node)
        return f"{said} {harm.alert} follows as soon as it shows."

    async def _right(self, _body: Json) -> str:
        return self._harming.put_right()

    async def _break(self, body: Json) -> str:
        name = field(body, "breakage")
        if self._breaks is None or name not in BREAKAGES:
            raise NotThere("Choose a way to break from the list.")
        return await self._breaks(name)
