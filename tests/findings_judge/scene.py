"""A cluster's corner as collectors would see it: a workload, its pods, what changed, what was said, what was measured.

A scene begins well. Breakages and noise change it; ``snapshot`` turns it into evidence as the collectors' rows are
shaped, events folded by (type, reason, object) with the newest message kept and warnings first.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.evidence import EventRow, Evidence, EvidenceStatus, PodRow
from bot.domain.observed import (
    AutoscalerSeen,
    BudgetSeen,
    ChangeSeen,
    ConditionSeen,
    ContainerSeen,
    JobSeen,
    LogCountSeen,
    LogSeen,
    NodeSeen,
    QuotaSeen,
    ReferenceSeen,
    RevisionSeen,
    SeriesSeen,
    ServiceSeen,
    VolumeSeen,
    WorkloadSeen,
)
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target

APPS = ("api", "checkout", "web", "ledger", "mailer", "search", "cart", "auth", "feed", "billing-worker")
SPACES = ("shop", "payments", "prod", "team-a")
PEOPLE = ("kubectl by kim", "helm", "argocd-controller", "kubectl by ana", "")


def stamp(at: datetime | None) -> str:
    """A time as the API writes it: whole seconds, Z."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Pod:
    """One pod in the making; ``revision`` is the number of its template."""

    name: str
    node: str
    revision: int
    created: datetime
    containers: list[ContainerSeen]
    phase: str = "Running"
    ready: bool = True
    ready_at: datetime | None = None
    reason: str = ""
    message: str = ""
    deleting: bool = False
    scheduled: tuple[bool, str] = (True, "")


@dataclass
class Event:
    """One event before folding."""

    reason: str
    message: str
    object: str
    at: datetime | None
    count: int = 1
    warning: bool = True


