"""What people ask for by command or button, other than deciding: declare, acknowledge, restart, choose, resolve.

Anyone of the workspace may ask; guests, strangers, bots and deleted users are refused, and every refusal is audited.
Nothing here acts: a request becomes a proposal like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError
from bot.domain.incident import INCIDENT, Incident, IncidentEvent, IncidentState
from bot.domain.mitigation import Action, against_steps, noun_of, traits_of
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM, TargetState
from bot.domain.redaction import redact
from bot.domain.severity import Severity
from bot.domain.target import Target, parse_key
from bot.kube import reads
from bot.mitigations import catalog
from bot.policy import approvers as approver_policy
from bot.storage import due, executions, incidents, people
from bot.storage.db import Lane, Tx
from bot.workflow import again, close, owing, targets, verify
from bot.workflow.context import Context

Noted = Callable[[Tx, Incident], str]
"""What else belongs to a declaration, in its transaction; a sentence about it."""
UNKNOWN = "slack:unknown"
"""The actor where Slack didn't say who asks: a Slack id in the audit could never be erased."""


async def declare(
    ctx: Context,
    principal: Principal,
    title: str,
    severity: Severity,
    namespace: str,
    service: str,
    form: str = "",
    noting: Noted | None = None,
) -> Answer:
    """``/incident new``: an incident without an alert, with a card of its own; a person resolves it.

    ``form`` is the id of the form that was sent: it declares one incident, however often it arrives.
    """
    refusal = await _outsider(ctx, principal, "declare an incident")
    if refusal:
        return refusal
    found = targets.Found(None)
    if namespace and service:
        found = await targets.find(ctx, f"{namespace}/{service}")
    given = (title, severity, namespace, found, form, noting)
    return await ctx.store.transact(_declare, ctx, principal, *given, lane=Lane.PRESS)


def _declare(
    tx: Tx,
    ctx: Context,
    principal: Principal,
    title: str,
    severity: Severity,
    namespace: str,
    found: targets.Found,
    form: str,
    noting: Noted | None,
) -> Answer:
    now, target = ctx.clock(), found.target
    key = f"declared:{principal.id}:{form or now.isoformat()}"
    known = incidents.latest_by_key(tx, key) if form else None
    if known is not None:
        return Answer(f"{known.ref} is declared; its card is in the channel.", incident_id=known.id)
    incident = incidents.add(
        tx,
        key=key,
        title=title,
        alertname=title,
        namespace=namespace,
        severity=severity,
        now=now,
        channel=ctx.channel,
        target=target,
        target_note=found.problem,
        declared_by=principal.id,
    )
    detail = {"title": title, "severity": severity.name, "target": target.label if target else ""}
    _entry(tx, ctx, "incident:state:declared", principal, incident, "triggered", detail)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    if target is not None:
        due.owe(tx, Stage.INVESTIGATE, incident.id, now, {"propose": False})
    noted = noting(tx, incident) if noting is not None else ""
    text = " ".join(filter(None, (f"{incident.ref} is declared; its card is in the channel.", noted, found.problem)))
    return Answer(text, incident_id=incident.id)


async def act(
    ctx: Context,
    principal: Principal,
    action: Action,
    text: str,
    wanted: Mapping[str, Any] | None = None,
    then: Sequence[tuple[Action, Mapping[str, Any]]] = (),
) -> Answer:
    """``/restart ns/name``: joins the open incident on that target, or declares a SEV4 one; then proposes.

    ``wanted`` are parameters as a person gave them (``/incident act rollback ns/name 41``), ``then`` the steps that
    follow under the same approval.
    """
    refusal = await _outsider(ctx, principal, f"{action} {text}")
    if refusal:
        return refusal
    if wrong := _wrong(((action, wanted or {}), *then)):
        return await refused(ctx, principal, f"{action} {text[:100]}", wrong)
    found = await targets.find(ctx, text, traits_of(action).kinds)
    if found.target is None:
        return await refused(ctx, principal, f"{action} {text}", found.problem)
    try:
        state = await reads.target_state(ctx.cluster, found.target)
    except FettleError as error:
        return await refused(ctx, principal, f"{action} {text}", str(error))
    asked: dict[str, Any] = {"wanted": dict(wanted)} if wanted else {}
    asked |= {again.THEN: [{"action": str(one), "wanted": dict(more)} for one, more in then]} if then else {}
    return await ctx.store.transact(_act, ctx, principal, action, state, asked, lane=Lane.PRESS)


def _wrong(steps: Sequence[tuple[Action, Mapping[str, Any]]]) -> str:
    """What is wrong with what a person wrote, before anything is read."""
    wrong = next((said for action, wanted in steps if (said := catalog.CATALOG[action].asked(wanted))), "")
    against = "" if wrong else against_steps([action for action, _ in steps])
    return f"These can't be the steps of one proposal: {against}." if against else wrong


