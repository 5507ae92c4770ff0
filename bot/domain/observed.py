"""What collectors observe, one row type a kind of thing; each ``Evidence.data`` is made of these rows as JSON.

Text and numbers alone, so that a snapshot can be stored, recorded and replayed. Times are RFC 3339 UTC text as the
cluster gave them (empty: not known); quantities are plain floats (cores, bytes, seconds, ratios). ``None`` means that
it wasn't told, never zero. Everything here has passed redaction. It refuses to conclude anything; that is for findings.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ContainerSeen:
    """One container of one pod.

    ``state`` is running, waiting, terminated or empty; ``reason`` and ``message`` are of that state, such as
    ``ImagePullBackOff`` and the registry's error. ``last_*`` tell of the newest end, whether it runs again or not.
    ``probes`` names the probes it has: liveness, readiness, startup.
    """

    name: str
    image: str = ""
    image_id: str = ""
    init: bool = False
    ready: bool = False
    restarts: int = 0
    state: str = ""
    reason: str = ""
    message: str = ""
    started_at: str = ""
    last_exit: int | None = None
    last_reason: str = ""
    last_message: str = ""
    last_started_at: str = ""
    last_finished_at: str = ""
    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: float | None = None
    memory_limit: float | None = None
    probes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConditionSeen:
    """One condition of an object's status; ``at`` is its last transition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    at: str = ""


@dataclass(frozen=True)
class WorkloadSeen:
    """Source ``workload``: ``{"workload": row}``. Counts follow the API's names; ``replicas`` is what is wanted."""

    kind: str
    namespace: str
    name: str
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    current: int = 0
    generation: int = 0
    observed_generation: int = 0
    paused: bool = False
    strategy: str = ""
    partition: int = 0
    revision: str = ""
    created_at: str = ""
    owner: str = ""
    managers: tuple[str, ...] = ()
    conditions: tuple[ConditionSeen, ...] = ()
    current_revision: str = ""
    """Of a StatefulSet: the revision whose update completed last."""
    misscheduled: int = 0
    """Of a DaemonSet: pods on nodes where they shouldn't be."""


@dataclass(frozen=True)
class RevisionSeen:
    """One revision of the pod template, newest first in ``{"revisions": [...]}`` of source ``changes``.

    ``healthy`` is whether it once had all its pods available, as far as the cluster still knows (None: can't be told);
    ``ready`` counts its pods that are ready now. ``template`` is the hash without restart annotations, ``hash`` what
    its pods carry (``PodRow.hash``). ``created_at`` is when it got its number, empty where an undo hides that.
    """

    revision: str
    created_at: str = ""
    template: str = ""
    images: tuple[str, ...] = ()
    current: bool = False
    replicas: int = 0
    ready: int = 0
    healthy: bool | None = None
    hash: str = ""


@dataclass(frozen=True)
class ChangeSeen:
    """One thing that changed, newest first in ``{"changes": [...]}`` of source ``changes``.

    ``kind``: template, restart, scale, config, autoscaler or node. ``what`` is a sentence without its end ("image
    api:1.4.1 → 1.4.2; env: DB_URL gone"), ``diff`` its lines; env *values* are never in it, only names and "changed".
    ``by`` is the field manager or person as far as known ("kubectl by kim"). ``offset`` is in seconds from the start of
    the earliest firing alert, negative before it. ``size`` is what a scale led to, ``automatic``
    whether an autoscaler did it; ``resources`` whether a template's containers ask for other resources, or are limited
    otherwise.
    """

    kind: str
    what: str
    at: str = ""
    by: str = ""
    revision: str = ""
    diff: tuple[str, ...] = ()
    offset: float | None = None
    size: int | None = None
    automatic: bool = False
    resources: bool = False


@dataclass(frozen=True)
class SignatureSeen:
    """Log lines alike but for numbers and ids, as one; ``sample`` is the newest of them, ``trace`` its stack if any."""

    text: str
    count: int
    sample: str = ""
    trace: tuple[str, ...] = ()
    first_at: str = ""
    last_at: str = ""


@dataclass(frozen=True)
class LogSeen:
    """Source ``logs``: ``{"logs": [row]}``: what one container said, errors first, then the tail.

    ``previous`` is the container before the restart. ``problem`` is a sentence when the log couldn't be read.
    """

    pod: str
    container: str
    previous: bool = False
    signatures: tuple[SignatureSeen, ...] = ()
    tail: tuple[str, ...] = ()
    lines: int = 0
    problem: str = ""


@dataclass(frozen=True)
class BudgetSeen:
    """Source ``budgets``: ``{"budgets": [row]}``, the disruption budgets over the target's pods."""

    name: str
    bound: str = ""
    allowed: int = 0
    healthy: int = 0
    desired: int = 0
    expected: int = 0


@dataclass(frozen=True)
class QuotaSeen:
    """Source ``quotas``: ``{"quotas": [row]}``, one row a quota and resource (``requests.cpu``), in base units."""

    name: str
    resource: str
    used: float
    hard: float


