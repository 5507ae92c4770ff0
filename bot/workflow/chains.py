"""Several steps under one approval: the next begins with the verdict before it, in one transaction, after PASS alone.

Each is an execution of its own, claimed with all guards. Whatever else comes of one ends the rest: that is said, and
offered anew with an approval of its own. It refuses to begin a step twice, and to go on once it was stopped.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.execution import Execution, ExecutionState
from bot.domain.incident import Incident
from bot.domain.mitigation import traits_of
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM, Halt, Proposal, Step
from bot.domain.verification import Verdict
from bot.storage import due, executions, incidents, proposals
from bot.storage.db import Tx
from bot.workflow import again, owing

CLEARED = "all alerts are resolved since it was approved"
BY_A_PERSON = "a person stopped it"


def go_on(tx: Tx, execution: Execution, verdict: Verdict, now: datetime) -> bool:
    """Begins the step after this one, if its verdict lets it; False where none begins.

    Where the alerts are gone by now nothing more is done: what was approved was meant to end them.
    """
    proposal = proposals.get(tx, execution.proposal_id).at(execution.step)
    if verdict is not Verdict.PASS or not proposal.left or proposal.halt:
        return False
    incident = incidents.get(tx, execution.incident_id)
    if incident.alerts_total and not incident.alerts_firing:
        halt(tx, incident, proposal, proposal.left, Halt.CLEARED, CLEARED, now)
        return False
    following = proposal.at(proposal.step + 1)
    begun = executions.add(tx, uid=uuid.uuid4().hex, proposal=following, approved_by=execution.approved_by, now=now)
    if begun is None:
        return False  # what is measured again was followed before
    due.owe(tx, Stage.EXECUTE, begun.id, now)
    detail = {"step": place(following), "headline": following.text.headline, "after": f"execution:{execution.id}"}
    subject = f"execution:{begun.id}"
    tx.audit(AuditNote("execution:step:begun", SYSTEM, subject, "begun", incident.id, detail), now)
    return True


def ended(tx: Tx, execution: Execution, verdict: Verdict, now: datetime) -> bool:
    """After the verdict of a step after which none begins: what is left is offered anew; False where nothing is."""
    proposal = proposals.get(tx, execution.proposal_id).at(execution.step)
    incident = incidents.get(tx, execution.incident_id)
    if not proposal.left or len(executions.by_proposal(tx, proposal.id)) > execution.step + 1:
        return False
    why = f"the verdict on the {traits_of(execution.action).noun} is {str(verdict).upper()}"
    halt(tx, incident, proposal, proposal.left, Halt.VERDICT, why, now)
    return incident.open and again.owe_rest(tx, proposal, again.LEFT if verdict is Verdict.PASS else without(why), now)


def without(why: str) -> str:
    """Why the rest is proposed though what came before it didn't pass."""
    return f"{why[:1].upper()}{why[1:].rstrip('.')}. This goes on without it."


def failed(execution: Execution) -> str:
    """Why nothing follows a step that has no verdict, a clause: ``the heap dump failed: There is no Java process``."""
    noun, outcome = traits_of(execution.action).noun, execution.outcome.rstrip(".")
    if execution.state is ExecutionState.UNKNOWN:
        return f"what came of the {noun} isn't known: {outcome}"
    return f"the {noun} failed: {outcome}"


def place(proposal: Proposal) -> str:
    """``2 of 3``."""
    return f"{proposal.step + 1} of {len(proposal.steps)}"


def halt(
    tx: Tx, incident: Incident, proposal: Proposal, undone: Sequence[Step], how: Halt, why: str, now: datetime,
    by: str = SYSTEM,
) -> bool:  # fmt: skip
    """Nothing of ``undone`` is done under this approval any more, and why; False where that was said before."""
    if not undone or not proposals.stop(tx, proposal.id, how, why):
        return False
    names = [one.text.headline for one in undone]
    detail = {"reason": why, "not_done": names, "step": place(proposal)}
    tx.audit(AuditNote("proposal:steps:stopped", by, f"proposal:{proposal.id}", "stopped", incident.id, detail), now)
    text = f"Not done: {_in_order(undone)}. Why: {why.rstrip('.')}. It takes a new approval."
    owing.thread(tx, incident, f"steps:{proposal.id}", text, now)
    owing.card(tx, incident, Priority.PRESS, now)
    return True


def stop(tx: Tx, proposal: Proposal, principal: Principal, now: datetime) -> Answer | str:
    """By a person, before a step begins; a sentence where there is nothing to stop. What runs is carried out."""
    runs = executions.by_proposal(tx, proposal.id)
    if not proposal.steps or not runs or not runs[-1].in_flight or proposal.halt:
        return "Nothing of this is left that could be stopped."
    last = runs[-1]
    waits = last.state is ExecutionState.PENDING
    incident = incidents.get(tx, proposal.incident_id)
    undone = proposal.steps[last.step if waits else last.step + 1 :]
    if not halt(tx, incident, proposal.at(last.step), undone, Halt.PERSON, BY_A_PERSON, now, by=principal.id):
        return "The last step is under way: it can't be stopped any more."
    if waits:
        due.owe(tx, Stage.EXECUTE, last.id, now)  # its claim finds it stopped
    return Answer(f"Stopped. Not done: {_in_order(undone)}.", incident_id=incident.id)


def _in_order(steps: Sequence[Step]) -> str:
    first, *others = (step.text.headline for step in steps)
    return ", then ".join([first, *(one[:1].lower() + one[1:] for one in others)])
