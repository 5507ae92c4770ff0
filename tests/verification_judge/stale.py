"""Reads that tell how it was: an API server whose cache stands still, for all it has or for some kinds."""
# ruff: noqa: D102 - the methods do what their names say

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.reading import Form, shown
from tests.verification_judge.room import Room

Json = dict[str, Any]


class Stale:
    """Answers reads of these buckets (``*``: all) from what was there when it began; ``told`` counts them."""

    def __init__(self, room: Room, buckets: tuple[str, ...]) -> None:
        self._reading: Any = room.server._gateway.reading
        self._store: Any = room.cluster.store
        self._buckets = buckets
        self.told = 0
        self._get, self._list = self._reading.get, self._reading.list

    def begin(self) -> None:
        held = {bucket: dict(found) for bucket, found in self._store.objects.items()}

        def get(kind: Kind, namespace: str, name: str, form: Form) -> Json:
            if not self._hits(kind):
                return self._get(kind, namespace, name, form)  # type: ignore[no-any-return]
            self.told += 1
            found = held.get(kind.bucket, {}).get((namespace, name))
            if found is None:
                raise status.not_found(kind, name)
            return self._reading.single(kind, shown(kind, found), form)  # type: ignore[no-any-return]

        def listed(kind: Kind, namespace: str | None, query: Mapping[str, str], form: Form) -> Json:
            if not self._hits(kind):
                return self._list(kind, namespace, query, form)  # type: ignore[no-any-return]
            self.told += 1
            now = self._store.list
            bucket = held.get(kind.bucket, {})
            self._store.list = lambda _kind, space=None: [
                bucket[key] for key in sorted(bucket) if space is None or key[0] == space
            ]
            try:
                return self._list(kind, namespace, query, form)  # type: ignore[no-any-return]
            finally:
                self._store.list = now

        self._reading.get, self._reading.list = get, listed

    def end(self) -> None:
        self._reading.get, self._reading.list = self._get, self._list

    def _hits(self, kind: Kind) -> bool:
        return "*" in self._buckets or kind.bucket in self._buckets
