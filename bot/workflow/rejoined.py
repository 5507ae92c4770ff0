"""What an alert that joins an open incident undoes: a verdict that said good, or a look that had failed.

It refuses to look at the cluster itself, as all of intake does: it only owes the look.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.audit import AuditNote
from bot.domain.incident import Incident, IncidentEvent, IncidentState
from bot.domain.owed import Stage
from bot.storage import due, evidence, incidents, verifications
from bot.storage.db import Tx

LOOK_AGAIN = timedelta(seconds=5)
"""How long alerts that join are gathered before the cluster is asked again."""


def rejoined(tx: Tx, incident: Incident, began: datetime, now: datetime) -> None:
    """An alert joined ``incident`` and fires; ``began`` is when the newest of this delivery began."""
    number = incident.id
    if incident.state is IncidentState.MITIGATED:
        measured = verifications.latest_of_incident(tx, number)
        # One that began before the measurement and only arrives now is the old trouble, which the act is to end.
        if measured is None or began > measured.started_at:
            _hand_back(tx, incident, now)
    elif incident.investigated_at is None or incident.foreign_cluster or incident.declared_by:
        return  # the first look is owed already, or there is nothing to look at
    elif incident.target is None or evidence.all_failed(tx, number):
        due.owe(tx, Stage.INVESTIGATE, number, now + LOOK_AGAIN)


def _hand_back(tx: Tx, incident: Incident, now: datetime) -> None:
    incidents.move(tx, incident.id, IncidentEvent.SETTLE, now)
    detail = {"reason": "an alert began to fire after the verdict"}
    note = AuditNote(
        "incident:state:acknowledged", "alertmanager", f"incident:{incident.id}", "acknowledged", incident.id, detail
    )
    tx.audit(note, now)
    due.owe(tx, Stage.INVESTIGATE, incident.id, now)
