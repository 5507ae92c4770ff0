"""The one place where facts for guards are gathered, for propose, decide and execute alike.

The cluster is read here, fresh, outside any transaction; what the store knows (freeze, in flight) is read inside the
transaction that acts on it. What can't be read is handed on as a problem, and policy denies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.decision import Decision
from bot.domain.errors import FettleError, NotFoundError
from bot.domain.evidence import PodRow
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.proposal import Proposal, TargetState, staleness_digest
from bot.domain.target import Target
from bot.kube import reads
from bot.mitigations import catalog
from bot.policy import freeze as freeze_policy
from bot.policy import guardrails
from bot.storage import executions
from bot.storage import freeze as freeze_row
from bot.storage.db import Tx
from bot.workflow.context import Context


@dataclass(frozen=True)
class Reading:
    """What the cluster said of one target at one moment; ``problem`` is a sentence when it said nothing."""

    target: Target
    state: TargetState | None
    pods: tuple[PodRow, ...]
    rights: bool | None
    problem: str
    at: datetime
    gone: bool = False


async def gather(ctx: Context, target: Target, action: str) -> Reading:
    """Reads target and rights side by side with the client's own deadline; never raises for the cluster's sake."""
    at = ctx.clock()
    try:
        state = await reads.target_state(ctx.cluster, target)
        pods = await reads.workload_pods(ctx.cluster, state.target)
        rights: bool | None = True
        for right in catalog.ACTIONS[Action(action)].rights(target.kind):
            if not await reads.access(ctx.cluster, right, target.namespace):
                rights = False
    except NotFoundError as error:
        return Reading(target, None, (), None, str(error), at, gone=True)
    except FettleError as error:
        return Reading(target, None, (), None, str(error), at)
    return Reading(state.target, state, tuple(pods), rights, "", at)


def freeze_in(tx: Tx, ctx: Context) -> freeze_policy.Freeze:
    """The kill switch as it stands now: row, environment and file together; anyone of them freezes."""
    return freeze_policy.frozen(freeze_row.state(tx), ctx.frozen_by_environment, ctx.freeze_file_present())


def check(
    tx: Tx,
    ctx: Context,
    reading: Reading,
    incident: Incident,
    action: str,
    point: guardrails.Point,
    proposal: Proposal | None = None,
    own_execution: int = 0,
) -> Decision:
    """Policy's word on one reading at one of the three points, with the store's facts read in this transaction."""
    now = ctx.clock()
    freeze = freeze_in(tx, ctx)
    other = executions.in_flight_on(tx, reading.target.key)
    busy = ""
    if other is not None and other.id != own_execution:
        busy = f"INC-{other.incident_id} already has an action in flight on {reading.target.ref}."
    current = ""
    if reading.state is not None:
        current = staleness_digest(action, dict(proposal.params) if proposal else {}, reading.state)
    settings = ctx.settings
    facts = guardrails.Facts(
        mode=settings.MODE,
        allowed_actions=frozenset(settings.ALLOWED_ACTIONS),
        allowed_namespaces=frozenset(settings.ALLOWED_NAMESPACES),
        own_namespace=settings.OWN_NAMESPACE,
        foreign_cluster=incident.foreign_cluster,
        frozen=freeze.on,
        frozen_sentence=freeze.sentence,
        rights=reading.rights,
        in_flight=busy,
        approved_digest=proposal.digest if proposal else "",
        current_digest=current if proposal else "",
        expires_at=proposal.expires_at if proposal else None,
        read_problem=reading.problem,
        gone=reading.gone,
        observed_at=reading.at,
    )
    return guardrails.check(action, reading.target, reading.state, facts, now, point)
