"""Which images of a workload's current template can't be pulled by its own new pods: pure, on what was read together.

It refuses to judge before the controller has seen the template, and where a single pod has got the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.observed import ContainerSeen
from bot.kube.objects import Json, count, dig, text
from bot.kube.pods import Pod

IN_VAIN = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
"""Reasons of a container that waits for an image which it doesn't get."""
LISTS = ("containers", "initContainers")
"""Where a template names images that it starts pods with, by the key of the pod's spec."""


def hung(obj: Json, pods: Sequence[Pod], current: str) -> tuple[tuple[str, str], ...]:
    """(container, image) of each that at least one pod of the template waits for in vain and that none has started.

    ``current`` is the hash that pods of the template carry, empty where that isn't known: then nothing hangs.
    """
    if not current or count(obj, "status", "observedGeneration") < count(obj, "metadata", "generation"):
        return ()
    rows = [part for pod in pods if _lives(pod) and pod.row.hash == current for part in pod.row.containers]
    return tuple((name, image) for name, image in _named(obj) if _in_vain(name, image, rows))


def _named(obj: Json) -> Iterator[tuple[str, str]]:
    for key in LISTS:
        for one in dig(obj, "spec", "template", "spec", key) or []:
            yield text(one, "name"), text(one, "image")


def _lives(pod: Pod) -> bool:
    return not pod.deleting and pod.row.phase not in {"Succeeded", "Failed"}


def _in_vain(name: str, image: str, rows: Sequence[ContainerSeen]) -> bool:
    mine = [one for one in rows if one.name == name]
    waits = any(one.state == "waiting" and one.reason in IN_VAIN and one.image == image for one in mine)
    started = any(one.state in {"running", "terminated"} or one.restarts or one.last_finished_at for one in mine)
    return waits and not started
