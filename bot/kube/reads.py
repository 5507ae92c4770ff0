"""Everything that is asked of a cluster about workloads, by owner references and selectors, never by a pod's name.

All lists are paged raw JSON. What can't be read raises: nothing here turns a missing right into "there is none".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.errors import NotFoundError, RequestError
from bot.domain.evidence import EventRow
from bot.domain.narrowing import Narrowing
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE, Target
from bot.kube import lists, things
from bot.kube.client import Cluster
from bot.kube.events import fold
from bot.kube.objects import Json, controller, dig, mapping, matches, path, selects, text
from bot.kube.pods import Pod, read_pod
from bot.kube.workload import Objects, narrowed, read_state, target_of

MAX_DEPTH = 6
"""Owner chains are two or three long; a longer one is a loop or not ours to understand."""

SLOW = timedelta(seconds=1)
"""An answer that took longer is read again where its age matters."""

REVISIONS = {"Deployment": "ReplicaSet", "StatefulSet": "ControllerRevision", "DaemonSet": "ControllerRevision"}

APP_LABELS = (
    ("app.kubernetes.io/name", ("app_kubernetes_io_name", "label_app_kubernetes_io_name", "app.kubernetes.io/name")),
    ("app.kubernetes.io/instance", ("app_kubernetes_io_instance", "label_app_kubernetes_io_instance")),
    ("app", ("app", "label_app")),
    ("k8s-app", ("k8s_app", "label_k8s_app", "k8s-app")),
)
"""Label of the object -> how alerts spell it (Prometheus replaces dots and slashes), in order of worth."""


@dataclass(frozen=True)
class Snapshot:
    """A workload and its pods, read together."""

    state: TargetState
    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Parts:
    """A workload's raw object and revisions, and its pods."""

    obj: Json
    revisions: tuple[Json, ...]
    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Owner:
    """One step of an owner chain."""

    kind: str
    name: str
    uid: str = ""


async def target_state(cluster: Cluster, target: Target, *, now: datetime | None = None) -> TargetState:
    """The state of a target for digest, policy and preview.

    ``now`` becomes ``observed_at``: pass the time *before* the call, so that the age is never understated. Raises
    ``NotFoundError`` when it is gone, ``RequestError`` for a kind that nothing is done to, ``ForbiddenError``,
    ``ClusterUnavailableError``.
    """
    return (await snapshot(cluster, target, now=now)).state


async def snapshot(
    cluster: Cluster,
    target: Target,
    *,
    now: datetime | None = None,
    detail: bool = True,
    clock: Callable[[], datetime] | None = None,
) -> Snapshot:
    """State and pods. ``detail=False`` leaves out autoscalers, budgets and the namespace: a rollout is watched without.

    ``observed_at`` is the time before the workload was asked: ``now``, or by ``clock`` if that is given, which counts
    how old an answer is that others share. With a clock a workload that took long to answer is read again beside the
    lists, so that one slow API server can be acted on: all that decides is then as old as one call, not as two.
    """
    known = target.kind in {*RESTARTABLE, *things.KINDS}
    age = cluster.age(path(target.kind, target.namespace, target.name)) if known else 0.0
    began = clock() if clock is not None else now
    if target.kind not in RESTARTABLE:
        since = began - timedelta(seconds=age) if clock is not None and began is not None else began
        return Snapshot(await things.state(cluster, target, asked=since), ())
    obj = await workload(cluster, target)
    asked = began - timedelta(seconds=age) if clock is not None and began is not None else began
    again = clock is not None and began is not None and clock() - began > SLOW
    if clock is not None and again:
        asked = clock()
    obj, revisions, pods_raw, (autoscalers, budgets, namespace), uid = await asyncio.gather(
        workload(cluster, target) if again else _known(obj),
        _revisions(cluster, target, obj),
        _selected_pods(cluster, target, obj),
        _around(cluster, target.namespace) if detail else _nothing_around(),
        cluster.uid(),
    )
    pods = _owned_pods(obj, revisions, pods_raw)
    state = read_state(target.kind, Objects(obj, revisions, autoscalers, budgets, pods, uid, asked, namespace))
    return Snapshot(state, pods)


