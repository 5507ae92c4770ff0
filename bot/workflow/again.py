"""What is owed to ``propose``: the same once more, or the inverse of what failed. It only writes down parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.execution import Execution
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, Proposal
from bot.mitigations import catalog
from bot.storage import due, proposals
from bot.storage.db import Tx

UNDO_OF = "undo_of"
"""Key in a proposal's parameters: the execution that it undoes."""
WHY = "why"
"""Key of what is owed to ``propose``: why an undo is proposed."""
FAILED = "What was done failed its verification; this undoes it."


def params(proposal: Proposal) -> dict[str, Any]:
    """The same proposal afresh: for the same person, and with what was resolved before as what is wanted."""
    asked: dict[str, Any] = {"requested_by": proposal.requested_by, "action": proposal.action}
    wanted = {key: value for key, value in proposal.params.items() if key != UNDO_OF}
    if wanted and (proposal.requested_by != SYSTEM or UNDO_OF in proposal.params):
        asked["wanted"] = wanted
    if UNDO_OF in proposal.params:
        asked |= {UNDO_OF: proposal.params[UNDO_OF], WHY: proposal.text.rationale}
    return asked


def owe_undo(tx: Tx, execution: Execution, now: datetime) -> bool:
    """Owes the proposal that undoes this execution; False where there is nothing that would."""
    done = proposals.get(tx, execution.proposal_id)
    if UNDO_OF in done.params:
        return False  # an undo that failed: back and forth is no cure, a person has to look
    found = catalog.CATALOG[Action(execution.action)].undo(done.params)
    if found is None:
        return False
    action, wanted = found
    asked: Mapping[str, Any] = {
        "requested_by": SYSTEM, "action": str(action), "wanted": dict(wanted), UNDO_OF: execution.id,
        WHY: FAILED,
    }  # fmt: skip
    due.owe(tx, Stage.PROPOSE, execution.incident_id, now, asked)
    return True
