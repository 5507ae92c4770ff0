"""The containers of a workload in which a command could run, and what limits a file there. It refuses to run any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.errors import NotFoundError, RequestError
from bot.kube.client import Cluster
from bot.kube.objects import Json, count, dig, mapping, path, text
from bot.kube.pods import Pod
from bot.kube.quantity import quantity

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True)
class Room:
    """One running container of one pod.

    ``restarts`` and ``container_id`` tell whether it is the same later. ``disk_limit`` is what its files may take in
    all before the pod is evicted (None without a limit); ``volumes`` are its mounts that are emptyDirs: path to limit.
    """

    pod: str
    uid: str
    container: str
    restarts: int
    container_id: str
    disk_limit: float | None = None
    volumes: Mapping[str, float | None] = field(default_factory=dict)

    def limit_at(self, mounted: str) -> float | None:
        """What limits a file below a mount, None for nothing."""
        if mounted in self.volumes:
            limits = [one for one in (self.volumes[mounted], self.disk_limit) if one is not None]
            return min(limits, default=None)
        return self.disk_limit if mounted == "/" else None


async def room(cluster: Cluster, namespace: str, pod: str, container: str = "") -> Room:
    """The container of that name, or the pod's main one. Raises ``RequestError`` where it doesn't run."""
    found = await cluster.get(path("Pod", namespace, pod))
    name = container or _main(found)
    spec = next((one for one in dig(found, "spec", "containers") or [] if one.get("name") == name), None)
    if spec is None:
        known = ", ".join(text(one, "name") for one in dig(found, "spec", "containers") or [])
        raise RequestError(f"Pod {pod} has no container {name}; it has {known}.")
    statuses: list[Json] = dig(found, "status", "containerStatuses") or []
    status: Json = next((one for one in statuses if one.get("name") == name), {})
    if not dig(status, "state", "running") or dig(found, "metadata", "deletionTimestamp"):
        raise RequestError(f"Container {name} of pod {pod} doesn't run, so nothing can be dumped in it.")
    return Room(
        pod=text(found, "metadata", "name"),
        uid=text(found, "metadata", "uid"),
        container=name,
        restarts=count(status, "restartCount"),
        container_id=text(status, "containerID"),
        disk_limit=quantity(dig(spec, "resources", "limits", "ephemeral-storage")),
        volumes=_empty_dirs(found, spec),
    )


async def still(cluster: Cluster, namespace: str, room_before: Room) -> str:
    """Empty while the container is the one that was found, else a sentence. Raises what a read raises."""
    try:
        found = await room(cluster, namespace, room_before.pod, room_before.container)
    except NotFoundError:
        return f"Pod {room_before.pod} is gone."
    except RequestError as error:
        return str(error)
    if found.uid != room_before.uid:
        return f"Pod {room_before.pod} was replaced by another one of its name."
    if found.container_id != room_before.container_id:
        return f"Container {room_before.container} of pod {room_before.pod} was restarted."
    return ""


def best(pods: Sequence[Pod]) -> Pod | None:
    """The pod that tells most: one that runs and isn't ready, then that with most restarts, then the oldest."""
    able = [pod for pod in pods if not pod.deleting and pod.row.phase == "Running" and _runs(pod)]
    return min(able, key=lambda pod: (pod.row.ready, -pod.row.restarts, pod.row.created_at, pod.row.name), default=None)


def _runs(pod: Pod) -> bool:
    return any(one.state == "running" and not one.init for one in pod.row.containers)


def _main(found: Json) -> str:
    names = [text(one, "name") for one in dig(found, "spec", "containers") or []]
    named = text(mapping(found, "metadata", "annotations"), DEFAULT_CONTAINER)
    return named if named in names else next(iter(names), "")


def _empty_dirs(found: Json, spec: Json) -> dict[str, float | None]:
    volumes = {text(one, "name"): one.get("emptyDir") for one in dig(found, "spec", "volumes") or []}
    return {
        text(mount, "mountPath").rstrip("/"): quantity((volumes[text(mount, "name")] or {}).get("sizeLimit"))
        for mount in dig(spec, "volumeMounts") or []
        if isinstance(volumes.get(text(mount, "name")), dict)
    }
