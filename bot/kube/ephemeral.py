"""A container that was added to a running pod, as the API shows it; and as whom the container beside it runs.

It refuses to add one: that is a write of ``bot.mitigations``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.kube.client import Cluster
from bot.kube.objects import Json, dig, mapping, path, text

REFUSED = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
})  # fmt: skip
"""Why a container that waits won't start by waiting longer."""


@dataclass(frozen=True)
class Added:
    """``there`` in the pod's spec at all; ``runs``; else ``why`` it doesn't, and whether it never will (``over``)."""

    there: bool
    runs: bool = False
    over: bool = False
    why: str = ""


async def added(cluster: Cluster, namespace: str, pod: str, uid: str, name: str) -> Added:
    """How far the container of that name in that very pod is; raises what a read raises."""
    found = await cluster.get(path("Pod", namespace, pod))
    if text(found, "metadata", "uid") != uid:
        return Added(there=False, over=True, why=f"Pod {pod} was replaced by another one of its name.")
    if not any(text(one, "name") == name for one in dig(found, "spec", "ephemeralContainers") or []):
        return Added(there=False, why="It isn't in the pod's spec.")
    statuses: list[Json] = dig(found, "status", "ephemeralContainerStatuses") or []
    state: Json = next((mapping(one, "state") for one in statuses if text(one, "name") == name), {})
    if dig(state, "running") is not None:
        return Added(there=True, runs=True)
    if ended := mapping(state, "terminated"):
        return Added(there=True, over=True, why=f"It ended ({text(ended, 'reason')}, code {dig(ended, 'exitCode')}).")
    reason, message = text(state, "waiting", "reason"), text(state, "waiting", "message")
    why = f"{reason}: {message}" if message else reason or "no node has told of it yet"
    return Added(there=True, over=reason in REFUSED, why=why[:600])


def runs_as(found: Json, container: str) -> tuple[int, int | None] | None:
    """(user, group) as the pod says it, the group None where only the user is said; None where neither is known."""
    statuses: list[Json] = dig(found, "status", "containerStatuses") or []
    seen = next((dig(one, "user", "linux") for one in statuses if text(one, "name") == container), None)
    if isinstance(seen, dict) and isinstance(seen.get("uid"), int):
        return seen["uid"], seen.get("gid")
    specs: list[Json] = dig(found, "spec", "containers") or []
    own = next((mapping(one, "securityContext") for one in specs if text(one, "name") == container), {})
    both = {**mapping(found, "spec", "securityContext"), **own}
    user, group = both.get("runAsUser"), both.get("runAsGroup")
    return (user, group if isinstance(group, int) else None) if isinstance(user, int) else None
