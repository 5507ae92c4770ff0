"""A workload's raw objects read as one ``TargetState``: pure, so that recorded answers test it.

Zero counts are omitted by the API; "newest ReplicaSet" is not the live one after an undo, so revisions are ordered by
their number. This module refuses to ask the cluster anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain import narrowing
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.proposal import TargetState, canonical, sha256
from bot.domain.redaction import redact_name
from bot.domain.target import Target
from bot.kube.keepers import keeper
from bot.kube.limits import autoscaler_row, of_workload
from bot.kube.managers import writes
from bot.kube.objects import Json, controller, count, dig, instant, mapping, selector_text, selects, text
from bot.kube.pods import Pod
from bot.kube.pulling import hung

REVISION = "deployment.kubernetes.io/revision"
RESTART_ANNOTATIONS = (RESTARTED_AT, EXECUTION_ID)
DEFAULT_DEADLINE = 600
SECONDS_PER_POD = 60
"""StatefulSets and DaemonSets have no progress deadline: a pod is given a minute, the whole at least ten."""


@dataclass(frozen=True)
class Objects:
    """What was read of one workload: the object itself, its revisions, its namespace, autoscalers and budgets there.

    Without ``namespace`` what it narrows isn't known, and that denies.
    """

    workload: Json
    revisions: Sequence[Json] = ()
    autoscalers: Sequence[Json] = ()
    budgets: Sequence[Json] = ()
    pods: Sequence[Pod] = ()
    cluster_uid: str = ""
    observed_at: datetime | None = None
    namespace: Json | None = None


@dataclass(frozen=True)
class _Counts:
    replicas: int
    updated: int
    ready: int
    available: int
    current: int


def target_of(kind: str, obj: Json) -> Target:
    """The target that an object is, uid included."""
    return Target(kind, text(obj, "metadata", "namespace"), text(obj, "metadata", "name"), text(obj, "metadata", "uid"))


def read_state(kind: str, objects: Objects) -> TargetState:
    """The state of one workload of a restartable kind."""
    obj = objects.workload
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    counts = _counts(kind, spec, status)
    template = mapping(spec, "template")
    strategy = mapping(spec, "strategy" if kind == "Deployment" else "updateStrategy")
    rolling = mapping(strategy, "rollingUpdate")
    owner = controller(obj)
    current, revision = current_revision(kind, obj, objects.revisions)
    autoscaler = _autoscaler(kind, obj, objects.autoscalers)
    failures = [pod.failing_since for pod in objects.pods if pod.failing_since is not None]
    return TargetState(
        target=target_of(kind, obj),
        cluster_uid=objects.cluster_uid,
        generation=count(obj, "metadata", "generation"),
        observed_generation=count(status, "observedGeneration"),
        replicas=counts.replicas,
        updated=counts.updated,
        ready=counts.ready,
        available=counts.available,
        current=counts.current,
        paused=bool(spec.get("paused")),
        template_hash=template_hash(template),
        strategy=text(strategy, "type") or "RollingUpdate",
        max_unavailable=text(rolling, "maxUnavailable"),
        max_surge=text(rolling, "maxSurge"),
        min_ready_seconds=count(spec, "minReadySeconds"),
        progress_deadline=_deadline(kind, spec, counts.replicas),
        template_annotations={key: str(value) for key, value in mapping(template, "metadata", "annotations").items()},
        revision=_revision(kind, obj, objects.revisions),
        images=tuple(text(item, "image") for item in dig(template, "spec", "containers") or []),
        hpa=_bounds(autoscaler),
        hpa_uid=text(autoscaler, "metadata", "uid"),
        hpa_owner=" ".join((controller(autoscaler) or ())[:2]),
        hpa_keeper=keeper(autoscaler, [write.manager for write in writes(autoscaler) if write.owns("spec")]),
        budget=_budget(template, objects.budgets),
        annotated=bool(mapping(obj, "metadata", "annotations")),
        marker=text(obj, "metadata", "annotations", EXECUTION_ID),
        owner=f"{owner[0]} {text(obj, 'metadata', 'namespace')}/{owner[1]}" if owner else "",
        managers=template_managers(obj),
        keeper=keeper(obj, template_managers(obj)),
        partition=count(rolling, "partition"),
        ordered=kind == "StatefulSet" and text(spec, "podManagementPolicy") != "Parallel",
        conditions={
            text(item, "type"): text(item, "reason") or text(item, "status") for item in dig(status, "conditions") or []
        },
        crash_restarts={pod.row.name: pod.row.restarts for pod in objects.pods},
        crash_looping=any(pod.crash_looping(objects.observed_at) for pod in objects.pods),
        labels={key: str(value) for key, value in mapping(obj, "metadata", "labels").items()},
        selector=selector_text(spec.get("selector")),
        template_changed_at=template_changed_at(kind, obj, objects.revisions),
        first_failure_at=min(failures) if failures else None,
        hung=hung(obj, objects.pods, current),
        pods_hash=current,
        pods_wanted=count(revision, "spec", "replicas"),
        observed_at=objects.observed_at,
        narrowing=narrowed(kind, obj, objects.namespace),
    )


def narrowed(kind: str, obj: Json, namespace: Json | None) -> narrowing.Narrowing | None:
    """What the annotations of both say, the workload first, and the labels of the namespace; None without that."""
    if namespace is None:
        return None
    of_workload = narrowing.read(target_of(kind, obj).label, _annotations(obj))
    of_both = of_workload + narrowing.read(f"namespace {text(namespace, 'metadata', 'name')}", _annotations(namespace))
    return replace(of_both, labels={key: str(value) for key, value in mapping(namespace, "metadata", "labels").items()})


def _annotations(obj: Json) -> dict[str, str]:
    return {key: str(value) for key, value in mapping(obj, "metadata", "annotations").items()}


def template_hash(template: Json, without: Collection[str] = RESTART_ANNOTATIONS) -> str:
    """Hash of a pod template without restart annotations and without what controllers add to their copies."""
    metadata = {key: value for key, value in mapping(template, "metadata").items() if key != "creationTimestamp"}
    annotations = {key: value for key, value in mapping(metadata, "annotations").items() if key not in without}
    labels = {key: value for key, value in mapping(metadata, "labels").items() if key != "pod-template-hash"}
    kept = {"annotations": annotations, "labels": labels}
    rest = {key: value for key, value in metadata.items() if key not in kept}
    return sha256(
        canonical({"metadata": rest | {k: v for k, v in kept.items() if v}, "spec": mapping(template, "spec")})
    )


def template_managers(obj: Json) -> tuple[str, ...]:
    """Field managers of the pod template, sorted, without those that only ever restarted it."""
    return tuple(sorted({redact_name(text(entry, "manager")) for entry in template_writes(obj)}))


def template_changed_at(kind: str, obj: Json, revisions: Sequence[Json]) -> datetime | None:
    """When the template last changed in more than restart annotations, as far as the cluster still knows.

    Revisions with the same template (restarts of one another) are one change, whose time is that of the oldest. An
    undo reuses an old revision object, whose creation says nothing: then the newest write of the template counts.
    """
    ordered = sorted((item for item in revisions if owned_by(item, obj)), key=revision_number, reverse=True)
    if not ordered:
        return max((at for at in (_written(entry) for entry in template_writes(obj)) if at), default=None)
    hashes = [template_hash(revision_template(kind, item)) for item in ordered]
    same = next((i for i, found in enumerate(hashes) if found != hashes[0]), len(ordered))
    began = instant(dig(ordered[same - 1], "metadata", "creationTimestamp"))
    older = [instant(dig(item, "metadata", "creationTimestamp")) for item in ordered[same:]]
    if began is not None and all(at is None or at <= began for at in older):
        return began
    return max((at for at in (_written(entry) for entry in template_writes(obj)) if at), default=began)


def _counts(kind: str, spec: Json, status: Json) -> _Counts:
    if kind == "DaemonSet":
        return _Counts(
            replicas=count(status, "desiredNumberScheduled"),
            updated=count(status, "updatedNumberScheduled"),
            ready=count(status, "numberReady"),
            available=count(status, "numberAvailable"),
            current=count(status, "currentNumberScheduled"),
        )
    wanted = spec.get("replicas")
    return _Counts(
        replicas=1 if wanted is None else int(wanted),
        updated=count(status, "updatedReplicas"),
        ready=count(status, "readyReplicas"),
        available=count(status, "availableReplicas"),
        current=count(status, "replicas"),
    )


def _deadline(kind: str, spec: Json, replicas: int) -> int:
    if kind == "Deployment":
        return count(spec, "progressDeadlineSeconds") or DEFAULT_DEADLINE
    return max(DEFAULT_DEADLINE, replicas * (SECONDS_PER_POD + count(spec, "minReadySeconds")))


def _revision(kind: str, obj: Json, revisions: Sequence[Json]) -> str:
    if kind == "Deployment":
        return text(obj, "metadata", "annotations", REVISION)
    if kind == "StatefulSet":
        return text(obj, "status", "updateRevision")
    owned = [item for item in revisions if owned_by(item, obj)]
    return text(max(owned, key=revision_number), "metadata", "labels", "controller-revision-hash") if owned else ""


def current_revision(kind: str, obj: Json, revisions: Sequence[Json]) -> tuple[str, Json]:
    """What pods of the template carry as their hash, and the revision; empty while none with that template is known.

    The revision must hold the very template: until the controller has made one, the newest is an older one.
    """
    owned = [one for one in revisions if owned_by(one, obj)]
    found = max(owned, key=revision_number, default=None)
    if kind == "StatefulSet":
        key = text(obj, "status", "updateRevision")
        found = next((one for one in owned if text(one, "metadata", "name") == key), None)
    else:
        label = "pod-template-hash" if kind == "Deployment" else "controller-revision-hash"
        key = text(found, "metadata", "labels", label)
    held = template_hash(revision_template(kind, found), ()) if found is not None else ""
    return (key, found or {}) if held == template_hash(mapping(obj, "spec", "template"), ()) else ("", {})


def owned_by(item: Json, obj: Json) -> bool:
    """Whether ``obj`` is the controller of ``item``."""
    owner = controller(item)
    return owner is not None and owner[2] == text(obj, "metadata", "uid")


def revision_number(item: Json) -> int:
    """The revision number of a ReplicaSet (annotation) or ControllerRevision (field)."""
    if isinstance(item.get("revision"), int):
        return int(item["revision"])
    number = text(item, "metadata", "annotations", REVISION)
    return int(number) if number.isdecimal() else 0


def revision_template(kind: str, item: Json) -> Json:
    """The pod template that a ReplicaSet or ControllerRevision remembers."""
    template = mapping(item, "spec", "template") if kind == "Deployment" else mapping(item, "data", "spec", "template")
    return {key: value for key, value in template.items() if key != "$patch"}


def template_writes(obj: Json) -> list[Json]:
    """The managedFields entries that own something of the template beyond restart annotations."""
    entries = dig(obj, "metadata", "managedFields") or []
    return [entry for entry in entries if beyond_restart(dig(entry, "fieldsV1", "f:spec", "f:template"))]


def beyond_restart(fields: Any) -> bool:
    """Whether what a manager owns of the template (its ``f:template``) is more than restart annotations."""
    if not isinstance(fields, Mapping):
        return False
    if set(fields) - {"f:metadata", "."}:
        return True
    metadata = mapping(fields, "f:metadata")
    if set(metadata) - {"f:annotations", "."}:
        return True
    restarts = {f"f:{key}" for key in RESTART_ANNOTATIONS} | {"."}
    return bool(set(mapping(metadata, "f:annotations")) - restarts)


def _written(entry: Json) -> datetime | None:
    return instant(entry.get("time"))


def _autoscaler(kind: str, obj: Json, autoscalers: Sequence[Json]) -> Json:
    """The autoscaler that scales this workload, empty without one."""
    return next(iter(of_workload(kind, text(obj, "metadata", "name"), autoscalers)), {})


def _bounds(autoscaler: Json) -> tuple[str, int, int] | None:
    if not autoscaler:
        return None
    row = autoscaler_row(autoscaler)
    return row.name, row.least, row.most


def _budget(template: Json, budgets: Sequence[Json]) -> tuple[str, str, int] | None:
    """The tightest disruption budget over the template's pods: (name, its bound in words, disruptions allowed)."""
    labels = mapping(template, "metadata", "labels")
    found = []
    for item in budgets:
        if not selects(dig(item, "spec", "selector"), labels) or dig(item, "spec", "selector") is None:
            continue
        spec = mapping(item, "spec")
        words = [f"{key} {spec[key]}" for key in ("minAvailable", "maxUnavailable") if spec.get(key) is not None]
        found.append((text(item, "metadata", "name"), ", ".join(words), count(item, "status", "disruptionsAllowed")))
    return min(found, key=lambda budget: (budget[2], budget[0])) if found else None
