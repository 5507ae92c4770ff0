"""The closed lists of words that a playbook may use: sources of evidence, mitigations and what they take, kinds.

A word that isn't in them is a mistake of whoever wrote the file and is refused when it is read, not at three in the
morning. It refuses to know whether Fettle can carry a mitigation out; that is the catalog of mitigations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Source = Literal[
    "pods", "events", "workload", "changes", "logs", "budgets", "quotas", "autoscalers", "nodes", "endpoints", "jobs",
    "volumes", "config", "metrics", "log_errors", "registry",
]  # fmt: skip
"""Sources of evidence as ``domain.snapshot`` reads them; a handler's are by alert name, never named in YAML."""

ActionWord = Literal[
    "restart", "rollback", "scale", "evict", "set_image", "set_resources", "cordon", "rerun_job", "expand_volume",
    "raise_autoscaler", "thread_dump", "heap_dump", "pause", "delete_failed_job",
]  # fmt: skip
"""Mitigations that a finding may suggest (``domain.finding.Suggestion``)."""

PARAMS: Mapping[str, Mapping[str, type]] = {
    "restart": {},
    "rollback": {"revision": str},
    "scale": {"replicas": int},
    "evict": {"pod": str},
    "set_image": {"container": str, "image": str},
    "set_resources": {"container": str, "limits": str},
    "cordon": {"node": str},
    "rerun_job": {"job": str},
    "delete_failed_job": {"job": str},
    "expand_volume": {"claim": str, "size": str},
    "raise_autoscaler": {"autoscaler": str, "most": int},
    "thread_dump": {"pod": str, "container": str},
    "heap_dump": {"pod": str, "container": str},
    "pause": {},
}
"""What each takes, by name and type."""

MEASURED = ("memory", "cpu", "restarts", "throttling", "errors", "latency", "traffic", "up")
"""Built-in queries of a workload that a verification may name; the evidence of metrics has them."""

Kind = Literal[
    "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Node", "PersistentVolumeClaim",
    "HorizontalPodAutoscaler",
]  # fmt: skip
"""Kinds of targets that guards may name."""
