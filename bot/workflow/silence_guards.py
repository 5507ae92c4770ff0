"""What speaks for and against a silence, gathered from the store, the settings and annotations as they are now.

``policy.silences`` judges it: when the form is opened, at the submission, and before it is sent. It refuses to remember
an earlier answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.approval import Principal
from bot.domain.decision import ALLOWED, Decision, Rule, deny
from bot.domain.errors import FettleError, NotFoundError
from bot.domain.incident import Incident
from bot.domain.mitigation import Notice
from bot.domain.narrowing import Narrowing
from bot.domain.proposal import SYSTEM
from bot.domain.rules import Case
from bot.domain.target import RESTARTABLE, Target
from bot.kube import reads
from bot.policy import approvers as approver_policy
from bot.policy import rules, windows
from bot.policy import silences as policy
from bot.policy.rules import Narrowed
from bot.settings import Settings
from bot.storage import people, silences
from bot.storage.db import Tx
from bot.workflow import concluded, entitled, facts
from bot.workflow.context import Context


def namespaces(settings: Settings) -> frozenset[str]:
    """Those whose alerts may be silenced, for the button; none unless all that it takes is there."""
    there = settings.MODE == "act" and settings.ALERTMANAGER_URL and settings.APPROVERS
    may_be = there and Notice.SILENCE in settings.ALLOWED_ACTIONS
    return frozenset(settings.ALLOWED_NAMESPACES) if may_be else frozenset()


def case(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    file: bool | None,
    *,
    narrowing: Narrowing | None = None,
    lasting: timedelta | None = None,
    own: int = 0,
) -> policy.Case:
    """What the guards judge, with the store's part read in this transaction; ``own`` is the silence in question."""
    freeze = facts.freeze_in(tx, ctx, file)
    settings, other = ctx.settings, silences.in_force(tx, incident.id)
    held = "" if other is None or other.id == own else f"{incident.ref} is silenced already; Unsilence ends that first."
    return policy.Case(
        incident.ref,
        mode=settings.MODE,
        actions=frozenset(str(one) for one in settings.ALLOWED_ACTIONS),
        namespaces=frozenset(settings.ALLOWED_NAMESPACES),
        own_namespace=settings.OWN_NAMESPACE,
        namespace=incident.namespace,
        foreign_cluster=incident.foreign_cluster,
        alertmanager=ctx.sources.alertmanager is not None,
        open=incident.open,
        frozen=freeze.on,
        frozen_sentence=freeze.sentence,
        narrowing=narrowing,
        lasting=lasting,
        longest=settings.SILENCE_MAX,
        held=held,
    )


def may(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    principal: Principal,
    narrowing: Narrowing | None = None,
    *,
    aged: bool = False,
) -> Decision:
    """Whether this person may set it: named by APPROVERS, by the playbook where it names any, and by annotations.

    ``aged`` takes groups as they were last read, however long ago; one that was never read then stands in nobody's way,
    because a later question decides.
    """
    now = ctx.clock()
    groups = entitled.groups_of(tx, now)
    if aged:
        groups = {group: replace(view, refreshed_at=view.refreshed_at and now) for group, view in groups.items()}
    named = concluded.playbook_of(ctx, incident, concluded.of(tx, incident)).approval.approvers
    annotated = narrowing.approvers if narrowing is not None else ()
    lists = [("APPROVERS", tuple(ctx.settings.APPROVERS)), *([("the playbook", tuple(named))] if named else [])]
    lists += [(f"the annotation fettle/approvers of {where}", ids) for where, ids in annotated]
    lists = [*((f"policy {name}", ids) for name, ids in _rules(ctx, incident, narrowing)[0].approvers), *lists]
    called = {group: f"@{name}" for group, name in people.group_names(tx).items()}
    for listed_in, approvers in lists:
        unread = any(one.startswith("S") and one not in groups for one in approvers)
        decision = approver_policy.may_approve(
            principal, approvers, groups, now, requested_by=SYSTEM, action=Notice.SILENCE, self_approve=frozenset(),
            names=called, listed_in=listed_in,
        )  # fmt: skip
        if not decision.allowed and not (aged and unread):
            return decision
    return ALLOWED


def _rules(ctx: Context, incident: Incident, narrowing: Narrowing | None) -> tuple[Narrowed, Case]:
    """What ``POLICY`` takes away; an environment that isn't known counts as each."""
    labels = narrowing.labels if narrowing is not None else {}
    environment = ctx.settings.POLICY.environments.of(incident.namespace, labels)
    kind = incident.target.kind if incident.target is not None else ""
    case = Case(Notice.SILENCE, kind, incident.namespace, incident.severity, environment)
    return rules.narrow(ctx.settings.POLICY, case), case


def ruled(
    ctx: Context, incident: Incident, narrowing: Narrowing | None, comment: str | None, now: datetime
) -> Decision:
    """Rules that deny it or want what a silence doesn't have, and windows that name it; ``comment`` is None unasked.

    Windows that don't name it are about changes in the cluster, and hold no silence up.
    """
    narrowed, case = _rules(ctx, incident, narrowing)
    decision = Decision(tuple(rules.check(narrowed, case)))
    if narrowed.quorum > 1:
        said = f"The policy {narrowed.wants_quorum} wants {narrowed.quorum} people, and a silence is set by one."
        decision += deny(Rule.POLICY, f"{said} Set it in Alertmanager.")
    if narrowed.wants_reason and comment == "":
        decision += deny(Rule.POLICY, f"The policy {narrowed.wants_reason} wants a reason: write why.")
    whole = ctx.settings.POLICY
    named = replace(whole, windows=tuple(one for one in whole.windows if Notice.SILENCE in one.match.actions))
    return decision + Decision(tuple(windows.check(named, case, now, undo=False, glass="")))


async def narrowing_now(ctx: Context, incident: Incident) -> Narrowing | None:
    """What annotations of its target and namespace say now; None if they can't be read."""
    target = incident.target
    if target is None or target.kind not in RESTARTABLE or target.namespace != incident.namespace:
        target = Target("Namespace", incident.namespace, incident.namespace)
    try:
        return await reads.narrowing_of(ctx.cluster, target)
    except NotFoundError:
        return await _of_namespace(ctx, incident.namespace)
    except FettleError:
        return None


async def _of_namespace(ctx: Context, namespace: str) -> Narrowing | None:
    try:
        return await reads.narrowing_of(ctx.cluster, Target("Namespace", namespace, namespace))
    except FettleError:
        return None
