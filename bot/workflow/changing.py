"""The same action with another value: whoever changes what was proposed is its requester from then on.

The proposal that was shown is taken back, and a new one is made like any other: preview, guards, policy, approval. It
refuses to change anything that is carried out already.
"""

from __future__ import annotations

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.decision import Rule, deny
from bot.domain.mitigation import Action, noun_of, traits_of
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import ProposalEvent, ProposalState
from bot.domain.redaction import redact
from bot.mitigations import catalog
from bot.policy import approvers as approver_policy
from bot.storage import due, incidents, proposals
from bot.storage.db import Lane, Tx
from bot.workflow import decide, owing
from bot.workflow.context import Context


async def change(ctx: Context, proposal_id: int, principal: Principal, value: str) -> Answer:
    """Asks for the pending proposal's action with this value in the place of the one shown."""
    return await ctx.store.transact(_change, ctx, proposal_id, principal, value.strip(), lane=Lane.PRESS)


def _change(tx: Tx, ctx: Context, proposal_id: int, principal: Principal, value: str) -> Answer:
    now = ctx.clock()
    proposal = proposals.get(tx, proposal_id)
    outsider = approver_policy.identity(principal)
    if not outsider.allowed:
        return decide.refused(tx, proposal, principal, outsider, now)
    of, noun = traits_of(proposal.action), noun_of(proposal.action)
    if not of.changes:
        said = deny(Rule.SETTLED, f"Nothing of {noun} can be changed. Reject it, or approve it as it is.")
        return decide.refused(tx, proposal, principal, said, now)
    if proposal.state is not ProposalState.PENDING:
        return decide.too_late(tx, ctx, proposal_id, principal)
    wanted = {of.changes: value, **{key: proposal.params[key] for key in of.keeps if key in proposal.params}}
    wrong = catalog.CATALOG[Action(proposal.action)].asked(wanted)
    if wrong or not value:
        said = deny(Rule.SETTLED, wrong or f"Write the {of.changes} that is meant.")
        return decide.refused(tx, proposal, principal, said, now)
    reason = f"{of.changes} was changed"
    proposals.settle(tx, proposal.id, ProposalEvent.SUPERSEDE, now, by=principal.id, reason=reason)
    decide.void(tx, proposal.id)
    detail = {"reason": reason, "before": str(proposal.params.get(of.changes, "")), "wanted": redact(value)[:200]}
    subject = f"proposal:{proposal.id}"
    tx.audit(
        AuditNote("proposal:state:changed", principal.id, subject, "superseded", proposal.incident_id, detail), now
    )
    incident = incidents.get(tx, proposal.incident_id)
    asked = {"requested_by": principal.id, "action": proposal.action, "wanted": wanted}
    due.owe(tx, Stage.PROPOSE, incident.id, now, asked)
    owing.card(tx, incident, Priority.PRESS, now)
    text = f"{noun.capitalize()} with {of.changes} {value[:60]} is being proposed on the card of {incident.ref}."
    return Answer(text, incident_id=incident.id)
