"""What a store that was put back still owes: nothing that somebody approved before is carried out from it.

Between the copy and now the world went on. Open approvals are void, what was approved and not begun fails, what was
on its way is read back from the cluster, silences are looked for at Alertmanager, messages before they are posted, and
numbers that old cards in Slack carry are not given out again. This module refuses to copy files and to guess what
happened meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.audit import AuditNote
from bot.domain.execution import ExecutionEvent
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM, Halt, ProposalEvent
from bot.storage import audit, due, executions, freeze, incidents, numbers, outbox, proposals, silences
from bot.storage.copies import Replaced
from bot.storage.db import Tx
from bot.workflow import chains, close, owing

WHY = "store restored"
OUTCOME = "store restored: not carried out by this store; whether it was before, the copy can't say"
ARRIVAL = timedelta(seconds=60)
"""After its intent, a request can't arrive any more: longer than any ``KUBE_TIMEOUT`` plus 5 s that makes sense."""
ALL = 1_000_000


@dataclass(frozen=True)
class Voided:
    """How much was voided; ``frozen``: the kill switch was on before, and is on again."""

    proposals: int
    executions: int
    running: int
    cards: int
    frozen: bool


def void(tx: Tx, old: Replaced, actor: str, now: datetime) -> Voided:
    """Void what a restored store holds open, audited as ``actor``; one transaction, before any bot opens it.

    ``old`` is what the store in place said before; of one that nobody could read (or that was never there) the
    numbers are unknown and a wide gap is left.
    """
    seq, head = audit.head(tx)
    detail: dict[str, Any] = {
        "old_head": {"seq": old.seq, "hash": old.head, "readable": old.readable},
        "new_head": {"seq": seq, "hash": head},
    }
    tx.audit(AuditNote("system:store:restored", actor, "store", "restored", detail=detail), now)
    due.free_claims(tx)
    outbox.doubt_waiting(tx)
    offered = [_supersede(tx, proposal.id, proposal.incident_id, now) for proposal in proposals.pending(tx)]
    approved = [_fail(tx, execution.id, now) for execution in executions.pending(tx)]
    running = executions.running(tx)
    for execution in running:
        # A clock that was set back meanwhile must not put the reading off for long.
        at = min(max(now, (execution.intent_at or now) + ARRIVAL), now + ARRIVAL)
        due.owe(tx, Stage.RECOVER, execution.id, at)
    for execution in executions.in_flight(tx):
        proposal = proposals.get(tx, execution.proposal_id).at(execution.step)
        chains.halt(tx, incidents.get(tx, execution.incident_id), proposal, proposal.left, Halt.RESTORED, WHY, now)
    for silence in silences.pending(tx):
        # Whether it was sent after the copy was made, Alertmanager says: it is looked for, and never sent from here.
        silences.claim(tx, silence.id, {}, now)
        due.owe(tx, Stage.SILENCE, silence.id, now + ARRIVAL)
    touched = {*offered, *approved, *(execution.incident_id for execution in running)}
    touched |= {incident.id for incident in incidents.list_open(tx, ALL)}
    for incident_id in sorted(touched):
        owing.card(tx, incidents.get(tx, incident_id), Priority.NEW_CARD, now)
    _skip_numbers(tx, old, now)
    frozen = old.frozen and not freeze.state(tx)[0]
    if frozen:
        freeze.set_frozen(tx, frozen, actor, "it was on in the store that was replaced", now)
    return Voided(len(offered), len(approved), len(running), len(touched), frozen)


def _supersede(tx: Tx, proposal_id: int, incident_id: int, now: datetime) -> int:
    proposals.settle(tx, proposal_id, ProposalEvent.SUPERSEDE, now, by=SYSTEM, reason=WHY)
    for stage in (Stage.EXPIRE, Stage.NUDGE, Stage.ACT_ALONE):
        due.forget(tx, stage, proposal_id)
    _entry(tx, "proposal:state:superseded", f"proposal:{proposal_id}", "superseded", incident_id, {"reason": WHY}, now)
    return incident_id


def _fail(tx: Tx, execution_id: int, now: datetime) -> int:
    failed = executions.settle(tx, execution_id, ExecutionEvent.FAIL, now, OUTCOME)
    due.forget(tx, Stage.EXECUTE, execution_id)
    proposal = proposals.get(tx, failed.proposal_id).at(failed.step)
    incident, undone = incidents.get(tx, failed.incident_id), proposal.steps[proposal.step :]
    chains.halt(tx, incident, proposal, undone, Halt.RESTORED, WHY, now)
    detail = {"outcome": OUTCOME, "execution": failed.uid}
    _entry(tx, "execution:state:failed", f"execution:{execution_id}", "failed", failed.incident_id, detail, now)
    close.hand_back(tx, incident, WHY, now)
    return failed.incident_id


def _skip_numbers(tx: Tx, old: Replaced, now: datetime) -> None:
    incident, proposal = numbers.highest(tx)
    if old.readable and old.seq:
        last = old.incidents, old.proposals
    else:
        last = incident + numbers.GAP, proposal + numbers.GAP
    why = f"The store was restored; what came after INC-{incident} is not in it"
    numbers.skip(tx, *last, why, now)


def _entry(
    tx: Tx, tag: str, subject: str, outcome: str, incident_id: int, detail: Mapping[str, Any], now: datetime
) -> None:
    tx.audit(AuditNote(tag, SYSTEM, subject, outcome, incident_id, detail), now)
