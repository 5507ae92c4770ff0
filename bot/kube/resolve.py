"""From the labels of alerts to the target they are about: asked of the cluster, never guessed from names.

Order: workload labels, the node, the pod's owners, a budget's or Service's selector, recommended app labels. An
exporter's own pod, service and instance never count. What an operator runs is looked into and never acted on: the
guards refuse it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.alert import from_exporter
from bot.domain.errors import ForbiddenError, NotFoundError, RequestError
from bot.domain.target import RESTARTABLE, Target
from bot.kube import hints, lists, reads
from bot.kube.client import Cluster
from bot.kube.members import target_object
from bot.kube.objects import controller, mapping, path, text
from bot.kube.pace import Allowance
from bot.kube.reads import Owner
from bot.kube.workload import target_of

MOST_ASKED = 6
"""Different label sets that are looked up, those with most alerts first; pods of a workload found so count as one."""


@dataclass(frozen=True)
class Resolution:
    """``target`` is what most alerts mean, ``candidates`` the others, best first; ``note`` a sentence for the card.

    With several equally meant the first by name is ``target``. Without any, ``target`` is None and ``note`` says why.
    """

    target: Target | None
    candidates: tuple[Target, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class _Asked:
    """One question: the workload that is named, or the labels that may lead to one; ``times`` alerts ask it."""

    named: tuple[str, str, str] | None
    labels: dict[str, str]
    times: int


@dataclass(frozen=True)
class _Found:
    targets: tuple[Target, ...] = ()
    note: str = ""


async def resolve_target(
    cluster: Cluster, labels: Sequence[Mapping[str, str]], allowance: Allowance | None = None
) -> Resolution:
    """The target that these alerts (their label sets) are about; what several share is asked for once.

    Asked in the slow lane, before evidence and from the same ``allowance``: a storm of alerts must not become load on
    the API server. Raises ``ClusterUnavailableError`` and ``ForbiddenError``: the caller shows them and tries again.
    """
    slow = cluster.slow_lane(rank=-1, allowance=allowance)
    votes: Counter[Target] = Counter()
    notes: list[str] = []
    asked = _distinct(labels)
    siblings: dict[tuple[str, str], Target] = {}
    left = MOST_ASKED
    for number, one in enumerate(asked):
        pod = _pod_of(one)
        if pod in siblings:
            votes[siblings[pod]] += one.times
            continue
        if not left:
            continue
        left -= 1
        try:
            found = await _resolve_one(slow, one)
        except RequestError as error:  # a hostile or broken label value; gone objects are handled closer
            found = _Found(note=str(error))
        votes.update(dict.fromkeys(found.targets, one.times))
        if found.note and found.note not in notes:
            notes.append(found.note)
        if pod is not None and len(found.targets) == 1 and any(map(_pod_of, asked[number + 1 :])):
            siblings |= await _siblings(slow, found.targets[0])
    best = sorted(votes, key=lambda target: (-votes[target], target))
    if best:
        return Resolution(best[0], tuple(best[1:]), " ".join([*_several(best, votes), *notes]))
    return Resolution(None, (), " ".join(notes) or "The alerts name no workload that I can find.")


def _pod_of(asked: _Asked) -> tuple[str, str] | None:
    """(namespace, pod) where a pod is all that leads to the target."""
    pod = "" if asked.named is not None else hints.pod_label(asked.labels)
    return (hints.namespace_label(asked.labels), pod) if pod else None


async def _siblings(cluster: Cluster, target: Target) -> dict[tuple[str, str], Target]:
    """The other pods of a workload: alerts about them mean the same, and evidence asks for that list anyway."""
    if target.kind not in RESTARTABLE:
        return {}
    try:
        return {(pod.namespace, pod.row.name): target for pod in await reads.workload_pods(cluster, target)}
    except ForbiddenError:  # then each pod is asked for, and evidence says which right is missing
        return {}


def _several(best: Sequence[Target], votes: Counter[Target]) -> list[str]:
    """A sentence when the alerts lead to more than one target: which was taken, and whether that was a choice."""
    if len(best) == 1:
        return []
    equal = votes[best[0]] == votes[best[1]]
    others = ", ".join(target.label for target in best[1:4]) + (" and others" if len(best) > 4 else "")
    if equal:
        return [f"The alerts lead to {best[0].label} as well as to {others}; the first is shown."]
    return [f"Most alerts lead to {best[0].label}, others to {others}."]


def _distinct(labels: Sequence[Mapping[str, str]]) -> list[_Asked]:
    """Label sets that lead to the same questions are one, those of most alerts first.

    Where a workload is named only that counts: fifty pods of one Deployment are one question, not fifty.
    """
    asked: Counter[tuple[tuple[str, str, str] | None, tuple[tuple[str, str], ...]]] = Counter()
    for one in labels:
        hint = hints.workload_hint(one)
        named = (hints.namespace_label(one), *hint) if hint is not None else None
        kept = {} if named else {key: value for key, value in one.items() if key not in _IRRELEVANT}
        asked[named, tuple(sorted(kept.items()))] += 1
    return [_Asked(named, dict(kept), times) for (named, kept), times in asked.most_common()]


_IRRELEVANT = frozenset({"alertname", "severity", "priority", "container", "uid", "reason", "endpoint"})


async def _resolve_one(cluster: Cluster, asked: _Asked) -> _Found:
    if asked.named is not None:
        return await _named(cluster, *asked.named)
    labels = asked.labels
    namespace = hints.namespace_label(labels)
    node = hints.node_label(labels)
    exporter = hints.node_exporter_pod(labels)
    if node or exporter or hints.host_label(labels):
        return await _node(cluster, namespace, node, exporter, hints.host_label(labels))
    if not namespace:
        return _Found(note="The alert names no namespace.")
    missing: list[str] = []
    pod = hints.pod_label(labels)
    if pod:
        found = await _by_pod(cluster, namespace, pod)
        if found.targets:
            return found
        missing.append(found.note)
    targets = await _selected(cluster, namespace, labels)
    if targets:
        return await _owned(cluster, targets)
    return _Found(note=" ".join(missing) or "The alert's labels lead to no workload.")


async def _selected(cluster: Cluster, namespace: str, labels: dict[str, str]) -> tuple[Target, ...]:
    """What a budget, a Service or app labels lead to, by the first of them that finds any."""
    budget, service = labels.get("poddisruptionbudget", ""), hints.service_label(labels)
    if budget:
        found = await reads.budget_workloads(cluster, namespace, budget)
        if found:
            return found
    if service:
        found = await reads.service_workloads(cluster, namespace, service)
        if found:
            return found
    own = from_exporter(labels)
    apps = {key: value for key, value in labels.items() if not own or "app" not in key or key.startswith("label_")}
    return await reads.workloads_by_app_label(cluster, namespace, apps)


async def _named(cluster: Cluster, namespace: str, kind: str, name: str) -> _Found:
    if not namespace:
        return _Found(note="The alert names no namespace.")
    target = Target(kind, namespace, name)
    try:
        obj = await target_object(cluster, target)
    except NotFoundError:
        return _Found(note=f"{target.label} isn't in the cluster.")
    if kind == "HorizontalPodAutoscaler":
        return await _scaled(cluster, target, mapping(obj, "spec", "scaleTargetRef"))
    above = await reads.chain_above(cluster, namespace, controller(obj)) if kind in RESTARTABLE else []
    return _judge(target_of(kind, obj), above)


async def _scaled(cluster: Cluster, autoscaler: Target, ref: dict[str, object]) -> _Found:
    """The workload that an autoscaler scales; one of a kind that isn't read leaves the autoscaler itself."""
    kind, name = text(ref, "kind"), text(ref, "name")
    if kind not in RESTARTABLE:
        return _Found((autoscaler,), f"{autoscaler.label} scales a {kind or 'target that it does not name'}.")
    found = await _named(cluster, autoscaler.namespace, kind, name)
    return found if found.targets else _Found((autoscaler,), found.note)


