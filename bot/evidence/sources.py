"""Which sources are worth asking, by kind of target and by alert: data, so that a playbook's own list replaces it.

It refuses to ask anything, and to know what a source costs; ``collect`` gives each incident its allowance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from bot.domain.snapshot import AlertSeen
from bot.domain.target import Target

_TEMPLATE = ("pods", "workload", "changes", "logs", "events", "metrics", "config", "nodes")

BY_KIND: Mapping[str, tuple[str, ...]] = {
    "Deployment": (*_TEMPLATE, "autoscalers", "quotas", "endpoints"),
    "StatefulSet": (*_TEMPLATE, "volumes", "quotas", "endpoints"),
    "DaemonSet": _TEMPLATE,
    "Job": ("jobs", "pods", "logs", "events", "quotas"),
    "CronJob": ("jobs", "pods", "logs", "events"),
    "Node": ("nodes", "pods", "events", "metrics", "budgets"),
    "PersistentVolumeClaim": ("volumes", "pods", "events", "metrics"),
    "HorizontalPodAutoscaler": ("autoscalers", "events", "metrics", "quotas"),
}
"""Kind of the target -> sources, in order of worth."""

BY_ALERT: Sequence[tuple[str, tuple[str, ...]]] = (
    ("KubeHpa*", ("autoscalers", "workload", "pods", "metrics", "quotas", "nodes", "events", "changes")),
    ("KubePdb*", ("budgets", "pods", "workload", "changes", "logs", "events", "nodes")),
    ("KubeQuota*", ("quotas", "events")),
    ("CPUThrottlingHigh", ("metrics", "pods", "workload", "changes", "autoscalers")),
    ("TargetDown", ("endpoints", "pods", "workload", "metrics", "changes", "events", "nodes")),
    ("Kube*GenerationMismatch", ("workload", "changes", "events")),
)
"""Pattern of the alert's name -> sources instead of the kind's; the first that fits counts."""

BY_LABEL: Sequence[tuple[tuple[str, ...], str]] = (
    (("node", "exported_node"), "nodes"),
    (("persistentvolumeclaim",), "volumes"),
    (("job_name", "cronjob"), "jobs"),
    (("poddisruptionbudget",), "budgets"),
    (("service", "exported_service"), "endpoints"),
    (("namespace", "exported_namespace"), "quotas"),
)
"""Without a target: which labels of an alert let a source answer all the same."""


def worth_asking(target: Target | None, alerts: Sequence[AlertSeen]) -> tuple[str, ...]:
    """The names of the sources, in order of worth, each once."""
    if target is None:
        labels = {label for alert in alerts for label, value in alert.labels.items() if value}
        return tuple(source for names, source in BY_LABEL if labels & set(names))
    names = [alert.name for alert in alerts]
    special = next(
        (sources for pattern, sources in BY_ALERT if any(fnmatchcase(name, pattern) for name in names)), None
    )
    return BY_KIND.get(target.kind, ("events",)) if special is None else of_kind(special, target)


def of_kind(sources: Sequence[str], target: Target) -> tuple[str, ...]:
    """Those of ``sources`` that have something to say about this kind of target: a Job has no revisions."""
    own = BY_KIND.get(target.kind, ("events",))
    return tuple(source for source in sources if source in own or source in _ANY_KIND)


_ANY_KIND = frozenset({"metrics", "log_errors", "quotas", "events", "budgets", "endpoints", "pods", "nodes"})