def _act(
    tx: Tx, ctx: Context, principal: Principal, action: Action, state: TargetState, asked: Mapping[str, Any]
) -> Answer:
    now = ctx.clock()
    target = state.target
    busy = executions.in_flight_on(tx, target.key)
    if busy is not None:
        text = f"INC-{busy.incident_id} already has an action in flight on {target.ref}."
        return refuse(tx, ctx, principal, f"{action} {target.ref}", text)
    incident = incidents.open_on_target(tx, target.key)
    if incident is None:
        incident = incidents.add(
            tx,
            key=f"{close.REQUEST_KEY}{target.key}",
            # Without the name: that stands in people alone, where it can be erased. The card says by whom.
            title=f"{traits_of(action).noun.capitalize()} requested",
            alertname="",
            namespace=target.namespace,
            severity=Severity.SEV4,
            now=now,
            channel=ctx.channel,
            target=target,
            declared_by=principal.id,
        )
        detail = {"title": incident.title, "severity": "SEV4", "target": target.label}
        _entry(tx, ctx, "incident:state:declared", principal, incident, "triggered", detail)
        due.owe(tx, Stage.INVESTIGATE, incident.id, now, {"propose": False})
    else:
        detail = {"asked": f"{action} {target.ref}"}
        _entry(tx, ctx, "command:request:accepted", principal, incident, "accepted", detail)
    params = {"requested_by": principal.id, "action": str(action), **asked}
    due.owe(tx, Stage.PROPOSE, incident.id, now, params)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    then = "".join(f", then {noun_of(one['action'])}," for one in asked.get(again.THEN, ()))
    text = f"{noun_of(action).capitalize()} of {target.ref}{then} is being proposed on the card of {incident.ref}."
    return Answer(text, incident_id=incident.id)


async def acknowledge(ctx: Context, incident_id: int, principal: Principal) -> Answer:
    """Says that this person looks after it."""
    refusal = await _outsider(ctx, principal, "acknowledge", incident_id)
    if refusal:
        return refusal
    return await ctx.store.transact(_acknowledge, ctx, incident_id, principal, lane=Lane.PRESS)


def _acknowledge(tx: Tx, ctx: Context, incident_id: int, principal: Principal) -> Answer:
    now = ctx.clock()
    incident = incidents.get(tx, incident_id)
    if not INCIDENT.allows(incident.state, IncidentEvent.ACKNOWLEDGE):
        return refuse(tx, ctx, principal, "acknowledge", f"{incident.ref} is already {incident.state}.", incident.id)
    incident = incidents.move(tx, incident.id, IncidentEvent.ACKNOWLEDGE, now, acknowledged_by=principal.id)
    _entry(tx, ctx, "incident:state:acknowledged", principal, incident, "acknowledged", {})
    owing.page_state(tx, incident, now)
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(f"{incident.ref} is acknowledged by you.", incident_id=incident.id)


async def resolve(ctx: Context, incident_id: int, principal: Principal, reason: str) -> Answer:
    """Closes it by a person's word (``close.resolve`` has the rule)."""
    refusal = await _outsider(ctx, principal, "resolve", incident_id)
    if refusal:
        return refusal
    return await ctx.store.transact(close.resolve, incident_id, principal, reason, ctx.clock(), lane=Lane.PRESS)


async def keep_open(ctx: Context, incident_id: int, principal: Principal) -> Answer:
    """After a pass: the person wants to keep watching; recorded as an acknowledgement."""
    refusal = await _outsider(ctx, principal, "keep open", incident_id)
    if refusal:
        return refusal
    return await ctx.store.transact(_keep_open, ctx, incident_id, principal, lane=Lane.PRESS)


def _keep_open(tx: Tx, ctx: Context, incident_id: int, principal: Principal) -> Answer:
    now = ctx.clock()
    incident = incidents.get(tx, incident_id)
    if not incident.open:
        return refuse(tx, ctx, principal, "keep open", f"{incident.ref} is already resolved.", incident.id)
    if incident.state is IncidentState.MITIGATED:
        incident = incidents.move(tx, incident.id, IncidentEvent.SETTLE, now, acknowledged_by=principal.id)
        _entry(tx, ctx, "incident:state:acknowledged", principal, incident, "acknowledged", {"reason": "kept open"})
    else:
        _entry(tx, ctx, "command:request:accepted", principal, incident, "accepted", {"asked": "keep open"})
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(f"{incident.ref} stays open, with you.", incident_id=incident.id)


