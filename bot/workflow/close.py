"""How an incident ends: by itself when its alerts clear, after a verdict, or by a person with a reason.

It refuses to close while an execution is unsettled or being verified; then the verdict decides, and only pass closes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.incident import INCIDENT, Incident, IncidentEvent, Resolution
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM, ProposalEvent, ProposalState
from bot.domain.verification import Verdict
from bot.storage import due, executions, incidents, proposals, verifications
from bot.storage.db import Tx
from bot.workflow import look_back, owing, quiet

REQUEST_KEY = "request:"
"""Correlation keys of incidents that a command declared; they close on pass."""


def alerts_cleared(tx: Tx, incident_id: int, now: datetime) -> bool:
    """Called when the last alert of an incident resolved; closes it, or leaves it to the verdict. True: closed.

    An incident without alerts has none that could clear: a request is closed by its verdict or by a person.
    """
    incident = incidents.get(tx, incident_id)
    if not incident.open or incident.alerts_firing > 0 or incident.alerts_total == 0:
        return False
    supersede_pending(tx, incident_id, "all alerts resolved", now)
    if _busy(tx, incident_id):
        owing.card(tx, incident, Priority.EXECUTION, now)
        return False
    _close(tx, incident, Resolution.ALERTS_CLEARED, "alertmanager", "", now)
    return True


def returned(tx: Tx, incident_id: int, now: datetime) -> None:
    """What was missing came again: an incident about an absence is over."""
    _close(tx, incidents.get(tx, incident_id), Resolution.RETURNED, SYSTEM, "", now)


def after_verdict(
    tx: Tx, incident_id: int, verdict: Verdict, now: datetime, *, helps: bool = True, whole: bool = True
) -> None:
    """What a verdict does to its incident: pass mitigates, and closes if nothing fires; all else hands it back.

    What only looked ``helps`` nothing: it hands the incident back, but for one that asked for no more. ``whole`` is
    false where steps are left that aren't done.
    """
    incident = incidents.get(tx, incident_id)
    asked = whole and incident.key.startswith(REQUEST_KEY) and incident.alerts_firing == 0
    if verdict is Verdict.PASS and not helps and not asked:
        hand_back(tx, incident, "what was done changes nothing", now)
        alerts_cleared(tx, incident_id, now)
        return
    if verdict is not Verdict.PASS:
        hand_back(tx, incident, f"verdict {verdict}", now)
        return
    if INCIDENT.allows(incident.state, IncidentEvent.PASS):
        incident = incidents.move(tx, incident.id, IncidentEvent.PASS, now)
        _state_entry(tx, incident, SYSTEM, "verdict pass", now)
    if not incident.open:
        return
    if incident.key.startswith(REQUEST_KEY) and incident.alerts_firing == 0:
        _close(tx, incident, Resolution.VERIFIED, SYSTEM, "", now)
    elif incident.alerts_total > 0 and incident.alerts_firing == 0:
        _close(tx, incident, Resolution.ALERTS_CLEARED, SYSTEM, "", now)


def hand_back(tx: Tx, incident: Incident, why: str, now: datetime) -> Incident:
    """An effect that failed, is unknown, or can't be called good: a person looks."""
    if INCIDENT.allows(incident.state, IncidentEvent.SETTLE):
        incident = incidents.move(tx, incident.id, IncidentEvent.SETTLE, now)
        _state_entry(tx, incident, SYSTEM, why, now)
    return incident


def resolve(tx: Tx, incident_id: int, principal: Principal, reason: str, now: datetime) -> Answer:
    """A person closes it. Without a reason only if nothing fires and the last verdict, if there is one, is pass."""
    incident = incidents.get(tx, incident_id)
    if not incident.open:
        return _refuse(tx, incident, principal, f"{incident.ref} is already resolved.", now)
    if _busy(tx, incident_id):
        text = f"{incident.ref} has a mitigation that is still running or being verified. Resolve it after the verdict."
        return _refuse(tx, incident, principal, text, now)
    if incident.alerts_firing > 0 and not reason.strip():
        text = (
            f"{incident.alerts_firing} alerts of {incident.ref} are still firing. Give a reason to resolve it anyway."
        )
        return _refuse(tx, incident, principal, text, now)
    last = _last_verdict(tx, incident)
    if last not in {None, Verdict.PASS} and not reason.strip():
        text = f"The last verification of {incident.ref} ended as {last}. Give a reason to resolve it anyway."
        return _refuse(tx, incident, principal, text, now)
    supersede_pending(tx, incident_id, "the incident was resolved", now)
    _close(tx, incident, Resolution.PERSON, principal.id, reason.strip(), now)
    return Answer(f"{incident.ref} is resolved.", incident_id=incident.id)


