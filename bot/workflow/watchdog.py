"""The alarm that rings because nothing comes: Prometheus fires Watchdog for ever, and its absence says something.

One incident while it is missing, closed when it comes again. Time that we were down ourselves doesn't count: nobody
could have told us. It refuses to look for the cause; whoever is called looks at Prometheus and Alertmanager.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.alert import AlertGroup, AlertStatus
from bot.domain.audit import AuditNote
from bot.domain.owed import Priority
from bot.domain.proposal import SYSTEM
from bot.domain.severity import Severity
from bot.storage import facts, incidents
from bot.storage.db import Tx
from bot.workflow import close, owing

WATCHDOG = "Watchdog"
SEEN = "watchdog:seen"
"""The fact that holds when a firing Watchdog was last delivered."""
KEY = "watchdog:absent"


def heard(tx: Tx, group: AlertGroup, now: datetime) -> None:
    """Notes a firing Watchdog, if there is one among these."""
    for alert in group.alerts:
        if alert.labels.get("alertname") == WATCHDOG and alert.status is AlertStatus.FIRING:
            facts.put(tx, SEEN, now.isoformat())
            return


def look(tx: Tx, now: datetime, since: datetime, timeout: timedelta, channel: str, pager: str = "") -> None:
    """Declares the absence, or ends it; ``since`` is when this process began to listen."""
    last = facts.get(tx, SEEN)
    at = datetime.fromisoformat(last) if last is not None else None
    missing = now - max(since, at or since) > timeout
    incident = incidents.find_open_by_key(tx, KEY)
    if incident is None and missing:
        _declare(tx, now, timeout, channel, pager)
    elif incident is not None and at is not None and at > incident.episode_at:
        close.returned(tx, incident.id, now)


def _declare(tx: Tx, now: datetime, timeout: timedelta, channel: str, pager: str) -> None:
    lasted = close.minutes(timeout)
    incident = incidents.add(
        tx,
        key=KEY,
        title=f"No Watchdog for {lasted}: Alertmanager or Prometheus may be down; alerts may be missing",
        alertname="WatchdogAbsent",
        namespace="",
        severity=Severity.SEV2,
        now=now,
        channel=channel,
        declared_by=SYSTEM,
        target_note=(
            f"No Watchdog came for {lasted}: Alertmanager or Prometheus may be down, and alerts may be missing. "
            "Look whether Prometheus runs, whether Alertmanager runs, and whether it reaches Fettle."
        ),
    )
    detail = {"alert": "WatchdogAbsent", "severity": "SEV2", "timeout": timeout.total_seconds()}
    note = AuditNote("incident:state:declared", SYSTEM, f"incident:{incident.id}", "triggered", incident.id, detail)
    tx.audit(note, now)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    owing.page(tx, incident, pager, now, at_once=False)
