"""The one place where facts for guards are gathered, for propose, decide and execute alike.

The cluster is read here, fresh, outside any transaction; what the store knows (freeze, in flight) is read inside the
transaction that acts on it. What can't be read is handed on as a problem, and policy denies it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.approval import Principal, Verb, playbook_of
from bot.domain.decision import ALLOWED, Decision, Rule, deny
from bot.domain.errors import FettleError, NotFoundError
from bot.domain.evidence import PodRow
from bot.domain.incident import Incident
from bot.domain.mitigation import Action, traits_of
from bot.domain.proposal import SYSTEM, Proposal, TargetState, staleness_digest
from bot.domain.target import Target
from bot.domain.verification import Verdict
from bot.kube import reads
from bot.kube.client import Cluster
from bot.mitigations import catalog
from bot.policy import approvers as approver_policy
from bot.policy import freeze as freeze_policy
from bot.policy import guardrails, rates
from bot.storage import executions, people, proposals, verifications
from bot.storage import freeze as freeze_row
from bot.storage.db import Tx
from bot.workflow import again, autonomy
from bot.workflow.context import Context


@dataclass(frozen=True)
class Reading:
    """What the cluster said of one target at one moment, and whether the FREEZE_FILE was there then.

    ``problem`` is a sentence when it said nothing; no state and no problem means that the target is gone, or that it is
    of a kind that no action fits, which isn't read. ``freeze_file`` is None when that couldn't be told.
    """

    target: Target
    state: TargetState | None
    pods: tuple[PodRow, ...]
    rights: bool | None
    problem: str
    at: datetime
    freeze_file: bool | None


@dataclass(frozen=True)
class Asked:
    """Whose wish an action is: a person's or Fettle's own, and whether it undoes what was done before."""

    by_person: bool = False
    undo: bool = False

    @classmethod
    def of(cls, proposal: Proposal | None) -> Asked:
        """As the proposal says; Fettle's own without one."""
        if proposal is None:
            return cls()
        return cls(proposal.requested_by != SYSTEM, undo=again.UNDO_OF in proposal.params)


async def gather(ctx: Context, target: Target, action: str, *, recent: bool = False) -> Reading:
    """Reads target and rights side by side with the client's own deadline, then looks for the FREEZE_FILE.

    With ``recent`` what was asked seconds ago serves: for a proposal, which follows a look and decides nothing. Never
    raises for the cluster's sake.
    """
    at = ctx.clock()
    if target.kind not in traits_of(action).kinds:
        return Reading(target, None, (), None, "", at, await ctx.freeze_file())
    cluster = ctx.cluster.recent() if recent else ctx.cluster
    state, pods, allowed, problem = await _asked(ctx, cluster, target, action)
    seen = state.target if state is not None else target
    return Reading(seen, state, pods, allowed, problem, at, await ctx.freeze_file())


async def _asked(
    ctx: Context, cluster: Cluster, target: Target, action: str
) -> tuple[TargetState | None, tuple[PodRow, ...], bool | None, str]:
    rights = catalog.CATALOG[Action(action)].rights.get(target.kind, ())
    try:
        seen, allowed = await asyncio.gather(
            reads.snapshot(cluster, target, clock=ctx.clock),
            asyncio.gather(*(reads.may(cluster, right, target.namespace) for right in rights)),
        )
    except NotFoundError:
        return None, (), None, ""
    except FettleError as error:
        return None, (), None, str(error)
    return seen.state, tuple(pod.row for pod in seen.pods), all(allowed), ""


def freeze_in(tx: Tx, ctx: Context, file: bool | None) -> freeze_policy.Freeze:
    """The kill switch: row, environment and file together; any one of them freezes.

    The row is read here; for the file, ask ``ctx.freeze_file`` before the transaction: the store's threads never
    wait for a mount.
    """
    on, by, reason, at = freeze_row.state(tx)
    row = freeze_policy.FreezeState(on, f"@{name}" if (name := people.name_of(tx, by)) else by, reason, at)
    return freeze_policy.frozen(row, ctx.frozen_by_environment, file)


