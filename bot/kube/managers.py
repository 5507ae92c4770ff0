"""Who wrote what, and when, as ``managedFields`` tell it: field managers, never persons' names.

The API server keeps one entry a manager, operation and subresource with the time of its last write, so an older write
of the same manager has no time any more. It refuses to guess beyond that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.redaction import redact_name
from bot.kube.objects import Json, dig, instant, mapping, text

BEFORE, AFTER = timedelta(minutes=2), timedelta(seconds=5)
"""How far a write may lie before what it led to (a controller made a revision), or after by rounding."""

_KNOWN = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "helm",
    "fettle": "Fettle",
    "kube-controller-manager": "a controller of the cluster",
}


@dataclass(frozen=True)
class Write:
    """The last write of one manager; ``fields`` is the tree of what it owns."""

    manager: str
    at: datetime | None
    fields: Json
    subresource: str = ""

    @property
    def words(self) -> str:
        """The manager as people know it: ``kubectl edit``, ``Argo CD``."""
        if self.manager in _KNOWN:
            return _KNOWN[self.manager]
        if self.manager.startswith("kubectl-"):
            verb = self.manager.removeprefix("kubectl-").removeprefix("client-side-")
            return f"kubectl {verb.replace('-', ' ')}"
        return self.manager[:60]

    def owns(self, *path: str) -> bool:
        """Whether a field is among what it wrote, such as ``owns("spec", "replicas")``."""
        return dig(self.fields, *(f"f:{key}" for key in path)) is not None


def writes(obj: Json) -> Iterator[Write]:
    """All writes that the object still tells of, status writes left out."""
    for entry in dig(obj, "metadata", "managedFields") or []:
        if text(entry, "subresource") != "status":
            yield Write(
                redact_name(text(entry, "manager")),
                instant(dig(entry, "time")),
                mapping(entry, "fieldsV1"),
                text(entry, "subresource"),
            )


def newest(found: Sequence[Write]) -> Write | None:
    """The latest of these writes; one without a time only if there is no other."""
    dated = [(write.at, number) for number, write in enumerate(found) if write.at is not None]
    return found[max(dated)[1]] if dated else (found[0] if found else None)


def writer_at(found: Sequence[Write], at: datetime | None) -> str:
    """Who of these wrote what showed at ``at``; the only one there is, whenever; empty when it can't be told."""
    if at is not None:
        near = [write for write in found if write.at is not None and at - BEFORE <= write.at <= at + AFTER]
        if near:
            last = newest(near)
            return last.words if last is not None else ""
    names = {write.words for write in found}
    return names.pop() if len(names) == 1 else ""
