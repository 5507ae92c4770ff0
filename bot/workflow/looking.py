"""One look at an incident: its playbook, the workload that is meant, the evidence, and what follows from it.

It asks the cluster and whatever else is configured, each within its own limit, and writes nothing: ``investigate``
saves what it hands over. It refuses to wait for what hangs: what is late is shown as late.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from bot.domain.errors import ClusterUnavailableError, CredentialsError, FettleError, UnavailableError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.domain.narrowing import Narrowing
from bot.domain.severity import severity_of
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.domain.target import Target
from bot.evidence import collect, silences
from bot.evidence.ask import Ask
from bot.evidence.sources import worth_asking
from bot.findings import ranked
from bot.kube import resolve
from bot.kube.members import target_object
from bot.kube.pace import Allowance
from bot.playbooks.schema import Playbook
from bot.playbooks.words import PARAMS
from bot.workflow import annotated
from bot.workflow.context import Context

FINDING_THE_WORKLOAD = 6.0
"""Seconds to find out which workload is meant; with the evidence's own limit all is in or marked late within 15 s."""
HANDLERS_WITHIN, HANDLERS_AFTER = 3.0, 0.7
"""Seconds that a handler gets to say what it makes of the evidence, and those that it gets at the least."""
FIRST_SHOWN = 1.2
"""Seconds after which the evidence that is in is shown without what is still on its way."""


ASKED_AGAIN = 1.0
"""Seconds for the question whether the cluster is still there."""
UNASKED = (UnavailableError, CredentialsError)
"""Nothing was looked at, and it may be in a while: the cluster is back, or our token renewed."""
ELSEWHERE = frozenset({"metrics", "log_errors", "registry", silences.SOURCE})
"""Sources that aren't the cluster; nothing waits for them."""
TARGET_ITSELF = frozenset({"workload", "config"})
"""Sources that may need nothing but what was read to find the target."""


@dataclass(frozen=True)
class Looked:
    """What one look found; ``unreachable`` is a sentence when the cluster could not be asked at all.

    Without ``complete`` more evidence is on its way, and nothing was concluded yet.
    """

    target: Target | None
    candidates: tuple[Target, ...]
    note: str
    playbook: Playbook
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    unreachable: str = ""
    complete: bool = True
    narrowing: Narrowing | None = None
    """What annotations of the target say, as far as they were read meanwhile."""


def playbook_for(ctx: Context, incident: Incident, alerts: Sequence[AlertSeen]) -> Playbook:
    """The playbook in force for this incident."""
    labels = [alert.labels for alert in alerts]
    # By what the labels say, as at intake: what the playbook made of it must not lead to another playbook.
    said = min((severity_of(one, ctx.settings.SEVERITY_MAP) for one in labels), default=incident.severity)
    return ctx.playbooks.current.choose_for(labels, said)


async def look(ctx: Context, incident: Incident, alerts: Sequence[AlertSeen]) -> AsyncGenerator[Looked, None]:
    """What can be seen of an incident now: where it takes long a part first, then all; never raises for the cluster."""
    playbook = playbook_for(ctx, incident, alerts)
    if incident.foreign_cluster:
        note = (
            f"The alert names cluster “{incident.foreign_cluster}”; this Fettle looks after "
            f"“{ctx.settings.CLUSTER_NAME}” and proposes nothing for another one."
        )
        yield Looked(None, (), note, playbook)
        return
    allowance = Allowance(collect.MOST_CALLS)
    try:
        async with asyncio.timeout(FINDING_THE_WORKLOAD):
            target, candidates, note = await _target(ctx, incident, alerts, allowance)
    except TimeoutError:
        late = ClusterUnavailableError("The cluster didn't say in time which workload is meant.")
        yield _lost(ctx, incident, playbook, late)
        return
    except FettleError as error:
        yield _lost(ctx, incident, playbook, error)
        return
    loop = asyncio.get_running_loop()
    end = loop.time() + ctx.settings.EVIDENCE_TIMEOUT.total_seconds() + HANDLERS_AFTER
    gathered: list[Evidence] = []
    gathering = asyncio.create_task(_gather(ctx, playbook, target, alerts, allowance, gathered), name="evidence")
    noting = asyncio.create_task(annotated.read(ctx, target), name="annotations")
    try:
        await asyncio.wait({gathering}, timeout=FIRST_SHOWN)
        if not gathering.done() and gathered:
            yield Looked(target, candidates, note, playbook, tuple(gathered), complete=False)
        await gathering
        await asyncio.wait({noting}, timeout=collect.GRACE)
        noted = noting.result() if noting.done() else None
    finally:
        gathering.cancel()
        noting.cancel()
    unreachable = await _unreachable(ctx, target, gathered)
    snapshot = Snapshot(ctx.clock(), tuple(alerts), target, {item.source: item for item in gathered})
    findings: tuple[Finding, ...] = ()
    if not unreachable:
        ranking = asyncio.to_thread(ranked.rank, snapshot)
        left = max(0.3, min(HANDLERS_WITHIN, round(end - loop.time(), 1)))
        asking = ctx.handlers.find(snapshot, tuple(PARAMS), within=left)
        own, (theirs, lines) = await asyncio.gather(ranking, asking)
        findings = ranked.joined(own, theirs)
        gathered += lines
    yield Looked(target, candidates, note, playbook, tuple(gathered), findings, unreachable, narrowing=noted)


