"""What is known of an incident, and what its playbook makes of that.

It is asked when something is proposed, and again when Fettle would do it by itself. It reads the store alone and
refuses to ask the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.evidence import EvidenceStatus
from bot.domain.execution import ExecutionState
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.domain.mitigation import on_cluster, traits_of
from bot.domain.snapshot import Snapshot
from bot.mitigations import catalog
from bot.playbooks import chosen
from bot.playbooks.chosen import Planned
from bot.playbooks.schema import Playbook
from bot.storage import evidence, executions, findings, incident_alerts
from bot.storage.db import Tx
from bot.workflow.context import Context


@dataclass(frozen=True)
class Concluded:
    """What is known of the incident: its findings, best first, the alerts' labels, the replicas its target wants."""

    findings: tuple[Finding, ...]
    alerts: Sequence[Mapping[str, str]]
    replicas: int | None
    unread: str = ""
    """Why nothing could be read; empty when something was."""
    snapshot: Snapshot | None = None
    """All of it, for handlers."""
    looked: frozenset[str] = frozenset()
    """What was done in this episode and only looks: it isn't proposed twice."""


def of(tx: Tx, incident: Incident) -> Concluded:
    """All that the looks of this episode found."""
    found = findings.of(tx, incident.id, incident.episode_at)
    rows = [one for one in evidence.of(tx, incident.id) if one.observed_at >= incident.episode_at]
    alerts = incident_alerts.seen(tx, incident.id)
    snapshot = Snapshot(incident.updated_at, alerts, incident.target, {one.source: one for one in rows})
    workload = snapshot.workload
    asked = [one for one in rows if not one.source.startswith("handler:")]
    ran = [run for run in executions.of_incident(tx, incident.id) if run.created_at >= incident.episode_at]
    looked = {run.action for run in ran if run.state is ExecutionState.SUCCEEDED and traits_of(run.action).looks}
    failed = [one.problem or "no reason given" for one in asked if one.status is EvidenceStatus.FAILED]
    return Concluded(
        findings=found,
        alerts=[alert.labels for alert in alerts],
        replicas=workload.replicas if workload else None,
        unread=failed[0] if failed and len(failed) == len(asked) else "",
        snapshot=snapshot,
        looked=frozenset(looked),
    )


def playbook_of(ctx: Context, incident: Incident, concluded: Concluded) -> Playbook:
    """The playbook that the look went by, if it is still there; else the one that fits now."""
    current = ctx.playbooks.current
    return current.get(incident.playbook) or current.choose_for(concluded.alerts, incident.severity)


def planned(ctx: Context, incident: Incident, concluded: Concluded) -> Planned:
    """What the playbook makes of the findings."""
    playbook = playbook_of(ctx, incident, concluded)
    kind = incident.target.kind if incident.target else ""
    available = frozenset(str(action) for action in catalog.CATALOG)
    allowed = frozenset(str(action) for action in on_cluster(ctx.settings.ALLOWED_ACTIONS))
    left = [
        replace(one, suggestions=tuple(each for each in one.suggestions if each.action not in concluded.looked))
        for one in concluded.findings
    ]
    return chosen.plan(playbook, left, available, kind=kind, replicas=concluded.replicas, allowed=allowed or available)
