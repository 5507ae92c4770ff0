"""What is owed to ``propose``: the same once more, what is left of it, or the inverse of what failed.

It only writes down parameters.
"""

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
REST_OF = "rest_of"
"""Key in a proposal's parameters: the proposal of whose steps it is what was left."""
MARKS = (UNDO_OF, REST_OF)
THEN = "then"
"""Key of what is owed to ``propose``: the steps after the first, each with its action and what is wanted."""
WHY = "why"
"""Key of what is owed to ``propose``: why an undo, or what was left, is proposed."""
LEFT = "What came before it is done, and this was left."
FAILED = "What was done failed its verification; this undoes it."


def marked(params: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that say where the proposal comes from."""
    return {key: params[key] for key in MARKS if key in params}


def wished(proposal: Proposal) -> dict[str, Any]:
    """What was resolved before as what is wanted, of this step and of those after it."""
    wanted = {key: value for key, value in proposal.params.items() if key not in MARKS}
    then = [{"action": one.action, "wanted": dict(one.params)} for one in proposal.left]
    return {**({"wanted": wanted} if wanted else {}), **({THEN: then} if then else {})}


def params(proposal: Proposal) -> dict[str, Any]:
    """The same proposal afresh, from this step on: for the same person, and with what was resolved before."""
    asked: dict[str, Any] = {"requested_by": proposal.requested_by, "action": proposal.action}
    marks = marked(proposal.params)
    if proposal.step:
        marks = {REST_OF: proposal.id}
        asked[WHY] = LEFT
    if proposal.requested_by != SYSTEM or marks:
        asked |= wished(proposal)
    if marks:
        asked = {WHY: proposal.text.rationale, **asked, **marks}
    return asked


def owe_rest(tx: Tx, proposal: Proposal, why: str, now: datetime) -> bool:
    """Owes the proposal of the steps after this one; False where there is none."""
    if not proposal.left:
        return False
    rest = proposal.at(proposal.step + 1)
    asked: Mapping[str, Any] = {
        "requested_by": rest.requested_by, "action": rest.action, **wished(rest), REST_OF: rest.id, WHY: why,
    }  # fmt: skip
    due.owe(tx, Stage.PROPOSE, rest.incident_id, now, asked)
    return True


def owe_undo(tx: Tx, execution: Execution, now: datetime) -> bool:
    """Owes the proposal that undoes this execution; False where there is nothing that would."""
    done = proposals.get(tx, execution.proposal_id).at(execution.step)
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
