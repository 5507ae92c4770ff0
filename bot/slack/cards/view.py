"""What a card needs to be drawn, gathered by delivery, and the questions that several parts of the card ask of it.

It holds domain objects and texts alone; the store, Slack and the clock stay outside (``now`` is an argument).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.approval import Approval, playbook_of
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.execution import Execution, ExecutionState
from bot.domain.finding import Confidence, Finding
from bot.domain.incident import Incident, IncidentState
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.domain.silence import Silence
from bot.domain.verification import Verdict, Verification
from bot.slack.mrkdwn import mention, safe


@dataclass(frozen=True)
class AlertFacts:
    """What the incident's alerts say: texts of the worst one, links as given (http(s) is checked when drawn).

    ``since`` is the earliest start of those that fire, by their sender's clock; None when none does.
    """

    names: tuple[str, ...] = ()
    summary: str = ""
    runbook_url: str = ""
    graph_url: str = ""
    alert_url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None


@dataclass(frozen=True)
class CardView:
    """One incident as its card shows it.

    ``findings`` are what was concluded of the evidence, best first.
    ``alone`` is the playbook that lets Fettle do the pending proposal without a person, and when it begins, None while
    the thread wasn't told yet. ``approvals`` are the presses on the pending proposal that needs more than one person.
    ``execution`` and its current ``verification`` belong to the newest approved proposal of this episode, ``earlier``
    are those of its steps before. ``people`` maps principal ids to Slack ids. ``related`` are other incidents on the
    same target,
    ``links`` maps incident ids to the permalinks of their cards. ``delayed`` is the seconds that this message lagged.
    ``frozen`` is (principal, reason, since) of the kill switch while it is on.
    ``soak_note`` names a shortened soak, ``replaced`` says that an earlier card was deleted. ``silence`` is the one in
    force that was set through Fettle, ``silences_set`` are the ids of all that ever were, ``silencing`` says that one
    may be set.
    """

    incident: Incident
    now: datetime
    alerts: AlertFacts = AlertFacts()
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    approvals: tuple[Approval, ...] = ()
    alone: tuple[str, datetime | None] | None = None
    execution: Execution | None = None
    verification: Verification | None = None
    earlier: tuple[tuple[Execution, Verification | None], ...] = ()
    people: Mapping[str, str] = field(default_factory=dict)
    related: tuple[Incident, ...] = ()
    links: Mapping[int, str] = field(default_factory=dict)
    delayed: int = 0
    soak_note: str = ""
    observe: bool = False
    approvers_missing: bool = False
    frozen: tuple[str, str, datetime | None] | None = None
    replaced: bool = False
    silence: Silence | None = None
    silences_set: frozenset[str] = frozenset()
    on_call: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    """Schedule -> whom it has on call now, by Slack id, and until when."""
    silencing: bool = False


NOTHING = "none"
"""The action of a record that holds a reason instead of a proposal."""


class Phase(StrEnum):
    """What the card is about right now; each has one drawing, one emoji and one page text."""

    RESOLVED = "resolved"
    RUNNING = "running"  # approved, being carried out, or being measured
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SUPERSEDED = "superseded"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"
    PROPOSED = "proposed"
    RECORDED = "recorded"
    DENIED = "denied"
    EXPIRED = "expired"
    COLLECTING = "collecting"
    OPEN = "open"  # evidence is in, no proposal was made or recorded yet


_VERDICTS = {
    Verdict.PASS: Phase.PASSED,
    Verdict.FAIL: Phase.FAILED,
    Verdict.INCONCLUSIVE: Phase.INCONCLUSIVE,
    Verdict.SUPERSEDED: Phase.SUPERSEDED,
    Verdict.MEASURING: Phase.RUNNING,
}
_PROPOSALS = {
    ProposalState.PENDING: Phase.PROPOSED,
    ProposalState.APPROVED: Phase.RUNNING,
    ProposalState.RECORDED: Phase.RECORDED,
    ProposalState.DENIED: Phase.DENIED,
    ProposalState.EXPIRED: Phase.EXPIRED,
    ProposalState.SUPERSEDED: Phase.EXPIRED,
}


def phase_of(view: CardView) -> Phase:
    """The phase, by the newest thing that happened: resolved, then execution and verdict, then proposal."""
    if view.incident.state is IncidentState.RESOLVED:
        return Phase.RESOLVED
    newest = newest_proposal(view)
    if view.execution is not None:
        phase = _phase_of_execution(view.execution, view.verification)
        asked_again = newest is not None and newest.id > view.execution.proposal_id
        # A question asked after a PASS means that the PASS didn't last: the card mustn't stay green.
        return Phase.PROPOSED if phase is Phase.PASSED and asked_again and pending_proposals(view) else phase
    if newest is not None:
        return _PROPOSALS[newest.state]
    incident = view.incident
    # What a person declares without a target is never investigated: there is nothing to look at yet.
    waiting = incident.target is not None or not incident.declared_by
    if incident.investigated_at is None and not incident.target_note and waiting:
        return Phase.COLLECTING
    return Phase.OPEN


def _phase_of_execution(execution: Execution, verification: Verification | None) -> Phase:
    if execution.state is ExecutionState.FAILED:
        return Phase.NOT_APPLIED
    if execution.state is ExecutionState.UNKNOWN:
        return Phase.UNKNOWN
    if verification is None:
        return Phase.RUNNING
    return _VERDICTS[verification.verdict]


def newest_proposal(view: CardView) -> Proposal | None:
    """The proposal that the card shows: a pending one before any other, the newest first."""
    pending = pending_proposals(view)
    if pending:
        return pending[0]
    return max(view.proposals, key=lambda proposal: proposal.id, default=None)


def pending_proposals(view: CardView) -> list[Proposal]:
    """Pending ones, newest first."""
    waiting = [proposal for proposal in view.proposals if proposal.state is ProposalState.PENDING]
    return sorted(waiting, key=lambda proposal: proposal.id, reverse=True)


def executed_proposal(view: CardView) -> Proposal | None:
    """The proposal whose execution the card shows, as that step of it sees it."""
    run = view.execution
    if run is None:
        return None
    return next((one.at(run.step) for one in view.proposals if one.id == run.proposal_id), None)


def nothing_fits(proposal: Proposal) -> bool:
    """Whether the record only says why nothing is proposed (its action is no action)."""
    return proposal.state is ProposalState.RECORDED and proposal.action == NOTHING


def nothing_comes(view: CardView) -> str:
    """Why no proposal can come of itself while none was made; empty while one can, or where a person only declared."""
    incident = view.incident
    if incident.declared_by or phase_of(view) is not Phase.OPEN:
        return ""
    if incident.foreign_cluster:
        other = f"the alert comes from cluster {incident.foreign_cluster}, which this Fettle doesn't serve"
        return incident.target_note or other
    if incident.target is None:
        return _beyond(view) or incident.target_note or "no workload was found for these alerts"
    return ""


def _beyond(view: CardView) -> str:
    """Why nothing would help whatever the target was, by a finding that is sure enough; empty where something might."""
    first = view.findings[0] if view.findings else None
    if first is None or first.suggestions or first.confidence is Confidence.LOW:
        return ""
    return first.no_help


def fires_after_pass(view: CardView) -> bool:
    """Whether something fires though the verdict is PASS."""
    return phase_of(view) is Phase.PASSED and view.incident.alerts_firing > 0


def fires_anew(view: CardView) -> bool:
    """Whether all that fires began after the measurement that said PASS: it is a new trouble, not the old alert."""
    check, since = view.verification, view.alerts.since
    return fires_after_pass(view) and check is not None and since is not None and since > check.started_at


def offered_again(view: CardView) -> Proposal | None:
    """The proposal that *Request again* means, if there is one that came to nothing and could be offered afresh."""
    newest = newest_proposal(view)
    if newest is None:
        return None
    if newest.state is ProposalState.RECORDED:
        return None if view.observe or newest.action == NOTHING else newest
    if newest.state is ProposalState.APPROVED:
        run = view.execution
        failed = run is not None and run.proposal_id == newest.id and run.state is ExecutionState.FAILED
        return newest if failed else None
    ended = {ProposalState.EXPIRED, ProposalState.SUPERSEDED, ProposalState.DENIED}
    return newest if newest.state in ended else None


def who(view: CardView, principal: str) -> str:
    """How the card names a principal: a mention, or the plain word for what is no person."""
    if principal in view.people:
        return mention(view.people[principal])
    if name := playbook_of(principal):
        return f"playbook {safe(name, 64)}"
    if principal == SYSTEM:
        return "Fettle"
    if principal.startswith("person:"):
        return "someone whose name was erased"
    return safe(principal, 64) or "someone"


def evidence_of(view: CardView, source: str) -> Evidence | None:
    """One collector's answer."""
    return next((item for item in view.evidence if item.source == source), None)


def pod_rows(evidence: Evidence | None) -> list[Mapping[str, Any]]:
    """The pods of the pods collector, as JSON rows; empty when it failed."""
    if evidence is None or evidence.status is EvidenceStatus.FAILED:
        return []
    rows = evidence.data.get("pods", ())
    return [row for row in rows if isinstance(row, Mapping)]


def ready_count(view: CardView) -> tuple[int, int] | None:
    """(ready, all) pods by the evidence, or None when they weren't read."""
    rows = pod_rows(evidence_of(view, "pods"))
    if not rows:
        return None
    return sum(bool(row.get("ready")) for row in rows), len(rows)


def place(incident: Incident) -> str:
    """``shop/api``, or what is known instead: the namespace, or nothing."""
    return incident.target.ref if incident.target else incident.namespace
