"""A Deployment, StatefulSet or DaemonSet as one row of evidence: its counts, its strategy, its conditions. Pure."""

from __future__ import annotations

from bot.domain.observed import WorkloadSeen
from bot.kube.containers import read_conditions
from bot.kube.objects import Json, count, mapping, text
from bot.kube.workload import Objects, read_state


def read_workload(kind: str, obj: Json) -> WorkloadSeen:
    """The row; without revisions, so that a DaemonSet's own revision isn't in it."""
    state = read_state(kind, Objects(obj))
    return WorkloadSeen(
        kind=kind,
        namespace=state.target.namespace,
        name=state.target.name,
        replicas=state.replicas,
        updated=state.updated,
        ready=state.ready,
        available=state.available,
        current=state.current,
        generation=state.generation,
        observed_generation=state.observed_generation,
        paused=state.paused,
        strategy=state.strategy,
        partition=state.partition,
        revision=state.revision,
        created_at=text(obj, "metadata", "creationTimestamp"),
        owner=state.owner,
        managers=state.managers,
        conditions=read_conditions(mapping(obj, "status")),
        current_revision=text(obj, "status", "currentRevision"),
        misscheduled=count(obj, "status", "numberMisscheduled"),
    )