async def narrowing_of(cluster: Cluster, target: Target) -> Narrowing | None:
    """What annotations of a target and its namespace say; of one that isn't a workload only its namespace's."""
    obj, namespace = await asyncio.gather(
        workload(cluster, target) if target.kind in RESTARTABLE else _known({}), _namespace(cluster, target.namespace)
    )
    return narrowed(target.kind, obj, namespace)


async def workload(cluster: Cluster, target: Target) -> Json:
    """The raw object of a restartable workload; a name or namespace that is empty is refused, never widened."""
    if target.kind not in RESTARTABLE:
        raise RequestError(f"{target.label}: only Deployments, StatefulSets and DaemonSets are read as workloads.")
    if not target.namespace or not target.name:
        raise RequestError("A workload needs a namespace and a name.")
    return await lists.one(cluster, target.kind, target.namespace, target.name)


async def workload_pods(cluster: Cluster, target: Target) -> tuple[Pod, ...]:
    """The pods of a workload: selected by its selector and owned by it (or by its ReplicaSets), sorted by name."""
    return (await parts(cluster, target, revisions=target.kind == "Deployment")).pods


async def parts(cluster: Cluster, target: Target, *, revisions: bool = True) -> Parts:
    """A workload with its revisions and its pods; raises ``NotFoundError`` when it is gone."""
    obj = await workload(cluster, target)
    found, pods = await asyncio.gather(
        _revisions(cluster, target, obj) if revisions else _nothing(), _selected_pods(cluster, target, obj)
    )
    return Parts(obj, tuple(found), _owned_pods(obj, found, pods))


async def pod(cluster: Cluster, namespace: str, name: str) -> Pod:
    """One pod by name; raises ``NotFoundError``."""
    if not namespace or not name:
        raise RequestError("A pod needs a namespace and a name.")
    return read_pod(await cluster.get(path("Pod", namespace, name)))


async def owner_chain(cluster: Cluster, namespace: str, pod_name: str) -> list[Owner]:
    """The controllers above a pod, nearest first, up to the top or to the first kind that isn't read.

    An empty list is a bare pod. The last entry may be of any kind (a Rollout, an operator's resource): it is named
    by its child's owner reference and not asked for.
    """
    return await chain_above(cluster, namespace, (await pod(cluster, namespace, pod_name)).owner)


async def chain_above(cluster: Cluster, namespace: str, owner: tuple[str, str, str] | None) -> list[Owner]:
    """The owner and everything above it."""
    chain: list[Owner] = []
    while owner is not None and len(chain) < MAX_DEPTH:
        chain.append(Owner(*owner))
        if owner[0] not in {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}:
            break
        try:
            owner = controller(await cluster.get(path(owner[0], namespace, owner[1])))
        except NotFoundError:
            break  # deleted while its pods still end: the chain known so far stands
    return chain


async def events(
    cluster: Cluster, namespace: str, uids: frozenset[str], names: frozenset[tuple[str, str]] = frozenset()
) -> list[EventRow]:
    """The namespace's events about objects with these uids or (kind, name) pairs, folded, newest first."""
    kept = []
    async for item in cluster.pages(path("Event", namespace)):
        about = mapping(item, "involvedObject")
        if text(about, "uid") in uids or (text(about, "kind"), text(about, "name")) in names:
            kept.append(item)
    return fold(kept)


async def service_workloads(cluster: Cluster, namespace: str, service: str) -> tuple[Target, ...]:
    """The workloads whose pod template a Service selects; a Service without selector selects nothing here."""
    try:
        found = await cluster.get(path("Service", namespace, service))
    except NotFoundError:
        return ()
    selector = mapping(found, "spec", "selector")
    return tuple(
        target_of(kind, item)
        for kind, item in await _workloads(cluster, namespace)
        if matches(selector, mapping(item, "spec", "template", "metadata", "labels"))
    )


async def budget_workloads(cluster: Cluster, namespace: str, budget: str) -> tuple[Target, ...]:
    """The workloads whose pods a disruption budget is over; one that is gone or selects everything leads nowhere."""
    try:
        found = await cluster.get(path("PodDisruptionBudget", namespace, budget))
    except NotFoundError:
        return ()
    selector = mapping(found, "spec", "selector")
    if not selector:
        return ()
    return tuple(
        target_of(kind, item)
        for kind, item in await _workloads(cluster, namespace)
        if selects(selector, mapping(item, "spec", "template", "metadata", "labels"))
    )


