"""One delivery on its way through intake: what its alerts do to what is known of them, and what is to be written.

The rules of episodes are in ``domain.alert``; which incident a firing belongs to is ``workflow.joining``'s. It asks
the store nothing and writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from bot.domain.alert import (
    NEVER_POSTED,
    UNBOUND,
    Alert,
    AlertGroup,
    AlertStatus,
    Effect,
    Episode,
    Poison,
    correlation_key,
    effect_of,
    sender_of,
)
from bot.domain.incident import Incident
from bot.domain.proposal import canonical, sha256
from bot.domain.redaction import forgotten_by, redact, redact_values
from bot.domain.severity import DEFAULT_TABLE, Severity, severity_of
from bot.playbooks import loader
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.shelf import Shelf
from bot.settings import Settings
from bot.storage.alerts import End, Known, Opened, Record
from bot.workflow import tables
from bot.workflow.route import Route, route_of

SKEW = timedelta(days=1)
"""How far ahead of ours a sender's clock may be (reliability, "Intake")."""
MAX_KEY = 500
"""Characters of an incident's key; PostgreSQL can't index more than 2704 bytes."""
# Looked up once: an enum's members are found by a function.
FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
OPENED, REOPENED, REPEATED = Effect.OPENED, Effect.REOPENED, Effect.REPEATED


@dataclass(frozen=True)
class IntakeRules:
    """What of the settings decides here."""

    channel: str
    cluster_name: str = ""
    reopen_window: timedelta = timedelta(minutes=30)
    severities: Mapping[str, Severity] = field(default_factory=lambda: DEFAULT_TABLE)
    pager: str = ""
    """The service that is paged when Slack takes no card of a grave incident; empty if there is none."""
    playbooks: Callable[[], PlaybookSet] = loader.built_in
    """The set in force at the moment of a delivery: it decides severity and routing."""

    @classmethod
    def of(cls, settings: Settings, channel: str, shelf: Shelf | None = None) -> IntakeRules:
        """The rules of one process; without a shelf the built-in playbooks count."""
        found = loader.built_in if shelf is None else lambda: shelf.current
        window, table = settings.REOPEN_WINDOW, settings.SEVERITY_MAP
        return cls(channel, settings.CLUSTER_NAME, window, table, settings.pager, found)


@dataclass(slots=True)
class Kind:
    """What an alert's labels decide: its incident's key, where that goes, and the columns, without secrets."""

    key: str
    route: Route
    severity: int
    silent: bool
    name: str
    namespace: str
    foreign: str
    """The cluster that it names, if that is another than ours."""


@dataclass(slots=True)
class Step:
    """What one alert of a delivery will do; ``effect`` is None where that depends on an alert before it.

    ``key`` is its incident's, ``labels`` are as stored. ``again``: it fires anew in the known episode. ``asks``: it may
    join an incident.
    """

    starts_at: datetime
    alert: Alert
    kind: Kind
    key: str
    labels: str
    effect: Effect | None
    again: bool
    asks: bool


@dataclass(slots=True)
class Scene:
    """What the deliveries of one round find and change: alerts by fingerprint, incidents by key."""

    known: dict[str, Known]
    latest: dict[str, Incident | None] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    """By channel: cards that wait there, those that this round declares included; once anybody asked."""


