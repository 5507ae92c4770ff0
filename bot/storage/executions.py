"""Executions as stored: at most one for a step of a proposal, at most one in flight for a target, settled once.

``in_flight`` runs from the approval until the verdict releases it; a partial unique index holds it. This module
refuses to send anything, and it audits nothing: the verbs that call it do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.domain.errors import IllegalTransitionError, NotFoundError
from bot.domain.execution import (
    EXECUTION,
    STANDINGS,
    Execution,
    ExecutionEvent,
    ExecutionState,
    Standing,
    WriteRequest,
)
from bot.domain.proposal import Proposal, canonical
from bot.storage.execution_table import ExecutionRow
from bot.storage.fields import from_text, to_text
from bot.storage.rows import target_in, target_to
from bot.storage.tx import Tx

_INSERT = """
INSERT INTO executions (uid, proposal_id, step, incident_id, target, target_key, action, state, in_flight, created_at,
                        approved_at, approved_by, baseline)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING id
"""


def add(tx: Tx, *, uid: str, proposal: Proposal, approved_by: str, now: datetime) -> Execution | None:
    """The pending execution of an approved proposal's step; None if its target has one in flight, or the step has."""
    approved_at = proposal.decided_at or now
    row = tx.execute(
        _INSERT,
        (
            uid, proposal.id, proposal.step, proposal.incident_id, canonical(target_to(proposal.target)),
            proposal.target.key, proposal.action, EXECUTION.initial.value, True, to_text(now), to_text(approved_at),
            approved_by, canonical(dict(proposal.baseline)),
        ),
    ).fetchone()  # fmt: skip
    return get(tx, row[0]) if row else None


def get(tx: Tx, execution_id: int) -> Execution:
    """One execution; raises ``NotFoundError``."""
    found = _first(tx, ExecutionRow.id == execution_id)
    if found is None:
        raise NotFoundError(f"There is no execution {execution_id}.")
    return found


def by_proposal(tx: Tx, proposal_id: int) -> list[Execution]:
    """The executions of a proposal's steps, in their order."""
    return sorted(_many(tx, ExecutionRow.proposal_id == proposal_id), key=lambda run: run.step)


def in_flight_on(tx: Tx, target_key: str) -> Execution | None:
    """The execution in flight on a target (``Target.key``): approved, and its verdict not given."""
    return _first(tx, (ExecutionRow.target_key == target_key) & ExecutionRow.in_flight)


def in_flight_of(tx: Tx, incident_id: int) -> bool:
    """Whether anything is in flight for an incident; fixed text, intake asks it."""
    sql = "SELECT 1 FROM executions WHERE incident_id = ? AND in_flight LIMIT 1"
    return tx.execute(sql, (incident_id,)).fetchone() is not None


def running(tx: Tx) -> list[Execution]:
    """Those whose request may be on its way, oldest first."""
    return _many(tx, ExecutionRow.state == ExecutionState.RUNNING.value)


def pending(tx: Tx) -> list[Execution]:
    """Those that were approved and not begun, oldest first."""
    return _many(tx, ExecutionRow.state == ExecutionState.PENDING.value)


def of_incident(tx: Tx, incident_id: int) -> list[Execution]:
    """The executions of an incident, oldest first."""
    return _many(tx, ExecutionRow.incident_id == incident_id)


_SENT = """
SELECT e.target_key, e.intent_at, v.verdict, e.action FROM executions e
LEFT JOIN verifications v ON v.execution_id = e.id AND v.current
WHERE e.intent_at >= ? AND e.id <> ? AND (e.state <> ? OR e.standing = ?)
ORDER BY e.id
"""


def sent_since(tx: Tx, since: datetime, *, but: int = 0) -> list[tuple[str, datetime, str, str]]:
    """(target key, time of the intent, verdict or empty, action) of what was sent since then, if in part.

    The execution ``but`` is left out.
    """
    partly = (ExecutionState.FAILED.value, Standing.PARTLY.value)
    rows = tx.execute(_SENT, (to_text(since), but, *partly)).fetchall()
    return [(row[0], sent, row[2] or "", row[3]) for row in rows if (sent := from_text(row[1])) is not None]


def approved_since(tx: Tx, principal: str, since: datetime, *, but: int = 0) -> list[datetime]:
    """When this principal approved what was or is to be carried out, proposal ``but`` left out."""
    rows = tx.all(
        ExecutionRow.select(ExecutionRow.approved_at)
        .where(
            ExecutionRow.approved_by == principal,
            ExecutionRow.approved_at >= since,
            ExecutionRow.proposal_id != but,
        )
        .order_by(ExecutionRow.id)
    )
    return [row.approved_at for row in rows]


