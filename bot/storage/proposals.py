"""Proposals and approvals as stored: settled at most once, whoever presses first.

The guard of every settling is the UPDATE's own WHERE: pending, and for an approval not expired. This module refuses
to judge who may approve, and it audits nothing: the verbs that call it do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.domain.approval import Approval, Verb
from bot.domain.errors import NotFoundError
from bot.domain.proposal import PROPOSAL, Halt, Proposal, ProposalEvent, ProposalState, ProposalText, Step
from bot.domain.target import Target
from bot.storage.rows import target_in, target_to
from bot.storage.tables import ApprovalRow, ProposalRow
from bot.storage.tx import Tx


def add(
    tx: Tx,
    incident_id: int,
    *,
    action: str,
    target: Target,
    params: Mapping[str, Any],
    digest: str,
    state: ProposalState,
    text: ProposalText,
    requested_by: str,
    now: datetime,
    expires_at: datetime | None,
    quorum: int,
    approvers: Iterable[str],
    baseline: Mapping[str, Any],
    steps: Sequence[Step] = (),
) -> Proposal:
    """A new proposal, pending or recorded, with everything that a person will be shown."""
    row = tx.one(
        ProposalRow.insert(
            incident_id=incident_id, action=action, target=target_to(target), target_key=target.key,
            params=dict(params), digest=digest, state=state.value, text=asdict(text), requested_by=requested_by,
            created_at=now, expires_at=expires_at, quorum=quorum, approvers=list(approvers), baseline=dict(baseline),
            steps=[asdict(one) for one in steps],
        ).returning(ProposalRow)
    )  # fmt: skip
    return _proposal(row)


def get(tx: Tx, proposal_id: int) -> Proposal:
    """One proposal; raises ``NotFoundError``."""
    row = tx.one(ProposalRow.select().where(ProposalRow.id == proposal_id))
    if row is None:
        raise NotFoundError(f"There is no proposal {proposal_id}.")
    return _proposal(row)


def of_incident(tx: Tx, incident_id: int) -> list[Proposal]:
    """The proposals of an incident, oldest first."""
    return _many(tx, ProposalRow.incident_id == incident_id)


def loose(tx: Tx, incident_id: int) -> bool:
    """Whether a proposal of the incident still waits, or only stands recorded; fixed text, intake asks it."""
    sql = "SELECT 1 FROM proposals WHERE incident_id = ? AND state IN ('pending', 'recorded') LIMIT 1"
    return tx.execute(sql, (incident_id,)).fetchone() is not None


def pending(tx: Tx) -> list[Proposal]:
    """All that wait for a person, oldest first."""
    return _many(tx, ProposalRow.state == ProposalState.PENDING.value)


def breakable(tx: Tx) -> bool:
    """Whether something stands on a card that breaking the glass would let go on."""
    sql = "SELECT 1 FROM proposals WHERE state = 'recorded' AND text LIKE ? LIMIT 1"
    return tx.execute(sql, ('%"breakable":true%',)).fetchone() is not None


def pending_for_target(tx: Tx, target_key: str) -> list[Proposal]:
    """What waits for a person on a target (``Target.key``), oldest first."""
    return _many(tx, (ProposalRow.state == ProposalState.PENDING.value) & (ProposalRow.target_key == target_key))


def settle(
    tx: Tx, proposal_id: int, event: ProposalEvent, now: datetime, by: str = "", reason: str = ""
) -> Proposal | None:
    """Move it by the table; None when it was settled before, or when an approval comes after the expiry.

    ``by`` is a principal id or ``SYSTEM``, kept with ``now`` and ``reason``.
    """
    sources = PROPOSAL.sources(event)
    after = {PROPOSAL.next(source, event) for source in sources}
    (state,) = after  # one event leads to one state in this table; a test holds it
    guards = [ProposalRow.id == proposal_id, ProposalRow.state.in_([source.value for source in sources])]
    if event is ProposalEvent.APPROVE:
        guards.append(ProposalRow.expires_at > now)
    row = tx.one(
        ProposalRow.update(state=state.value, decided_by=by, decided_at=now, reason=reason)
        .where(*guards)
        .returning(ProposalRow)
    )
    return _proposal(row) if row else None


def stop(tx: Tx, proposal_id: int, halt: Halt, why: str) -> bool:
    """What is left of its steps isn't done any more; False where that was said before."""
    waits = (ProposalRow.id == proposal_id) & (ProposalRow.halt == Halt.NONE.value)
    return bool(tx.run(ProposalRow.update(halt=halt.value, stopped=why).where(waits)))


def add_approval(tx: Tx, proposal_id: int, principal: str, verb: Verb, reason: str, now: datetime) -> bool:
    """Append what a person said; False if that person has said something to this proposal before."""
    return bool(
        tx.execute(
            "INSERT INTO approvals (proposal_id, principal, verb, reason, at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (proposal_id, principal) DO NOTHING",
            (proposal_id, principal, verb.value, reason, ApprovalRow.at.db_value(now)),
        ).rowcount
    )


def approvals(tx: Tx, proposal_id: int) -> list[Approval]:
    """What was said to a proposal, in order."""
    query = ApprovalRow.select().where(ApprovalRow.proposal_id == proposal_id).order_by(ApprovalRow.id)
    return [
        Approval(row.id, row.proposal_id, row.principal, Verb(row.verb), row.reason, row.at) for row in tx.all(query)
    ]


def _many(tx: Tx, where: Any) -> list[Proposal]:
    return [_proposal(row) for row in tx.all(ProposalRow.select().where(where).order_by(ProposalRow.id))]


def _text(stored: Mapping[str, Any]) -> ProposalText:
    text = dict(stored)
    for words in ("warnings", "rules"):
        text[words] = tuple(text.get(words, ()))
    return ProposalText(**text)


def _proposal(row: Any) -> Proposal:
    return Proposal(
        id=row.id, incident_id=row.incident_id, action=row.action, target=target_in(row.target), params=row.params,
        digest=row.digest, state=ProposalState(row.state), text=_text(row.text), requested_by=row.requested_by,
        created_at=row.created_at, expires_at=row.expires_at, quorum=row.quorum, approvers=tuple(row.approvers),
        baseline=row.baseline, decided_by=row.decided_by, decided_at=row.decided_at, reason=row.reason,
        steps=tuple(Step(one["action"], one["params"], _text(one["text"])) for one in row.steps),
        halt=Halt(row.halt), stopped=row.stopped,
    )  # fmt: skip
