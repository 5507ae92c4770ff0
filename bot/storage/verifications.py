"""Verifications as stored: exactly one current verdict for an execution, a deadline that survives restarts.

``execution_id`` 0 is a measurement that a person asked for; any number of those may be current. This module refuses
to judge measurements, and it audits nothing: the verbs that call it do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.domain.errors import IllegalTransitionError, NotFoundError
from bot.domain.execution import Execution
from bot.domain.target import Target
from bot.domain.verification import VERIFICATION, Check, CheckState, Verdict, VerdictEvent, Verification
from bot.storage.fields import from_text, to_text
from bot.storage.rows import target_in, target_to
from bot.storage.tables import VerificationRow
from bot.storage.tx import Tx

MOST_VERDICTS = 100
"""Of the newest verdicts, for the guard that counts them."""


def start(
    tx: Tx,
    *,
    execution: Execution | None,
    incident_id: int,
    target: Target,
    deadline: datetime,
    soak: int,
    now: datetime,
    generation: int | None,
    execution_uid: str,
    baseline: Mapping[str, Any],
) -> Verification:
    """A new current verification; the earlier current one of the same execution becomes superseded."""
    execution_id = execution.id if execution else 0
    if execution_id:
        before = current_of(tx, execution_id)
        if before is not None:
            _move(tx, before, VerdictEvent.SUPERSEDE, current=False, settled_at=before.settled_at or now)
    row = tx.one(
        VerificationRow.insert(
            execution_id=execution_id, incident_id=incident_id, target=target_to(target),
            verdict=VERIFICATION.initial.value, started_at=now, deadline=deadline, soak=soak, generation=generation,
            execution_uid=execution_uid, baseline=dict(baseline),
        ).returning(VerificationRow)
    )  # fmt: skip
    return _verification(row)


def get(tx: Tx, verification_id: int) -> Verification:
    """One verification; raises ``NotFoundError``."""
    row = tx.one(VerificationRow.select().where(VerificationRow.id == verification_id))
    if row is None:
        raise NotFoundError(f"There is no verification {verification_id}.")
    return _verification(row)


def current_of(tx: Tx, execution_id: int) -> Verification | None:
    """The current verification of an execution."""
    where = (VerificationRow.execution_id == execution_id) & VerificationRow.current
    return _first(tx, VerificationRow.select().where(where).order_by(VerificationRow.id.desc()))


def since(tx: Tx, at: datetime) -> list[tuple[int, Verdict, datetime]]:
    """(incident, verdict, time) of the current verdicts given since then, newest first; superseded ones left out."""
    given = [Verdict.PASS.value, Verdict.FAIL.value, Verdict.INCONCLUSIVE.value]
    rows = tx.all(
        VerificationRow.select(VerificationRow.incident_id, VerificationRow.verdict, VerificationRow.settled_at)
        .where(VerificationRow.current, VerificationRow.settled_at >= at, VerificationRow.verdict.in_(given))
        .order_by(VerificationRow.settled_at.desc(), VerificationRow.id.desc())
        .limit(MOST_VERDICTS)
    )
    return [(row.incident_id, Verdict(row.verdict), row.settled_at) for row in rows]


def latest_of_incident(tx: Tx, incident_id: int) -> Verification | None:
    """The newest verification of an incident."""
    return _first(
        tx,
        VerificationRow.select()
        .where(VerificationRow.incident_id == incident_id)
        .order_by(VerificationRow.id.desc())
        .limit(1),
    )


def measuring(tx: Tx, incident_id: int) -> bool:
    """Whether the newest verification of an incident has no verdict yet; fixed text, intake asks it."""
    sql = "SELECT verdict FROM verifications WHERE incident_id = ? ORDER BY id DESC LIMIT 1"
    row = tx.execute(sql, (incident_id,)).fetchone()
    return row is not None and row[0] == Verdict.MEASURING.value


def open_ones(tx: Tx) -> list[Verification]:
    """Those without a verdict, the nearest deadline first."""
    query = VerificationRow.select().where(VerificationRow.verdict == Verdict.MEASURING.value)
    return [_verification(row) for row in tx.all(query.order_by(VerificationRow.deadline, VerificationRow.id))]


def measure(
    tx: Tx,
    verification_id: int,
    checks: Iterable[Check],
    progress: Mapping[str, Any],
    rolled_out_at: datetime | None,
    now: datetime,  # noqa: ARG001 - each check carries its own time; taken so that all of this room are called alike
) -> bool:
    """Keep one look while there is no verdict; False if there is one.

    ``rolled_out_at`` is written as given, None too: a look that saw a pod become unready begins the soak anew.
    """
    changes: dict[str, Any] = {
        "checks": _checks_to(checks), "progress": dict(progress), "rolled_out_at": rolled_out_at,
    }  # fmt: skip
    where = (VerificationRow.id == verification_id) & (VerificationRow.verdict == Verdict.MEASURING.value)
    return bool(tx.run(VerificationRow.update(**changes).where(where)))


def settle(
    tx: Tx,
    verification_id: int,
    event: VerdictEvent,
    checks: Iterable[Check],
    progress: Mapping[str, Any],
    now: datetime,
    note: str = "",
) -> Verification:
    """The verdict with what was measured; raises ``IllegalTransitionError`` if there was one."""
    before = get(tx, verification_id)
    return _move(tx, before, event, checks=_checks_to(checks), progress=dict(progress), settled_at=now, note=note)


def _move(tx: Tx, before: Verification, event: VerdictEvent, **changes: Any) -> Verification:
    verdict = VERIFICATION.next(before.verdict, event)
    row = tx.one(
        VerificationRow.update(verdict=verdict.value, **changes)
        .where(VerificationRow.id == before.id, VerificationRow.verdict == before.verdict.value)
        .returning(VerificationRow)
    )
    if row is None:
        raise IllegalTransitionError(f"Verification {before.id} was moved by somebody else meanwhile.")
    return _verification(row)


def _first(tx: Tx, query: Any) -> Verification | None:
    row = tx.one(query)
    return _verification(row) if row else None


def _checks_to(checks: Iterable[Check]) -> list[dict[str, Any]]:
    return [asdict(check) | {"at": to_text(check.at)} for check in checks]


def _check(value: Mapping[str, Any]) -> Check:
    return Check(**{**value, "state": CheckState(value["state"]), "at": from_text(value["at"])})


def _verification(row: Any) -> Verification:
    return Verification(
        id=row.id, execution_id=row.execution_id, incident_id=row.incident_id, target=target_in(row.target),
        verdict=Verdict(row.verdict), current=row.current, started_at=row.started_at, deadline=row.deadline,
        soak=row.soak, generation=row.generation, execution_uid=row.execution_uid, baseline=row.baseline,
        checks=tuple(_check(check) for check in row.checks), progress=row.progress, rolled_out_at=row.rolled_out_at,
        settled_at=row.settled_at, note=row.note,
    )  # fmt: skip