@dataclass
class Scene:
    """Everything about one incident; lists are changed in place by breakages and noise."""

    rng: random.Random
    now: datetime
    kind: str
    namespace: str
    app: str
    replicas: int
    nodes: list[NodeSeen]
    revision: int
    template_at: datetime
    image_tag: str
    pods: list[Pod] = field(default_factory=list)
    revisions: list[RevisionSeen] = field(default_factory=list)
    changes: list[ChangeSeen] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    logs: list[LogSeen] = field(default_factory=list)
    counts: dict[str, LogCountSeen] = field(default_factory=dict)
    series: list[SeriesSeen] = field(default_factory=list)
    alerts: list[AlertSeen] = field(default_factory=list)
    conditions: list[ConditionSeen] = field(default_factory=list)
    quotas: list[QuotaSeen] = field(default_factory=list)
    autoscalers: list[AutoscalerSeen] = field(default_factory=list)
    services: list[ServiceSeen] = field(default_factory=list)
    budgets: list[BudgetSeen] = field(default_factory=list)
    jobs: list[JobSeen] = field(default_factory=list)
    volumes: list[VolumeSeen] = field(default_factory=list)
    references: list[ReferenceSeen] = field(default_factory=list)
    workload: dict[str, Any] = field(default_factory=dict)
    targeted: bool = True
    hashes_known: bool = True
    measured: bool = True
    loki: bool = False
    main: ContainerSeen = field(default_factory=lambda: ContainerSeen("app"))
    began: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def target(self) -> Target:
        """The workload."""
        return Target(self.kind, self.namespace, self.app, f"uid-{self.app}")

    def image(self, tag: str = "") -> str:
        """The image of the main container with this tag, the current one by default."""
        return f"registry.example.com/{self.namespace}/{self.app}:{tag or self.image_tag}"

    def hash_of(self, revision: int) -> str:
        """The template hash that pods of a revision carry."""
        made = random.Random(f"{self.app}/{revision}").choices("bcdfghjklmnpqrstvwxz2456789", k=9)  # noqa: S311 - the same revision, the same hash
        text = "".join(made)
        return f"{self.app}-{text}" if self.kind == "StatefulSet" else text

    def pod(self, number: int, *, revision: int | None = None, created: datetime | None = None) -> Pod:
        """A new pod that is well, not yet among ``pods``."""
        made = revision if revision is not None else self.revision
        suffix = "".join(self.rng.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        names = {
            "StatefulSet": f"{self.app}-{number}",
            "DaemonSet": f"{self.app}-{suffix}",
            "Job": f"{self.app}-{suffix}",
            "CronJob": f"{self.app}-29384756-{suffix}",
        }
        at = created or self.template_at + timedelta(seconds=5 + 7 * number)
        node = self.nodes[number % len(self.nodes)].name
        tag = self.image_tag if made == self.revision else f"1.{made}.0"
        parts = [replace(self.main, image=self.image(tag), started_at=stamp(at + timedelta(seconds=4)))]
        return Pod(
            names.get(self.kind, f"{self.app}-{self.hash_of(made)}-{suffix}"),
            node, made, at, parts, ready_at=at + timedelta(seconds=15),
        )  # fmt: skip

    def event(
        self, reason: str, message: str, about: str, ago: float = 1, count: int = 1, *, warning: bool = True
    ) -> None:
        """An event so many minutes ago."""
        at = self.now - timedelta(minutes=ago)
        self.events.append(Event(reason, message, about, at, count, warning))

    def about(self, pod: Pod) -> str:
        """How events name a pod."""
        return f"Pod {pod.name}"

    def alert(self, name: str, after: float = 0, **labels: str) -> None:
        """A firing alert that began so many minutes after the trouble, by the alerting side's clock."""
        base = {"alertname": name, "severity": "warning", "namespace": self.namespace}
        at = min(self.began + timedelta(minutes=after), self.now - timedelta(seconds=20))
        self.alerts.append(AlertSeen({**base, **labels}, {"summary": f"{name} in {self.namespace}"}, at))

    def own_label(self) -> dict[str, str]:
        """The label by which the kubernetes-mixin names this workload."""
        return {self.kind.lower(): self.app}

    def snapshot(self) -> Snapshot:
        """All of it as evidence, every source answered."""
        data = {
            "pods": {"pods": [asdict(self._row(pod)) for pod in self.pods[:50]], "total": len(self.pods)},
            "events": {"events": [asdict(row) for row in self._events()[:30]], "total": len(self.events)},
            "workload": {"workload": asdict(self._workload())},
            "changes": {
                "changes": [asdict(one) for one in sorted(self.changes, key=lambda one: one.at, reverse=True)],
                "revisions": [asdict(one) for one in self._revisions()],
            },
            "logs": {"logs": [asdict(one) for one in self._read_logs()]},
            "budgets": {"budgets": [asdict(one) for one in self.budgets]},
            "quotas": {"quotas": [asdict(one) for one in self.quotas]},
            "autoscalers": {"autoscalers": [asdict(one) for one in self.autoscalers]},
            "nodes": {"nodes": [asdict(self._node(one)) for one in self.nodes if self._used(one)]},
            "endpoints": {"services": [asdict(one) for one in self._services()]},
            "jobs": {"jobs": [asdict(one) for one in self.jobs]},
            "volumes": {"volumes": [asdict(one) for one in self.volumes]},
            "config": {"references": [asdict(one) for one in self.references]},
        }
        if self.measured:
            data["metrics"] = {"series": [asdict(one) for one in self.series]}
        if self.loki:
            data["log_errors"] = {name: asdict(one) for name, one in self.counts.items()}
        evidence = {name: Evidence(name, EvidenceStatus.OK, name, self.now, value) for name, value in data.items()}
        return Snapshot(self.now, tuple(self.alerts), self.target if self.targeted else None, evidence)

    def _read_logs(self) -> list[LogSeen]:
        """As the collector reads them: of the two worst pods, at most four, those before a restart first."""

        def badness(pod: Pod) -> tuple[bool, bool, int, str]:
            looping = any(
                part.reason == "CrashLoopBackOff" or (part.state == "terminated" and not part.init)
                for part in pod.containers
            )
            return looping, not pod.ready, sum(part.restarts for part in pod.containers), stamp(pod.created)

        worst = [pod.name for pod in sorted(self.pods, key=badness, reverse=True)[:2]]
        found = [one for name in worst for one in self.logs if one.pod == name]
        return sorted(found, key=lambda one: not one.previous)[:4]

    def _row(self, pod: Pod) -> PodRow:
        ends = [part for part in pod.containers if part.last_exit is not None]
        last = max(ends, key=lambda part: part.last_finished_at, default=None)
        waits = next(
            (part.reason for part in pod.containers if part.state == "waiting" and part.reason != "PodInitializing"), ""
        )
        ok, told = pod.scheduled
        unready = "" if pod.ready else "ContainersNotReady"
        listed = [part.name for part in pod.containers if not part.ready and not part.init]
        message = f"containers with unready status: [{' '.join(listed)}]" if unready and listed else ""
        conditions = [ConditionSeen("PodScheduled", str(ok), "" if ok else "Unschedulable", told, stamp(pod.created))]
        if ok:
            conditions.append(
                ConditionSeen(
                    "Ready", str(pod.ready), unready if listed else "", message, stamp(pod.ready_at or pod.created)
                )
            )
        return PodRow(
            pod.name, pod.phase, pod.ready, sum(part.restarts for part in pod.containers),
            waits or ("" if ok else "Unschedulable"), last.last_reason if last else "",
            last.last_exit if last else None,
            last.last_finished_at if last else "", pod.node if ok else "", pod.containers[0].image, stamp(pod.created),
            self.hash_of(pod.revision), pod.reason, pod.message, pod.deleting, tuple(pod.containers), tuple(conditions),
        )  # fmt: skip

    def _events(self) -> list[EventRow]:
        rows: dict[tuple[str, str, str], tuple[datetime, EventRow]] = {}
        never = datetime.min.replace(tzinfo=UTC)
        for one in sorted(self.events, key=lambda each: each.at or never):
            kind = "Warning" if one.warning else "Normal"
            key = (kind, one.reason, one.object)
            before = rows[key][1].count if key in rows else 0
            rows[key] = (
                one.at or never,
                EventRow(kind, one.reason, one.message[:300], one.object, one.count + before, stamp(one.at)),
            )
        newest = [row for _, row in sorted(rows.values(), key=lambda pair: pair[0], reverse=True)]
        return sorted(newest, key=lambda row: row.type != "Warning")

    def _workload(self) -> WorkloadSeen:
        living = [pod for pod in self.pods if pod.phase not in {"Failed", "Succeeded"} and not pod.deleting]
        ready = sum(1 for pod in living if pod.ready)
        made = {
            "replicas": self.replicas, "updated": sum(1 for pod in living if pod.revision == self.revision),
            "ready": ready, "available": ready, "current": len(living), "generation": self.revision + 3,
            "observed_generation": self.revision + 3, "strategy": "RollingUpdate", "revision": str(self.revision),
            **self.workload,
        }  # fmt: skip
        return WorkloadSeen(self.kind, self.namespace, self.app, conditions=tuple(self.conditions), **made)

    def _revisions(self) -> list[RevisionSeen]:
        living = [pod for pod in self.pods if not pod.deleting and pod.phase not in {"Failed", "Succeeded"}]
        found = []
        for row in self.revisions:
            of = [pod for pod in living if str(pod.revision) == row.revision]
            known = self.hash_of(int(row.revision)) if self.hashes_known else ""
            ready = sum(1 for pod in of if pod.ready)
            whole = self._healthy(row.current, len(of), ready)
            found.append(replace(row, replicas=len(of), ready=ready, hash=known, healthy=whole))
        return found

    def _healthy(self, current: bool, there: int, ready: int) -> bool | None:
        """What the cluster still knows: a rollout that completed, pods that are all ready, a deadline that passed."""
        if there and there == ready and (not current or ready >= self.replicas):
            return True
        if current and self.kind == "Deployment":
            reason = next((one.reason for one in self.conditions if one.type == "Progressing"), "")
            return {"NewReplicaSetAvailable": True, "ProgressDeadlineExceeded": False}.get(reason)
        mixed = len({pod.revision for pod in self.pods}) > 1
        return True if self.kind == "StatefulSet" and not current and there and mixed else None

    def _used(self, node: NodeSeen) -> bool:
        return any(pod.node == node.name for pod in self.pods) or any(
            alert.labels.get("node") == node.name for alert in self.alerts
        )

    def _node(self, node: NodeSeen) -> NodeSeen:
        return replace(node, pods=tuple(pod.name for pod in self.pods if pod.node == node.name))

    def _services(self) -> list[ServiceSeen]:
        ready = sum(1 for pod in self.pods if pod.ready and not pod.deleting)
        down = sum(1 for pod in self.pods if not pod.ready and pod.phase == "Running")
        return [replace(one, ready=ready, not_ready=down) for one in self.services]
