"""Going back to an older revision: which ones there are, what one holds, and why one may not be gone back to.

Reads alone. It refuses to guess that a revision was healthy, and to hand out a template that isn't the one named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.errors import NotFoundError, WorldChangedError
from bot.domain.observed import RevisionSeen
from bot.domain.proposal import canonical, sha256
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import Json, mapping, path, text
from bot.kube.references import references
from bot.kube.revisions import ordered, read_revisions
from bot.kube.workload import revision_template, template_hash

HOST = ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostAliases", "nodeName", "runtimeClassName")
POD_GUARDED = (
    "serviceAccountName", "serviceAccount", "automountServiceAccountToken", "volumes", "securityContext", *HOST,
)  # fmt: skip
"""Fields of a pod's spec that no template patch of Fettle's may change."""
CONTAINER_GUARDED = ("securityContext", "volumeMounts", "volumeDevices")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
"""An annotation of the template that is a security context all the same, where the container's own names none."""
LISTS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class Revision:
    """One revision with what identifies it.

    ``content`` is the hash of its exact template, ``template_hash`` that without restart annotations, ``hash`` what its
    pods carry. ``same`` says that it holds what the workload runs now, restart annotations aside; ``guarded`` names
    what it would change and may not.
    """

    kind: str
    name: str
    uid: str
    number: str
    hash: str
    content: str
    template_hash: str
    images: tuple[str, ...]
    healthy: bool | None
    current: bool
    same: bool
    guarded: tuple[str, ...] = ()
    template: Mapping[str, object] | None = None


async def revisions(cluster: Cluster, target: Target) -> tuple[Revision, ...]:
    """The workload's revisions, newest number first; raises what a read raises."""
    found = await reads.parts(cluster, target)
    own = ordered(found.obj, found.revisions)
    rows = read_revisions(target.kind, found.obj, found.revisions, found.pods)
    now = mapping(found.obj, "spec", "template")
    return tuple(_revision(target.kind, item, row, now) for item, row in zip(own, rows, strict=False))


def _revision(kind: str, item: Json, row: RevisionSeen, now: Json) -> Revision:
    template = exact(kind, item)
    return Revision(
        kind=reads.REVISIONS[kind],
        name=text(item, "metadata", "name"),
        uid=text(item, "metadata", "uid"),
        number=row.revision,
        hash=row.hash,
        content=content(template),
        template_hash=template_hash(template),
        images=row.images,
        healthy=row.healthy,
        current=row.current,
        same=template_hash(template) == template_hash(now),
        guarded=tuple(guarded(now, template)),
        template=template,
    )


def exact(kind: str, item: Json) -> Json:
    """The template as the workload had it: without the label that its controller adds to the copy."""
    template = revision_template(kind, item)
    metadata = {key: value for key, value in mapping(template, "metadata").items() if value is not None}
    labels = {key: value for key, value in mapping(metadata, "labels").items() if key != "pod-template-hash"}
    return {**template, "metadata": {**metadata, "labels": labels} if labels or "labels" in metadata else metadata}


def content(template: Mapping[str, object]) -> str:
    """Hash of a template as it is, restart annotations included."""
    return sha256(canonical(template))


async def template_of(cluster: Cluster, kind: str, namespace: str, named: Mapping[str, str]) -> Json:
    """The template of the revision that was approved: by name, uid and content, or ``WorldChangedError``."""
    revision = f"{named.get('kind')} {namespace}/{named.get('name')}"
    try:
        item = await cluster.get(path(named["kind"], namespace, named["name"]), keep=False)
    except NotFoundError as error:
        raise WorldChangedError(f"{revision}, to which was to be rolled back, isn't there any more.") from error
    template = exact(kind, item)
    if text(item, "metadata", "uid") != named.get("uid") or content(template) != named.get("content"):
        raise WorldChangedError(f"{revision} isn't what it was when the rollback was approved.")
    return template


def guarded(before: Json, after: Json) -> Iterator[str]:
    """Names of what differs and may not be changed: who the pod runs as, what it mounts, what of the host it sees."""
    notes = [mapping(one, "metadata", "annotations") for one in (before, after)]
    named = sorted({key for one in notes for key in one if key.startswith(APPARMOR)})
    yield from (f"annotation {key}" for key in named if notes[0].get(key) != notes[1].get(key))
    was, now = mapping(before, "spec"), mapping(after, "spec")
    yield from (key for key in POD_GUARDED if was.get(key) != now.get(key))
    for key in LISTS:
        old = {text(one, "name"): one for one in was.get(key) or []}
        new = {text(one, "name"): one for one in now.get(key) or []}
        yield from (f"container {name}" for name in new if name not in old)
        for name, mine in old.items():
            other = new.get(name, mine)
            yield from (
                f"{field} of container {name}" for field in CONTAINER_GUARDED if mine.get(field) != other.get(field)
            )
            if _host_ports(mine) != _host_ports(other):
                yield f"host ports of container {name}"


def _host_ports(container: Json) -> list[str]:
    return sorted(str(one.get("hostPort")) for one in container.get("ports") or [] if one.get("hostPort"))


async def missing(cluster: Cluster, namespace: str, template: Json) -> tuple[str, ...]:
    """ConfigMaps, or keys of them, that the template needs and that aren't there; Secrets are never looked at."""
    wanted = [one for one in references(template) if one.kind == "ConfigMap" and not one.optional]
    found = await asyncio.gather(*(_config(cluster, namespace, one.name) for one in wanted))
    said = []
    for one, config in zip(wanted, found, strict=True):
        if config is None:
            said.append(f"ConfigMap {namespace}/{one.name}")
            continue
        keys = {*mapping(config, "data"), *mapping(config, "binaryData")}
        lacking = [key for key in one.keys if key not in keys and key not in one.optional_keys]
        said += [f"key {key} of ConfigMap {namespace}/{one.name}" for key in lacking]
    return tuple(said)


async def _config(cluster: Cluster, namespace: str, name: str) -> Json | None:
    try:
        found: Json = await cluster.get(path("ConfigMap", namespace, name), keep=False)
    except NotFoundError:
        return None
    return found
