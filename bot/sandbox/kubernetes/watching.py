"""Watches: what was, then what happens, with bookmarks, and 410 inside a 200.

It refuses to invent history: a version that was compacted away is an ERROR object.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from bot.sandbox.kubernetes import tables
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.reading import Form, chooser, shown
from bot.sandbox.kubernetes.status import StatusError, failure
from bot.sandbox.kubernetes.store import EXPIRED, Change
from bot.sandbox.kubernetes.wire import Json

BOOKMARK_SECONDS = 60.0
_DEFAULT_SECONDS = 1800.0
_TRUE = ("1", "true", "True")


def start_version(query: Mapping[str, str]) -> int:
    """Where a watch begins, 0 for "with all there is"; 500 for garbage, as recorded."""
    text = query.get("resourceVersion", "") or "0"
    if not text.isdigit():
        said = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise StatusError(failure(500, None, said))
    return int(text)


def _over(said: str) -> Json:
    return {"type": "ERROR", "object": failure(410, "Expired", said)}


class Expired:
    """A watch that is over when it begins, in a 200, as the real server says it."""

    async def events(self) -> AsyncIterator[Json]:
        """The error alone."""
        yield _over("too old resource version: 1 (by a fault of the sandbox)")


class Watch:
    """One watch of one client."""

    def __init__(
        self, cluster: Cluster, kind: Kind, namespace: str | None, name: str,
        query: Mapping[str, str], form: Form,
    ) -> None:  # fmt: skip
        self.cluster, self.kind, self.namespace, self.form = cluster, kind, namespace, form
        self._query = query
        self._chosen: Callable[[Json], bool] = chooser(kind, query, name)
        self._from = start_version(query)
        self._seconds = float(query.get("timeoutSeconds") or _DEFAULT_SECONDS)
        self._bookmarks = query.get("allowWatchBookmarks") in _TRUE
        self._first = True

    def _object(self, obj: Json) -> Json:
        if self.form.kind == "Table":
            head, self._first = self._first, False
            meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            now = self.cluster.clock.now()
            return tables.table(self.kind.kind, [obj], meta, now, include=self.form.include, head=head)
        if self.form.kind == "PartialObjectMetadata":
            meta = obj["metadata"]
            return {"kind": self.form.kind, "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        return shown(self.kind, obj)

    def _event(self, kind: str, obj: Json) -> Json:
        return {"type": kind, "object": self._object(obj)}

    def _translate(self, change: Change) -> Json | None:
        """What a change means to this watch: objects come and go with its selector."""
        if change.bucket != self.kind.bucket:
            return None
        space = change.obj["metadata"].get("namespace", "")
        if self.namespace is not None and space != self.namespace:
            return None
        was = change.before is not None and self._chosen(change.before)
        now = change.type != "DELETED" and self._chosen(change.obj)
        if now:
            return self._event("MODIFIED" if was else "ADDED", change.obj)
        return self._event("DELETED", change.obj) if was else None

    def _bookmark(self, *, initial: bool = False) -> Json:
        meta: Json = {"resourceVersion": str(self.cluster.store.version)}
        if self.form.kind == "Table":
            table = tables.table(self.kind.kind, [], meta, 0.0, head=False)
            return {"type": "BOOKMARK", "object": table}
        meta["creationTimestamp"] = None
        if initial:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        kind = {"kind": self.kind.kind, "apiVersion": self.kind.api_version}
        return {"type": "BOOKMARK", "object": {**kind, "metadata": meta}}

    def _begin(self) -> list[Json]:
        """The events before anything new happens."""
        store = self.cluster.store
        everything = self._query.get("sendInitialEvents") in _TRUE
        if self._from == 0 or everything:
            found = [obj for obj in store.list(self.kind, self.namespace) if self._chosen(obj)]
            events = [self._event("ADDED", obj) for obj in found]
            return [*events, self._bookmark(initial=True)] if everything else events
        if self._from + 1 < store.floor:
            said = f"too old resource version: {self._from} ({store.floor})"
            return [_over(said)]
        past = [change for change in store.history if change.version > self._from]
        return [event for event in map(self._translate, past) if event]

    async def events(self) -> AsyncIterator[Json]:
        """Watch events until the time is over or the error that ends it."""
        store, loop = self.cluster.store, asyncio.get_running_loop()
        queue: asyncio.Queue[Change] = asyncio.Queue()
        store.listeners.append(queue)
        try:
            for event in self._begin():
                yield event
                if event["type"] == "ERROR":
                    return
            end = loop.time() + self._seconds
            bookmark = loop.time() + BOOKMARK_SECONDS
            while (left := end - loop.time()) > 0:
                try:
                    wait = min(left, max(0.0, bookmark - loop.time()))
                    async with asyncio.timeout(wait):
                        change = await queue.get()
                except TimeoutError:
                    if self._bookmarks and loop.time() >= bookmark:
                        yield self._bookmark()
                    bookmark = max(bookmark, loop.time() + BOOKMARK_SECONDS)
                    continue
                if change.type == EXPIRED:
                    yield _over(f"too old resource version: {self._from} ({store.floor})")
                    return
                event_or_none = self._translate(change) if change.version > self._from else None
                if event_or_none:
                    yield event_or_none
        finally:
            store.listeners.remove(queue)