@dataclass(slots=True)
class Arrival:
    """The working state of one delivery; what it changes is written when all of its alerts were looked at."""

    group: AlertGroup
    now: datetime
    rules: IntakeRules
    keys: Mapping[str, str]
    """Incidents' keys by fingerprint, for alerts of which it is known where they belong."""
    playbooks: PlaybookSet
    fingerprints: frozenset[str]
    alone: bool
    """No alert is named twice: what one does depends on the stored state, not on another of the same delivery."""
    external_url: str
    steps: list[Step] = field(default_factory=list)
    kinds: dict[tables.Values, Kind] = field(default_factory=dict)
    last: tuple[Kind, str, int] | None = None
    """What the alert before this one was of, and its incident: those of a delivery mostly share one."""
    opened: list[Opened] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    ends: dict[int, End] = field(default_factory=dict)
    outdated: list[int] = field(default_factory=list)
    again: dict[int, int | None] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    rows: dict[int, Incident] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    flaps: dict[int, int] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)
    began: dict[int, datetime] = field(default_factory=dict)
    """By incident, when the newest of the alerts began that this delivery brought to it."""
    ended_in: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, group: AlertGroup, now: datetime, rules: IntakeRules, keys: Mapping[str, str]) -> Arrival:
        """Of a delivery as parsed; what starts in the future is quarantined."""
        group = _without_future(group, now)
        marks = frozenset([alert.fingerprint for alert in group.alerts])
        alone = len(marks) == len(group.alerts)
        return cls(group, now, rules, keys, rules.playbooks(), marks, alone, redact(group.external_url))

    def plan(self, known: Mapping[str, Known]) -> None:
        """Puts the alerts in order and says what each will do, as far as the stored state tells.

        Alerts of one delivery that contradict each other: the order of their start decides, never their place.
        """
        steps: list[Step] = []
        for alert in self.group.alerts:
            before = known.get(alert.fingerprint)
            starts_at = alert.starts_at or _open_start(before) or self.now
            effect, again = self.effect(before, alert, starts_at) if self.alone else (None, False)
            labels, deciding = tables.said(alert.labels, self.playbooks.deciding)
            kind = self.kinds.get(deciding) or self._kind(alert, deciding)
            joins = again or effect is OPENED or not self.alone
            asks = joins and alert.status is FIRING and not kind.silent
            key = self.keys.get(alert.fingerprint, kind.key) if self.keys else kind.key
            if sender := sender_of(alert.fingerprint):
                # Never another's incident, whatever group and labels say.
                key = f"{UNBOUND}{sender}\x1f{key}"[: MAX_KEY + 40]
            steps.append(Step(starts_at, alert, kind, key, labels, effect, again, asks))
        if any(step.starts_at != starts_at or step.alert.status is not alert.status for step in steps):
            steps.sort(key=_order)
        self.steps = steps
        self.last = None

    def effect(self, known: Known | None, alert: Alert, starts_at: datetime) -> tuple[Effect, bool]:
        """What an alert does to what is known of it, and whether it fires anew in the known episode.

        One that still fires long after a person resolved its incident does: that word holds for the window only.
        """
        effect = effect_of(known.episode if known else None, alert.status, starts_at, self.now)
        if known is None or not known.id:
            return effect, False
        closed = known.closed_at
        outlived = closed is not None and effect is REPEATED and self.now - closed > self.rules.reopen_window
        return effect, outlived or effect is REOPENED

    def _kind(self, alert: Alert, deciding: tables.Values) -> Kind:
        """Remembered, as the alerts of a delivery are of one kind or of a few."""
        by_labels = severity_of(alert.labels, self.rules.severities)
        route = route_of(self.playbooks, alert.labels, by_labels, self.rules.channel, self.now, self.rules.pager)
        key, name, namespace, foreign, silent = _place(self.group.group_key, self.rules.cluster_name, deciding)
        kind = self.kinds[deciding] = Kind(key, route, int(route.severity), silent, name, namespace, foreign)
        return kind

    def incidents(self, scene: Scene) -> set[int]:
        """Every incident that this delivery could touch."""
        found: set[int] = set()
        for step in self.steps:
            known = scene.known.get(step.alert.fingerprint)
            if known is not None and known.incident_id is not None:
                found.add(known.incident_id)
            incident = scene.latest.get(step.key) if step.asks else None
            if incident is not None:
                found.add(incident.id)
        return found

    # -- what happens to one alert ---------------------------------------------------------------------

    def opens(self, scene: Scene, step: Step, number: int | None) -> None:
        """A new episode; one that still fired is over, its resolve was never seen."""
        known = scene.known.get(step.alert.fingerprint)
        if known is not None and known.episode.status is FIRING:
            self.end(step.alert, known, None, current=False)
        elif known is not None:
            self._outdate(step.alert, known)
        self.joins(number, known, step.starts_at)
        self._insert(scene, step, FIRING, number)

    def resolves(self, scene: Scene, step: Step) -> None:
        """The alert is over: its episode, or a newer one whose firing was never seen."""
        alert, known = step.alert, scene.known.get(step.alert.fingerprint)
        newer = known is None or step.starts_at > known.episode.starts_at
        if known is not None and known.episode.status is FIRING:
            self.end(alert, known, alert.ends_at, current=not newer)
        elif known is not None and newer:
            self._outdate(alert, known)
        if newer:
            self._insert(scene, step, RESOLVED, known.incident_id if known else None)
        elif known is not None:
            known.episode = Episode(known.episode.starts_at, RESOLVED, self.now)

    def reopens(self, known: Known, number: int | None) -> None:
        """The same episode fires again."""
        self.again[known.id] = number
        self.joins(number, known, self.now)
        if number is not None and number != known.incident_id:
            self.flaps[number] = self.flaps.get(number, 0) + 1
        known.episode, known.incident_id = Episode(known.episode.starts_at, FIRING), number

    def joins(self, number: int | None, known: Known | None, began: datetime) -> None:
        """An alert fires in an incident: as one more of its alerts, or again."""
        if number is None:
            return
        self.began[number] = max(began, self.began.get(number, began))
        counter = self.flaps if known is not None and known.incident_id == number else self.joined
        counter[number] = counter.get(number, 0) + 1

    def end(self, alert: Alert, known: Known, ends_at: datetime | None, *, current: bool) -> None:
        """The episode that fires is over; its incident may be over with it."""
        if known.id:
            self.ends[known.id] = (known.id, ends_at, self.now, current)
        else:  # opened by this very delivery
            for one in self._fresh(alert, known):
                one.status, one.ends_at, one.resolved_arrived_at = RESOLVED, ends_at, self.now
                one.current = current
        if known.incident_id is not None:
            self.changed.add(known.incident_id)
            self.ended_in.add(known.incident_id)

    def _outdate(self, alert: Alert, known: Known) -> None:
        if known.id:
            self.outdated.append(known.id)
        for one in self._fresh(alert, known):
            one.current = False

    def _fresh(self, alert: Alert, known: Known) -> list[Opened]:
        wanted = (alert.fingerprint, known.episode.starts_at)
        return [] if known.id else [one for one in self.opened if (one.fingerprint, one.starts_at) == wanted]

    def _insert(self, scene: Scene, step: Step, status: AlertStatus, number: int | None) -> None:
        """Redaction comes before storage: labels, annotations and links alike."""
        alert, kind = step.alert, step.kind
        over = status is RESOLVED
        self.opened.append(
            Opened(
                alert.fingerprint, step.starts_at, status, number, kind.severity, kind.name, kind.namespace,
                step.labels, tables.body(alert.annotations), redact(alert.generator_url), self.external_url, self.now,
                alert.ends_at if over else None, self.now if over else None,
            )
        )  # fmt: skip
        if not self.alone:
            episode = Episode(step.starts_at, status, self.now if over else None)
            scene.known[alert.fingerprint] = Known(0, episode, number)


