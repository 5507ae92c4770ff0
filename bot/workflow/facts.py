"""The one place where facts for guards are gathered, for propose, decide and execute alike.

The cluster is read here, fresh, outside any transaction; what the store knows (freeze, in flight) is read inside the
transaction that acts on it. What can't be read is handed on as a problem, and policy denies it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.cluster_user import Vouched
from bot.domain.decision import ALLOWED, Decision
from bot.domain.errors import FettleError, NotFoundError
from bot.domain.evidence import PodRow
from bot.domain.incident import Incident
from bot.domain.mitigation import Action, traits_of
from bot.domain.proposal import SYSTEM, Proposal, TargetState
from bot.domain.target import Target
from bot.domain.verification import Verdict
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.neighbours import under_budget
from bot.mitigations import catalog
from bot.policy import blast_radius, glass, guardrails, rates
from bot.policy import freeze as freeze_policy
from bot.policy import nodes as node_policy
from bot.storage import executions, incidents, people, proposals, verifications
from bot.storage import freeze as freeze_row
from bot.storage.db import Tx
from bot.workflow import again, ruled
from bot.workflow.context import Context

STEPS_WITHIN = timedelta(hours=1)
"""From the approval to the claim of its last step, however long the steps before took."""


@dataclass(frozen=True)
class Reading:
    """What the cluster said of one target at one moment, and whether the FREEZE_FILE was there then.

    ``problem`` is a sentence when it said nothing; no state and no problem means that the target is gone, or that it is
    of a kind that no action fits, which isn't read. ``freeze_file`` is None when that couldn't be told.
    ``neighbours`` are other workloads under the target's disruption budget, asked where an eviction is meant.
    ``vouched`` is what the cluster says of people, by principal id, where that was asked (``workflow.vouching``).
    """

    target: Target
    state: TargetState | None
    pods: tuple[PodRow, ...]
    rights: bool | None
    problem: str
    at: datetime
    freeze_file: bool | None
    neighbours: tuple[Target, ...] = ()
    vouched: Mapping[str, Vouched] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """Whose wish an action is: a person's or Fettle's own, and whether it undoes what was done before.

    ``glass`` is who broke the glass for it, and what gave way.
    """

    by_person: bool = False
    undo: bool = False
    glass: glass.Broken = glass.NOBODY

    @classmethod
    def of(cls, proposal: Proposal | None) -> Asked:
        """As the proposal says; Fettle's own without one."""
        if proposal is None:
            return cls()
        broken = glass.Broken.of(proposal.baseline.get(glass.BROKEN))
        return cls(proposal.requested_by != SYSTEM, undo=again.UNDO_OF in proposal.params, glass=broken)


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
    neighbours: tuple[Target, ...] = ()
    if action == Action.EVICT and state is not None and state.budget is not None and not problem:
        try:
            neighbours = await under_budget(cluster, target, state.budget[0])
        except FettleError as error:
            problem = str(error)
    seen = state.target if state is not None else target
    return Reading(seen, state, pods, allowed, problem, at, await ctx.freeze_file(), neighbours)


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
    params: Mapping[str, Any] | None = None,
) -> Decision:
    """Policy's word on one reading at one of the three points, with the store's facts read in this transaction.

    ``asked`` says whose wish it is where there is no proposal yet, ``params`` what it would take.
    """
    now = ctx.clock()
    freeze = freeze_in(tx, ctx, reading.freeze_file)
    busy = _busy(tx, reading, action, own_execution)
    how = asked or Asked.of(proposal)
    settings = ctx.settings
    wanted = proposal.params if proposal else params or {}
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
        expires_at=_valid_until(tx, ctx, incident, proposal, point, reading, own_execution),
        read_problem=reading.problem,
        kind="" if reading.target.kind in traits_of(action).kinds else reading.target.kind,
        replaces=catalog.CATALOG[Action(action)].replaces(wanted),
        undo=how.undo,
        nodes=_nodes(tx, ctx, reading.target, now, own_execution, undo=how.undo),
    )
    decision = guardrails.check(action, reading.state, facts, now, point)
    decision += _radius(tx, ctx, reading, action, wanted, undo=how.undo)
    decision += ruled.check(tx, ctx, incident, action, reading.target, reading.state, now, undo=how.undo)
    limits = rates.Limits(
        settings.COOLDOWN, settings.TARGET_HOURLY, settings.HOURLY, settings.AT_ONCE, settings.BREAKER
    )
    history = _history(tx, reading.target, now, own_execution)
    ref = reading.target.ref
    if traits_of(action).looks:  # no effect has to show first
        history = replace(history, on_target=(), unsettled=())
    decision += Decision(tuple(rates.check(ref, history, limits, now, by_person=how.by_person, undo=how.undo)))
    broken_at = proposal.created_at if proposal is not None else now  # it is proposed right after it was broken
    return ruled.overridden(tx, ctx, decision, how.glass, broken_at)


