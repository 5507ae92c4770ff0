"""A few alerts that people have, with the labels their real rules and exporters give them.

The labels of the exporter itself (job, service, endpoint, container, instance, uid) are part of the truth: they name
kube-state-metrics, not the workload that is ill. It refuses to know where an alert is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_STATE_METRICS = {
    "container": "kube-state-metrics",
    "endpoint": "http",
    "instance": "10.244.1.7:8080",
    "job": "kube-state-metrics",
    "prometheus": "monitoring/k8s",
    "service": "kube-state-metrics",
}


@dataclass(frozen=True)
class Rule:
    """One alerting rule. ``by`` says what one alert is about: a pod, a workload, a service, or nothing.

    ``reason`` is the label of that name, where the rule has one. Texts may use ``{namespace}``, ``{pod}``,
    ``{workload}``.
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


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "KubePodCrashLooping",
            "warning",
            "pod",
            "Pod is crash looping.",
            'Pod {namespace}/{pod} (app) is in waiting state (reason: "CrashLoopBackOff").',
            {**_STATE_METRICS, "container": "app", "reason": "CrashLoopBackOff"},
        ),
        Rule(
            "KubePodNotReady",
            "warning",
            "pod",
            "Pod has been in a non-ready state for more than 15 minutes.",
            "Pod {namespace}/{pod} has been in a non-ready state for longer than 15 minutes.",
        ),
        Rule(
            "KubeDeploymentReplicasMismatch",
            "warning",
            "deployment",
            "Deployment has not matched the expected number of replicas.",
            "Deployment {namespace}/{workload} has not matched the expected number of replicas for 15 minutes.",
            _STATE_METRICS,
        ),
        Rule(
            "HighErrorRate",
            "critical",
            "deployment",
            "{workload} 5xx rate above 5%",
            "12.5 % of the requests to {workload} fail.",
        ),
        Rule(
            "HighLatency",
            "warning",
            "deployment",
            "{workload} p99 latency above 2 s",
            "The 99th percentile of {workload} has been above 2 s for 10 minutes.",
        ),
        Rule(
            "KubePersistentVolumeFillingUp",
            "critical",
            "persistentvolumeclaim",
            "PersistentVolume is filling up.",
            "The volume claimed by {workload} in {namespace} is 97 % full.",
        ),
        Rule("Watchdog", "none", "nothing", "An alert that always fires.", "It shows that alerts arrive."),
    )
}
