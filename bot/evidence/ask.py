"""What a collector is asked: which target of which cluster, because of which alerts, and whom else it may ask.

It refuses to decide what is collected; the playbook says that. Collectors get the cluster's slow lane, never the fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.errors import RequestError
from bot.domain.query import LogQuery, MetricQuery
from bot.domain.snapshot import AlertSeen
from bot.domain.target import Target
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.loki import Loki
from bot.integrations.prometheus import Prometheus
from bot.integrations.registries import Registries
from bot.kube.client import Cluster


@dataclass(frozen=True)
class Ask:
    """One question to all collectors.

    ``target`` is None where no workload was found: then only what the alerts' own labels name can be read (a node, a
    claim, a job). ``since`` is when the earliest firing alert began. ``prometheus``, ``loki``, ``registries`` and
    ``alertmanager`` are None where none is configured. ``within`` is how many seconds a collector has: one that asks
    several things gives what it has by then.
    """

    cluster: Cluster
    target: Target | None
    clock: Callable[[], datetime]
    alerts: tuple[AlertSeen, ...] = ()
    since: datetime | None = None
    queries: tuple[MetricQuery, ...] = ()
    log_query: LogQuery = field(default_factory=LogQuery)
    prometheus: Prometheus | None = None
    loki: Loki | None = None
    registries: Registries | None = None
    alertmanager: Alertmanager | None = None
    within: float = 8.0

    @property
    def workload(self) -> Target:
        """The target, for collectors that can't do without; raises ``RequestError`` when there is none."""
        if self.target is None:
            raise RequestError("No workload was found for these alerts.")
        return self.target

    def label(self, name: str) -> str:
        """The first non-empty value of a label over the alerts; empty when none carries it."""
        return next((found for one in self.alerts if (found := one.labels.get(name, ""))), "")
