"""Pods as Fettle reads them: a row for people, and the few facts that verification and ownership need.

Restart counts alone are not enough: a container that ended and wasn't started again yet hasn't counted, so the time
of its last end is kept beside them. This module refuses to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.evidence import PodRow
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.kube.containers import read_conditions, read_containers, words
from bot.kube.objects import Json, controller, count, dig, instant, mapping, text

CRASH_REASONS = frozenset({"CrashLoopBackOff"})
LATELY = timedelta(minutes=10)
"""Back-off between crashes grows to 5 minutes; twice that without a crash is no loop any more."""
HASHES = ("pod-template-hash", "controller-revision-hash")


@dataclass(frozen=True)
class Pod:
    """One pod. ``owner`` is (kind, name, uid) of its controller; ``execution`` the execution it was started by.

    ``finished_at`` is the newest end of any of its containers, running again or not; ``ended`` names containers that
    are ended now; ``ready_since`` is the time of its Ready condition while that is true, ``unready_since`` while it
    is false; ``claims`` names the volume claims that it mounts. Times are the cluster's.
    """

    row: PodRow
    uid: str
    namespace: str
    owner: tuple[str, str, str] | None
    labels: Json
    execution: str
    restarted_at: str
    deleting: bool
    finished_at: datetime | None
    ready_since: datetime | None
    unready_since: datetime | None
    created_at: datetime | None
    ended: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    def crash_looping(self, now: datetime | None = None) -> bool:
        """In back-off, ended with an error, or crashed at least twice and not ready or, by ``now``, lately.

        Without ``now`` a pod that happens to be up between two crashes doesn't count.
        """
        row = self.row
        if row.phase in {"Failed", "Succeeded"}:  # evicted or finished: nothing starts it again
            return False
        crashed = row.exit_code not in {None, 0}
        lately = now is not None and self.finished_at is not None and now - self.finished_at < LATELY
        again = row.restarts > 1 and (lately or not row.ready)
        return row.waiting in CRASH_REASONS or (crashed and (bool(self.ended) or again))

    @property
    def failing_since(self) -> datetime | None:
        """The earliest failure that the pod itself still tells of, None when it tells of none."""
        ended = self.finished_at if self.row.exit_code not in {None, 0} else None
        known = [at for at in (ended, self.unready_since) if at is not None]
        return min(known) if known and (ended is not None or not self.row.ready) else None


def read_pod(obj: Json) -> Pod:
    """A Pod object of the API as ``Pod``; anything may be absent (a pod that isn't scheduled has next to nothing)."""
    metadata, status = mapping(obj, "metadata"), mapping(obj, "status")
    containers = [*(dig(status, "initContainerStatuses") or []), *(dig(status, "containerStatuses") or [])]
    ready = _condition(status, "Ready")
    is_ready = text(ready, "status") == "True"
    since = instant(dig(ready, "lastTransitionTime"))
    ends = [end for end in map(_last_end, containers) if end]
    last = max(ends, key=lambda end: text(end, "finishedAt"), default={})
    labels = mapping(metadata, "labels")
    annotations = mapping(metadata, "annotations")
    row = PodRow(
        name=text(metadata, "name"),
        phase=text(status, "phase") or "Unknown",
        ready=is_ready,
        restarts=sum(count(container, "restartCount") for container in containers),
        waiting=_waiting(containers, status),
        terminated=text(last, "reason"),
        exit_code=dig(last, "exitCode"),
        terminated_at=text(last, "finishedAt"),
        node=text(obj, "spec", "nodeName"),
        image=text((dig(obj, "spec", "containers") or [{}])[0], "image"),
        created_at=text(metadata, "creationTimestamp"),
        hash=next((str(labels[key]) for key in HASHES if key in labels), ""),
        reason=text(status, "reason"),
        message=words(status),
        deleting=bool(metadata.get("deletionTimestamp")),
        containers=read_containers(obj),
        conditions=read_conditions(status),
    )
    return Pod(
        row=row,
        uid=text(metadata, "uid"),
        namespace=text(metadata, "namespace"),
        owner=controller(obj),
        labels=labels,
        execution=text(annotations, EXECUTION_ID),
        restarted_at=text(annotations, RESTARTED_AT),
        deleting=bool(metadata.get("deletionTimestamp")),
        finished_at=instant(dig(last, "finishedAt")),
        ready_since=since if is_ready else None,
        unready_since=None if is_ready else since,
        created_at=instant(metadata.get("creationTimestamp")),
        ended=tuple(
            text(container, "name")
            for container in dig(status, "containerStatuses") or []
            if dig(container, "state", "terminated")
        ),
        claims=_claims(text(metadata, "name"), dig(obj, "spec", "volumes") or []),
    )


def _claims(pod: str, volumes: list[Json]) -> tuple[str, ...]:
    """Claims by name, and those that an ephemeral volume makes for this pod alone."""
    named = (
        f"{pod}-{text(volume, 'name')}"
        if volume.get("ephemeral")
        else text(volume, "persistentVolumeClaim", "claimName")
        for volume in volumes
    )
    return tuple(filter(None, named))


def _condition(status: Json, kind: str) -> Json:
    for condition in dig(status, "conditions") or []:
        if condition.get("type") == kind:
            return dict(condition)
    return {}


def _last_end(container: Json) -> Json:
    """The newest end of one container: the state now, or the one before it. A finished init container is no end."""
    now = mapping(container, "state", "terminated")
    if now and count(now, "exitCode") == 0 and not mapping(container, "lastState", "terminated"):
        return {}
    return now or mapping(container, "lastState", "terminated")


def _waiting(containers: list[Json], status: Json) -> str:
    reasons = [text(container, "state", "waiting", "reason") for container in containers]
    waiting = next((reason for reason in reasons if reason and reason != "PodInitializing"), "")
    if waiting:
        return waiting
    scheduled = _condition(status, "PodScheduled")
    if text(scheduled, "status") == "False":
        return text(scheduled, "reason") or "Unschedulable"
    return text(status, "reason") or next(filter(None, reasons), "")
