"""The end of a silence is wanted: because its incident is over, or because somebody takes it back.

From whatever state it is in it comes to its end, and the stage ``silencing`` does what that takes. It refuses to ask
Alertmanager anything: it runs inside the transaction that closes the incident.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.audit import AuditNote
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM
from bot.domain.silence import Silence, SilenceState
from bot.storage import due, incidents, silences
from bot.storage.db import Tx
from bot.workflow import owing

RESOLVED = "the incident is resolved"


def incident_ended(tx: Tx, incident_id: int, now: datetime) -> None:
    """What was silenced for an incident isn't any longer than the incident lasts."""
    silence = silences.in_force(tx, incident_id)
    if silence is not None:
        want_end(tx, silence, SYSTEM, RESOLVED, now)


def want_end(tx: Tx, silence: Silence, by: str, reason: str, now: datetime) -> Silence:
    """Its end is owed from now on; of two who want it the first is named."""
    if not silence.in_force or silence.end_by:
        return silence
    entry(tx, "silence:end:requested", silence, by, "requested", now, reason=reason)
    if silence.state is SilenceState.PENDING:
        return failed(tx, silence, f"it wasn't set: {reason}", now)
    if silence.state is not SilenceState.ACTIVE:
        return silences.wanted_over(tx, silence.id, by, reason)
    ending = silences.end(tx, silence.id, by, reason)
    due.owe(tx, Stage.SILENCE, silence.id, now, {"gone": 0})
    return ending


def failed(tx: Tx, silence: Silence, outcome: str, now: datetime) -> Silence:
    """Nothing was set, and the incident's people are told why."""
    gone = silences.fail(tx, silence.id, now, outcome)
    due.forget(tx, Stage.SILENCE, silence.id)
    entry(tx, "silence:state:failed", gone, SYSTEM, "failed", now, reason=outcome)
    incident = incidents.get(tx, silence.incident_id)
    if incident.open:
        owing.thread(tx, incident, f"silence:{silence.id}:failed", f"Not silenced: {outcome}", now)
    owing.card(tx, incident, Priority.PRESS, now)
    return gone


def entry(tx: Tx, tag: str, silence: Silence, actor: str, outcome: str, now: datetime, **detail: object) -> None:
    """One entry about a silence."""
    tx.audit(AuditNote(tag, actor, f"silence:{silence.id}", outcome, silence.incident_id, detail), now)
