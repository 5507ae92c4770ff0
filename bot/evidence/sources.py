"""Which sources are worth asking, by kind of target and by alert: data, which a playbook's own list replaces.

A source is asked only where it can tell something: a node has no revisions, a Deployment no runs. It refuses to ask
anything, and to know what a source costs; ``collect`` gives each incident its allowance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from bot.domain.snapshot import AlertSeen
from bot.domain.target import RESTARTABLE, Target

_RUNS = ("Job", "CronJob")

TELLS_OF: Mapping[str, frozenset[str]] = {
    "workload": frozenset(RESTARTABLE),
    "changes": frozenset(RESTARTABLE),
    "config": frozenset(RESTARTABLE),
    "endpoints": frozenset(RESTARTABLE),
    "autoscalers": frozenset({*RESTARTABLE, "HorizontalPodAutoscaler"}),
    "logs": frozenset({*RESTARTABLE, *_RUNS}),
    "log_errors": frozenset({*RESTARTABLE, *_RUNS}),
    "registry": frozenset({*RESTARTABLE, *_RUNS}),
    "jobs": frozenset(_RUNS),
    "volumes": frozenset({*RESTARTABLE, *_RUNS, "PersistentVolumeClaim"}),
    "pods": frozenset({*RESTARTABLE, *_RUNS, "Node", "PersistentVolumeClaim"}),
    "nodes": frozenset({*RESTARTABLE, *_RUNS, "Node", "PersistentVolumeClaim"}),
    "budgets": frozenset({*RESTARTABLE, *_RUNS, "Node"}),
    "quotas": frozenset({*RESTARTABLE, *_RUNS, "PersistentVolumeClaim", "HorizontalPodAutoscaler"}),
}
"""Source -> kinds of target of which it can tell something; a source that isn't here tells of any."""

BY_LABEL: Mapping[str, tuple[str, ...]] = {
    "nodes": ("node", "exported_node"),
    "volumes": ("persistentvolumeclaim",),
    "jobs": ("job_name", "cronjob"),
    "budgets": ("poddisruptionbudget",),
    "endpoints": ("service", "exported_service"),
    "quotas": ("namespace", "exported_namespace"),
    "metrics": ("alertname",),
}
"""Source -> labels of an alert, one of which it needs to answer without a target; no other source can."""

_TEMPLATE = (
    "pods", "workload", "changes", "logs", "events", "metrics", "config", "nodes", "volumes", "log_errors", "registry",
)  # fmt: skip

BY_KIND: Mapping[str, tuple[str, ...]] = {
    "Deployment": (*_TEMPLATE, "autoscalers", "quotas", "endpoints"),
    "StatefulSet": (*_TEMPLATE, "quotas", "endpoints"),
    "DaemonSet": _TEMPLATE,
    "Job": ("jobs", "pods", "logs", "events", "quotas", "log_errors", "registry"),
    "CronJob": ("jobs", "pods", "logs", "events", "log_errors", "registry"),
    "Node": ("nodes", "pods", "events", "metrics", "budgets"),
    "PersistentVolumeClaim": ("volumes", "pods", "events", "metrics"),
    "HorizontalPodAutoscaler": ("autoscalers", "events", "metrics", "quotas"),
}
"""Kind of the target -> what is asked where nobody says otherwise."""

BY_ALERT: Sequence[tuple[str, tuple[str, ...]]] = (
    ("KubeHpa*", ("autoscalers", "workload", "pods", "metrics", "quotas", "nodes", "events", "changes")),
    ("KubePdb*", ("budgets", "pods", "workload", "changes", "logs", "events", "nodes")),
    ("KubeQuota*", ("quotas", "events")),
    ("CPUThrottlingHigh", ("metrics", "pods", "workload", "changes", "autoscalers")),
    ("TargetDown", ("endpoints", "pods", "workload", "metrics", "changes", "events", "nodes")),
    ("Kube*GenerationMismatch", ("workload", "changes", "events")),
)
"""Pattern of the alert's name -> what is asked instead; the first that fits counts."""


def worth_asking(target: Target | None, alerts: Sequence[AlertSeen], wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the sources: of those ``wanted`` (a playbook's), or of the usual ones, what can answer."""
    if target is None:
        labels = {label for alert in alerts for label, value in alert.labels.items() if value}
        return tuple(source for source in wanted or BY_LABEL if labels & set(BY_LABEL.get(source, ())))
    usual = wanted or _for_alert(alerts) or BY_KIND.get(target.kind, ("events",))
    return tuple(source for source in usual if target.kind in TELLS_OF.get(source, {target.kind}))


def _for_alert(alerts: Sequence[AlertSeen]) -> tuple[str, ...]:
    for pattern, sources in BY_ALERT:
        if any(fnmatchcase(alert.name, pattern) for alert in alerts):
            return sources
    return ()
