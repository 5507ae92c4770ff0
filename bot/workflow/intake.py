"""What deliveries of alerts do, in one transaction: alerts, incidents, audit, and what is owed.

It asks the cluster nothing and posts nothing. Deliveries that wait together are taken together, a few statements for
all of them; those that share an alert, a key or an incident are taken one after the other. The order is stated:
episodes, incidents, records, audit, counters, debts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from bot.domain.alert import AlertGroup, Effect
from bot.domain.audit import AuditNote
from bot.domain.incident import Incident
from bot.domain.owed import Priority
from bot.domain.proposal import sha256
from bot.domain.redaction import forgotten_by, redact
from bot.storage import alerts, incidents, outbox
from bot.storage.db import Tx
from bot.workflow import close, declare, owing, rejoined, watchdog
from bot.workflow.arrivals import OPENED, Arrival, IntakeRules, Scene, Step, clean
from bot.workflow.declare import ALERTMANAGER

STORM = 10
"""Cards waiting in a channel beyond which new incidents go to its digest (definitions, "Slack's budget")."""

__all__ = ["Delivered", "IntakeRules", "Receipt", "receive", "receive_all"]


class Delivered(NamedTuple):
    """One delivery, or a slice of it, as it came through a door."""

    group: AlertGroup
    at: datetime
    rules: IntakeRules
    keys: Mapping[str, str] = {}
    """Incidents' keys by fingerprint, for alerts of which it is known where they belong."""


@dataclass(frozen=True)
class Receipt:
    """What the sender is told: incidents touched, alerts accepted, of them seen before, and quarantined."""

    incidents: tuple[int, ...]
    accepted: int
    duplicates: int
    quarantined: int


def receive(
    tx: Tx, group: AlertGroup, received_at: datetime, rules: IntakeRules, keys: Mapping[str, str] | None = None
) -> Receipt:
    """Takes one delivery (or a slice of it); everything or nothing is committed."""
    return receive_all(tx, [Delivered(group, received_at, rules, keys or {})])[0]


def receive_all(tx: Tx, deliveries: Sequence[Delivered]) -> list[Receipt]:
    """Takes deliveries as if one after the other; a receipt for each."""
    for delivery in deliveries:
        watchdog.heard(tx, delivery.group, delivery.at)
    works = [Arrival.of(*delivery) for delivery in deliveries]
    receipts: list[Receipt] = []
    reach = len(works)
    while left := works[len(receipts) :][:reach]:
        some, scene = _round(tx, left)
        for work in some:
            for step in work.steps:
                _take(tx, scene, work, step)
        receipts += _write(tx, some)
        # Where many share one incident, looking at all of them for each that is taken would take a square of time.
        reach = 2 * len(some)
    return receipts


def _round(tx: Tx, left: Sequence[Arrival]) -> tuple[Sequence[Arrival], Scene]:
    """The next deliveries that share nothing with each other, and what is known of all that they name."""
    some = _apart(left, lambda work: work.fingerprints)
    scene = Scene(alerts.newest(tx, {mark for work in some for mark in work.fingerprints}))
    for work in some:
        work.plan(scene.known)
    some = _apart(some, _keys)
    keys = sorted(set().union(*map(_keys, some)))
    found = incidents.latest_by_keys(tx, keys)
    scene.latest = {key: found.get(key) for key in keys}
    return _apart(some, lambda work: work.incidents(scene)), scene


def _apart(works: Sequence[Arrival], names: Callable[[Arrival], Iterable[Any]]) -> Sequence[Arrival]:
    """As many from the front as have no name in common; the first one always."""
    seen: set[Any] = set()
    for index, work in enumerate(works):
        own = names(work)
        if not seen.isdisjoint(own):
            return works[:index]
        seen.update(own)
    return works


def _keys(work: Arrival) -> set[str]:
    return {step.key for step in work.steps if step.asks}


_LATE = Effect.LATE
_ENDS = frozenset({Effect.RESOLVED, Effect.RESOLVED_UNSEEN})


def _take(tx: Tx, scene: Scene, work: Arrival, step: Step) -> None:
    """One alert: its effect, and the rows that follow from it."""
    starts_at, alert, effect, again = step.starts_at, step.alert, step.effect, step.again
    known = scene.known.get(alert.fingerprint)
    if effect is None:
        effect, again = work.effect(known, alert, starts_at)
    work.records.append((alert.fingerprint, starts_at, alert.status, alert.ends_at, effect))
    if known is not None and known.incident_id is not None:
        work.touched.add(known.incident_id)
    if effect is OPENED:
        work.opens(scene, step, join(tx, scene, work, step))
    elif known is not None and again:
        work.reopens(known, join(tx, scene, work, step))
    elif effect in _ENDS:
        work.resolves(scene, step)
    elif known is not None and known.id:
        (work.late if effect is _LATE else work.repeated).append(known.id)


