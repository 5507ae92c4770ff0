"""Targets that are no workloads, read as a ``TargetState``: a Job or CronJob, a node, a volume claim.

What is asked beside the object is what its guards need: the CronJob above a Job and its runs, other nodes that take
pods, the class of a claim. What can't be read raises, or is None where a guard denies that. Reads alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain import narrowing
from bot.domain.errors import FettleError, NotFoundError, RequestError
from bot.domain.execution import EXECUTION_ID
from bot.domain.proposal import TargetState, canonical, sha256
from bot.domain.redaction import redact_name
from bot.domain.target import CLUSTER_WIDE, Target
from bot.domain.thing import DELETE, RERUN, SAFE, ClaimSeen, CronSeen, JobSeen, NodeSeen, Thing
from bot.kube import lists
from bot.kube.client import Cluster
from bot.kube.jobs import read_job
from bot.kube.keepers import keeper
from bot.kube.nodes import is_ready
from bot.kube.objects import Json, controller, count, dig, mapping, path, text
from bot.kube.quantity import quantity
from bot.kube.workload import target_of

KINDS = ("Job", "CronJob", "Node", "PersistentVolumeClaim")
"""Kinds that are read here."""
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
"""Labels and taints of the nodes that run the control plane; older clusters have the second."""
NODES_AT_ONCE, NODES_MOST = 50, 500
"""Nodes are some ten kilobytes each: they are read in small pages, and only until one that takes pods is found."""
FLEETING = 3600
"""A run that is removed sooner than so many seconds after its end may be gone before anybody looked."""
CRON_NAME = 52
"""Characters that Kubernetes lets a CronJob's name have; eleven more fit into a Job's."""
SHORT, LONG, LONGEST = 600, 1800, 7200
"""Seconds until a verdict: of what takes effect at once, of a run without a limit of its own, and of any run."""
RESIZING = ("ControllerResizeError", "NodeResizeError", "Resizing", "FileSystemResizePending")


async def state(cluster: Cluster, target: Target, *, asked: datetime | None = None) -> TargetState:
    """The state of one object; ``asked`` is the time before the call.

    Raises ``NotFoundError`` when it is gone, ``RequestError`` for another kind, and what a read raises.
    """
    if target.kind not in KINDS:
        raise RequestError(f"{target.label}: nothing is ever done to a {target.kind}, so it isn't read for that.")
    obj = await one(cluster, target)
    read = {"Job": _job, "CronJob": _cronjob, "Node": _node, "PersistentVolumeClaim": _claim}[target.kind]
    (thing, above, parts), namespace, uid = await asyncio.gather(
        read(cluster, obj), _namespace(cluster, target.namespace), cluster.uid()
    )
    managers = _managers(above or obj)
    version = count(obj, "metadata", "generation")
    return TargetState(
        target=target_of(target.kind, obj),
        cluster_uid=uid,
        generation=version,
        observed_generation=version,
        replicas=1, updated=1, ready=1, available=1, current=1,
        paused=False,
        template_hash=sha256(canonical(parts)),
        strategy="",
        progress_deadline=_deadline(thing),
        annotated=bool(mapping(obj, "metadata", "annotations")),
        marker=text(obj, "metadata", "annotations", EXECUTION_ID),
        owner=_owner(target, obj, above),
        managers=managers,
        labels={key: str(value) for key, value in mapping(obj, "metadata", "labels").items()},
        observed_at=asked,
        keeper=keeper(above or obj, managers),
        narrowing=_narrowed(target, obj, above, namespace),
        thing=thing,
    )  # fmt: skip


async def one(cluster: Cluster, target: Target) -> Json:
    """The raw object; an empty name, or a namespace where there is none, is refused and never widened."""
    if not target.name or bool(target.namespace) is (target.kind in CLUSTER_WIDE):
        raise RequestError(f"A {target.kind} needs {'a name alone' if target.namespace else 'a namespace and a name'}.")
    return await lists.one(cluster, target.kind, target.namespace, target.name)


def run_name(cronjob: str, execution_uid: str) -> str:
    """The name of the Job that an execution makes of a CronJob: the same for the same execution, whoever asks."""
    return f"{cronjob[:CRON_NAME]}-{execution_uid[:10]}"


def cron_content(cronjob: Json) -> str:
    """Hash of the template that a CronJob makes its Jobs of."""
    return sha256(canonical(mapping(cronjob, "spec", "jobTemplate")))


Read = tuple[Thing, Json | None, Mapping[str, Any]]
"""What there is of it, the object above it, and what makes an approval stale."""


async def _job(cluster: Cluster, job: Json) -> Read:
    above = await _above(cluster, job)
    cron = await _cron(cluster, above) if above is not None else None
    seen = read_job(job)
    found = JobSeen(
        seen.result, seen.active, text(job, "metadata", "annotations", DELETE) == SAFE, seen.reason or seen.message
    )
    return Thing(found, cron, going=_going(job)), above, {"job": _spec_hash(job), "cron": _stale(cron)}


async def _cronjob(cluster: Cluster, cronjob: Json) -> Read:
    cron = await _cron(cluster, cronjob)
    return Thing(cron=cron, going=_going(cronjob)), None, {"cron": _stale(cron)}


def _stale(cron: CronSeen | None) -> Any:
    return None if cron is None else [cron.uid, cron.content, cron.safe, cron.suspended, cron.concurrency]


async def _above(cluster: Cluster, job: Json) -> Json | None:
    """The CronJob that made a Job, None where none did or where it is another one by now."""
    owner = controller(job)
    if owner is None or owner[0] != "CronJob":
        return None
    try:
        found = await cluster.get(path("CronJob", text(job, "metadata", "namespace"), owner[1]))
    except NotFoundError:
        return None
    return found if text(found, "metadata", "uid") == owner[2] else None


async def _cron(cluster: Cluster, cronjob: Json) -> CronSeen:
    uid, spec = text(cronjob, "metadata", "uid"), mapping(cronjob, "spec")
    listed = await cluster.items(path("Job", text(cronjob, "metadata", "namespace")))
    runs = [job for job in listed if (controller(job) or ("", "", ""))[2] == uid]
    runs.sort(key=lambda job: text(job, "metadata", "creationTimestamp"), reverse=True)
    rows = [read_job(job) for job in runs]
    within = dig(spec, "jobTemplate", "spec", "activeDeadlineSeconds")
    lasts = dig(spec, "jobTemplate", "spec", "ttlSecondsAfterFinished")
    kept = [spec.get(f"{result}JobsHistoryLimit") for result in ("successful", "failed")]
    return CronSeen(
        name=text(cronjob, "metadata", "name"),
        uid=uid,
        content=cron_content(cronjob),
        safe=text(cronjob, "metadata", "annotations", RERUN) == SAFE,
        suspended=bool(spec.get("suspend")),
        concurrency=text(spec, "concurrencyPolicy") or "Allow",
        schedule=text(spec, "schedule"),
        active=tuple(row.name for row in rows if not row.result and not row.suspended),
        fleeting=0 in kept or (isinstance(lasts, int) and lasts < FLEETING),
        run=f"{rows[0].name} {rows[0].result or 'running'}" if rows else "",
        seconds=within if isinstance(within, int) else None,
        going=_going(cronjob),
    )


async def _node(cluster: Cluster, node: Json) -> Read:
    unschedulable = bool(dig(node, "spec", "unschedulable"))
    seen = NodeSeen(unschedulable, is_ready(node), control_plane(node), await _others(cluster, node))
    return Thing(node=seen, going=_going(node)), None, {"unschedulable": unschedulable}


def control_plane(node: Json) -> str:
    """The label or taint that says that it is a node of the control plane, empty for a worker."""
    marks = {*mapping(node, "metadata", "labels"), *(text(taint, "key") for taint in dig(node, "spec", "taints") or [])}
    return next((mark for mark in CONTROL_PLANE if mark in marks), "")


def takes_pods(node: Json) -> bool:
    """Whether a pod without any toleration could be put there."""
    hindering = [one for one in dig(node, "spec", "taints") or [] if text(one, "effect") != "PreferNoSchedule"]
    return is_ready(node) is True and not dig(node, "spec", "unschedulable") and not hindering and not _going(node)


async def _others(cluster: Cluster, node: Json) -> int | None:
    """How many other nodes take pods: one is enough to know. None where nodes can't be listed."""
    name, looked = text(node, "metadata", "name"), 0
    try:
        async for other in cluster.pages(
            path("Node", ""), {"fieldSelector": "spec.unschedulable=false"}, NODES_AT_ONCE
        ):
            if text(other, "metadata", "name") != name and takes_pods(other):
                return 1
            looked += 1
            if looked >= NODES_MOST:
                return None
    except FettleError:  # a missing right is told as one by the guards
        return None
    return 0