@dataclass(frozen=True)
class AutoscalerSeen:
    """Source ``autoscalers``: ``{"autoscalers": [row]}``; ``metrics`` are lines such as "cpu 95 % of 80 %".

    ``above`` is whether one of them is above its target; None where none tells.
    """

    name: str
    least: int = 1
    most: int = 0
    current: int = 0
    desired: int = 0
    metrics: tuple[str, ...] = ()
    conditions: tuple[ConditionSeen, ...] = ()
    above: bool | None = None


@dataclass(frozen=True)
class NodeSeen:
    """Source ``nodes``: ``{"nodes": [row]}``: those that the target's pods run on, or the alert's own.

    ``pods`` are the target's pods there. ``lease_at`` is the kubelet's last sign of life.
    """

    name: str
    ready: bool | None = None
    unschedulable: bool = False
    taints: tuple[str, ...] = ()
    conditions: tuple[ConditionSeen, ...] = ()
    cpu: float | None = None
    memory: float | None = None
    pods_most: int | None = None
    created_at: str = ""
    lease_at: str = ""
    pods: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceSeen:
    """Source ``endpoints``: ``{"services": [row]}``: Services that select the target, and what stands behind them."""

    name: str
    ready: int = 0
    not_ready: int = 0
    ports: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobSeen:
    """Source ``jobs``: ``{"jobs": [row]}``: the Job, or the newest of a CronJob, newest first."""

    name: str
    cronjob: str = ""
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    backoff_limit: int | None = None
    started_at: str = ""
    finished_at: str = ""
    result: str = ""
    """``complete``, ``failed`` or empty while it runs."""
    reason: str = ""
    message: str = ""
    schedule: str = ""
    suspended: bool = False


@dataclass(frozen=True)
class VolumeSeen:
    """Source ``volumes``: ``{"volumes": [row]}``: claims that the target's pods mount, or the alert's own.

    ``used`` and ``capacity`` in bytes where known; ``full_in`` seconds until full by the trend, None without one.
    """

    claim: str
    phase: str = ""
    capacity: float | None = None
    used: float | None = None
    storage_class: str = ""
    expandable: bool | None = None
    full_in: float | None = None
    pods: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class ReferenceSeen:
    """Source ``config``: ``{"references": [row]}``: ConfigMaps and Secrets that the pod template names.

    ``exists`` is None for a Secret: Secrets are never read. ``keys`` are keys that the template asks for, ``missing``
    those that aren't there. ``changed_at`` is when the watch saw the content's hash change, and before it watched when
    the content was last written, as ``managedFields`` say.
    """

    kind: str
    name: str
    keys: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    exists: bool | None = None
    optional: bool = False
    changed_at: str = ""


@dataclass(frozen=True)
class ImageSeen:
    """Source ``registry``: ``{"images": [row]}``: an image that pods can't pull, and what its registry has.

    ``image`` is the reference as the pods name it, ``place`` its registry and repository. ``repository`` and ``exists``
    are whether these are there (None: nobody told). ``nearest`` is the tag by the rule that ``rule`` names (``newer``:
    of a version above), with its ``digest`` and when it was built or pushed, empty where that isn't known; without one
    ``rule`` says why.
    ``problem`` is a sentence when the registry couldn't or mustn't be asked.
    """

    image: str
    place: str = ""
    tag: str = ""
    repository: bool | None = None
    exists: bool | None = None
    nearest: str = ""
    rule: str = ""
    newer: bool = False
    digest: str = ""
    made_at: str = ""
    tags: int | None = None
    cut: bool = False
    problem: str = ""


@dataclass(frozen=True)
class SeriesSeen:
    """Source ``metrics``: ``{"series": [row]}``, one row a query and label set.

    ``query`` is its name in the playbook (``cpu``, ``memory``, ``restarts``, ``errors``, ``latency``, ``throttling``,
    ``traffic``, ``up``, ``alert``); ``points`` are (Unix seconds, value) pairs, oldest first, without NaN; ``unit`` is
    cores, bytes, seconds, ratio, per_second or empty. ``problem`` is a sentence when it couldn't be measured.
    ``threshold`` is what the alert's own expression compares it with, None where that isn't one plain number.
    """

    query: str
    title: str = ""
    unit: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    points: tuple[tuple[float, float], ...] = ()
    problem: str = ""
    threshold: float | None = None


@dataclass(frozen=True)
class LogCountSeen:
    """Source ``log_errors``: ``{"before": row, "after": row, "since_rollout": row}``: error lines in a window.

    ``signatures`` are the most frequent, with counts; ``seconds`` is the window's length, ``rate`` a second.
    """

    began_at: str
    seconds: float
    count: int
    rate: float
    signatures: tuple[SignatureSeen, ...] = ()


@dataclass(frozen=True)
class SilenceSeen:
    """Source ``silences``: ``{"silences": [row]}``, Alertmanager's silences that hold for alerts of the incident.

    ``until`` is RFC 3339, empty where none is told; ``alerts`` counts those of the incident that it keeps quiet.
    """

    id: str
    by: str = ""
    comment: str = ""
    until: str = ""
    matchers: tuple[str, ...] = ()
    alerts: int = 0