def clean(alert: Alert) -> Alert:
    """The alert without secrets: labels, annotations and the link alike."""
    return replace(
        alert,
        labels=redact_values(alert.labels),
        annotations=redact_values(alert.annotations),
        generator_url=redact(alert.generator_url),
    )


@lru_cache(maxsize=4096)
def _place(group_key: str, ours: str, deciding: tables.Values) -> tuple[str, str, str, str, bool]:
    """Key, name, namespace, foreign cluster, and whether it is never posted; all without secrets.

    Remembered from one delivery to the next: it follows from the group and the deciding labels alone.
    """
    labels = {name: value for name, value in zip(tables.DECIDING, deciding, strict=False) if value is not None}
    alert = Alert("", FIRING, labels)
    cluster = alert.labels.get("cluster", "")
    foreign = cluster if ours and cluster and cluster != ours else ""
    shown = redact_values({"alertname": alert.name, "namespace": alert.namespace, "cluster": foreign})
    silent = alert.name in NEVER_POSTED
    return _key(group_key, alert, foreign), shown["alertname"], shown["namespace"], shown["cluster"], silent


forgotten_by(_place.cache_clear)


def _key(group_key: str, alert: Alert, foreign: str) -> str:
    """The correlation key as it is stored: without secrets, and short enough for an index."""
    # Another cluster's alerts never share an incident with ours: it would get our proposals.
    key = correlation_key(group_key, alert) + (f"\x1fcluster={foreign}" if foreign else "")
    shown = redact(key)
    return key if shown == key and len(key) <= MAX_KEY else f"{shown[: MAX_KEY - 40]}\x1f{sha256(key)[:32]}"


def _order(step: Step) -> tuple[datetime, bool]:
    return step.starts_at, step.alert.status is RESOLVED


def _open_start(known: Known | None) -> datetime | None:
    if known is None or known.episode.status is not FIRING:
        return None
    return known.episode.starts_at


def _without_future(group: AlertGroup, now: datetime) -> AlertGroup:
    """Quarantines what starts more than a day ahead of our clock: kept, it would make every later firing stale."""
    latest = now + SKEW
    ahead = [one for one in group.alerts if one.starts_at is not None and one.starts_at > latest]
    if not ahead:
        return group
    reason = "startsAt is more than a day ahead of this machine's clock"
    poison = [Poison(index, reason, canonical(dict(one.labels))) for index, one in enumerate(ahead)]
    kept = tuple(one for one in group.alerts if one not in ahead)
    return replace(group, alerts=kept, poison=(*group.poison, *poison))
