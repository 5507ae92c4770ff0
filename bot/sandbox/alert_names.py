"""The alerts that people have: some of a service's own, and the stack's, with the labels their rules give them.

It refuses to know where an alert is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.sandbox.alert_rule import KUBELET, PROMETHEUS, STATE_METRICS, Rule
from bot.sandbox.stack_rules import STACK

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        *STACK,
        Rule(
            "KubePodCrashLooping",
            "warning",
            "pod",
            "Pod is crash looping.",
            'Pod {namespace}/{pod} (app) is in waiting state (reason: "CrashLoopBackOff").',
            {**STATE_METRICS, "container": "app", "reason": "CrashLoopBackOff"},
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
            STATE_METRICS,
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
            "QueueTooLong",
            "warning",
            "deployment",
            "{workload} falls behind",
            "More than 10 000 orders wait for {workload}.",
            PROMETHEUS,
        ),
        Rule(
            "KubePersistentVolumeFillingUp",
            "critical",
            "persistentvolumeclaim",
            "PersistentVolume is filling up.",
            "The volume claimed by {workload} in {namespace} is 97 % full.",
            KUBELET,
        ),
        Rule("Watchdog", "none", "nothing", "An alert that always fires.", "It shows that alerts arrive."),
    )
}