async def _claim(cluster: Cluster, claim: Json) -> Read:
    spec, written = mapping(claim, "spec"), text(claim, "spec", "resources", "requests", "storage")
    storage_class = text(spec, "storageClassName")
    expandable, template = await asyncio.gather(_expandable(cluster, storage_class), _template_of(cluster, claim))
    held = {text(one, "type") for one in dig(claim, "status", "conditions") or [] if text(one, "status") == "True"}
    seen = ClaimSeen(
        phase=text(claim, "status", "phase"),
        written=written,
        request=quantity(written) or 0.0,
        capacity=quantity(dig(claim, "status", "capacity", "storage")) or 0.0,
        storage_class=storage_class,
        expandable=expandable,
        resizing=next((one for one in RESIZING if one in held), ""),
        template=template,
    )
    return Thing(claim=seen, going=_going(claim)), None, {"request": written, "class": storage_class}


async def _expandable(cluster: Cluster, name: str) -> bool | None:
    if not name:
        return False  # bound by hand, or to a class of an older cluster: nothing resizes it
    try:
        return bool((await cluster.get(path("StorageClass", "", name))).get("allowVolumeExpansion"))
    except NotFoundError:
        return False
    except FettleError:
        return None


async def _template_of(cluster: Cluster, claim: Json) -> str:
    """The StatefulSet whose claim template made it: ``TEMPLATE-SET-ORDINAL``, as its controller names claims."""
    name, namespace = text(claim, "metadata", "name"), text(claim, "metadata", "namespace")
    for item in await cluster.items(path("StatefulSet", namespace)):
        for template in dig(item, "spec", "volumeClaimTemplates") or []:
            beginning = f"{text(template, 'metadata', 'name')}-{text(item, 'metadata', 'name')}-"
            if name.startswith(beginning) and name.removeprefix(beginning).isdecimal():
                return text(item, "metadata", "name")
    return ""


