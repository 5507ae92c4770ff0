"""Silences as stored: at most one in force for an incident, from the request until it is known to be over.

This module refuses to ask Alertmanager, and it audits nothing: the verbs that call it do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.domain.errors import IllegalTransitionError, NotFoundError
from bot.domain.proposal import canonical
from bot.domain.silence import SILENCE, Silence, SilenceEvent, SilenceState
from bot.domain.verification import Check, CheckState, Verdict
from bot.storage import facts
from bot.storage.fields import from_text, to_text
from bot.storage.silence_table import SilenceRow
from bot.storage.tx import Tx

ASKED = "silence:asked"
"""The fact that holds when somebody last opened the form: approver groups are read while one may be submitted."""

_INSERT = """
INSERT INTO silences (uid, incident_id, state, in_force, requested_by, matchers, comment, alerts, created_at, ends_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING id
"""


def add(
    tx: Tx,
    *,
    uid: str,
    incident_id: int,
    requested_by: str,
    matchers: Sequence[Mapping[str, Any]],
    comment: str,
    alerts: int,
    ends_at: datetime,
    now: datetime,
) -> Silence | None:
    """A pending silence; None if the incident has one in force."""
    row = tx.execute(
        _INSERT,
        (
            uid, incident_id, SILENCE.initial.value, True, requested_by, canonical([dict(one) for one in matchers]),
            comment, alerts, to_text(now), to_text(ends_at),
        ),
    ).fetchone()  # fmt: skip
    return get(tx, row[0]) if row else None


def get(tx: Tx, silence_id: int) -> Silence:
    """One silence; raises ``NotFoundError``."""
    row = tx.one(SilenceRow.select().where(SilenceRow.id == silence_id))
    if row is None:
        raise NotFoundError(f"There is no silence {silence_id}.")
    return _silence(row)


def in_force(tx: Tx, incident_id: int) -> Silence | None:
    """The silence of an incident that isn't over; fixed text first, since each incident's end asks it."""
    row = tx.execute("SELECT id FROM silences WHERE incident_id = ? AND in_force", (incident_id,)).fetchone()
    return get(tx, row[0]) if row else None


def pending(tx: Tx) -> list[Silence]:
    """Those that were asked for and not begun, oldest first."""
    where = SilenceRow.state == SilenceState.PENDING.value
    return [_silence(row) for row in tx.all(SilenceRow.select().where(where).order_by(SilenceRow.id))]


def ids_of(tx: Tx, incident_id: int) -> frozenset[str]:
    """Alertmanager's ids of all silences that were ever set for an incident."""
    rows = tx.all(SilenceRow.select(SilenceRow.ids).where(SilenceRow.incident_id == incident_id))
    return frozenset(one for row in rows for one in row.ids)


def claim(tx: Tx, silence_id: int, body: Mapping[str, Any], now: datetime) -> Silence:
    """Pending to running with the exact request; raises ``IllegalTransitionError`` if it isn't pending."""
    return _move(tx, silence_id, SilenceEvent.CLAIM, body=dict(body), intent_at=now)


def confirm(tx: Tx, silence_id: int, ids: Iterable[str], check_by: datetime, outcome: str) -> Silence:
    """Running to active: Alertmanager has it, under these ids; it is to be checked until ``check_by``."""
    return _move(tx, silence_id, SilenceEvent.CONFIRM, ids=list(ids), check_by=check_by, outcome=outcome, trouble="")


def end(tx: Tx, silence_id: int, by: str, reason: str) -> Silence:
    """Active to ending."""
    return _move(tx, silence_id, SilenceEvent.END, end_by=by, end_reason=reason)


def wanted_over(tx: Tx, silence_id: int, by: str, reason: str) -> Silence:
    """Its end is wanted before it is known to be there: noted, and done once it is."""
    tx.run(SilenceRow.update(end_by=by, end_reason=reason).where(SilenceRow.id == silence_id, SilenceRow.end_by == ""))
    return get(tx, silence_id)


def fail(tx: Tx, silence_id: int, now: datetime, outcome: str) -> Silence:
    """It was never set."""
    return _move(tx, silence_id, SilenceEvent.FAIL, outcome=outcome, ended_at=now, in_force=False)


def over(tx: Tx, silence_id: int, now: datetime, outcome: str) -> Silence:
    """It doesn't hold any more."""
    return _move(tx, silence_id, SilenceEvent.OVER, outcome=outcome, ended_at=now, in_force=False)


def note(tx: Tx, silence_id: int, trouble: str) -> None:
    """What is in its way now, while nothing moves it; empty once nothing is."""
    tx.run(SilenceRow.update(trouble=trouble).where(SilenceRow.id == silence_id))


def measured(tx: Tx, silence_id: int, verdict: Verdict, checks: Iterable[Check], ids: Iterable[str]) -> Silence:
    """What one look saw; a verdict that was given stays."""
    rows = [asdict(check) | {"at": to_text(check.at)} for check in checks]
    changes = {"verdict": verdict.value, "checks": rows, "ids": list(ids)}
    where = (SilenceRow.id == silence_id) & (SilenceRow.verdict == Verdict.MEASURING.value)
    tx.run(SilenceRow.update(**changes).where(where))
    return get(tx, silence_id)


def measure_again(tx: Tx, silence_id: int, check_by: datetime) -> Silence:
    """A verdict that wasn't PASS is taken back, and another one wanted by then."""
    held = SilenceRow.state == SilenceState.ACTIVE.value
    unsure = SilenceRow.verdict.in_([Verdict.INCONCLUSIVE.value, Verdict.FAIL.value])
    where = (SilenceRow.id == silence_id) & held & unsure
    tx.run(SilenceRow.update(verdict=Verdict.MEASURING.value, check_by=check_by).where(where))
    return get(tx, silence_id)


def asked(tx: Tx, now: datetime) -> None:
    """Somebody opened the form."""
    facts.put(tx, ASKED, to_text(now))


def asked_since(tx: Tx, since: datetime) -> bool:
    """Whether somebody opened the form since then."""
    at = facts.get(tx, ASKED)
    return at is not None and from_text(at) >= since


def _move(tx: Tx, silence_id: int, event: SilenceEvent, **changes: Any) -> Silence:
    before = get(tx, silence_id)
    state = SILENCE.next(before.state, event)
    row = tx.one(
        SilenceRow.update(state=state.value, **changes)
        .where(SilenceRow.id == silence_id, SilenceRow.state == before.state.value)
        .returning(SilenceRow)
    )
    if row is None:
        raise IllegalTransitionError(f"Silence {silence_id} was moved by somebody else meanwhile.")
    return _silence(row)


def _silence(row: Any) -> Silence:
    checks = tuple(
        Check(**{**check, "state": CheckState(check["state"]), "at": from_text(check["at"])}) for check in row.checks
    )
    return Silence(
        id=row.id, uid=row.uid, incident_id=row.incident_id, state=SilenceState(row.state),
        requested_by=row.requested_by, matchers=tuple(row.matchers), comment=row.comment, created_at=row.created_at,
        ends_at=row.ends_at, alerts=row.alerts, body=row.body, intent_at=row.intent_at, ids=tuple(row.ids),
        verdict=Verdict(row.verdict), checks=checks, check_by=row.check_by, end_by=row.end_by,
        end_reason=row.end_reason, ended_at=row.ended_at, outcome=row.outcome, trouble=row.trouble,
        in_force=row.in_force,
    )  # fmt: skip
