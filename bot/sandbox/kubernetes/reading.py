"""get and list: selectors, pages, versions, and the form in which objects are shown.

It refuses to keep more than a few snapshots: older continue tokens expire, as they do in reality.
"""

import base64
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.sandbox.kubernetes import selectors, status, tables
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.events import as_events_v1
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.scalers_v1 import as_v1, from_v1
from bot.sandbox.kubernetes.wire import Json, Objects

_SNAPSHOTS = 64


@dataclass(frozen=True)
class Form:
    """How the client wants objects: as they are, as a Table, or only their metadata."""

    kind: str = ""
    include: str = "Metadata"


def form_of(accept: str, query: Mapping[str, str]) -> Form:
    """The first form of an Accept header that this server has."""
    for choice in accept.split(","):
        parts = {part.strip() for part in choice.split(";")}
        if not parts & {"application/json", "*/*", "application/*"}:
            continue
        for name in ("Table", "PartialObjectMetadataList", "PartialObjectMetadata"):
            if f"as={name}" in parts and "v=v1" in parts:
                return Form(name.removesuffix("List"), query.get("includeObject", "Metadata"))
        if not any(part.startswith("as=") for part in parts):
            return Form()
    return Form()


def chooser(kind: Kind, query: Mapping[str, str], name: str = "") -> Callable[[Json], bool]:
    """The predicate of labelSelector and fieldSelector."""
    by_label = selectors.labels(query.get("labelSelector", ""))
    by_field = selectors.fields(kind.plural, query.get("fieldSelector", ""))

    def chosen(obj: Json) -> bool:
        meta = obj["metadata"]
        fits = not name or meta["name"] == name
        return fits and by_label(meta.get("labels") or {}) and by_field(obj)

    return chosen


def shown(kind: Kind, obj: Json) -> Json:
    """An object in the form of the group that it was asked from."""
    if kind.api_version == "autoscaling/v1":
        return as_v1(obj)
    return as_events_v1(obj) if kind.group == "events.k8s.io" else obj


def _token(version: int, start: str) -> str:
    body = {"v": "meta.k8s.io/v1", "rv": version, "start": start}
    raw = json.dumps(body, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _open_token(token: str) -> tuple[int, str]:
    try:
        padded = token + "=" * (-len(token) % 4)
        body = json.loads(base64.urlsafe_b64decode(padded))
        return int(body["rv"]), str(body["start"])
    except (ValueError, KeyError, TypeError) as exc:
        raise status.bad_request("continue key is not valid: illegal base64 data") from exc


def _position(obj: Json) -> str:
    meta = obj["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


def version_of(text: str) -> int:
    """A resourceVersion as a number; 400 as the real server words it."""
    if not text.isdigit():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise status.bad_request(f"invalid resource version: {why}")
    return int(text)


class Reading:
    """The read verbs of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._snapshots: OrderedDict[tuple[str, str | None, int], Objects] = OrderedDict()

    def get(self, kind: Kind, namespace: str, name: str, form: Form) -> Json:
        """One object in the form asked for, or 404."""
        obj = shown(kind, self.cluster.writes.current(kind, namespace, name))
        return self.single(kind, obj, form)

    def single(self, kind: Kind, obj: Json, form: Form) -> Json:
        """One object, or a table with one row."""
        if form.kind == "Table":
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            now = self.cluster.clock.now()
            return tables.table(kind.kind, [_core(kind, obj)], meta, now, include=form.include)
        if form.kind == "PartialObjectMetadata":
            return _partial(obj)
        return obj

    def list(self, kind: Kind, namespace: str | None, query: Mapping[str, str], form: Form) -> Json:
        """A page of objects, in the form asked for."""
        store = self.cluster.store
        chosen = chooser(kind, query)
        self._check_version(query)
        version, start = store.version, ""
        objects: Objects = store.list(kind, namespace)
        if query.get("continue"):
            version, start = _open_token(query["continue"])
            if version == -1:
                version = store.version
            elif (kind.bucket, namespace, version) in self._snapshots:
                objects = self._snapshots[kind.bucket, namespace, version]
            elif version != store.version:
                raise status.continue_expired(_token(-1, start))
            objects = [obj for obj in objects if _position(obj) > start.rstrip("\0")]
        found = [obj for obj in objects if chosen(obj)]
        meta: Json = {"resourceVersion": str(version)}
        limit = int(query.get("limit") or 0)
        if limit and len(found) > limit:
            self._keep((kind.bucket, namespace, version), found)
            meta["continue"] = _token(version, _position(found[limit - 1]) + "\0")
            if not query.get("labelSelector") and not query.get("fieldSelector"):
                meta["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        return self._page(kind, found, meta, form)

    def _check_version(self, query: Mapping[str, str]) -> None:
        asked = query.get("resourceVersion", "")
        if not asked:
            return
        version, store = version_of(asked), self.cluster.store
        if query.get("resourceVersionMatch") == "Exact" and version < store.version:
            raise status.list_expired()
        if version > store.version:
            raise status.version_ahead(version, store.version)

    def _keep(self, list_at: tuple[str, str | None, int], objects: Objects) -> None:
        if list_at not in self._snapshots:
            self._snapshots[list_at] = objects
            while len(self._snapshots) > _SNAPSHOTS:
                self._snapshots.popitem(last=False)

    def expire_pages(self) -> None:
        """Forget all snapshots: every continue token of before answers 410."""
        self._snapshots.clear()

    def _page(self, kind: Kind, found: Objects, meta: Json, form: Form) -> Json:
        if form.kind == "Table":
            now = self.cluster.clock.now()
            return tables.table(kind.kind, found, meta, now, include=form.include)
        items = [shown(kind, obj) for obj in found]
        if form.kind == "PartialObjectMetadata":
            version = "meta.k8s.io/v1"
            partial = [_partial(obj) for obj in items]
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": version,
                "metadata": meta,
                "items": partial,
            }
        bare = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in items]
        return {
            "kind": f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": meta,
            "items": bare,
        }


def _core(kind: Kind, obj: Json) -> Json:
    """Tables of events and autoscalers are printed from the stored form."""
    if kind.api_version == "autoscaling/v1":
        return from_v1(obj)
    if kind.group != "events.k8s.io":
        return obj
    about, note = obj.get("regarding", {}), obj.get("note", "")
    return {**obj, "involvedObject": about, "message": note}


def _partial(obj: Json) -> Json:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }
