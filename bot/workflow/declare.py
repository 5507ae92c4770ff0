"""How an incident of alerts begins, comes again and gets worse: its row, its entry in the audit, and what is owed.

What is quiet, of low severity or too much goes to its channel's digest; the rest gets a card. It asks nobody anything:
the route was decided before, by the playbook in force.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.alert import Alert
from bot.domain.audit import AuditNote
from bot.domain.incident import Incident, IncidentEvent
from bot.domain.owed import Priority, Stage
from bot.storage import digests, due, incidents
from bot.storage.db import Tx
from bot.workflow import owing
from bot.workflow.route import Route

ALERTMANAGER = "alertmanager"
DIGEST_AGE = timedelta(hours=4)
"""A digest message older than this is closed; the next surplus incident opens another."""


def declare(tx: Tx, alert: Alert, key: str, route: Route, foreign: str, now: datetime, *, storm: bool) -> Incident:
    """A new incident for this alert, which has passed redaction; in a storm it goes to the digest."""
    digest = None
    if storm or not route.carded:
        digest = digests.current(tx, route.channel, now, DIGEST_AGE)
    incident = incidents.add(
        tx,
        key=key,
        title=alert.annotations.get("summary", "") or alert.name,
        alertname=alert.name,
        namespace=alert.namespace,
        severity=route.severity,
        now=now,
        channel=route.channel,
        foreign_cluster=foreign,
        digest_id=digest,
    )
    detail = {
        "alert": alert.name,
        "namespace": alert.namespace,
        "severity": route.severity.name,
        "digest": bool(digest),
        "channel": route.channel,
        "quiet": bool(route.quiet_until),
    }
    note = AuditNote(
        "incident:state:triggered", ALERTMANAGER, f"incident:{incident.id}", "triggered", incident.id, detail
    )
    tx.audit(note, now)
    for channel in route.others:
        owing.pointer(tx, incident, channel, now)
    _page(tx, incident, route, now)
    if digest is None:
        due.owe(tx, Stage.INVESTIGATE, incident.id, now)
        owing.mentions(tx, incident, route.mentions, now)
    elif route.quiet_until is not None and route.severity.posted:
        due.owe(tx, Stage.WAKE, incident.id, route.quiet_until)
    return incident


def reopen(tx: Tx, incident: Incident, alert: Alert, route: Route, now: datetime) -> Incident:
    """An alert fires again soon after its incident was resolved: the same incident, on the same card."""
    incident = incidents.move(
        tx,
        incident.id,
        IncidentEvent.REOPEN,
        now,
        episode_at=now,
        episodes=incident.episodes + 1,
        resolved_at=None,
        resolution="",
        reason="",
        acknowledged_by="",
        investigated_at=None,
        # What fires now may be another workload of the same group: it is looked for afresh.
        target=None,
        target_note="",
        candidates=(),
    )
    due.forget(tx, Stage.PROPOSE, incident.id)  # what was asked of the target of an earlier episode
    detail = {"reason": f"{alert.name} fires again", "episode": incident.episodes}
    note = AuditNote(
        "incident:state:reopened", ALERTMANAGER, f"incident:{incident.id}", "triggered", incident.id, detail
    )
    tx.audit(note, now)
    text = f"{incident.ref} is open again: {alert.name} fires again ({incident.severity.name})."
    owing.thread(tx, incident, f"reopened:{incident.episodes}", text, now, broadcast=route.quiet_until is None)
    if route.pager:
        _page(tx, incident, route, now)
    if incident.digest_id is None:
        due.owe(tx, Stage.INVESTIGATE, incident.id, now)
    elif route.hushed and incident.severity.posted:
        due.owe(tx, Stage.WAKE, incident.id, route.quiet_until or now)
    return incident


def worsen(tx: Tx, incident: Incident, route: Route, now: datetime) -> Incident:
    """A worse alert joined: the incident takes its severity, and leaves the digest if it was too low for a card."""
    leaves = incident.digest_id is not None and route.carded and (not incident.severity.posted or _sleeps(tx, incident))
    if leaves:
        owing.card(tx, incident, Priority.DIGEST, now)  # its line there changes
        due.owe(tx, Stage.INVESTIGATE, incident.id, now)
    changed = incidents.update(
        tx, incident.id, now, severity=route.severity, digest_id=None if leaves else incident.digest_id
    )
    _page(tx, changed, route, now)
    if leaves:
        owing.mentions(tx, changed, route.mentions, now)
    elif incident.digest_id is not None and route.quiet_until is not None and not incident.severity.posted:
        due.owe(tx, Stage.WAKE, incident.id, route.quiet_until)
    return changed


def _page(tx: Tx, incident: Incident, route: Route, now: datetime) -> None:
    """Pages by the playbook, in a storm too; what no playbook pages for is paged for if Slack doesn't show it."""
    if route.pager:
        owing.page(tx, incident, route.pager, now, severe=route.carded)
    else:
        owing.page(tx, incident, route.late_pager, now, at_once=False)


def _sleeps(tx: Tx, incident: Incident) -> bool:
    """It waits in the digest for quiet hours to end, not because of a storm."""
    return due.owed(tx, Stage.WAKE, incident.id)
