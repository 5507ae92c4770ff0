"""Incidents of alerts with Fettle's first proposal and what people then did: the rows of the shadow report.

What was done stands in the audit, whose details are erased with the retention; the outcome stays. It refuses to write.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from bot.domain.aftermath import Outcome
from bot.domain.incident import IncidentState
from bot.domain.proposal import SYSTEM
from bot.domain.shadow import Shadowed
from bot.storage.fields import from_text, to_text
from bot.storage.tx import Tx

TAG = "incident:aftermath:seen"
NO_PLAYBOOK = "(none yet)"
"""Of an incident that nobody looked at."""

_ROWS = """
SELECT i.id, i.playbook, i.state, i.opened_at, coalesce(p.action, ''), coalesce(a.outcome, ''), d.detail
FROM incidents i
LEFT JOIN (SELECT incident_id, min(id) AS id FROM proposals WHERE requested_by = ? AND action <> 'none'
  GROUP BY incident_id) f ON f.incident_id = i.id
LEFT JOIN proposals p ON p.id = f.id
LEFT JOIN (SELECT incident_id, max(seq) AS seq FROM audit WHERE tag = ? GROUP BY incident_id) l ON l.incident_id = i.id
LEFT JOIN audit a ON a.seq = l.seq
LEFT JOIN audit_details d ON d.seq = l.seq
WHERE i.opened_at >= ? AND i.alertname <> '' AND i.declared_by = '' AND (? = '' OR i.playbook = ?)
ORDER BY i.id
"""


def rows(tx: Tx, since: datetime, playbook: str = "") -> list[Shadowed]:
    """Incidents opened since then, oldest first, of one playbook if named."""
    found = tx.execute(_ROWS, (SYSTEM, TAG, to_text(since), playbook, playbook)).fetchall()
    return [_row(*row) for row in found]


def playbooks(tx: Tx) -> list[str]:
    """The names of playbooks that any incident went by."""
    found = tx.execute("SELECT DISTINCT playbook FROM incidents WHERE playbook <> '' ORDER BY playbook").fetchall()
    return [str(row[0]) for row in found]


def _row(
    incident: int, playbook: str, state: str, opened_at: str, proposed: str, outcome: str, detail: str | None
) -> Shadowed:
    kept: dict[str, Any] = json.loads(detail) if detail else {}
    return Shadowed(
        incident=incident,
        playbook=playbook or NO_PLAYBOOK,
        opened_at=from_text(opened_at),
        open=state != IncidentState.RESOLVED.value,
        proposed=str(kept.get("proposed", proposed)),
        outcome=Outcome(outcome) if outcome else None,
        did=tuple((str(one["action"]), _words(one)) for one in kept.get("did", ())),
    )


def _words(act: dict[str, str]) -> str:
    by = act.get("by", "")
    return f"{act['what']} by {by}" if by else act["what"]