async def workloads_by_app_label(cluster: Cluster, namespace: str, labels: dict[str, str]) -> tuple[Target, ...]:
    """The workloads that carry the alert's recommended app label, by the first such label that finds any."""
    wanted = [(key, labels[name]) for key, names in APP_LABELS for name in names if labels.get(name)]
    if not wanted:
        return ()
    listed = await _workloads(cluster, namespace)
    for key, value in wanted:
        found = tuple(
            target_of(kind, item)
            for kind, item in listed
            if value
            in {text(item, "metadata", "labels", key), text(item, "spec", "template", "metadata", "labels", key)}
        )
        if found:
            return found
    return ()


async def list_workloads(cluster: Cluster, namespace: str) -> tuple[Target, ...]:
    """All restartable workloads of a namespace, sorted by kind and name; for pickers."""
    return tuple(sorted(target_of(kind, item) for kind, item in await _workloads(cluster, namespace)))


async def namespaces(cluster: Cluster) -> tuple[str, ...]:
    """The names of all namespaces, sorted."""
    return tuple(sorted(text(item, "metadata", "name") for item in await cluster.items("/api/v1/namespaces")))


async def access(cluster: Cluster, verb: str, group: str, resource: str, namespace: str, subresource: str = "") -> bool:
    """Whether the bot's own account may do this, as the API server's access review answers."""
    attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    if subresource:
        attributes["subresource"] = subresource
    answer = await cluster.review(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        },
    )
    return dig(answer, "status", "allowed") is True


async def may(cluster: Cluster, right: tuple[str, str, str], namespace: str) -> bool:
    """``access`` of a (verb, group, resource) whose resource may name a subresource: ``deployments/scale``."""
    verb, group, resource = right
    name, _, sub = resource.partition("/")
    return await access(cluster, verb, group, name, namespace, sub)


async def _known(obj: Json) -> Json:
    return obj


async def _nothing() -> list[Json]:
    return []


async def _around(cluster: Cluster, namespace: str) -> tuple[list[Json], list[Json], Json | None]:
    """A namespace's autoscalers and budgets, and its own object."""
    return await asyncio.gather(
        cluster.items(path("HorizontalPodAutoscaler", namespace)),
        cluster.items(path("PodDisruptionBudget", namespace)),
        _namespace(cluster, namespace),
    )


async def _nothing_around() -> tuple[list[Json], list[Json], Json | None]:
    return [], [], None


async def _namespace(cluster: Cluster, name: str) -> Json | None:
    """The namespace's own object, None if it is gone: then what it narrows isn't known."""
    try:
        return await cluster.get(f"/api/v1/namespaces/{name}")
    except NotFoundError:
        return None


async def _revisions(cluster: Cluster, target: Target, obj: Json) -> list[Json]:
    return await lists.selected(cluster, REVISIONS[target.kind], target.namespace, dig(obj, "spec", "selector"))


async def _selected_pods(cluster: Cluster, target: Target, obj: Json) -> list[Json]:
    return await lists.selected(cluster, "Pod", target.namespace, dig(obj, "spec", "selector"))


def _owned_pods(obj: Json, revisions: Sequence[Json], pods: Sequence[Json]) -> tuple[Pod, ...]:
    uid = text(obj, "metadata", "uid")
    owners = {uid} | {
        text(item, "metadata", "uid") for item in revisions if (controller(item) or ("", "", ""))[2] == uid
    }
    read = (read_pod(item) for item in pods)
    return tuple(sorted((p for p in read if p.owner is not None and p.owner[2] in owners), key=lambda p: p.row.name))


async def _workloads(cluster: Cluster, namespace: str) -> list[tuple[str, Json]]:
    if not namespace:
        raise RequestError("Workloads are listed in one namespace; none was named.")
    lists: list[list[Any]] = await asyncio.gather(*(cluster.items(path(kind, namespace)) for kind in RESTARTABLE))
    return [(kind, item) for kind, items in zip(RESTARTABLE, lists, strict=True) for item in items]
