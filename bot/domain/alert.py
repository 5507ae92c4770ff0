"""Alerts: identity, episodes, and what one delivery does to the state of one alert.

Rules from the design's definitions: an *alert episode* is (fingerprint, startsAt); one delivery *record* is
(fingerprint, startsAt, status, endsAt if resolved). Transitions look at the alert's state and don't depend on
the order of arrival, but for the late firing. Our clock orders arrivals, it never identifies anything.
This module refuses to ask the time, the store or the cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

LATE_WINDOW = timedelta(minutes=2)
"""A firing of the same episode this soon after the resolve's arrival is late, not a reopening."""

NEVER_POSTED = frozenset({"Watchdog", "InfoInhibitor"})
"""Alerts that exist to be silent; their absence is what alarms."""

WORKLOAD_LABELS = (
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("cronjob", "CronJob"),
    ("job_name", "Job"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("node", "Node"),
)
"""Labels that name a workload, in order of worth. ``job`` is Prometheus's scrape job and never counts."""

EXPORTER_MARKS = (
    "kube-state-metrics",
    "node-exporter",
    "prometheus-operator",
    "kubelet",
    "blackbox-exporter",
)
"""Scrape jobs and services of exporters: an alert with one of them carries the exporter's own pod labels."""


class AlertStatus(StrEnum):
    """What Alertmanager says of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


def name_in(labels: Mapping[str, str]) -> str:
    """The alert's name, or a stated placeholder."""
    return labels.get("alertname") or "(alert without a name)"


class Labels(dict[str, str]):
    """Labels that came again and again in the same bytes, read once; many alerts share them, so nobody changes them.

    What is made of them is remembered by which they are, not by what they say: that takes no look at any of them.
    """

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment] # a dict has none


@dataclass(slots=True)
class Alert:
    """One alert as delivered. Times are aware UTC. Never changed; frozen, it would cost thrice as much to make.

    ``starts_at`` is None where the sender gave none (then the open episode's, else the time of receipt);
    ``ends_at`` is None while firing; ``cut`` names labels and annotations that were shortened to the caps.
    """

    fingerprint: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str = ""
    cut: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The alert's name, or a stated placeholder: an alert without a name is kept."""
        return name_in(self.labels)

    @property
    def namespace(self) -> str:
        """The namespace label, empty if there is none."""
        return self.labels.get("namespace", "")


@dataclass(frozen=True)
class Poison:
    """One alert that can't be used: its position in the body, why, and the raw JSON (capped)."""

    index: int
    reason: str
    raw: str


@dataclass(frozen=True)
class AlertGroup:
    """One delivery: the alerts that parsed, and those that were quarantined."""

    group_key: str
    alerts: tuple[Alert, ...]
    poison: tuple[Poison, ...] = ()
    receiver: str = ""
    external_url: str = ""
    truncated: int = 0


_APART = "~"
UNBOUND = "unbound:"
"""How the key of an incident begins whose alerts came with a token that doesn't speak for them."""


def unbound(name: str, fingerprint: str) -> str:
    """The fingerprint of an alert that the named token doesn't speak for: another alert than the one it names."""
    return f"{name}{_APART}{fingerprint}"


def sender_of(fingerprint: str) -> str:
    """The token's name in such a fingerprint, empty in any other."""
    return fingerprint.partition(_APART)[0] if _APART in fingerprint else ""


def origin_of(fingerprint: str) -> str:
    """The fingerprint as its sender has it."""
    return fingerprint.rpartition(_APART)[2]


class Effect(StrEnum):
    """What one delivery does to its alert."""

    OPENED = "opened"  # a new alert episode
    REOPENED = "reopened"  # the same startsAt fires again, late window over
    REPEATED = "repeated"  # still firing, nothing new
    RESOLVED = "resolved"  # the episode ends
    RESOLVED_UNSEEN = "resolved_unseen"  # a resolve whose firing never came: recorded, no incident
    ALREADY_RESOLVED = "already_resolved"
    LATE = "late"  # firing after its own resolve, within LATE_WINDOW: the next delivery decides
    STALE = "stale"  # older than what is known: recorded, no effect


@dataclass(slots=True)
class Episode:
    """The newest known episode of one fingerprint, as stored. Never changed; frozen, it would cost thrice as much."""

    starts_at: datetime
    status: AlertStatus
    resolved_arrived_at: datetime | None = None


# An enum's members are looked up by a function; this is asked for every alert.
_FIRING, _OPENED, _REPEATED = AlertStatus.FIRING, Effect.OPENED, Effect.REPEATED


def effect_of(current: Episode | None, status: AlertStatus, starts_at: datetime, received_at: datetime) -> Effect:
    """What a delivery (status, starts_at), received at ``received_at``, does; a pure table."""
    firing = status is _FIRING
    if current is None or starts_at > current.starts_at:
        if firing:
            return _OPENED
        # A newer episode whose firing was lost: the alert as a whole is over.
        live = current is not None and current.status is _FIRING
        return Effect.RESOLVED if live else Effect.RESOLVED_UNSEEN
    if starts_at < current.starts_at:
        return Effect.STALE
    if current.status is _FIRING:
        return _REPEATED if firing else Effect.RESOLVED
    if not firing:
        return Effect.ALREADY_RESOLVED
    arrived = current.resolved_arrived_at
    if arrived is not None and received_at - arrived <= LATE_WINDOW:
        return Effect.LATE
    return Effect.REOPENED


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """A fingerprint for senders that give none: SHA-256 over the sorted labels, 16 hex digits.

    It is prefixed, because Alertmanager's own (FNV-1a) fingerprints have the same length.
    """
    digest = hashlib.sha256()
    for key in sorted(labels):
        digest.update(f"{key}\x00{labels[key]}\x00".encode())
    return f"s-{digest.hexdigest()[:16]}"


def from_exporter(labels: Mapping[str, str]) -> bool:
    """Whether ``pod``, ``container``, ``instance`` and ``service`` may be the exporter's own."""
    marks = (labels.get("job", ""), labels.get("service", ""))
    return any(exporter in mark for mark in marks for exporter in EXPORTER_MARKS)


def named_workload(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """(kind, name) of the workload that the labels name, or None; pods never count."""
    for label, kind in WORKLOAD_LABELS:
        name = labels.get(label)
        if name:
            return kind, name
    return None


def correlation_key(group_key: str, alert: Alert) -> str:
    """Which incident an alert belongs to: group key, namespace and named workload.

    Without a workload label: group key and namespace; without a group key: alert name and namespace.
    """
    group = group_key or f"alertname={alert.name}"
    workload = named_workload(alert.labels) if group_key else None
    named = f"{workload[0]}={workload[1]}" if workload else ""
    return f"{group}\x1f{alert.namespace}\x1f{named}"
