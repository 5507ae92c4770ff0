"""From the labels of alerts to the workload they are about: asked of the cluster, never guessed from names.

Order (issue: "Finding the workload"): workload labels, the pod's owners, a Service's selector, recommended app labels;
an exporter's own pod, service and instance never count. What ends in a kind that Fettle doesn't restart is shown in
the note and never acted on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.alert import EXPORTER_MARKS, WORKLOAD_LABELS, from_exporter, named_workload
from bot.domain.errors import NotFoundError, RequestError
from bot.domain.target import RESTARTABLE, Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import controller
from bot.kube.reads import Owner
from bot.kube.workload import target_of


@dataclass(frozen=True)
class Resolution:
    """``target`` is what most alerts mean, ``candidates`` the others, best first; ``note`` a sentence for the card.

    With several equally meant the first by name is ``target``. Without any, ``target`` is None and ``note`` says why.
    """

    target: Target | None
    candidates: tuple[Target, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class _Found:
    targets: tuple[Target, ...] = ()
    note: str = ""


async def resolve_target(cluster: Cluster, labels: Sequence[Mapping[str, str]]) -> Resolution:
    """The workload that these alerts (their label sets) are about; what several share is asked for once.

    Asked in the slow lane, as evidence is: a storm of alerts must not become load on the API server. Raises
    ``ClusterUnavailableError`` and ``ForbiddenError``: the caller shows them and tries again.
    """
    slow = cluster.relaxed
    votes: Counter[Target] = Counter()
    notes: list[str] = []
    for one, times in _distinct(labels):
        try:
            found = await _resolve_one(slow, one)
        except RequestError as error:  # a hostile or broken label value; gone objects are handled closer
            found = _Found(note=str(error))
        votes.update(dict.fromkeys(found.targets, times))
        if found.note and found.note not in notes:
            notes.append(found.note)
    best = sorted(votes, key=lambda target: (-votes[target], target))
    if best:
        return Resolution(best[0], tuple(best[1:]), " ".join(notes))
    return Resolution(None, (), " ".join(notes) or "The alerts name no workload that I can find.")


def pod_label(labels: Mapping[str, str]) -> str:
    """The pod that an alert is about, empty if it names none but the exporter's own.

    kube-state-metrics' alerts about pods keep the real pod in ``pod``; alerts about workloads carry the exporter's.
    The exporter's is known by its name.
    """
    name = labels.get("exported_pod") or labels.get("pod") or labels.get("pod_name") or ""
    own = from_exporter(labels) and any(mark in name for mark in EXPORTER_MARKS)
    return "" if own else name


def service_label(labels: Mapping[str, str]) -> str:
    """The Service that an alert is about, empty if that is an exporter's."""
    if labels.get("exported_service"):
        return labels["exported_service"]
    return "" if from_exporter(labels) else labels.get("service", "")


def namespace_label(labels: Mapping[str, str]) -> str:
    """The namespace, the exported one first (Prometheus renames it so without honorLabels)."""
    return labels.get("exported_namespace") or labels.get("namespace") or ""


def _distinct(labels: Sequence[Mapping[str, str]]) -> list[tuple[dict[str, str], int]]:
    """Label sets that lead to the same questions, with how many alerts ask them.

    Where a workload is named only that counts: fifty pods of one Deployment are one question, not fifty.
    """
    asked: Counter[tuple[tuple[str, str], ...]] = Counter()
    for one in labels:
        named = named_workload(one) is not None
        kept = {key: value for key, value in one.items() if (key in _NAMING if named else key not in _IRRELEVANT)}
        asked[tuple(sorted(kept.items()))] += 1
    return [(dict(key), times) for key, times in asked.items()]


_NAMING = frozenset({"namespace", "exported_namespace", *(label for label, _ in WORKLOAD_LABELS)})
_IRRELEVANT = frozenset({"alertname", "severity", "priority", "container", "uid", "reason", "endpoint", "instance"})


async def _resolve_one(cluster: Cluster, labels: dict[str, str]) -> _Found:
    namespace = namespace_label(labels)
    if not namespace:
        return _Found(note="The alert names no namespace.")
    named = named_workload(labels)
    if named is not None:
        return await _named(cluster, namespace, *named)
    pod = pod_label(labels)
    if pod:
        return await _by_pod(cluster, namespace, pod)
    service = service_label(labels)
    if service:
        found = await reads.service_workloads(cluster, namespace, service)
        if found:
            return await _owned(cluster, found)
    own = from_exporter(labels)
    apps = {key: value for key, value in labels.items() if not own or "app" not in key or key.startswith("label_")}
    found = await reads.workloads_by_app_label(cluster, namespace, apps)
    if found:
        return await _owned(cluster, found)
    return _Found(note="The alert's labels lead to no workload.")


async def _named(cluster: Cluster, namespace: str, kind: str, name: str) -> _Found:
    target = Target(kind, namespace, name)
    if kind not in RESTARTABLE:
        return _Found(note=f"The alert is about {kind} {target.ref}, which I don't restart.")
    try:
        obj = await reads.workload(cluster, target)
    except NotFoundError:
        return _Found(note=f"{target.label} isn't in the cluster.")
    return _judge(target_of(kind, obj), await reads.chain_above(cluster, namespace, controller(obj)))


async def _by_pod(cluster: Cluster, namespace: str, name: str) -> _Found:
    try:
        chain = await reads.owner_chain(cluster, namespace, name)
    except NotFoundError:
        return _Found(note=f"Pod {namespace}/{name} is gone; its owner can't be read any more.")
    if not chain:
        return _Found(note=f"Pod {namespace}/{name} has no owner; nothing would start it again.")
    for i, owner in enumerate(chain):
        if owner.kind in RESTARTABLE:
            return _judge(Target(owner.kind, namespace, owner.name, owner.uid), chain[i + 1 :])
    return _Found(note=f"Pod {namespace}/{name} belongs to {_words(namespace, chain)}, which I don't restart.")


async def _owned(cluster: Cluster, targets: tuple[Target, ...]) -> _Found:
    """Workloads found by labels, without those that something else owns."""
    kept: list[Target] = []
    notes: list[str] = []
    for target in targets:
        obj = await reads.workload(cluster, target)
        found = _judge(target, await reads.chain_above(cluster, target.namespace, controller(obj)))
        kept.extend(found.targets)
        notes.extend([found.note] if found.note else [])
    return _Found(tuple(kept), " ".join(notes))


def _judge(target: Target, above: Sequence[Owner]) -> _Found:
    if not above:
        return _Found((target,))
    owners = _words(target.namespace, above)
    return _Found(note=f"{target.label} is run by {owners}; I show it and don't act on it.")


def _words(namespace: str, chain: Sequence[Owner]) -> str:
    top = chain[-1]
    return f"{top.kind} {namespace}/{top.name}"
