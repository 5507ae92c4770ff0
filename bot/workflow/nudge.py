"""A reminder in the thread before a proposal expires, where a rule of the policy wants one; said once, or not at all.

It mentions those who may approve. What was decided meanwhile isn't reminded of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.approval import Verb, is_oncall
from bot.domain.audit import AuditNote
from bot.domain.owed import DueWork, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.storage import due, incidents, oncall, proposals
from bot.storage.db import Tx
from bot.workflow import close, owing
from bot.workflow.context import Context

MENTIONED = 5
"""So many people and groups are mentioned; more would be noise for those who aren't on call."""


def _people(tx: Tx, proposal: Proposal, now: datetime) -> tuple[str, ...]:
    """Those who may approve; in the place of a schedule whom it has on call now."""
    on_call = oncall.on_at(tx, now)
    return tuple(
        dict.fromkeys(
            person for one in proposal.approvers for person in (on_call.get(one, ()) if is_oncall(one) else (one,))
        )
    )


def owe(tx: Tx, proposal: Proposal, before: timedelta | None, now: datetime) -> None:
    """Owes the reminder so long before the end; none where that was before the beginning."""
    if before is not None and proposal.expires_at is not None and proposal.expires_at - before > now:
        due.owe(tx, Stage.NUDGE, proposal.id, proposal.expires_at - before)


async def nudge(ctx: Context, work: DueWork) -> None:
    """Reminds of proposal ``work.subject`` if it still waits."""
    await ctx.store.transact(_nudge, ctx, work)


def _nudge(tx: Tx, ctx: Context, work: DueWork) -> None:
    due.done(tx, work)
    now = ctx.clock()
    proposal = proposals.get(tx, work.subject)
    if proposal.state is not ProposalState.PENDING or proposal.expires_at is None or proposal.expires_at <= now:
        return
    incident = incidents.get(tx, proposal.incident_id)
    given = sum(1 for one in proposals.approvals(tx, proposal.id) if one.verb is Verb.APPROVED)
    left = proposal.quorum - given
    text = (
        f"Still waiting for {left} approval{'s' * (left != 1)}: {proposal.text.headline}. "
        f"It expires in {close.minutes(proposal.expires_at - now)}."
    )
    owing.thread(tx, incident, f"nudge:{proposal.id}", text, now, mentions=_people(tx, proposal, now)[:MENTIONED])
    detail = {"left": left, "policies": ", ".join(proposal.text.rules)}
    note = AuditNote("proposal:state:nudged", SYSTEM, f"proposal:{proposal.id}", "nudged", proposal.incident_id, detail)
    tx.audit(note, now)