def _radius(tx: Tx, ctx: Context, reading: Reading, action: str, params: Mapping[str, Any], *, undo: bool) -> Decision:
    """How much at once, and what fires elsewhere on the same disruption budget."""
    if reading.state is None:
        return ALLOWED
    bounds = blast_radius.Bounds(ctx.settings.SCALE_TO_ZERO, ctx.settings.SCALE_FROM_ZERO)
    ending = sum(row.deleting for row in reading.pods)
    found = ((one, incidents.open_on_target(tx, one.key)) for one in reading.neighbours)
    firing = [f"{inc.ref} fires on {one.ref}" for one, inc in found if inc is not None and inc.alerts_firing]
    reasons = blast_radius.check(action, params, reading.state, bounds, undo=undo, ending=ending, firing=firing)
    return Decision(tuple(reasons))


def _busy(tx: Tx, reading: Reading, action: str, own_execution: int) -> str:
    """A sentence where something is in flight on the target, or another run of the same CronJob is."""
    other = executions.in_flight_on(tx, reading.target.key)
    if other is not None and other.id != own_execution:
        return f"INC-{other.incident_id} already has an action in flight on {reading.target.ref}."
    thing = reading.state.thing if reading.state is not None else None
    cron = thing.cron if thing is not None else None
    if action != Action.RERUN_JOB or cron is None:
        return ""
    # Two Jobs that failed are two targets, and both would be run from one template.
    for run in executions.in_flight(tx, but=own_execution):
        if run.action == action and proposals.get(tx, run.proposal_id).params.get("cronjob_uid") == cron.uid:
            return f"INC-{run.incident_id} already has a run of CronJob {cron.name} in flight."
    return ""


def _nodes(tx: Tx, ctx: Context, target: Target, now: datetime, own_execution: int, *, undo: bool) -> node_policy.Nodes:
    """What the guards have to know of nodes; for other targets they ask nothing."""
    if target.kind != "Node":
        return guardrails.NO_NODES
    sent = executions.sent_since(tx, now - node_policy.HOUR, but=own_execution)
    others = [at for key, at, *_ in sent if key.startswith("Node/") and key != target.key]
    return node_policy.Nodes(ctx.settings.CORDON_NODES, ctx.settings.OWN_NODE, max(others, default=None), undo)


def _history(tx: Tx, target: Target, now: datetime, own_execution: int) -> rates.History:
    sent = executions.sent_since(tx, now - rates.HOUR, but=own_execution)
    _on, _by, _reason, lifted = freeze_row.state(tx)
    since = max(now - rates.HOUR, lifted) if lifted is not None else now - rates.HOUR
    # What only looked has no effect that would have to show.
    ours = [(at, verdict) for key, at, verdict, action in sent if key == target.key and not traits_of(action).looks]
    return rates.History(
        on_target=tuple(at for at, _ in ours),
        unsettled=tuple(at for at, verdict in ours if verdict != Verdict.FAIL),
        anywhere=tuple(at for _, at, _, _ in sent),
        in_flight=executions.count_in_flight(tx, but=own_execution),
        verdicts=tuple(
            rates.Judged(f"INC-{incident}", verdict, at) for incident, verdict, at in verifications.since(tx, since)
        ),
    )


def _digest(reading: Reading, proposal: Proposal | None) -> str:
    if reading.state is None or proposal is None:
        return ""
    return proposal.digest_of(reading.state)


def _valid_until(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    proposal: Proposal | None,
    point: guardrails.Point,
    reading: Reading,
    own_execution: int,
) -> datetime | None:
    """The proposal's end before it is approved; afterwards an approval is good for as long again, and no longer.

    A step after the first has as long from the verdict before it, and ``STEPS_WITHIN`` of the approval in all. A rule
    that came since shortens all of these.
    """
    if proposal is None:
        return None
    least = ruled.narrowed(ctx, incident, proposal.actions, reading.target, reading.state).expires
    if point is guardrails.Point.EXECUTE and proposal.decided_at is not None:
        lasts = min(ctx.settings.APPROVAL_TTL, least or ctx.settings.APPROVAL_TTL)
        if not proposal.step:
            return proposal.decided_at + lasts
        begun = executions.get(tx, own_execution).created_at
        return min(begun + lasts, proposal.decided_at + STEPS_WITHIN)
    if proposal.expires_at is None or least is None:
        return proposal.expires_at
    return min(proposal.expires_at, proposal.created_at + least)
