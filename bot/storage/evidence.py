"""Evidence as stored: the newest answer of each collector for each incident. ``data`` is null after retention."""

from __future__ import annotations

from dataclasses import asdict

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.storage.tables import EvidenceRow
from bot.storage.tx import Tx


def put(tx: Tx, incident_id: int, evidence: Evidence) -> None:
    """Keep this answer; the same source's earlier one is replaced."""
    tx.run(
        EvidenceRow.delete().where(EvidenceRow.incident_id == incident_id, EvidenceRow.source == evidence.source),
    )
    tx.all(EvidenceRow.insert(incident_id=incident_id, **asdict(evidence)).returning(EvidenceRow))


def drop(tx: Tx, incident_id: int, source: str) -> None:
    """What this source said is over: a later look got an answer."""
    tx.execute("DELETE FROM evidence WHERE incident_id = ? AND source = ?", (incident_id, source))


def answered(tx: Tx, incident_id: int, source: str) -> bool:
    """Whether this source gave evidence, without reading it."""
    row = tx.execute(
        "SELECT 1 FROM evidence WHERE incident_id = ? AND source = ? AND status = 'ok'", (incident_id, source)
    ).fetchone()
    return row is not None


def all_failed(tx: Tx, incident_id: int) -> bool:
    """Whether collectors answered for this incident, and not one of them with evidence."""
    row = tx.execute(
        "SELECT count(*), sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) FROM evidence WHERE incident_id = ?",
        (incident_id,),
    ).fetchone()
    return bool(row and row[0] and row[0] == row[1])


def of(tx: Tx, incident_id: int) -> list[Evidence]:
    """The evidence of an incident by source name; purged data reads as empty."""
    query = EvidenceRow.select().where(EvidenceRow.incident_id == incident_id).order_by(EvidenceRow.source)
    return [
        Evidence(
            source=row.source,
            status=EvidenceStatus(row.status),
            summary=row.summary,
            observed_at=row.observed_at,
            data=row.data or {},
            problem=row.problem,
        )
        for row in tx.all(query)
    ]
