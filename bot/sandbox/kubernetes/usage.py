"""What the containers of pods use: worked out from what the cluster shows of them, or a curve that somebody put there.

The sandbox's Prometheus and its metrics API both ask here, so that they tell the same. It keeps no history: the past
is worked out from the pods' times, so that a pod that ran out of memory was seen to grow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.measures import Measure

MEMORY, CPU = "container_memory_working_set_bytes", "container_cpu_usage_seconds_total"
MIB = 1024.0 * 1024
SMALLEST_LIMIT = 256 * MIB
GROWTH = 240.0
"""Seconds in which a pod that runs out of memory gets there."""
TROUBLED = 1800.0
"""Seconds for which trouble of a pod is taken to have gone on."""


@dataclass(frozen=True)
class Seen:
    """A container of a pod at one moment; times in seconds.

    ``trouble`` is when it last got into trouble, ``cores`` its limit; 0 without any.
    """

    name: str
    container: str
    created: float
    restarts: int
    ended: float
    out_of_memory: bool
    trouble: float
    limit: float
    cores: float = 0.0

    @property
    def phase(self) -> float:
        """Something of its own, so that no two curves lie on each other."""
        return sum(map(ord, self.name)) % 97


def memory(pod: Seen, at: float) -> float:
    """Bytes: steady, or growing to the limit again and again."""
    if pod.out_of_memory and at > pod.ended - TROUBLED:
        return pod.limit * (0.35 + 0.64 * ((at - pod.ended) % GROWTH) / GROWTH)
    return pod.limit * (0.3 + 0.02 * math.sin(at / 300 + pod.phase))


def cpu(pod: Seen, at: float) -> float:
    """Cores; never more than the container may have."""
    used = 0.12 + 0.03 * math.sin(at / 200 + pod.phase) + (0.1 if troubled(pod, at) else 0.0)
    return min(used, pod.cores) if pod.cores else used


def troubled(pod: Seen, at: float) -> bool:
    """Whether it was in trouble at that moment."""
    return bool(pod.trouble) and at >= pod.trouble


def seen(pod: Json, number: int = 0) -> Seen:
    """One container of a pod, the first unless told otherwise."""
    status = pod.get("status", {})
    spec: Json = pod["spec"]["containers"][number]
    entries = status.get("containerStatuses") or []
    entry: Json = next((one for one in entries if one.get("name") == spec.get("name")), {})
    last: Json = (entry.get("lastState") or {}).get("terminated") or (entry.get("state") or {}).get("terminated") or {}
    ready: Json = next((one for one in status.get("conditions") or [] if one.get("type") == "Ready"), {})
    ended = moment(last["finishedAt"]) if last.get("finishedAt") else 0.0
    unready = ready.get("status") == "False" and ready.get("lastTransitionTime")
    limits = dig(spec, "resources", "limits", default={})
    return Seen(
        name=pod["metadata"]["name"],
        container=str(spec.get("name", "")),
        created=moment(pod["metadata"]["creationTimestamp"]),
        restarts=int(entry.get("restartCount", 0)),
        ended=ended,
        out_of_memory=last.get("reason") == "OOMKilled",
        trouble=moment(ready["lastTransitionTime"]) if unready else ended,
        limit=quantity(limits["memory"]) if limits.get("memory") else SMALLEST_LIMIT,
        cores=quantity(limits["cpu"]) if limits.get("cpu") else 0.0,
    )


USES: tuple[tuple[str, Callable[[Seen, float], float]], ...] = ((MEMORY, memory), (CPU, cpu))
"""The metric of a container, as Prometheus names it, and what it is where nobody put a curve."""


def used(word: str, pod: Json, number: int, at: float, measures: Sequence[Measure]) -> float:
    """What a container uses of something by a moment: a curve that was put there for it, else what is worked out."""
    container = seen(pod, number)
    about = {"namespace": ("=", pod["metadata"]["namespace"]), "pod": ("=", container.name)}
    for one in measures:
        own = one.labels.get("container", container.container) == container.container
        if own and "pod" in one.where and one.fits(word, about):
            return one.curve(at)
    return dict(USES)[word](container, at)
