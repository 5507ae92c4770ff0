"""One snapshot, read once for all findings: its rows, which pods are ill, what changed before, what the logs say.

What couldn't be read is None here as in the snapshot, and evidence of a shape that no collector makes counts as not
read: a finding never raises because of what came from outside. It refuses to conclude anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from bot.domain import observed as seen
from bot.domain.alert import from_exporter
from bot.domain.evidence import EventRow, PodRow
from bot.domain.finding import Confidence
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target
from bot.findings import rollouts, signs
from bot.findings.phrases import instant, listed
from bot.findings.sick import LATELY, How, Sick, sick_pods

T = TypeVar("T")

_SERVICE = re.compile(
    r"5xx|error|latenc|slow|response[ _-]?time|p9[059](?!\d)|timeout|availab|burn|slo(?![a-z])", re.IGNORECASE
)
_INFRASTRUCTURE = ("Kube", "Node", "Prometheus", "Alertmanager", "etcd", "CoreDNS")
_SERVICE_LABELS = ("service", "deployment", "statefulset", "daemonset", "pod", "app")

ALWAYS_ON = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""Alerts that fire by design: they tell of nothing, and their beginning least of all."""


class Case:
    """The readings; every property is computed once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.now: datetime = snapshot.now
        self.target: Target | None = snapshot.target
        self.alerts: tuple[AlertSeen, ...] = tuple(
            one for one in snapshot.alerts if one.firing and one.name not in ALWAYS_ON
        )
        self.since: datetime | None = min((one.starts_at for one in self.alerts if one.starts_at), default=None)

    @cached_property
    def pods(self) -> tuple[PodRow, ...] | None:
        """The target's pods."""
        return _read(lambda: self.snapshot.pods)

    @cached_property
    def events(self) -> tuple[EventRow, ...] | None:
        """Events of the target, its revisions and its pods."""
        return _read(lambda: self.snapshot.events)

    @cached_property
    def workload(self) -> seen.WorkloadSeen | None:
        """The target itself."""
        return _read(lambda: self.snapshot.workload)

    @cached_property
    def revisions(self) -> tuple[seen.RevisionSeen, ...] | None:
        """Revisions of the template, newest first."""
        return _read(lambda: self.snapshot.revisions)

    @cached_property
    def changes(self) -> tuple[seen.ChangeSeen, ...] | None:
        """What changed, newest first."""
        return _read(lambda: self.snapshot.changes)

    @cached_property
    def logs(self) -> tuple[seen.LogSeen, ...] | None:
        """What containers said."""
        return _read(lambda: self.snapshot.logs)

    @cached_property
    def budgets(self) -> tuple[seen.BudgetSeen, ...] | None:
        """Disruption budgets."""
        return _read(lambda: self.snapshot.budgets)

    @cached_property
    def quotas(self) -> tuple[seen.QuotaSeen, ...] | None:
        """Quotas of the namespace."""
        return _read(lambda: self.snapshot.quotas)

    @cached_property
    def autoscalers(self) -> tuple[seen.AutoscalerSeen, ...] | None:
        """Autoscalers of the target."""
        return _read(lambda: self.snapshot.autoscalers)

    @cached_property
    def nodes(self) -> tuple[seen.NodeSeen, ...] | None:
        """Nodes of its pods, or the alert's own."""
        return _read(lambda: self.snapshot.nodes)

    @cached_property
    def services(self) -> tuple[seen.ServiceSeen, ...] | None:
        """Services in front of it."""
        return _read(lambda: self.snapshot.services)

    @cached_property
    def jobs(self) -> tuple[seen.JobSeen, ...] | None:
        """The Job, or the newest of a CronJob."""
        return _read(lambda: self.snapshot.jobs)

    @cached_property
    def volumes(self) -> tuple[seen.VolumeSeen, ...] | None:
        """Claims of its pods, or the alert's own."""
        return _read(lambda: self.snapshot.volumes)

    @cached_property
    def references(self) -> tuple[seen.ReferenceSeen, ...] | None:
        """ConfigMaps and Secrets that the template names."""
        return _read(lambda: self.snapshot.references)

    @cached_property
    def images(self) -> tuple[seen.ImageSeen, ...] | None:
        """Images that can't be pulled, and what their registries have."""
        return _read(lambda: self.snapshot.images)

    @cached_property
    def series(self) -> tuple[seen.SeriesSeen, ...] | None:
        """What Prometheus measured; a source of which every query failed wasn't read."""
        rows = _read(lambda: self.snapshot.series)
        return None if rows and not any(row.points for row in rows) and any(row.problem for row in rows) else rows

    def measured(self, query: str) -> tuple[seen.SeriesSeen, ...]:
        """Series of one query that have points."""
        return tuple(row for row in self.series or () if row.query == query and row.points)

    def log_count(self, window: str) -> seen.LogCountSeen | None:
        """Error lines by Loki in one window."""
        return _read(lambda: self.snapshot.log_errors(window))

    @cached_property
    def pods_cut(self) -> bool:
        """Whether there are more pods than rows."""
        found = self.snapshot.evidence.get("pods")
        total = found.data.get("total") if found is not None and isinstance(found.data, dict) else None
        return isinstance(total, int) and self.pods is not None and total > len(self.pods)

    @cached_property
    def living(self) -> tuple[PodRow, ...]:
        """Pods that are there and not on their way out; ended ones of a workload that runs don't count."""
        return tuple(pod for pod in self.pods or () if not pod.deleting and pod.phase not in {"Failed", "Succeeded"})

    @cached_property
    def sick(self) -> tuple[Sick, ...]:
        """The pods that are ill; of none when pods weren't read."""
        return sick_pods(self.pods or (), self.now, self.since)

    def sick_with(self, *hows: How) -> tuple[Sick, ...]:
        """The pods that are ill in one of these ways."""
        return tuple(one for one in self.sick if one.how in hows)

    @cached_property
    def began(self) -> datetime | None:
        """The earliest moment at which something is known to have been wrong: by the pods, else by the alerts."""
        known = [one.since for one in self.sick if one.since is not None]
        return min(known) if known else self.since

    @cached_property
    def rollout(self) -> rollouts.Rollout | None:
        """The newest template change and how the trouble lies to it."""
        return rollouts.newest(self.changes, self.revisions, self.pods, self.sick, self.since)

    @cached_property
    def signs(self) -> tuple[signs.Sign, ...]:
        """What the logs point to, most telling first."""
        windows = [self.log_count(name) for name in ("after", "since_rollout")]
        before = self.log_count("before")
        return signs.read(
            self.logs or (), self.pods or (), [one for one in windows if one is not None], before, self.now, self.began
        )

    @property
    def logs_known(self) -> bool:
        """Whether anything was read of what containers said."""
        heard = any(log.lines or log.signatures or log.tail for log in self.logs or ())
        return heard or self.log_count("after") is not None or any(one.container.last_message for one in self.sick)

    @cached_property
    def service_alert(self) -> AlertSeen | None:
        """The first alert that tells of a service's errors or latency by its name and names a service."""
        for alert in self.alerts:
            if alert.name.startswith(_INFRASTRUCTURE) or not _SERVICE.search(alert.name):
                continue
            own = {"service", "pod"} if from_exporter(alert.labels) else set()
            if any(alert.labels.get(key) for key in _SERVICE_LABELS if key not in own):
                return alert
        return None

    @cached_property
    def pod_alert(self) -> AlertSeen | None:
        """The first firing alert that tells of pods which aren't well; it has to do where pods weren't read."""
        return self.alert("KubePod*", "KubeContainerWaiting", "KubeDeployment*", "KubeStatefulSet*", "KubeDaemonSet*")

    def alert(self, *names: str) -> AlertSeen | None:
        """The first firing alert of one of these names; a name that ends with ``*`` is a beginning."""
        whole = {name for name in names if not name.endswith("*")}
        begun = tuple(name[:-1] for name in names if name.endswith("*"))
        return next(
            (one for one in self.alerts if one.name in whole or (begun and one.name.startswith(begun))),
            None,
        )

    def event_rows(self, *reasons: str, within: timedelta | None = LATELY) -> tuple[EventRow, ...]:
        """Events of these reasons, lately; an event without a time counts as lately."""
        found = []
        for row in self.events or ():
            at = instant(row.last_at)
            if row.reason in reasons and (within is None or at is None or self.now - at < within):
                found.append(row)
        return tuple(found)

    def unread(self, *sources: str) -> tuple[str, ...]:
        """Those of these sources that aren't known."""
        return tuple(name for name in sources if self._unknown(name))

    def sure(self, wanted: Confidence, *needs: str, against: Iterable[str] = ()) -> tuple[Confidence, str]:
        """The confidence that is left, and the doubt: what wasn't read forbids HIGH, each thing against costs one."""
        doubts = [one for one in against if one]
        left = list(Confidence)[min(wanted.rank + len(doubts), Confidence.LOW.rank)]
        missing = self.unread(*needs)
        if missing:
            doubts.append(f"nothing is known of {listed(missing)}")
            left = max(left, Confidence.MEDIUM, key=lambda one: one.rank)
        return left, "; ".join(doubts)

    def _unknown(self, source: str) -> bool:
        if source == "logs":
            return not self.logs_known
        if source == "metrics":
            return self.series is None
        return getattr(self, source) is None


def _read(reading: Callable[[], T]) -> T | None:
    """The reading, None for evidence of a foreign shape: that is evidence nobody has."""
    try:
        return reading()
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
        return None
