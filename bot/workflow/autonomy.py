"""What speaks for and against an act without a person, gathered from the store and the settings as they are now.

``policy.autonomy`` judges it. It refuses to remember an earlier answer: whoever asks again gets what is so now.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.approval import by_playbook
from bot.domain.decision import Decision, Rule, deny
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.proposal import SYSTEM, Proposal, TargetState
from bot.mitigations import catalog
from bot.policy import autonomy
from bot.storage import executions, facts, incidents
from bot.storage.db import Tx
from bot.workflow import again, concluded, ruled
from bot.workflow.context import Context


def check(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    action: str,
    now: datetime,
    *,
    state: TargetState | None,
    expires_at: datetime | None,
    proposal: int = 0,
) -> Decision:
    """Every reason why this action of an alert's proposal needs a person; ``proposal`` is its id once it has one."""
    found = concluded.of(tx, incident)
    playbook = concluded.playbook_of(ctx, incident, found)
    plan = concluded.planned(ctx, incident, found)
    none, settings = playbook.approval.none, ctx.settings
    case = autonomy.Alone(
        action=action,
        playbook=playbook.name,
        hourly=none.hourly if none is not None else None,
        planned=plan.suggestion.action if plan.suggestion is not None else "",
        confidence=plan.finding.confidence if plan.finding is not None else None,
        by_alert=not incident.declared_by and incident.alerts_firing > 0,
        settings=frozenset(str(one) for one in settings.AUTONOMY_ACTIONS),
        approvers=bool(settings.APPROVERS),
        breaker=settings.BREAKER > 0,
        fits=bool(catalog.CATALOG[Action(action)].alone),
        told=incident.digest_id is None,
        lasts=none is None or expires_at is None or now + none.delay < expires_at,
        stopped=facts.get(tx, _stopped(incident)) is not None,
        done=tuple(executions.approved_since(tx, by_playbook(playbook.name), now - autonomy.HOUR, but=proposal)),
    )
    target = state.target if state is not None else incident.target
    wanted = ruled.alone(ctx, incident, action, target, state) if target is not None else Decision()
    return autonomy.check(case, now) + _annotated(state) + wanted


def still(
    tx: Tx, ctx: Context, proposal: Proposal, playbook: str, now: datetime, state: TargetState | None
) -> Decision:
    """The same of a proposal that was announced by this playbook, when its delay is over and at the claim."""
    if proposal.requested_by != SYSTEM or again.UNDO_OF in proposal.params:
        return deny(Rule.AUTONOMY, "Only what an alert brings is done without a person.")
    incident = incidents.get(tx, proposal.incident_id)
    in_force = concluded.playbook_of(ctx, incident, concluded.of(tx, incident)).name
    if in_force != playbook:
        return deny(Rule.AUTONOMY, f"The playbook {in_force} is in force now, and {playbook} announced it.")
    return check(tx, ctx, incident, proposal.action, now, state=state, expires_at=None, proposal=proposal.id)


def stop(tx: Tx, incident: Incident) -> None:
    """Nothing more without a person in this incident, until it is opened again."""
    facts.put(tx, _stopped(incident), "1")


def _stopped(incident: Incident) -> str:
    return f"stopped:{incident.id}:{incident.episodes}"


def _annotated(state: TargetState | None) -> Decision:
    """A team that names approvers wants one of them asked."""
    named = state.narrowing.approvers if state is not None and state.narrowing is not None else ()
    where = " and of ".join(where for where, _ in named)
    return (
        deny(Rule.AUTONOMY, f"The annotation fettle/approvers of {where} wants people asked.") if named else Decision()
    )
