"""What one delivery of alerts does, in one transaction: alerts, incidents, audit, and what is owed.

It asks the cluster nothing and posts nothing. The rules are in ``domain.alert`` and the design's definitions ("Alerts,
incidents, targets"); this stage applies them in a stated order: episodes, incidents, records, counters, audit, debts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.alert import (
    NEVER_POSTED,
    Alert,
    AlertGroup,
    AlertStatus,
    Effect,
    Episode,
    Poison,
    correlation_key,
    effect_of,
)
from bot.domain.audit import AuditNote
from bot.domain.incident import Incident
from bot.domain.owed import Priority
from bot.domain.proposal import canonical, sha256
from bot.domain.redaction import redact, redact_values
from bot.domain.severity import DEFAULT_TABLE, Severity, severity_of
from bot.playbooks import loader
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.shelf import Shelf
from bot.settings import Settings
from bot.storage import alerts, incidents, outbox
from bot.storage.db import Tx
from bot.workflow import close, declare, owing, rejoined, watchdog
from bot.workflow.declare import ALERTMANAGER
from bot.workflow.route import Route, route_of

STORM = 10
"""Cards waiting in a channel beyond which new incidents go to its digest (definitions, "Slack's budget")."""
SKEW = timedelta(days=1)
"""How far ahead of ours a sender's clock may be (reliability, "Intake")."""
MAX_KEY = 500
"""Characters of an incident's key; PostgreSQL can't index more than 2704 bytes."""


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


@dataclass(frozen=True)
class Receipt:
    """What the sender is told: incidents touched, alerts accepted, of them seen before, and quarantined."""

    incidents: tuple[int, ...]
    accepted: int
    duplicates: int
    quarantined: int


@dataclass
class _Delivery:
    """The working state of one ``receive``."""

    rules: IntakeRules
    now: datetime
    group: AlertGroup
    known: dict[str, alerts.Known]
    keys: Mapping[str, str]
    opened: list[alerts.Opened] = field(default_factory=list)
    records: list[tuple[str, datetime, AlertStatus, datetime | None, Effect]] = field(default_factory=list)
    ends: dict[int, datetime | None] = field(default_factory=dict)
    again: dict[int, int | None] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    by_key: dict[str, Incident] = field(default_factory=dict)
    rows: dict[int, Incident] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    flaps: dict[int, int] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)
    began: dict[int, datetime] = field(default_factory=dict)
    """By incident, when the newest of the alerts began that this delivery brought to it."""
    ended_in: set[int] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    """By channel: cards that wait there, those that this delivery declares included; once anybody asked."""


def receive(
    tx: Tx, group: AlertGroup, received_at: datetime, rules: IntakeRules, keys: Mapping[str, str] | None = None
) -> Receipt:
    """Takes one delivery (or a slice of it); everything or nothing is committed.

    ``keys`` are incidents' keys by fingerprint, for alerts of which it is known where they belong.
    """
    if any(one.name == watchdog.WATCHDOG and one.status is AlertStatus.FIRING for one in group.alerts):
        watchdog.seen(tx, received_at)
    known = alerts.newest(tx, (alert.fingerprint for alert in group.alerts))
    group = _without_future(group, received_at)
    work = _Delivery(rules, received_at, group, known, keys or {})
    # Alerts of one delivery that contradict each other: the order of their start decides, never their place.
    started = [(one.starts_at or _open_start(known.get(one.fingerprint)) or received_at, one) for one in group.alerts]
    for starts_at, alert in sorted(started, key=lambda one: (one[0], one[1].status is AlertStatus.RESOLVED)):
        _take(tx, work, alert, starts_at)
    alerts.open_episodes(tx, work.opened, redact(group.external_url), received_at)
    alerts.reopen(tx, work.again, received_at)
    alerts.resolve(tx, work.ends, received_at)
    alerts.late(tx, work.late, received_at)
    alerts.seen_again(tx, work.repeated, received_at)
    poison = [replace(one, reason=redact(one.reason), raw=redact(one.raw)) for one in group.poison]
    alerts.quarantine(tx, poison, redact(group.receiver), received_at)
    duplicates = alerts.record(tx, work.records, received_at) if work.records else 0
    receipt = Receipt(tuple(sorted(work.touched)), len(group.alerts), duplicates, len(group.poison))
    _entry(tx, work, receipt)
    _settle(tx, work)
    return receipt


def _without_future(group: AlertGroup, now: datetime) -> AlertGroup:
    """Quarantines what starts more than a day ahead of our clock: kept, it would make every later firing stale."""
    ahead = [one for one in group.alerts if one.starts_at is not None and one.starts_at - now > SKEW]
    if not ahead:
        return group
    reason = "startsAt is more than a day ahead of this machine's clock"
    poison = [Poison(index, reason, canonical(dict(one.labels))) for index, one in enumerate(ahead)]
    kept = tuple(one for one in group.alerts if one not in ahead)
    return replace(group, alerts=kept, poison=(*group.poison, *poison))


