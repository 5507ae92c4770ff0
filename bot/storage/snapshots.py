"""One incident of the store as a snapshot: what was seen in its newest episode, for looking again at what was found.

It reads what stages wrote and refuses to ask anybody else.
"""

from __future__ import annotations

from bot.domain.snapshot import AlertSeen, Snapshot
from bot.storage import evidence, incident_alerts, incidents
from bot.storage.tx import Tx


def of(tx: Tx, incident_id: int) -> Snapshot:
    """The snapshot as of the newest evidence; raises ``NotFoundError`` if there is no such incident."""
    incident = incidents.get(tx, incident_id)
    found = [one for one in evidence.of(tx, incident_id) if one.observed_at >= incident.episode_at]
    since = incident_alerts.failing_since(tx, incident_id)
    labels = incident_alerts.labels_of(tx, incident_id)
    return Snapshot(
        now=max((one.observed_at for one in found), default=incident.updated_at),
        alerts=tuple(AlertSeen(one, starts_at=since, firing=since is not None) for one in labels),
        target=incident.target,
        evidence={one.source: one for one in found},
    )
