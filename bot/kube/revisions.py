"""Revisions of a pod template, newest first: what each was, since when, and whether it ever ran well.

By number, never by creation: an undo re-numbers an old ReplicaSet and keeps its creation time. Health is told only
where the cluster still knows it. Pure; it refuses to recommend one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bot.domain.observed import RevisionSeen
from bot.kube.objects import Json, count, dig, instant, stamp, text
from bot.kube.pods import Pod
from bot.kube.workload import (
    REVISION,
    owned_by,
    revision_number,
    revision_template,
    template_changed_at,
    template_hash,
)

MOST = 10
HISTORY = "deployment.kubernetes.io/revision-history"
HASH_LABEL = "controller-revision-hash"


def ordered(obj: Json, revisions: Sequence[Json]) -> list[Json]:
    """The workload's own revisions, newest number first."""
    return sorted((item for item in revisions if owned_by(item, obj)), key=revision_number, reverse=True)


def read_revisions(kind: str, obj: Json, revisions: Sequence[Json], pods: Sequence[Pod]) -> tuple[RevisionSeen, ...]:
    """The newest ten."""
    own = ordered(obj, revisions)[:MOST]
    live = _live(kind, obj, own)
    ready = Counter(_hash(pod) for pod in pods if pod.row.ready)
    there = Counter(_hash(pod) for pod in pods if not pod.deleting)
    rows = []
    for item in own:
        key = _key(kind, item)
        template = revision_template(kind, item)
        current = item is live
        rows.append(
            RevisionSeen(
                revision=_label(kind, item),
                created_at=began(kind, obj, item, own, current=current),
                template=template_hash(template)[:16],
                images=tuple(text(one, "image") for one in dig(template, "spec", "containers") or []),
                current=current,
                replicas=count(item, "status", "replicas") if kind == "Deployment" else there[key],
                ready=count(item, "status", "readyReplicas") if kind == "Deployment" else ready[key],
                healthy=_healthy(kind, obj, item, current=current, there=there, ready=ready),
                hash=key,
            )
        )
    return tuple(rows)


def began(kind: str, obj: Json, item: Json, own: Sequence[Json], *, current: bool) -> str:
    """When the revision got its number; empty for an older one that was used again, which nothing tells."""
    if not _reused(item, own):
        return text(item, "metadata", "creationTimestamp")
    at = template_changed_at(kind, obj, own) if current else None
    return stamp(at) if at is not None else ""


def _reused(item: Json, own: Sequence[Json]) -> bool:
    """Whether an undo brought this revision back: it is older than one that has a lower number."""
    if text(item, "metadata", "annotations", HISTORY):
        return True
    made = instant(dig(item, "metadata", "creationTimestamp"))
    lower = (one for one in own if revision_number(one) < revision_number(item))
    others = (instant(dig(one, "metadata", "creationTimestamp")) for one in lower)
    return made is not None and any(other is not None and other > made for other in others)


def _live(kind: str, obj: Json, own: Sequence[Json]) -> Json | None:
    """The revision that the workload wants now, None while its controller hasn't made it yet."""
    if kind == "Deployment":
        wanted = text(obj, "metadata", "annotations", REVISION)
        return next((item for item in own if str(revision_number(item)) == wanted), None)
    if kind == "StatefulSet":
        wanted = text(obj, "status", "updateRevision")
        return next((item for item in own if text(item, "metadata", "name") == wanted), None)
    return own[0] if own else None


def _healthy(
    kind: str, obj: Json, item: Json, *, current: bool, there: Mapping[str, int], ready: Mapping[str, int]
) -> bool | None:
    """Whether it once had all its pods available.

    A rollout that completed proves it, and so do pods that are all ready now; a deadline that passed disproves it. A
    revision that was scaled away without either can't be told.
    """
    if kind == "Deployment":
        return _deployment_health(obj, item, current=current)
    key = _key(kind, item)
    if kind == "StatefulSet" and text(item, "metadata", "name") == text(obj, "status", "currentRevision"):
        return True  # the controller moves it only when an update has completed
    if kind == "DaemonSet" and current:
        wanted = count(obj, "status", "desiredNumberScheduled")
        done = count(obj, "status", "updatedNumberScheduled") == wanted == count(obj, "status", "numberAvailable")
        return True if done and wanted else None
    return True if there[key] and there[key] == ready[key] and not current else None


def _deployment_health(obj: Json, item: Json, *, current: bool) -> bool | None:
    wanted, available = count(item, "spec", "replicas"), count(item, "status", "availableReplicas")
    if wanted and available >= wanted and (not current or wanted >= count(obj, "spec", "replicas")):
        return True
    if not current:
        return None
    fresh = count(obj, "status", "observedGeneration") >= count(obj, "metadata", "generation")
    conditions = dig(obj, "status", "conditions") or []
    reason = next((text(one, "reason") for one in conditions if text(one, "type") == "Progressing"), "")
    if not fresh or reason not in {"NewReplicaSetAvailable", "ProgressDeadlineExceeded"}:
        return None
    return reason == "NewReplicaSetAvailable"


def _key(kind: str, item: Json) -> str:
    """What its pods carry: a StatefulSet's the revision's whole name, the others' its hash."""
    if kind == "StatefulSet":
        return text(item, "metadata", "name")
    return text(item, "metadata", "labels", "pod-template-hash" if kind == "Deployment" else HASH_LABEL)


def _label(kind: str, item: Json) -> str:
    number = revision_number(item)
    return str(number) if kind == "Deployment" or number else text(item, "metadata", "name")


def _hash(pod: Pod) -> str:
    return pod.row.hash