def supersede_pending(tx: Tx, incident_id: int, why: str, now: datetime) -> None:
    """Voids every proposal of the incident that still waits or only stands recorded."""
    if not proposals.loose(tx, incident_id):
        return  # nearly always: what follows would cost more than a whole delivery
    for proposal in proposals.of_incident(tx, incident_id):
        if proposal.state in {ProposalState.PENDING, ProposalState.RECORDED}:
            proposals.settle(tx, proposal.id, ProposalEvent.SUPERSEDE, now, by=SYSTEM, reason=why)
            for stage in (Stage.EXPIRE, Stage.NUDGE, Stage.ACT_ALONE):
                due.forget(tx, stage, proposal.id)
            tx.audit(
                AuditNote(
                    "proposal:state:superseded",
                    SYSTEM,
                    f"proposal:{proposal.id}",
                    "superseded",
                    incident_id,
                    {"reason": why},
                ),
                now,
            )


def _busy(tx: Tx, incident_id: int) -> bool:
    """Something is carried out or being measured, a measurement that a person asked for again included."""
    return verifications.measuring(tx, incident_id) or executions.in_flight_of(tx, incident_id)


def _last_verdict(tx: Tx, incident: Incident) -> Verdict | None:
    """The newest verdict of this episode; what was measured before it was reopened says nothing of now."""
    measured = verifications.latest_of_incident(tx, incident.id)
    return measured.verdict if measured is not None and measured.started_at >= incident.episode_at else None


def _close(tx: Tx, incident: Incident, how: Resolution, actor: str, reason: str, now: datetime) -> None:
    closed = incidents.move(
        tx, incident.id, IncidentEvent.RESOLVE, now, resolved_at=now, resolution=str(how), reason=reason
    )
    due.forget(tx, Stage.PROPOSE, incident.id)
    quiet.incident_ended(tx, incident.id, now)
    owing.page_state(tx, closed, now)
    lasted = minutes(now - incident.episode_at)
    detail = {"how": str(how), "reason": reason, "lasted": lasted, "alerts": incident.alerts_total}
    tx.audit(
        AuditNote("incident:state:resolved", actor, f"incident:{incident.id}", "resolved", incident.id, detail), now
    )
    words = {
        Resolution.ALERTS_CLEARED: "all alerts cleared",
        Resolution.VERIFIED: "the request was carried out and verified",
        Resolution.RETURNED: "what was missing came again",
        Resolution.PERSON: f"by a person: {reason}" if reason else "by a person",
    }
    if look_back.first_proposal(tx, incident) is not None:
        due.owe(tx, Stage.LOOK_BACK, incident.id, now)
    owing.thread(tx, closed, f"resolved:{closed.episodes}", f"Resolved after {lasted}: {words[how]}.", now)
    owing.card(tx, closed, Priority.NEW_CARD, now)


def _state_entry(tx: Tx, incident: Incident, actor: str, why: str, now: datetime) -> None:
    tag = f"incident:state:{incident.state}"
    note = AuditNote(tag, actor, f"incident:{incident.id}", str(incident.state), incident.id, {"reason": why})
    tx.audit(note, now)


def _refuse(tx: Tx, incident: Incident, principal: Principal, text: str, now: datetime) -> Answer:
    note = AuditNote(
        "command:request:refused", principal.id, f"incident:{incident.id}", "refused", incident.id,
        {"asked": "resolve", "reason": text},
    )  # fmt: skip
    tx.audit(note, now)
    return Answer(text, ok=False, incident_id=incident.id)


def minutes(span: timedelta) -> str:
    """``45 s``, ``12 min`` or ``3 h 5 min``: a duration as people read it."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