async def _node(cluster: Cluster, namespace: str, node: str, exporter: str, host: str) -> _Found:
    """A node by its label, by the node exporter's pod that runs on it, or by its host name."""
    name = node or host
    if exporter and namespace and not node:
        try:
            name = (await reads.pod(cluster, namespace, exporter)).row.node or host
        except NotFoundError:
            name = host
    if not name:
        return _Found(note=f"Pod {namespace}/{exporter} is gone; which node it measured can't be read any more.")
    try:
        found = await cluster.get(path("Node", "", name))
    except NotFoundError:
        return _Found(note=f"Node {name} isn't in the cluster.")
    return _Found((Target("Node", "", name, text(found, "metadata", "uid")),))


async def _by_pod(cluster: Cluster, namespace: str, name: str) -> _Found:
    try:
        chain = await reads.owner_chain(cluster, namespace, name)
    except NotFoundError:
        return _Found(note=f"Pod {namespace}/{name} is gone; its owner can't be read any more.")
    if not chain:
        return _Found(note=f"Pod {namespace}/{name} has no owner; nothing would start it again.")
    for i, owner in enumerate(chain):
        if owner.kind in {*RESTARTABLE, "Job"}:
            above = chain[i + 1 :] if owner.kind in RESTARTABLE else []
            return _judge(Target(owner.kind, namespace, owner.name, owner.uid), above)
    return _Found(note=f"Pod {namespace}/{name} belongs to {_words(namespace, chain)}, which I can't read.")


async def _owned(cluster: Cluster, targets: tuple[Target, ...]) -> _Found:
    """Workloads found by labels, with a word about those that something else runs."""
    kept: list[Target] = []
    notes: list[str] = []
    for target in targets:
        obj = await lists.one(cluster, target.kind, target.namespace, target.name)
        found = _judge(target, await reads.chain_above(cluster, target.namespace, controller(obj)))
        kept.extend(found.targets)
        notes.extend([found.note] if found.note else [])
    return _Found(tuple(kept), " ".join(notes))


def _judge(target: Target, above: Sequence[Owner]) -> _Found:
    if not above:
        return _Found((target,))
    return _Found((target,), f"{target.label} is run by {_words(target.namespace, above)}; I look and don't act on it.")


def _words(namespace: str, chain: Sequence[Owner]) -> str:
    top = chain[-1]
    return f"{top.kind} {namespace}/{top.name}"