def _deadline(thing: Thing) -> int:
    if thing.cron is None:
        return SHORT
    return min(thing.cron.seconds + 60, LONGEST) if thing.cron.seconds is not None else LONG


def _owner(target: Target, obj: Json, above: Json | None) -> str:
    """The controller that runs it; a CronJob above a Job is no stranger, but what owns that one is."""
    owner = controller(obj) if above is None else controller(above)
    # A claim's owner is the StatefulSet that it was made for: it changes no claim.
    if owner is None or (target.kind, owner[0]) in {("PersistentVolumeClaim", "StatefulSet"), ("Job", "CronJob")}:
        return ""
    return f"{owner[0]} {text(obj, 'metadata', 'namespace')}/{owner[1]}"


def _managers(obj: Json) -> tuple[str, ...]:
    """Field managers of what people wrote, sorted; who wrote status alone isn't one."""
    entries = dig(obj, "metadata", "managedFields") or []
    wrote = (entry for entry in entries if text(entry, "subresource") != "status" and dig(entry, "fieldsV1", "f:spec"))
    return tuple(sorted({redact_name(text(entry, "manager")) for entry in wrote}))


def _narrowed(target: Target, obj: Json, above: Json | None, namespace: Json | None) -> narrowing.Narrowing | None:
    """What annotations say; None where a namespace that there must be wasn't read."""
    if namespace is None and target.kind not in CLUSTER_WIDE:
        return None
    objects: Sequence[tuple[str, Json | None]] = (
        (target.label, obj),
        (f"CronJob {target.namespace}/{text(above, 'metadata', 'name')}", above),
        (f"namespace {target.namespace}", namespace),
    )
    found = narrowing.Narrowing()
    for where, item in objects:
        if item is not None:
            notes = mapping(item, "metadata", "annotations")
            found += narrowing.read(where, {key: str(value) for key, value in notes.items()})
    return replace(found, labels={key: str(value) for key, value in mapping(namespace, "metadata", "labels").items()})


async def _namespace(cluster: Cluster, name: str) -> Json | None:
    if not name:
        return None
    try:
        return await cluster.get(f"/api/v1/namespaces/{name}")
    except NotFoundError:
        return None


def _going(obj: Json) -> bool:
    return bool(text(obj, "metadata", "deletionTimestamp"))


def _spec_hash(job: Json) -> str:
    return sha256(canonical(mapping(job, "spec")))
