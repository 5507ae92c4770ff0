"""What really was in the sandbox's cluster at every moment, kept as it happens: the truth that verdicts are held to.

It reads the cluster's own store and nothing of Fettle's; it refuses to judge.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.replicasets import is_active, ready_since
from bot.sandbox.kubernetes.store import Change

Json = dict[str, Any]
Version = tuple[float, Json | None]
"""Since when (the cluster's seconds), and the object; None once it is gone."""


class History:
    """Every version of every object, by its uid."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._versions: dict[str, list[Version]] = {}
        self._pods: dict[str, set[str]] = {}
        tell = cluster.store.on_change

        def on_change(change: Change) -> None:
            self._keep(change)
            tell(change)

        cluster.store.on_change = on_change

    def _keep(self, change: Change) -> None:
        meta = change.obj["metadata"]
        gone = change.type == "DELETED"
        self._versions.setdefault(meta["uid"], []).append((self._cluster.clock.now(), None if gone else change.obj))
        if change.bucket == "pods":
            for owner in meta.get("ownerReferences") or [{"uid": ""}]:
                self._pods.setdefault(owner["uid"], set()).add(meta["uid"])

    def at(self, uid: str, moment: float) -> Json | None:
        """The object as it was at a moment."""
        found: Json | None = None
        for since, obj in self._versions.get(uid, ()):
            if since > moment:
                break
            found = obj
        return found

    def since(self, uid: str, moment: float) -> list[Json | None]:
        """How it was at a moment, and each version after it."""
        later = [obj for since, obj in self._versions.get(uid, ()) if since > moment]
        return [self.at(uid, moment), *later]

    def pods(self, owners: set[str], moment: float) -> dict[str, Json]:
        """The pods of these owners that neither had ended nor were about to, by uid."""
        uids = {uid for owner in owners for uid in self._pods.get(owner, ())}
        found = {uid: self.at(uid, moment) for uid in uids}
        return {uid: pod for uid, pod in found.items() if pod is not None and is_active(pod)}

    def ever(self, owners: set[str]) -> set[str]:
        """The uids of all pods that these owners ever had."""
        return {uid for owner in owners for uid in self._pods.get(owner, ())}

    def ready_all_along(self, uid: str, moment: float) -> bool:
        """Whether a pod was ready at a moment and ever since, and its containers never began anew."""
        versions = self.since(uid, moment)
        first = versions[0]
        if first is None or any(one is None or not is_active(one) or ready_since(one) is None for one in versions):
            return False
        return all(restarts(one) == restarts(first) for one in versions if one is not None)


def restarts(pod: Json) -> int:
    """How often containers of a pod began anew."""
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return sum(int(one.get("restartCount") or 0) for one in every)


def ready(pod: Json | None) -> bool:
    """Whether it is."""
    return pod is not None and is_active(pod) and ready_since(pod) is not None
