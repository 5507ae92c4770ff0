"""The first stage after intake: which workload is meant, and what is to be seen there.

Collectors run side by side, each with its own deadline; one that fails is shown as failed. It refuses to lose an
incident: when the cluster can't be asked, the card says so and the stage is owed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError, UnavailableError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import Incident
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, canonical, sha256
from bot.domain.target import Target
from bot.evidence import collect
from bot.evidence.ask import Ask
from bot.kube import resolve
from bot.storage import due, incident_alerts, incidents
from bot.storage import evidence as evidence_rows
from bot.storage.db import Tx
from bot.workflow import owing
from bot.workflow.context import Context

AGAIN = timedelta(seconds=20)
"""How long to wait before asking an unreachable cluster again."""
GIVE_UP_AFTER = 30
"""Attempts before an investigation stops asking (10 minutes): a new alert or a press starts another."""


@dataclass(frozen=True)
class Findings:
    """What one round found; ``unreachable`` is a sentence when the cluster could not be asked at all."""

    target: Target | None
    candidates: tuple[Target, ...]
    note: str
    evidence: tuple[Evidence, ...]
    unreachable: str = ""


async def investigate(ctx: Context, work: DueWork) -> None:
    """One round for the incident ``work.subject``; writes its evidence and owes the proposal."""
    incident, labels = await ctx.store.read(_load, work.subject)
    if incident is None or not incident.open:
        await ctx.store.transact(due.done, work)
        return
    found = await _look(ctx, incident, labels)
    await ctx.store.transact(_save, work, incident, found, ctx.clock())


def _load(tx: Tx, incident_id: int) -> tuple[Incident | None, list[Mapping[str, str]]]:
    incident = incidents.get(tx, incident_id)
    return incident, incident_alerts.labels_of(tx, incident_id)


async def _look(ctx: Context, incident: Incident, labels: Sequence[Mapping[str, str]]) -> Findings:
    if incident.foreign_cluster:
        note = (
            f"The alert names cluster “{incident.foreign_cluster}”; this Fettle looks after "
            f"“{ctx.settings.CLUSTER_NAME}” and proposes nothing for another one."
        )
        return Findings(None, (), note, ())
    try:
        target, candidates, note = await _target(ctx, incident, labels)
    except FettleError as error:
        failed = Evidence("target", EvidenceStatus.FAILED, "workload not found", ctx.clock(), {}, str(error))
        unreachable = str(error) if isinstance(error, UnavailableError) else ""
        return Findings(incident.target, incident.candidates, str(error), (failed,), unreachable)
    if target is None:
        return Findings(None, candidates, note, ())
    gathered = await collect.gather(
        Ask(ctx.cluster, target, ctx.clock), deadline=ctx.settings.EVIDENCE_TIMEOUT.total_seconds()
    )
    failed_all = bool(gathered) and all(item.status is EvidenceStatus.FAILED for item in gathered)
    # Not one collector got an answer: that is a cluster that couldn't be asked, not a finding about the workload.
    unreachable = gathered[0].problem or "no collector got an answer" if failed_all else ""
    return Findings(target, candidates, note, tuple(gathered), unreachable)


async def _target(
    ctx: Context, incident: Incident, labels: Sequence[Mapping[str, str]]
) -> tuple[Target | None, tuple[Target, ...], str]:
    if incident.target is not None and (incident.declared_by or not incident.alerts_total or incident.target.uid):
        return incident.target, incident.candidates, incident.target_note
    found = await resolve.resolve_target(ctx.cluster, labels)
    return found.target, found.candidates, found.note


def _save(tx: Tx, work: DueWork, before: Incident, found: Findings, now: datetime) -> None:
    incident = incidents.get(tx, work.subject)
    if not incident.open or incident.target != before.target:
        # It was resolved, or a person chose another target while this looked; their choice owed a look of its own.
        due.done(tx, work)
        return
    if not found.unreachable:
        evidence_rows.drop(tx, incident.id, "target")  # it told of a look that failed
    for item in found.evidence:
        evidence_rows.put(tx, incident.id, item)
    first = incident.investigated_at is None
    incident = incidents.update(
        tx,
        incident.id,
        now,
        target=found.target,
        candidates=found.candidates,
        target_note=found.note,
        investigated_at=now,
    )
    digests = {item.source: sha256(canonical(dict(item.data)))[:16] for item in found.evidence}
    summaries = {item.source: item.summary if not item.problem else item.problem for item in found.evidence}
    target = found.target.label if found.target else ""
    if first or not found.unreachable:
        detail = {"target": target, "note": found.note, "summaries": summaries, "digests": digests}
        note = AuditNote(
            "incident:evidence:collected", SYSTEM, f"incident:{incident.id}",
            "unreachable" if found.unreachable else "collected", incident.id, detail,
        )  # fmt: skip
        tx.audit(note, now)
    owing.evidence(tx, incident, now)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    if found.unreachable and work.attempts < GIVE_UP_AFTER:
        due.later(tx, work, now + AGAIN, error=found.unreachable)
        if first and found.target is not None and work.params.get("propose", True):
            due.owe(tx, Stage.PROPOSE, incident.id, now)  # that may be readable; if not, the card says why
        return
    due.done(tx, work)
    if work.params.get("propose", True):
        due.owe(tx, Stage.PROPOSE, incident.id, now)
