"""What was done to a workload since something was proposed for it, from what the cluster still tells.

The template against the one of that time, its restart annotation, its size, its pods; writers as ``managedFields``
name them. Fettle, autoscalers and controllers don't count. Pure. A pod that is gone while template and size stayed was
deleted by somebody: the API keeps no record of whom, and an eviction or a lost node looks the same, which is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.domain.aftermath import Act, Before, identity
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.kube import template as templates
from bot.kube.managers import newest, writer_at, writes
from bot.kube.objects import Json, count, dig, instant, mapping, stamp, text
from bot.kube.pods import Pod
from bot.kube.revisions import ordered
from bot.kube.workload import beyond_restart, revision_template, template_changed_at, template_hash

CONTROLLER = "kube-controller-manager"


def acts(
    kind: str, obj: Json, revisions: Sequence[Json], pods: Sequence[Pod], before: Before, since: datetime
) -> tuple[Act, ...]:
    """Everything that was done since ``since``, when ``before`` was seen; the clearest first."""
    if text(obj, "metadata", "uid") != before.uid:
        return (Act("recreate", "deleted and made anew", "", text(obj, "metadata", "creationTimestamp")),)
    found = [*_template(kind, obj, revisions, before, since), *_restart(obj, before), *_size(kind, obj, before, since)]
    # What Fettle restarted has new pods as well.
    return tuple(found) if found or _ours(obj, before) else tuple(_pods(pods, before))


def _template(kind: str, obj: Json, revisions: Sequence[Json], before: Before, since: datetime) -> Iterator[Act]:
    wanted = mapping(obj, "spec", "template")
    now = template_hash(wanted)
    if now == before.template:
        return
    own = ordered(obj, revisions)
    hashes = [(item, template_hash(revision_template(kind, item))) for item in own]
    at = template_changed_at(kind, obj, revisions)
    wrote = [one for one in writes(obj) if beyond_restart(dig(one.fields, "f:spec", "f:template"))]
    by, when = writer_at(wrote, at), stamp(at) if at is not None else ""
    made = [instant(dig(item, "metadata", "creationTimestamp")) for item, found in hashes if found == now]
    if any(one is not None and one < since for one in made):
        yield Act("rollback", f"back to {_images(obj)}, a template that was there before", by, when)
        return
    old = next((revision_template(kind, item) for item, found in hashes if found == before.template), None)
    what = templates.compare(old, wanted).what if old is not None else ""
    images = tuple(text(one, "image") for one in dig(wanted, "spec", "containers") or [])
    if images != before.images:
        yield Act("set_image", what or f"another image: {', '.join(images)}", by, when)
    elif old is not None and _but_resources(old) == _but_resources(wanted):
        yield Act("set_resources", what or "other requests and limits", by, when)
    else:
        yield Act("change", what or "another pod template", by, when)


def _restart(obj: Json, before: Before) -> Iterator[Act]:
    marks = mapping(obj, "spec", "template", "metadata", "annotations")
    at = text(marks, RESTARTED_AT)
    if not at or at == before.restarted_at or _ours(obj, before):
        return
    wrote = [one for one in writes(obj) if one.owns("spec", "template", "metadata", "annotations", RESTARTED_AT)]
    yield Act("restart", "all pods restarted", writer_at(wrote, instant(at)), at)


def _ours(obj: Json, before: Before) -> bool:
    marks = mapping(obj, "spec", "template", "metadata", "annotations")
    return text(marks, EXECUTION_ID) not in {"", before.execution}


def _size(kind: str, obj: Json, before: Before, since: datetime) -> Iterator[Act]:
    """Another size, or the same one written anew: to zero and back is a size as well."""
    if kind == "DaemonSet":
        return
    asked = dig(obj, "spec", "replicas")
    replicas = 1 if asked is None else count(obj, "spec", "replicas")
    sized = newest([one for one in writes(obj) if one.owns("spec", "replicas")])
    by_hand = sized is not None and sized.manager != CONTROLLER
    alone = sized is not None and len(mapping(sized.fields, "f:spec")) == 1
    again = alone and sized is not None and sized.at is not None and sized.at > since
    if replicas == before.replicas and not (again and by_hand):
        return
    if before.scaled and not by_hand:
        return
    when = stamp(sized.at) if sized is not None and sized.at is not None and by_hand else ""
    what = f"scaled from {before.replicas} to {replicas}" if replicas != before.replicas else f"scaled to {replicas}"
    yield Act("scale", what, sized.words if sized is not None and by_hand else "", when)


def _pods(pods: Sequence[Pod], before: Before) -> Iterator[Act]:
    """Only where nothing else explains it. An autoscaler takes pods away by itself."""
    there = {identity(pod.row) for pod in pods if not pod.deleting}
    gone = [one for one in before.pods if one not in there]
    lost = len(before.pods) - len(there)
    if not gone or (before.scaled and lost > 0):
        return
    newest_pod = max((pod.row.created_at for pod in pods), default="")
    if len(gone) == len(before.pods) and len(gone) > 1:
        yield Act("restart", f"all {len(gone)} pods deleted, or evicted", "", newest_pod)
        return
    names = ", ".join(one.split()[0] for one in gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
    yield Act("evict", f"{names} deleted, or evicted", "", newest_pod)


def _images(obj: Json) -> str:
    return ", ".join(text(one, "image") for one in dig(obj, "spec", "template", "spec", "containers") or [])


def _but_resources(template: Json) -> str:
    spec = mapping(template, "spec")
    bare = [{key: value for key, value in one.items() if key != "resources"} for one in spec.get("containers") or []]
    return template_hash({**template, "spec": {**spec, "containers": bare}})
