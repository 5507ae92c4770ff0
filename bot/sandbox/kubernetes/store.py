"""Objects by kind, namespace and name, one growing resourceVersion, and what happened lately.

Stored objects are shared with all readers: whoever wants to change one clones it first. The store
refuses to judge: validity, ownership and admission are the business of `writes`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.wire import Json, Objects

Key = tuple[str, str]
EXPIRED = "EXPIRED"
"""The type of a change that is none: it tells an open watch that it is over."""


@dataclass(frozen=True)
class Change:
    """One write: `before` is None for an addition; a deletion carries the last state in `obj`."""

    version: int
    bucket: str
    type: str
    obj: Json
    before: Json | None


class Store:
    """The state of one cluster. `history` is bounded: what fell out is "too old" for a watch."""

    def __init__(self, history: int = 20_000) -> None:
        self.version = 811
        self.floor = 812
        self.objects: dict[str, dict[Key, Json]] = {}
        self._children: dict[tuple[str, str], set[Key]] = {}
        self._spaces: dict[tuple[str, str], set[Key]] = {}
        self.history: deque[Change] = deque()
        self._limit = history
        self.listeners: list[asyncio.Queue[Change]] = []
        self.on_change: Callable[[Change], None] = lambda _change: None

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object, shared, or None."""
        return self.objects.get(kind.bucket, {}).get((namespace, name))

    def list(self, kind: Kind, namespace: str | None = None) -> Objects:
        """All objects of a kind, of one namespace or of all, in the order of the real lists."""
        bucket = self.objects.get(kind.bucket, {})
        keys = bucket if namespace is None else self._spaces.get((kind.bucket, namespace), ())
        return [bucket[key] for key in sorted(keys)]

    def put(self, kind: Kind, obj: Json) -> Json:
        """Store an object under a new version; its outermost map belongs to the store from now on."""
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        bucket = self.objects.setdefault(kind.bucket, {})
        before = bucket.get(key)
        self.version += 1
        # A new map: the old one may be shared with the state before, which watches still tell.
        obj["metadata"] = in_order({**meta, "resourceVersion": str(self.version)})
        bucket[key] = obj
        self._index(kind.bucket, key, before, obj)
        self._record(kind, "MODIFIED" if before else "ADDED", obj, before)
        return obj

    def remove(self, kind: Kind, obj: Json) -> Json:
        """Take an object out; its last state gets the version of the deletion."""
        meta = obj["metadata"]
        before = self.objects[kind.bucket].pop((meta.get("namespace", ""), meta["name"]))
        self._index(kind.bucket, (meta.get("namespace", ""), meta["name"]), before, None)
        self.version += 1
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.version)}}
        self._record(kind, "DELETED", last, before)
        return last

    def _record(self, kind: Kind, event: str, obj: Json, before: Json | None) -> None:
        change = Change(self.version, kind.bucket, event, obj, before)
        self.history.append(change)
        while len(self.history) > self._limit:
            self.floor = self.history.popleft().version + 1
        for queue in self.listeners:
            queue.put_nowait(change)
        self.on_change(change)

    def _index(self, bucket: str, key: Key, before: Json | None, after: Json | None) -> None:
        """Keep track of what lies where and who is whose controller: controllers ask for it all the time."""
        space = self._spaces.setdefault((bucket, key[0]), set())
        if after is None:
            space.discard(key)
        else:
            space.add(key)
        old, new = _controller(before), _controller(after)
        if old != new:
            if old:
                self._children.get((bucket, old), set()).discard(key)
            if new:
                self._children.setdefault((bucket, new), set()).add(key)

    def owned(self, kind: Kind, uid: str) -> Objects:
        """The objects of a kind whose controller has that uid, in the order of their names."""
        bucket = self.objects.get(kind.bucket, {})
        return [bucket[key] for key in sorted(self._children.get((kind.bucket, uid), ()))]

    def restore(self, objects: dict[str, Objects], version: int) -> None:
        """Take over a saved state; every older watch expires."""
        self.objects, self._children, self._spaces = {}, {}, {}
        for bucket, found in objects.items():
            for obj in found:
                key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
                self.objects.setdefault(bucket, {})[key] = obj
                self._index(bucket, key, None, obj)
        self.version = version
        self.compact()

    def compact(self) -> None:
        """Forget the history, as etcd does: every older watch and continue token expires."""
        self.history.clear()
        self.floor = self.version + 1

    def expire_watches(self) -> int:
        """Forget the history, and tell every open watch that it is over; how many there were."""
        self.compact()
        for queue in self.listeners:
            queue.put_nowait(Change(self.version, "", EXPIRED, {}, None))
        return len(self.listeners)


def _controller(obj: Json | None) -> str:
    owners = (obj or {}).get("metadata", {}).get("ownerReferences") or ()
    return next((str(one["uid"]) for one in owners if one.get("controller")), "")


_META_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def in_order(meta: Json) -> Json:
    """The metadata in the order in which the real server writes it; empty maps vanish."""
    return {key: meta[key] for key in _META_ORDER if meta.get(key) not in (None, {}, [], "")}