def join(tx: Tx, scene: Scene, work: Arrival, step: Step) -> int | None:
    """The incident that a firing belongs to: open, reopened within the window, or new. None: never posted."""
    kind, key = step.kind, step.key
    if kind.silent:
        return None
    if work.last is not None and work.last[0] is kind and work.last[1] == key:
        return work.last[2]
    incident = scene.latest[key] if key in scene.latest else incidents.latest_by_key(tx, key)
    if incident is None or (not incident.open and _over(incident, work)):
        storm = kind.route.carded and _storm(tx, scene, kind.route.channel)
        incident = declare.declare(tx, clean(step.alert), key, kind.route, kind.foreign, work.now, storm=storm)
    elif not incident.open:
        incident = declare.reopen(tx, incident, clean(step.alert), kind.route, work.now)
    if kind.severity < incident.severity:
        hidden = incident.digest_id is not None
        incident = declare.worsen(tx, incident, kind.route, work.now)
        if hidden and incident.digest_id is None and incident.channel in scene.waiting:
            scene.waiting[incident.channel] += 1
    scene.latest[key] = work.rows[incident.id] = incident
    work.touched.add(incident.id)
    work.changed.add(incident.id)
    work.last = (kind, key, incident.id)
    return incident.id


def _over(incident: Incident, work: Arrival) -> bool:
    ended = incident.resolved_at
    return ended is None or work.now - ended > work.rules.reopen_window


def _storm(tx: Tx, scene: Scene, channel: str) -> bool:
    """Whether one more card would be too many in its channel; if not, it is counted."""
    waiting = scene.waiting.get(channel)
    if waiting is None:
        waiting = scene.waiting[channel] = outbox.waiting_cards(tx, channel)
    if waiting > STORM:
        return True
    scene.waiting[channel] = waiting + 1
    return False


def _write(tx: Tx, works: Sequence[Arrival]) -> list[Receipt]:
    for work in works:
        alerts.reopen(tx, work.again, work.now)
    alerts.resolve(tx, [end for work in works for end in work.ends.values()])
    alerts.outdate(tx, [one for work in works for one in work.outdated])
    alerts.open_episodes(tx, [one for work in works for one in work.opened])
    alerts.seen_again(tx, [(work.repeated, work.now) for work in works])
    duplicates = alerts.record(tx, [(work.records, work.now) for work in works])
    receipts = []
    for work, known in zip(works, duplicates, strict=True):
        group = work.group
        alerts.late(tx, work.late, work.now)
        if group.poison:
            poison = [replace(one, reason=redact(one.reason), raw=redact(one.raw)) for one in group.poison]
            alerts.quarantine(tx, poison, redact(group.receiver), work.now)
        receipts.append(Receipt(tuple(sorted(work.touched)), len(group.alerts), known, len(group.poison)))
        _entry(tx, work, receipts[-1])
    firing = alerts.count(tx, [one for work in works for one in _changed(work)])
    owed = [(incident, work.now) for work in works for incident in _settled(tx, work, firing)]
    owing.cards(tx, owed, Priority.NEW_CARD)
    return receipts


def _changed(work: Arrival) -> Iterable[alerts.Counted]:
    return [
        (number, work.now, work.joined.get(number, 0), work.flaps.get(number, 0)) for number in sorted(work.changed)
    ]


def _settled(tx: Tx, work: Arrival, firing: Mapping[int, int]) -> Iterable[Incident]:
    """The end of incidents whose last alert resolved, and whose cards are owed; ``firing`` counts their alerts."""
    for number in sorted(work.changed):
        incident = work.rows.get(number) or incidents.get(tx, number)
        if number in work.ended_in and firing[number] == 0 and close.alerts_cleared(tx, number, work.now):
            continue
        if number in work.began and firing[number] and incident.open:
            rejoined.rejoined(tx, incident, work.began[number], work.now)
        yield incident


def _entry(tx: Tx, work: Arrival, receipt: Receipt) -> None:
    """One entry a delivery: what came, by ids and counts; group key and fingerprints lie in the purgeable detail."""
    subject, shown = _group(work.group.group_key)
    effects: dict[str, int] = {}
    for record in work.records:
        effect = str.__str__(record[4])  # a member of an enum is hashed by a function
        effects[effect] = effects.get(effect, 0) + 1
    detail = {
        "group": shown,
        "receiver": redact(work.group.receiver)[:100],
        "alerts": [record[0] for record in work.records[:50]],
        "effects": effects,
        "duplicates": receipt.duplicates,
        "quarantined": [redact(one.reason) for one in work.group.poison[:20]],
        "truncated": work.group.truncated,
    }
    only = receipt.incidents[0] if len(receipt.incidents) == 1 else 0
    outcome = f"{receipt.accepted} accepted, {receipt.quarantined} quarantined"
    tx.audit(AuditNote("alert:delivery:received", ALERTMANAGER, subject, outcome, only, detail), work.now)


@lru_cache(maxsize=1024)
def _group(key: str) -> tuple[str, str]:
    """What the audit calls a group, and how its detail shows the key; remembered, as groups come again and again."""
    return f"delivery:{sha256(key)[:16]}", redact(key)[:300]


forgotten_by(_group.cache_clear)