def _take(tx: Tx, work: _Delivery, alert: Alert, starts_at: datetime) -> None:
    """One alert: its effect, and the rows that follow from it."""
    known = work.known.get(alert.fingerprint)
    effect = effect_of(known.episode if known else None, alert.status, starts_at, work.now)
    work.records.append((alert.fingerprint, starts_at, alert.status, alert.ends_at, effect))
    if known is not None and known.incident_id is not None:
        work.touched.add(known.incident_id)
    if effect is Effect.OPENED:
        _open(tx, work, alert, starts_at, known)
    elif known is not None and known.id and (effect is Effect.REOPENED or _outlived(work, effect, known)):
        _reopen(tx, work, alert, known)
    elif effect in {Effect.RESOLVED, Effect.RESOLVED_UNSEEN}:
        _resolve(work, alert, starts_at, known)
    elif known is not None and known.id:
        (work.late if effect is Effect.LATE else work.repeated).append(known.id)


def _outlived(work: _Delivery, effect: Effect, known: alerts.Known) -> bool:
    """It still fires long after a person resolved its incident: that word holds for the window, not for ever."""
    closed = known.closed_at
    return effect is Effect.REPEATED and closed is not None and work.now - closed > work.rules.reopen_window


def _open_start(known: alerts.Known | None) -> datetime | None:
    if known is None or known.episode.status is not AlertStatus.FIRING:
        return None
    return known.episode.starts_at


def _open(tx: Tx, work: _Delivery, alert: Alert, starts_at: datetime, known: alerts.Known | None) -> None:
    if known is not None and known.episode.status is AlertStatus.FIRING:
        _end(work, alert.fingerprint, known, None)  # its resolve was never seen; one alert has one current episode
    clean = _clean(alert)
    route = _route(work, alert)
    number = _incident(tx, work, alert, clean, route)
    _joins(work, number, known, starts_at)
    _insert(work, alerts.Opened(clean, starts_at, AlertStatus.FIRING, number, int(route.severity)))


def _reopen(tx: Tx, work: _Delivery, alert: Alert, known: alerts.Known) -> None:
    number = _incident(tx, work, alert, _clean(alert), _route(work, alert))
    work.again[known.id] = number
    work.known[alert.fingerprint] = replace(
        known, episode=Episode(known.episode.starts_at, AlertStatus.FIRING), incident_id=number
    )
    _joins(work, number, known, work.now)
    if number is not None and number != known.incident_id:
        work.flaps[number] = work.flaps.get(number, 0) + 1


def _joins(work: _Delivery, number: int | None, known: alerts.Known | None, began: datetime) -> None:
    """An alert fires in an incident: as one more of its alerts, or again."""
    if number is None:
        return
    work.began[number] = max(began, work.began.get(number, began))
    counter = work.flaps if known is not None and known.incident_id == number else work.joined
    counter[number] = counter.get(number, 0) + 1


def _resolve(work: _Delivery, alert: Alert, starts_at: datetime, known: alerts.Known | None) -> None:
    if known is not None and known.episode.status is AlertStatus.FIRING:
        _end(work, alert.fingerprint, known, alert.ends_at)
    if known is None or starts_at > known.episode.starts_at:
        number = known.incident_id if known else None
        severity = int(_route(work, alert).severity)
        ended = alerts.Opened(_clean(alert), starts_at, AlertStatus.RESOLVED, number, severity, alert.ends_at, work.now)
        _insert(work, ended)
    else:
        episode = Episode(known.episode.starts_at, AlertStatus.RESOLVED, work.now)
        work.known[alert.fingerprint] = replace(known, episode=episode)


def _end(work: _Delivery, fingerprint: str, known: alerts.Known, ends_at: datetime | None) -> None:
    """The episode that fires is over; its incident may be over with it."""
    if known.id:
        work.ends[known.id] = ends_at
    else:  # opened by this very delivery
        work.opened = [
            replace(one, status=AlertStatus.RESOLVED, ends_at=ends_at, resolved_arrived_at=work.now)
            if (one.alert.fingerprint, one.starts_at) == (fingerprint, known.episode.starts_at)
            else one
            for one in work.opened
        ]
    if known.incident_id is not None:
        work.changed.add(known.incident_id)
        work.ended_in.add(known.incident_id)


def _insert(work: _Delivery, opened: alerts.Opened) -> None:
    work.opened.append(opened)
    episode = Episode(opened.starts_at, opened.status, opened.resolved_arrived_at)
    work.known[opened.alert.fingerprint] = alerts.Known(0, episode, opened.incident_id)