def who_may(
    tx: Tx, ctx: Context, named: Sequence[str], reading: Reading, now: datetime
) -> tuple[tuple[str, ...], Decision]:
    """Who may approve what is proposed on this reading, and a reason against where that is nobody.

    ``named`` are those of the playbook, empty where it names none. Nobody may without APPROVERS, whomever playbooks
    and annotations name.
    """
    configured = tuple(ctx.settings.APPROVERS)
    if not configured:
        return (), ALLOWED
    lists = [configured, *([tuple(named)] if named else []), *(ids for _, ids in _annotated(reading))]
    unread = dict.fromkeys(ctx.settings.approver_groups, approver_policy.GroupView())
    left = approver_policy.common(lists, {**unread, **groups(tx)}, now)
    if left or len(lists) == 1:
        return left, ALLOWED
    others = ["the playbook"] if named else []
    others += [f"the annotation fettle/approvers of {where}" for where, _ in _annotated(reading)]
    sentence = f"Nobody may approve this, because nobody is named by APPROVERS and by {' and by '.join(others)} alike."
    return (), deny(Rule.APPROVER, sentence)


def narrowed_by(reading: Reading) -> tuple[str, ...]:
    """A line for each annotation that takes approvers away."""
    return tuple(f"fettle/approvers of {where} narrows who may approve" for where, _ in _annotated(reading))


def may_approve(
    tx: Tx, ctx: Context, proposal: Proposal, principal: Principal, now: datetime, reading: Reading | None = None
) -> Decision:
    """Whether this person may approve this proposal.

    The list that the card showed, APPROVERS now and, by the reading, annotations now must all name them. Without a
    reading only what is stored counts, which is enough for a no.
    """
    narrowed = _annotated(reading) if reading is not None else ()
    return _named(ctx, proposal, principal, groups(tx), now, narrowed, people.group_names(tx))


def still_approved(
    tx: Tx, ctx: Context, proposal: Proposal, approved_by: str, now: datetime, reading: Reading
) -> Decision:
    """Whether those who approved, or the playbook that did, might still do so; asked at the claim.

    A group counts as it was last read, however long ago: the press itself needed a fresh reading, and nothing reads
    groups while no proposal waits. The sentence has no name: it is kept with the execution, where nothing is erased.
    """
    known = {group: replace(view, refreshed_at=view.refreshed_at and now) for group, view in groups(tx).items()}
    given = [approval.principal for approval in proposals.approvals(tx, proposal.id) if approval.verb is Verb.APPROVED]
    for who in dict.fromkeys((approved_by, *given)):
        if name := playbook_of(who):
            alone = autonomy.still(tx, ctx, proposal, name, now, reading.state)
            if not alone.allowed:
                return alone
            continue
        principal = Principal(id=who, slack_id=people.slack_id_of(tx, who), name="")
        may = _named(ctx, proposal, principal, known, now, _annotated(reading))
        if not may.allowed:
            said = f"Who approved this may not approve a {proposal.action} any more. Nothing was done."
            return deny(may.reasons[0].rule, said)
    return ALLOWED


def groups(tx: Tx) -> dict[str, approver_policy.GroupView]:
    """Members of the approver groups as last read."""
    return {
        group: approver_policy.GroupView(frozenset(members), refreshed_at, problem)
        for group, (members, refreshed_at, problem) in people.groups(tx).items()
    }


