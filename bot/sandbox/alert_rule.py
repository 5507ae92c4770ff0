"""An alerting rule as its alerts show it: name, severity, texts, and the labels that its exporter puts on them.

The labels of the exporter itself (job, service, endpoint, container, instance, pod) are part of the truth: they name
kube-state-metrics or the node exporter, not what is ill. It refuses to know where an alert is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PROMETHEUS = {"prometheus": "monitoring/k8s"}
STATE_METRICS = {
    "container": "kube-state-metrics",
    "endpoint": "http",
    "instance": "10.244.1.7:8080",
    "job": "kube-state-metrics",
    "service": "kube-state-metrics",
    **PROMETHEUS,
}
ITS_POD = {"pod": "kube-state-metrics-5f9c8d7b4-kx2lp"}
"""What an alert carries whose expression keeps the exporter's own pod: those about workloads do."""
NODE_EXPORTER = {
    "container": "kube-rbac-proxy",
    "endpoint": "https",
    "job": "node-exporter",
    "namespace": "monitoring",
    "service": "node-exporter",
    **PROMETHEUS,
}
KUBELET = {
    "endpoint": "https-metrics",
    "job": "kubelet",
    "metrics_path": "/metrics",
    "namespace": "kube-system",
    "service": "kubelet",
    **PROMETHEUS,
}

POD, NODE, HOST, NOTHING = "pod", "node", "host", "nothing"
"""What an alert may be about beside what a label of that name says: ``host`` is a node as its exporter knows it."""


@dataclass(frozen=True)
class Rule:
    """One alerting rule. ``by`` says what one alert is about: a pod, a workload, a node, a service, or nothing.

    Texts may use ``{namespace}``, ``{pod}``, ``{workload}``; the last is whatever the alert is about.
    """

    name: str
    severity: str
    by: str
    summary: str
    description: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def runbook(self) -> str:
        """Where a person would read on; a made-up host."""
        return f"https://runbooks.example/{self.name.lower()}"