async def choose_target(ctx: Context, incident_id: int, key: str, principal: Principal) -> Answer:
    """Pins the workload that the alerts mean, out of the candidates or any that exists."""
    refusal = await _outsider(ctx, principal, "choose a target", incident_id)
    if refusal:
        return refusal
    try:
        state = await reads.target_state(ctx.cluster, parse_key(key))
    except (FettleError, ValueError) as error:
        return await refused(ctx, principal, "choose a target", str(error), incident_id)
    return await ctx.store.transact(_choose, ctx, incident_id, state.target, principal, lane=Lane.PRESS)


def _choose(tx: Tx, ctx: Context, incident_id: int, target: Target, principal: Principal) -> Answer:
    now = ctx.clock()
    incident = incidents.get(tx, incident_id)
    if not incident.open:
        return refuse(tx, ctx, principal, "choose a target", f"{incident.ref} is already resolved.", incident.id)
    if incident.target is not None and incident.target.key != target.key:
        close.supersede_pending(tx, incident.id, f"{target.label} was chosen instead", now)
        due.forget(tx, Stage.PROPOSE, incident.id)  # what was asked of the other one isn't asked of this one
    incident = incidents.update(tx, incident.id, now, target=target, target_note="", candidates=())
    _entry(tx, ctx, "incident:target:chosen", principal, incident, "chosen", {"target": target.label})
    # Said outright: a look that was owed without a proposal may still wait.
    due.owe(tx, Stage.INVESTIGATE, incident.id, now, {"propose": True})
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(f"{incident.ref} is about {target.label}; looking at it now.", incident_id=incident.id)


async def open_card(ctx: Context, incident_id: int, principal: Principal) -> Answer:
    """Takes an incident out of the digest: it gets its card, and is investigated."""
    refusal = await _outsider(ctx, principal, "open a card", incident_id)
    if refusal:
        return refusal
    return await ctx.store.transact(_open_card, ctx, incident_id, principal, lane=Lane.PRESS)


def _open_card(tx: Tx, ctx: Context, incident_id: int, principal: Principal) -> Answer:
    now = ctx.clock()
    incident = incidents.get(tx, incident_id)
    if incident.digest_id is not None:
        owing.card(tx, incident, Priority.DIGEST, now)  # the digest's line changes too
        incident = incidents.update(tx, incident.id, now, digest_id=None)
        _entry(tx, ctx, "command:request:accepted", principal, incident, "accepted", {"asked": "open card"})
        if incident.open:
            due.owe(tx, Stage.INVESTIGATE, incident.id, now)
    owing.card(tx, incident, Priority.PRESS, now)
    return Answer(f"The card of {incident.ref} is in the channel.", incident_id=incident.id)


async def look(ctx: Context, principal: Principal, text: str) -> Answer:
    """``/verify ns/name``: measures a workload now and answers with its checks; changes nothing, and is audited."""
    asked = f"verify {text}"
    refusal = await _outsider(ctx, principal, asked)
    if refusal:
        return refusal
    found = await targets.find(ctx, text)
    if found.target is None:
        return await refused(ctx, principal, asked, found.problem)
    try:
        return await verify.look(ctx, found.target, principal)
    except FettleError as error:
        return await refused(ctx, principal, asked, str(error))


async def refused(ctx: Context, principal: Principal, asked: str, reason: str, incident_id: int = 0) -> Answer:
    """Writes down what was asked and why not, and says it to the person."""
    return await ctx.store.transact(refuse, ctx, principal, asked, reason, incident_id, lane=Lane.PRESS)


async def unidentified(ctx: Context, slack_id: str, asked: str, reason: str) -> Answer:
    """The same for somebody of whom Slack told nothing: the audit has who it is only if they were met before."""
    known = await ctx.store.read(people.principal_of, slack_id)
    return await refused(ctx, Principal(known or UNKNOWN, slack_id, ""), asked, reason)


def refuse(tx: Tx, ctx: Context, principal: Principal, asked: str, reason: str, incident_id: int = 0) -> Answer:
    """``refused`` as a part of the transaction that found the reason."""
    subject = f"incident:{incident_id}" if incident_id else "command"
    detail = {"asked": redact(asked), "reason": reason}
    tx.audit(AuditNote("command:request:refused", principal.id, subject, "refused", incident_id, detail), ctx.clock())
    return Answer(reason, ok=False, incident_id=incident_id)


async def _outsider(ctx: Context, principal: Principal, asked: str, incident_id: int = 0) -> Answer | None:
    decision = approver_policy.identity(principal)
    if decision.allowed:
        return None
    return await refused(ctx, principal, asked, decision.sentence, incident_id)


def _entry(
    tx: Tx, ctx: Context, tag: str, principal: Principal, incident: Incident, outcome: str, detail: Mapping[str, Any]
) -> None:
    actor = principal.id or SYSTEM
    tx.audit(AuditNote(tag, actor, f"incident:{incident.id}", outcome, incident.id, detail), ctx.clock())
