"""Volume claims as rows: bound or not, how large, and whether their class lets them grow. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.observed import VolumeSeen
from bot.kube.containers import words
from bot.kube.objects import Json, dig, mapping, text
from bot.kube.pods import Pod
from bot.kube.quantity import quantity


def read_volume(claim: Json, expandable: Mapping[str, bool | None], pods: Sequence[Pod]) -> VolumeSeen:
    """One row; ``expandable`` by class name, None for a class that couldn't be read."""
    name = text(claim, "metadata", "name")
    storage_class = text(claim, "spec", "storageClassName")
    size = dig(claim, "status", "capacity", "storage") or dig(claim, "spec", "resources", "requests", "storage")
    conditions = [one for one in dig(claim, "status", "conditions") or [] if text(one, "status") == "True"]
    return VolumeSeen(
        claim=name,
        phase=text(claim, "status", "phase"),
        capacity=quantity(size),
        storage_class=storage_class,
        expandable=expandable.get(storage_class),
        pods=tuple(pod.row.name for pod in pods if name in pod.claims)[:20],
        message="; ".join(filter(None, (_told(one) for one in conditions))),
    )


def _told(condition: Json) -> str:
    """``FileSystemResizePending: Waiting for user to (re-)start a pod ...``."""
    message = words(mapping(condition))
    return f"{text(condition, 'type')}{f': {message}' if message else ''}"
