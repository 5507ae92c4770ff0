"""The first stage after intake: which workload is meant, and what is to be seen there.

Collectors run side by side, each with its own deadline; one that fails is shown as failed. It refuses to lose an
incident: when the cluster can't be asked, the card says so and the stage is owed again.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime, timedelta

from bot.domain.audit import AuditNote
from bot.domain.evidence import EvidenceStatus
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, canonical, sha256
from bot.domain.snapshot import AlertSeen
from bot.evidence import collect
from bot.storage import due, findings, incident_alerts, incidents
from bot.storage import evidence as evidence_rows
from bot.storage.db import Tx
from bot.workflow import annotated, owing
from bot.workflow.context import Context
from bot.workflow.looking import ELSEWHERE, Looked, look

AGAIN = timedelta(seconds=20)
"""How long to wait before asking an unreachable cluster again."""
LOOKS_AGAIN = 3
"""Further looks, each after twice the wait, when a part of the evidence stayed without an answer."""
GIVE_UP_AFTER = 30
"""Attempts before an investigation stops asking (10 minutes): a new alert or a press starts another."""


async def investigate(ctx: Context, work: DueWork) -> None:
    """One look at the incident ``work.subject``; writes evidence and findings and owes the proposal."""
    incident, alerts = await ctx.store.read(_load, work.subject)
    if incident is None or not incident.open:
        await ctx.store.transact(due.done, work)
        return
    async with aclosing(look(ctx, incident, alerts)) as looks:
        async for found in looks:
            if found.complete:
                await ctx.store.transact(_save, work, incident, found, ctx.clock(), annotated.channels(ctx))
            else:
                await ctx.store.transact(_show, incident, found, ctx.clock())


def _load(tx: Tx, incident_id: int) -> tuple[Incident | None, tuple[AlertSeen, ...]]:
    return incidents.get(tx, incident_id), incident_alerts.seen(tx, incident_id)


def _show(tx: Tx, before: Incident, found: Looked, now: datetime) -> None:
    """Puts on the card what is in while other collectors still wait; the look goes on."""
    incident = incidents.get(tx, before.id)
    if not incident.open or incident.target != before.target:
        return
    for item in found.evidence:
        evidence_rows.put(tx, incident.id, item)
    owing.evidence(tx, incident, now)
    owing.card(tx, incident, Priority.NEW_CARD, now)


def _save(
    tx: Tx, work: DueWork, before: Incident, found: Looked, now: datetime, channels: frozenset[str] = frozenset()
) -> None:
    incident = incidents.get(tx, work.subject)
    if not incident.open or incident.target != before.target:
        # It was resolved, or a person chose another target while this looked; their choice owed a look of its own.
        due.done(tx, work)
        return
    if not found.unreachable:
        evidence_rows.drop(tx, incident.id, "target")  # it told of a look that failed
    for item in found.evidence:
        evidence_rows.put(tx, incident.id, item)
    if not found.unreachable:
        findings.put(tx, incident.id, found.findings, now)
    first = incident.investigated_at is None
    incident = incidents.update(
        tx,
        incident.id,
        now,
        target=found.target,
        candidates=found.candidates,
        target_note=found.note,
        investigated_at=now,
        playbook=found.playbook.name,
        links=tuple((link.title, link.url) for link in found.playbook.links),
    )
    digests = {item.source: sha256(canonical(dict(item.data)))[:16] for item in found.evidence}
    summaries = {item.source: item.summary if not item.problem else item.problem for item in found.evidence}
    target = found.target.label if found.target else ""
    if first or not found.unreachable:
        detail = {"target": target, "note": found.note, "summaries": summaries, "digests": digests}
        detail |= {"playbook": found.playbook.name, "findings": [_told(one) for one in found.findings]}
        note = AuditNote(
            "incident:evidence:collected", SYSTEM, f"incident:{incident.id}",
            "unreachable" if found.unreachable else "collected", incident.id, detail,
        )  # fmt: skip
        tx.audit(note, now)
    annotated.route(tx, incident, found.narrowing, channels, now)
    owing.evidence(tx, incident, now)
    owing.logs(tx, incident, found.evidence, now)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    if found.unreachable and work.attempts < GIVE_UP_AFTER:
        due.later(tx, work, now + AGAIN, error=found.unreachable)
        if first and found.target is not None and work.params.get("propose", True):
            due.owe(tx, Stage.PROPOSE, incident.id, now)  # that may be readable; if not, the card says why
        return
    looks = work.params.get("looks", 0)
    if _cluster_silent(found) and isinstance(looks, int) and looks < LOOKS_AGAIN:
        # What wasn't answered once may be what decides: without it nothing is proposed that could be.
        due.later(tx, work, now + AGAIN * 2**looks, params={**work.params, "looks": looks + 1})
    else:
        due.done(tx, work)
    if work.params.get("propose", True):
        due.owe(tx, Stage.PROPOSE, incident.id, now)


def _cluster_silent(found: Looked) -> bool:
    """Whether something that the cluster was asked about the target stayed without an answer."""
    failed = {item.source for item in found.evidence if item.status is EvidenceStatus.FAILED}
    return found.target is not None and any(source in collect.COLLECTORS for source in failed - ELSEWHERE)


def _told(finding: Finding) -> str:
    return f"{finding.cause} ({finding.confidence}): {finding.sentence}"
