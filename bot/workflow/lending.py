"""A link to a dump that needs no login, for an hour: for those alone who may approve such a dump, seen by them alone.

Only S3 makes one; of a folder and of Drive the answer says how to get at the file. The audit holds who, which file and
until when, before the link is told. It refuses to put a link into the store, the log or a message that is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.artifact import Artifact
from bot.domain.audit import AuditNote
from bot.domain.errors import NotFoundError
from bot.domain.proposal import Proposal
from bot.policy import approvers as approver_policy
from bot.storage import artifacts, executions, proposals
from bot.storage.db import Lane, Tx
from bot.workflow import entitled, facts, requests
from bot.workflow.context import Context

LASTING = timedelta(hours=1)


@dataclass(frozen=True)
class _Wanted:
    """What is asked for: the file, and the proposal that brought it."""

    artifact: Artifact
    proposal: Proposal


async def lend(ctx: Context, artifact_id: int, principal: Principal) -> Answer:
    """The answer with the link in it, or why there is none. Raises as the store of dumps does."""
    try:
        wanted = await ctx.store.read(_wanted, artifact_id)
    except NotFoundError:
        said = f"There is no dump {artifact_id}. The thread that tells of one names its number."
        return await requests.refused(ctx, principal, f"link to artifact {artifact_id}", said)
    against = without(ctx, wanted.artifact)
    if against:
        return await requests.refused(ctx, principal, _asked(wanted), against, wanted.artifact.incident_id)
    reading = await facts.gather(ctx, wanted.proposal.target, wanted.proposal.action)
    refused = await ctx.store.transact(_refused, ctx, wanted, principal, reading, lane=Lane.PRESS)
    store = ctx.sources.artifacts
    if refused is not None or store is None:
        return refused or Answer("No store of dumps is set up.", ok=False)
    link = await store.lend(wanted.artifact.kept, LASTING)
    return await ctx.store.transact(_lent, ctx, wanted, principal, reading, link, lane=Lane.PRESS)


def lends(ctx: Context, one: Artifact) -> bool:
    """Whether a link to it can be asked for."""
    return not without(ctx, one)


def without(ctx: Context, one: Artifact) -> str:
    """How to get at a file that no link is made of; empty where one is."""
    store, link = ctx.sources.artifacts, one.kept.link
    if one.gone_at is not None:
        return f"Dump {one.id} was deleted on {one.gone_at:%Y-%m-%d}, when its time was over."
    if store is None or one.kept.store != store.place:
        return f"ARTIFACTS names another place now, and dump {one.id} is in {one.kept.store}: open it there, {link}."
    if one.kept.in_folder:
        return f"Dump {one.id} is in {link} on Fettle's machine; fettle artifacts get {one.id} copies it there."
    if not store.lends:
        return f"Dump {one.id} opens with your own login: {link}"
    if not ctx.settings.ARTIFACTS_LINKS:
        return f"ARTIFACTS_LINKS is off here: dump {one.id} opens with your own login, {link}."
    return ""


def _wanted(tx: Tx, artifact_id: int) -> _Wanted:
    one = artifacts.get(tx, artifact_id)
    run = executions.get(tx, one.execution_id)
    return _Wanted(one, proposals.get(tx, run.proposal_id).at(run.step))


def _asked(wanted: _Wanted) -> str:
    return f"link to artifact {wanted.artifact.id}"


def _refused(tx: Tx, ctx: Context, wanted: _Wanted, principal: Principal, reading: facts.Reading) -> Answer | None:
    """None for whoever may approve what brought the file."""
    outsider = approver_policy.identity(principal)
    decision = outsider + entitled.may_read(tx, ctx, wanted.proposal, principal, ctx.clock(), reading)
    if decision.allowed:
        return None
    said = outsider.sentence or f"Such a link is for those who may approve the dump. {decision.sentence}"
    return requests.refuse(tx, ctx, principal, _asked(wanted), said, wanted.artifact.incident_id)


def _lent(tx: Tx, ctx: Context, wanted: _Wanted, principal: Principal, reading: facts.Reading, link: str) -> Answer:
    """In one transaction with its audit entry: what can't be audited isn't told."""
    refused = _refused(tx, ctx, wanted, principal, reading)
    if refused is not None:
        return refused
    one, now = wanted.artifact, ctx.clock()
    until = now + LASTING
    detail = {"kind": one.kind, "name": one.kept.name, "until": until.isoformat()}
    note = AuditNote("artifact:link:lent", principal.id, f"artifact:{one.id}", "lent", one.incident_id, detail)
    tx.audit(note, now)
    return Answer(told(one, until), incident_id=one.incident_id, link=link)


def told(one: Artifact, until: datetime) -> str:
    """What stands above the link."""
    size = f"{one.kept.size / 1024**2:.1f} MiB"
    return (
        f"Dump {one.id}, the {one.kind} of INC-{one.incident_id} ({size}): until {until:%H:%M} UTC this link works "
        f"for whoever has it, and the dump may hold secrets. Pass it to nobody. SHA-256 {one.kept.sha256}"
    )
