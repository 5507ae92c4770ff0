"""The proposal as a person must see it before pressing: action, target, facts, who may approve, until when.

Texts were written by the room that made the proposal; here they are only made safe and put in order.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.approval import Verb, is_oncall, too_few
from bot.domain.oncall import called
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.slack.cards import blocks
from bot.slack.cards.steps import planned
from bot.slack.cards.view import CardView, Phase, newest_proposal, nothing_fits, pending_proposals, phase_of, who
from bot.slack.message import Block
from bot.slack.mrkdwn import code, mention, moment, safe, sentence

AN_AGE = timedelta(days=365)
"""A shift that lasts longer is somebody's who is always on call."""
NO_APPROVERS = (
    "Nobody may approve, because no approvers are configured. Set `APPROVERS` to Slack user ids "
    "(or user group ids) and restart Fettle."
)


def proposal_blocks(view: CardView) -> list[Block]:
    """The proposal's paragraphs; what was decided where nothing is pending; nothing where there never was one."""
    pending = pending_proposals(view)
    if pending:
        return [_pending(view, pending[0])]
    phase = phase_of(view)
    newest = newest_proposal(view)
    if newest is None or phase in {Phase.RESOLVED, Phase.RUNNING}:
        return []
    if view.execution is not None and newest.id <= view.execution.proposal_id:
        return []
    drawn = _settled(view, newest)
    return [drawn] if drawn else []


def _pending(view: CardView, proposal: Proposal) -> Block:
    text = proposal.text
    verb = safe(text.verb, 100)
    whole = f"{verb[:1].upper()}{verb[1:]}: {safe(proposal.target.ref, 150)}" if proposal.steps else ""
    lines = [f"*Proposed*  *{whole or safe(text.headline, 300)}*"]
    if text.rationale:
        lines.append(safe(text.rationale, 350))
    lines += planned(proposal)
    if text.facts:
        lines.append(safe(text.facts, 350))
    lines += [f"⚠ {safe(warning, 220)}" for warning in text.warnings[:4]]
    if len(text.warnings) > 4:
        lines.append(f"⚠ {len(text.warnings) - 4} more warnings under More")
    if proposal.requested_by != SYSTEM:
        lines.append(f"Requested by {who(view, proposal.requested_by)}")
    lines.append(needs(view, proposal))
    if view.frozen is not None:
        by, reason, at = view.frozen
        since = f" since {moment(at, view.now)}" if at is not None else ""
        why = f": “{safe(reason, 200)}”" if reason else ""
        lines.append(f"🧊 *Writes are frozen*{since} by {who(view, by)}{why}. Approve is refused now.")
    if view.alone is not None:
        playbook, at = view.alone
        when = f"from {moment(at, view.now)} on" if at is not None else "soon after the thread was told"
        lines.append(
            f"*Without an approval*, {when}: the playbook {safe(playbook, 64)} lets Fettle do it. Stop prevents that."
        )
    return blocks.section("\n".join(lines), 2800)


def needs(view: CardView, proposal: Proposal) -> str:
    """``Needs 1 of @sre-oncall · until 03:29``, or why nobody can."""
    if view.approvers_missing or not proposal.approvers:
        return NO_APPROVERS
    names = [_approver(view, one) for one in proposal.approvers[:3]]
    rest = len(proposal.approvers) - len(names)
    people = ", ".join(names) + (f" and {rest} more" if rest else "")
    until = f" · until {moment(proposal.expires_at, view.now)}" if proposal.expires_at else ""
    if proposal.text.rules:
        until += f" · policy {safe(', '.join(proposal.text.rules[:3]), 200)}"
    if too_few(proposal.approvers, proposal.quorum):
        return f"Needs {proposal.quorum} people, and only {people} may approve: nobody can give the others' word{until}"
    given = [one for one in view.approvals if one.proposal_id == proposal.id and one.verb is Verb.APPROVED]
    by = ", ".join(f"{who(view, one.principal)} {moment(one.at, view.now)}" for one in given)
    so_far = f"\nApproved by {by}; {proposal.quorum - len(given)} more to go" if given else ""
    return f"Needs {proposal.quorum} of {people}{until}{so_far}"


def _approver(view: CardView, approver: str) -> str:
    """A person or group; of a schedule whom it has on call now, and until when."""
    if not is_oncall(approver):
        return mention(approver)
    on_call = view.on_call.get(approver) or {}
    people = " and ".join(f"{mention(one)}{_end(view, at)}" for one, at in list(on_call.items())[:3])
    return f"{safe(called(approver), 80)} ({people or 'not known now'})"


def _end(view: CardView, at: datetime) -> str:
    """The end of a shift; nothing where it has none to speak of."""
    return f" until {moment(at, view.now)}" if at - view.now < AN_AGE else ""


def _settled(view: CardView, proposal: Proposal) -> Block | None:
    headline = safe(proposal.text.headline, 300)
    at = f" {moment(proposal.decided_at, view.now)}" if proposal.decided_at else ""
    reason = f"\n{safe(proposal.reason, 500)}" if proposal.reason else ""
    if nothing_fits(proposal):
        return nothing_block(view, proposal.text.refusal, proposal.text.by_hand)
    if proposal.state is ProposalState.RECORDED:
        return blocks.section(_recorded(proposal, observe=view.observe), 2000)
    if proposal.state is ProposalState.DENIED:
        said = f": {safe(proposal.reason, 500)}" if proposal.reason else "."
        return blocks.section(f"*Rejected*  {headline}\nby {who(view, proposal.decided_by)}{at}{said}", 1500)
    if proposal.state is ProposalState.EXPIRED:
        end = proposal.decided_at or proposal.expires_at
        when = f" until {moment(end, view.now)}" if end else ""
        return blocks.section(f"*Expired*  {headline}\nNobody decided{when}. Nothing was done.", 1500)
    if proposal.state is ProposalState.SUPERSEDED:
        return blocks.section(f"*Withdrawn*  {headline}{at}{reason}\nNothing was done.", 1500)
    return None


def nothing_block(view: CardView, reason: str, by_hand: str = "") -> Block:
    """``No proposal, because: …``, what a person can do by hand, and the workloads that could be meant."""
    incident = view.incident
    why = sentence(safe(reason, 700))
    lines = [f"*No proposal*, because: {why}" if why else "*No proposal.*"]
    if by_hand:
        lines.append(f"By hand: {code(by_hand, 400)}")
    if incident.target is None and incident.candidates:
        names = ", ".join(safe(target.label, 90) for target in incident.candidates[:5])
        rest = len(incident.candidates) - 5
        lines.append(f"The alerts could mean {names}{f' and {rest} more' if rest > 0 else ''}. Choose the target.")
    return blocks.section("\n".join(lines), 1700)


def _recorded(proposal: Proposal, *, observe: bool) -> str:
    headline = safe(proposal.text.headline, 300)
    would = headline[:1].lower() + headline[1:]
    refusal = sentence(safe(proposal.text.refusal, 700))
    lines = [f"*Would propose*  {would}"]
    if proposal.text.rationale:
        lines.append(safe(proposal.text.rationale, 350))
    if refusal:
        lines.append(f"Policy would deny, because: {refusal}")
    else:
        lines.append("Policy would allow it.")
    if observe:
        lines.append("Fettle only observes here (`MODE=observe`), so there is no button.")
    elif not refusal:
        lines.append("There is no button, because Fettle may not act here.")
    return "\n".join(lines)