def _clean(alert: Alert) -> Alert:
    """Redaction before storage: labels, annotations and the link alike."""
    return Alert(
        alert.fingerprint,
        alert.status,
        redact_values(alert.labels),
        redact_values(alert.annotations),
        alert.starts_at,
        alert.ends_at,
        redact(alert.generator_url),
        alert.cut,
    )


def _key(work: _Delivery, alert: Alert, foreign: str) -> str:
    """The correlation key as it is stored: without secrets, and short enough for an index."""
    # Another cluster's alerts never share an incident with ours: it would get our proposals.
    key = correlation_key(work.group.group_key, alert) + (f"\x1fcluster={foreign}" if foreign else "")
    shown = redact(key)
    return key if shown == key and len(key) <= MAX_KEY else f"{shown[: MAX_KEY - 40]}\x1f{sha256(key)[:32]}"


def _route(work: _Delivery, alert: Alert) -> Route:
    severity = severity_of(alert.labels, work.rules.severities)
    rules = work.rules
    return route_of(rules.playbooks(), alert.labels, severity, rules.channel, work.now, rules.pager)


def _incident(tx: Tx, work: _Delivery, alert: Alert, clean: Alert, route: Route) -> int | None:
    """The incident that a firing belongs to: open, reopened within the window, or new. None: never posted."""
    if alert.name in NEVER_POSTED:
        return None
    named = alert.labels.get("cluster", "")
    foreign = named if work.rules.cluster_name and named and named != work.rules.cluster_name else ""
    key = work.keys.get(alert.fingerprint) or _key(work, alert, foreign)
    incident = work.by_key.get(key) or incidents.latest_by_key(tx, key)
    if incident is None or _over(incident, work):
        storm = route.carded and _storm(tx, work, route)
        incident = declare.declare(tx, clean, key, route, redact(foreign), work.now, storm=storm)
    elif not incident.open:
        incident = declare.reopen(tx, incident, clean, route, work.now)
    if route.severity < incident.severity:
        incident = declare.worsen(tx, incident, route, work.now)
    work.by_key[key] = work.rows[incident.id] = incident
    work.touched.add(incident.id)
    work.changed.add(incident.id)
    return incident.id


def _over(incident: Incident, work: _Delivery) -> bool:
    ended = incident.resolved_at
    return not incident.open and (ended is None or work.now - ended > work.rules.reopen_window)


def _storm(tx: Tx, work: _Delivery, route: Route) -> bool:
    """Whether one more card would be too many in its channel; if not, it is counted."""
    waiting = work.waiting.get(route.channel)
    if waiting is None:
        waiting = outbox.waiting_cards(tx, route.channel)
    if waiting > STORM:
        return True
    work.waiting[route.channel] = waiting + 1
    return False


def _settle(tx: Tx, work: _Delivery) -> None:
    """Counters, cards, and the end of incidents whose last alert resolved."""
    for number in sorted(work.changed):
        before = work.rows.get(number) or incidents.get(tx, number)
        firing, total, flaps = alerts.count(tx, number, work.joined.get(number, 0), work.flaps.get(number, 0), work.now)
        if number in work.ended_in and firing == 0 and close.alerts_cleared(tx, number, work.now):
            continue
        incident = replace(before, alerts_firing=firing, alerts_total=total, flaps=flaps, updated_at=work.now)
        if number in work.began and firing and incident.open:
            rejoined.rejoined(tx, incident, work.began[number], work.now)
        owing.card(tx, incident, Priority.NEW_CARD, work.now)


def _entry(tx: Tx, work: _Delivery, receipt: Receipt) -> None:
    """One entry a delivery: what came, by ids and counts; group key and fingerprints lie in the purgeable detail."""
    effects: dict[str, int] = {}
    for record in work.records:
        effects[record[4].value] = effects.get(record[4].value, 0) + 1
    detail = {
        "group": redact(work.group.group_key)[:300],
        "receiver": redact(work.group.receiver)[:100],
        "alerts": [record[0] for record in work.records[:50]],
        "effects": effects,
        "duplicates": receipt.duplicates,
        "quarantined": [redact(one.reason) for one in work.group.poison[:20]],
        "truncated": work.group.truncated,
    }
    only = receipt.incidents[0] if len(receipt.incidents) == 1 else 0
    outcome = f"{receipt.accepted} accepted, {receipt.quarantined} quarantined"
    subject = f"delivery:{sha256(work.group.group_key)[:16]}"
    tx.audit(AuditNote("alert:delivery:received", ALERTMANAGER, subject, outcome, only, detail), work.now)