async def _unreachable(ctx: Context, target: Target | None, gathered: Sequence[Evidence]) -> str:
    """Why the cluster couldn't be asked; empty when it answered, if only with refusals.

    Not one collector got an answer: that is a cluster that is away, not a finding about the workload. The target itself
    was read a moment before, so that what is told of it says nothing; then the cluster is asked once more.
    """
    asked = [item for item in gathered if item.source in collect.COLLECTORS and item.source not in ELSEWHERE]
    others = [item for item in asked if item.source not in TARGET_ITSELF]
    if target is None or not asked or any(item.status is not EvidenceStatus.FAILED for item in others):
        return ""
    if others == asked:
        return asked[0].problem or "no collector got an answer"
    try:
        async with asyncio.timeout(ASKED_AGAIN):
            await target_object(ctx.cluster, target)
    except UNASKED as error:
        return str(error)
    except TimeoutError:
        return "The cluster doesn't answer any more."
    except FettleError:
        return ""
    return ""


def _lost(ctx: Context, incident: Incident, playbook: Playbook, error: FettleError) -> Looked:
    failed = Evidence("target", EvidenceStatus.FAILED, "workload not found", ctx.clock(), {}, str(error))
    unreachable = str(error) if isinstance(error, UNASKED) else ""
    return Looked(incident.target, incident.candidates, str(error), playbook, (failed,), (), unreachable)


async def _target(
    ctx: Context, incident: Incident, alerts: Sequence[AlertSeen], allowance: Allowance
) -> tuple[Target | None, tuple[Target, ...], str]:
    if incident.target is not None and (incident.declared_by or not incident.alerts_total or incident.target.uid):
        return incident.target, incident.candidates, incident.target_note
    found = await resolve.resolve_target(ctx.cluster, [alert.labels for alert in alerts], allowance)
    return found.target, found.candidates, found.note


async def _gather(
    ctx: Context, playbook: Playbook, target: Target | None, alerts: Sequence[AlertSeen], allowance: Allowance,
    gathered: list[Evidence],
) -> None:  # fmt: skip
    """Adds each collector's evidence to ``gathered`` as it arrives."""
    ask = Ask(
        ctx.cluster,
        target,
        ctx.clock,
        alerts=tuple(alerts),
        since=Snapshot(ctx.clock(), tuple(alerts)).since,
        queries=playbook.metric_queries(),
        log_query=playbook.log_query(),
        prometheus=ctx.sources.prometheus,
        loki=ctx.sources.loki,
        registries=ctx.sources.registries,
        alertmanager=ctx.sources.alertmanager,
    )
    deadline = ctx.settings.EVIDENCE_TIMEOUT.total_seconds()
    asked = collect.chosen(worth_asking(target, alerts, playbook.evidence))
    # Whatever the playbook asks: that somebody keeps an alert quiet is for everybody to see.
    wanted = {**asked, silences.SOURCE: silences.collect, **ctx.handlers.collectors(alerts)}
    collecting = collect.each(ask, deadline=deadline, collectors=wanted, allowance=allowance)
    async with aclosing(collecting) as arriving:
        async for one in arriving:
            gathered.append(one)  # noqa: PERF401 - whoever shows a part looks at the list meanwhile