def _annotated(reading: Reading) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(where, Slack ids) of every annotation that narrows who may approve."""
    narrowing = reading.state.narrowing if reading.state is not None else None
    return narrowing.approvers if narrowing is not None else ()


def _named(
    ctx: Context,
    proposal: Proposal,
    principal: Principal,
    groups: Mapping[str, approver_policy.GroupView],
    now: datetime,
    annotated: Sequence[tuple[str, tuple[str, ...]]] = (),
    names: Mapping[str, str] | None = None,
) -> Decision:
    called = {group: f"@{name}" for group, name in (names or {}).items()}
    narrowed = [(f"the annotation fettle/approvers of {where}", ids) for where, ids in annotated]
    lists = (("APPROVERS", tuple(ctx.settings.APPROVERS)), ("the proposal", tuple(proposal.approvers)), *narrowed)
    for listed_in, approvers in lists:
        decision = approver_policy.may_approve(
            principal,
            approvers,
            groups,
            now,
            requested_by=proposal.requested_by,
            action=proposal.action,
            self_approve=frozenset(str(action) for action in ctx.settings.SELF_APPROVE),
            names=called,
            listed_in=listed_in,
        )
        if not decision.allowed:
            return decision
    return ALLOWED


def check(
    tx: Tx,
    ctx: Context,
    reading: Reading,
    incident: Incident,
    action: str,
    point: guardrails.Point,
    proposal: Proposal | None = None,
    own_execution: int = 0,
    asked: Asked | None = None,
) -> Decision:
    """Policy's word on one reading at one of the three points, with the store's facts read in this transaction.

    ``asked`` says whose wish it is where there is no proposal yet.
    """
    now = ctx.clock()
    freeze = freeze_in(tx, ctx, reading.freeze_file)
    other = executions.in_flight_on(tx, reading.target.key)
    busy = ""
    if other is not None and other.id != own_execution:
        busy = f"INC-{other.incident_id} already has an action in flight on {reading.target.ref}."
    settings = ctx.settings
    facts = guardrails.Facts(
        mode=settings.MODE,
        allowed_actions=frozenset(str(allowed) for allowed in settings.ALLOWED_ACTIONS),
        allowed_namespaces=frozenset(settings.ALLOWED_NAMESPACES),
        own_namespace=settings.OWN_NAMESPACE,
        override_keepers=frozenset(settings.OVERRIDE_OWNERS),
        foreign_cluster=incident.foreign_cluster,
        frozen=freeze.on,
        frozen_sentence=freeze.sentence,
        rights=reading.rights,
        in_flight=busy,
        approved_digest=proposal.digest if proposal else "",
        current_digest=_digest(reading, proposal),
        expires_at=_valid_until(ctx, proposal, point),
        read_problem=reading.problem,
        kind="" if reading.target.kind in traits_of(action).kinds else reading.target.kind,
    )
    decision = guardrails.check(action, reading.state, facts, now, point)
    how = asked or Asked.of(proposal)
    limits = rates.Limits(
        settings.COOLDOWN, settings.TARGET_HOURLY, settings.HOURLY, settings.AT_ONCE, settings.BREAKER
    )
    history = _history(tx, reading.target, now, own_execution)
    ref = reading.target.ref
    return decision + Decision(tuple(rates.check(ref, history, limits, now, by_person=how.by_person, undo=how.undo)))


def _history(tx: Tx, target: Target, now: datetime, own_execution: int) -> rates.History:
    sent = executions.sent_since(tx, now - rates.HOUR, but=own_execution)
    _on, _by, _reason, lifted = freeze_row.state(tx)
    since = max(now - rates.HOUR, lifted) if lifted is not None else now - rates.HOUR
    return rates.History(
        on_target=tuple(at for key, at, _ in sent if key == target.key),
        unsettled=tuple(at for key, at, verdict in sent if key == target.key and verdict != Verdict.FAIL),
        anywhere=tuple(at for _, at, _ in sent),
        in_flight=executions.count_in_flight(tx, but=own_execution),
        verdicts=tuple(
            rates.Judged(f"INC-{incident}", verdict, at) for incident, verdict, at in verifications.since(tx, since)
        ),
    )


def _digest(reading: Reading, proposal: Proposal | None) -> str:
    if reading.state is None or proposal is None:
        return ""
    return staleness_digest(proposal.action, proposal.params, reading.state)


def _valid_until(ctx: Context, proposal: Proposal | None, point: guardrails.Point) -> datetime | None:
    """The proposal's end before it is approved; afterwards an approval is good for as long again, and no longer."""
    if proposal is None:
        return None
    if point is guardrails.Point.EXECUTE and proposal.decided_at is not None:
        return proposal.decided_at + ctx.settings.APPROVAL_TTL
    return proposal.expires_at
