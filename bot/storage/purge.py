"""Retention: bodies, evidence, reasons and audit details of incidents that were resolved long ago are forgotten.

Rows and the audit's entries stay, so that counts, deduplication and the chain hold. This module refuses to choose
the age.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.audit import AuditNote
from bot.storage.fields import to_text
from bot.storage.tx import Tx

_OLD = "SELECT id FROM incidents WHERE state = 'resolved' AND resolved_at < ?"

_STATEMENTS = {
    "alerts": (
        "UPDATE alerts SET labels = NULL, annotations = NULL, generator_url = '', external_url = '' "  # noqa: S608 - constants
        f"WHERE labels IS NOT NULL AND last_seen_at < ? AND (incident_id IS NULL OR incident_id IN ({_OLD}))"
    ),
    "evidence": (
        "UPDATE evidence SET data = NULL, summary = '', problem = '' "  # noqa: S608 - constants
        f"WHERE data IS NOT NULL AND incident_id IN ({_OLD})"
    ),
    "audit_details": (
        "DELETE FROM audit_details WHERE seq IN "  # noqa: S608 - constants
        f"(SELECT seq FROM audit WHERE at < ? AND (incident_id = 0 OR incident_id IN ({_OLD})))"
    ),
    "proposals": f"UPDATE proposals SET reason = '' WHERE reason <> '' AND incident_id IN ({_OLD})",  # noqa: S608 - constants
    "approvals": (
        "UPDATE approvals SET reason = '' WHERE reason <> '' AND proposal_id IN "  # noqa: S608 - constants
        f"(SELECT id FROM proposals WHERE incident_id IN ({_OLD}))"
    ),
    "incidents": "UPDATE incidents SET reason = '' WHERE reason <> '' AND state = 'resolved' AND resolved_at < ?",
    "quarantine": "UPDATE quarantine SET body = NULL WHERE body IS NOT NULL AND received_at < ?",
    "deliveries": "DELETE FROM deliveries WHERE received_at < ?",
    "outbox": (
        "UPDATE outbox SET params = '{}' WHERE params <> '{}' AND owed_at < ? AND (version <= sent_version OR dropped)"
    ),
}


def purge_older_than(tx: Tx, before: datetime) -> dict[str, int]:
    """Forget what is older than ``before``; table to rows changed. Open incidents keep everything."""
    at = to_text(before)
    return {name: tx.execute(sql, (at,) * sql.count("?")).rowcount for name, sql in _STATEMENTS.items()}


def purge(tx: Tx, before: datetime, actor: str, now: datetime) -> dict[str, int]:
    """``purge_older_than``, audited as ``actor`` with the counts; without an entry when there was nothing to erase."""
    counts = purge_older_than(tx, before)
    if any(counts.values()):
        detail = {"before": to_text(before), "rows": counts}
        tx.audit(AuditNote("system:store:purged", actor, "store", "purged", detail=detail), now)
    return counts