def in_flight(tx: Tx, *, but: int = 0) -> list[Execution]:
    """Those that were approved and have no verdict yet, oldest first."""
    return _many(tx, ExecutionRow.in_flight & (ExecutionRow.id != but))


def count_in_flight(tx: Tx, *, but: int = 0) -> int:
    """How many were approved and have no verdict yet."""
    return len(_many(tx, ExecutionRow.in_flight & (ExecutionRow.id != but)))


def claim(tx: Tx, execution_id: int, request: WriteRequest, baseline: Mapping[str, Any], now: datetime) -> Execution:
    """Pending to running with the intent: the exact request. Raises ``IllegalTransitionError`` if it isn't pending."""
    return _move(
        tx, execution_id, ExecutionEvent.CLAIM, request=asdict(request), baseline=dict(baseline), intent_at=now
    )


def settle(
    tx: Tx,
    execution_id: int,
    event: ExecutionEvent,
    now: datetime,
    outcome: str,
    generation: int | None = None,
    standing: Standing = Standing.PLAIN,
) -> Execution:
    """Succeeded, failed or unknown, with a sentence; raises ``IllegalTransitionError`` if it was settled before.

    ``generation`` is the target's after our write. What failed is no longer in flight; what succeeded or is unknown
    stays so until ``release``.
    """
    changes: dict[str, Any] = {"outcome": outcome, "settled_at": now, "generation": generation}
    if event is ExecutionEvent.FAIL:
        changes["in_flight"] = False
    return _move(tx, execution_id, event, standing, **changes)


def wait(tx: Tx, execution_id: int, outcome: str, part: Mapping[str, Any] | None = None) -> Execution:
    """Running to pending again with a sentence: it was clearly refused for now. Raises ``IllegalTransitionError``.

    ``part`` is the baseline of one of which a part is done: its intent stays, because something was sent.
    """
    changes: dict[str, Any] = {"intent_at": None} if part is None else {"baseline": dict(part)}
    return _move(tx, execution_id, ExecutionEvent.WAIT, Standing.HELD, outcome=outcome, **changes)


def note(tx: Tx, execution_id: int, outcome: str) -> None:
    """What a pending one waits for."""
    pending_still = (ExecutionRow.id == execution_id) & (ExecutionRow.state == ExecutionState.PENDING.value)
    tx.run(ExecutionRow.update(outcome=outcome, standing=Standing.HELD.value).where(pending_still))


def unanswered(tx: Tx, execution_id: int, outcome: str) -> None:
    """What is known of a running one whose answer didn't come; nothing where it was settled meanwhile."""
    running_still = (ExecutionRow.id == execution_id) & (ExecutionRow.state == ExecutionState.RUNNING.value)
    tx.run(ExecutionRow.update(outcome=outcome, standing=Standing.UNANSWERED.value).where(running_still))


def release(tx: Tx, execution_id: int) -> None:
    """No longer in flight: its target may be acted on again."""
    tx.run(ExecutionRow.update(in_flight=False).where(ExecutionRow.id == execution_id))


def _move(
    tx: Tx, execution_id: int, event: ExecutionEvent, standing: Standing | None = None, **changes: Any
) -> Execution:
    """By the table; what is known beside the state stays where ``standing`` is None."""
    before = get(tx, execution_id)
    state = EXECUTION.next(before.state, event)
    known = before.standing if standing is None else standing
    if known not in STANDINGS[state]:
        raise IllegalTransitionError(f"An execution that is {state} can't be {known or 'plain'}.")
    row = tx.one(
        ExecutionRow.update(state=state.value, standing=known.value, **changes)
        .where(ExecutionRow.id == execution_id, ExecutionRow.state == before.state.value)
        .returning(ExecutionRow)
    )
    if row is None:
        raise IllegalTransitionError(f"Execution {execution_id} was moved by somebody else meanwhile.")
    return _execution(row)


def _first(tx: Tx, where: Any) -> Execution | None:
    found = _many(tx, where)
    return found[0] if found else None


def _many(tx: Tx, where: Any) -> list[Execution]:
    return [_execution(row) for row in tx.all(ExecutionRow.select().where(where).order_by(ExecutionRow.id))]


def _execution(row: Any) -> Execution:
    return Execution(
        id=row.id, uid=row.uid, proposal_id=row.proposal_id, incident_id=row.incident_id,
        target=target_in(row.target), action=row.action, state=ExecutionState(row.state), created_at=row.created_at,
        approved_at=row.approved_at, approved_by=row.approved_by,
        request=None if row.request is None else WriteRequest(**row.request), intent_at=row.intent_at,
        settled_at=row.settled_at, generation=row.generation, baseline=row.baseline, outcome=row.outcome,
        standing=Standing(row.standing), in_flight=row.in_flight, step=row.step,
    )  # fmt: skip
