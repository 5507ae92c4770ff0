"""Findings as stored: what the newest look concluded of an incident, best first. Bodies are null after retention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from bot.domain.finding import Finding
from bot.domain.snapshot import row_of
from bot.storage.tables import FindingRow
from bot.storage.tx import Tx


def put(tx: Tx, incident_id: int, found: Iterable[Finding], at: datetime) -> None:
    """Keep these, best first, instead of what an earlier look concluded."""
    tx.run(FindingRow.delete().where(FindingRow.incident_id == incident_id))
    for rank, finding in enumerate(found):
        made = FindingRow.insert(
            incident_id=incident_id, rank=rank, cause=str(finding.cause), body=asdict(finding), found_at=at
        )
        tx.all(made.returning(FindingRow))


def of(tx: Tx, incident_id: int, since: datetime | None = None) -> tuple[Finding, ...]:
    """The findings, best first; those from before ``since`` are of an earlier episode and left out, purged ones too."""
    query = FindingRow.select().where(FindingRow.incident_id == incident_id).order_by(FindingRow.rank)
    rows = [row for row in tx.all(query) if row.body is not None and (since is None or row.found_at >= since)]
    return tuple(row_of(Finding, row.body) for row in rows)
