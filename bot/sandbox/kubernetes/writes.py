"""The write verbs of the API: create, update, patch, delete, each also as a dry run.

Here versions, uids, generations, ownership and preconditions are kept. It refuses to act on what
was written: that is the controllers' work.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.kubernetes import claim_rules, defaults, ownership, status, validation
from bot.sandbox.kubernetes.clock import ClusterClock, stamp
from bot.sandbox.kubernetes.kinds import Kind, by_kind
from bot.sandbox.kubernetes.store import Store, in_order
from bot.sandbox.kubernetes.wire import Json, clone, dig


@dataclass(frozen=True)
class Writing:
    """How a write was asked for: field manager, dry run or not, and the subresource."""

    manager: str
    dry_run: bool = False
    subresource: str = ""
    force: bool = False


@dataclass(frozen=True)
class Deletion:
    """DeleteOptions: grace in seconds or None for the object's own, preconditions, propagation."""

    grace: int | None = None
    uid: str | None = None
    version: str | None = None
    propagation: str = "Background"
    dry_run: bool = False


CONTROLLER = Writing("kube-controller-manager")
CONTROLLER_STATUS = Writing("kube-controller-manager", subresource="status")
KUBELET = Writing("kubelet", subresource="status")
_GRACEFUL = {"Pod"}


def _same(left: Json, right: Json) -> bool:
    """Equal but for the bookkeeping that a write itself changes."""
    skip = ("managedFields", "resourceVersion", "generation")

    def bare(obj: Json) -> Json:
        meta = {key: value for key, value in obj["metadata"].items() if key not in skip}
        return {**obj, "metadata": meta}

    return bare(left) == bare(right)


class Writes:
    """Writes into one store by the rules of the API server."""

    def __init__(self, store: Store, clock: ClusterClock) -> None:
        self.store, self.clock = store, clock

    def _time(self) -> str:
        return stamp(self.clock.now())

    def _named(self, kind: Kind, obj: Json) -> None:
        meta = obj["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + defaults.suffix()
        if not meta.get("name"):
            why = "name or generateName is required"
            causes = [status.cause("metadata.name", f"Required value: {why}", "FieldValueRequired")]
            raise status.invalid(kind.kind, kind.group, "", causes)

    def _placed(self, kind: Kind, namespace: str, meta: Json) -> None:
        if not kind.namespaced:
            meta.pop("namespace", None)
            return
        if meta.get("namespace") and meta["namespace"] != namespace:
            raise status.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = namespace
        home = self.store.get(by_kind("Namespace"), "", namespace)
        if home is None:
            raise status.not_found(by_kind("Namespace"), namespace)
        if home["metadata"].get("deletionTimestamp"):
            said = (
                f'{kind.qualified} "{meta.get("name", "")}" is forbidden: unable to create new content'
                f" in namespace {namespace} because it is being terminated"
            )
            raise status.forbidden(said, {"name": meta.get("name", ""), "kind": kind.plural})

    def create(self, kind: Kind, namespace: str, obj: Json, how: Writing) -> Json:
        """Create an object; 404 for a missing namespace, 409 for a taken name, 422 if invalid."""
        obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, **clone(obj)}
        meta = obj["metadata"]
        self._placed(kind, namespace, meta)
        self._named(kind, obj)
        if there := self.store.get(kind, meta.get("namespace", ""), meta["name"]):
            raise status.exists(kind, meta["name"], ending="deletionTimestamp" in there["metadata"])
        meta.pop("resourceVersion", None)
        meta.pop("managedFields", None)
        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = self._time()
        if kind.generation:
            meta["generation"] = 1
        if kind.subresource("status") and kind.kind not in ("Pod", "Node", "Namespace"):
            obj.pop("status", None)
        if kind.kind == "PersistentVolumeClaim":
            claim_rules.classed(self.store, obj)
        defaults.fill(obj)
        validation.check(kind, obj)
        if how.subresource != "apply":
            ownership.record(None, obj, how.manager, self._time())
        obj["metadata"] = in_order(meta)
        return obj if how.dry_run else self.store.put(kind, obj)

    def current(self, kind: Kind, namespace: str, name: str) -> Json:
        """The stored object (shared), or 404."""
        found = self.store.get(kind, namespace, name)
        if found is None:
            raise status.not_found(kind, name)
        return found

    def update(self, kind: Kind, namespace: str, name: str, obj: Json, how: Writing) -> Json:
        """Replace an object; 409 when its resourceVersion or uid is another one by now."""
        before = self.current(kind, namespace, name)
        return self._replace(kind, before, clone(obj), how)

    def patch(self, kind: Kind, namespace: str, name: str, change: Callable[[Json], Json], how: Writing) -> Json:
        """Apply `change` to a copy of the object and store the result by the rules of update."""
        before = self.current(kind, namespace, name)
        after = change(clone(before))
        if dig(after, "metadata", "name") != name:
            raise status.bad_request("the name of the object does not match the name on the URL")
        return self._replace(kind, before, after, how)

    def _preconditions(self, kind: Kind, before: Json, meta: Json) -> None:
        name, have = before["metadata"]["name"], before["metadata"]
        if meta.get("uid") not in (None, "", have["uid"]):
            why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {have['uid']}"
            raise status.conflict(kind, name, why)
        if meta.get("resourceVersion") not in (None, "", have["resourceVersion"]):
            raise status.conflict(kind, name)

    def _replace(self, kind: Kind, before: Json, after: Json, how: Writing) -> Json:
        have = before["metadata"]
        meta = after.setdefault("metadata", {})
        self._preconditions(kind, before, meta)
        for key in ("name", "namespace", "uid", "creationTimestamp", "generateName"):
            if key in have:
                meta[key] = have[key]
        for key in ("generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
            meta.pop(key, None)
            if key in have:
                meta[key] = have[key]
        self._split_status(kind, before, after, how)
        meta = after["metadata"]
        after = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta, **after}
        after["kind"], after["apiVersion"] = kind.kind, kind.api_version
        if how.subresource != "status":
            self._judge(kind, before, after)
        meta["resourceVersion"] = have["resourceVersion"]
        if _same(before, after):
            return before
        if kind.generation and before.get("spec") != after.get("spec"):
            meta["generation"] = have.get("generation", 0) + 1
        if how.subresource != "apply":
            ownership.record(before, after, how.manager, self._time(), how.subresource)
        after["metadata"] = in_order(meta)
        if how.dry_run:
            return after
        stored = self.store.put(kind, after)
        return self._finalized(kind, stored)

    def _judge(self, kind: Kind, before: Json, after: Json) -> None:
        defaults.fill(after)
        validation.check(kind, after, before)
        if kind.kind == "PersistentVolumeClaim":
            claim_rules.admit(self.store, kind, before, after)

    def _split_status(self, kind: Kind, before: Json, after: Json, how: Writing) -> None:
        if not kind.subresource("status"):
            return
        if how.subresource == "status":
            status_now = after.get("status")
            meta = {**clone(before["metadata"]), **after["metadata"]}
            after.clear()
            after.update(clone(before))
            after["metadata"] = meta
            after["status"] = status_now
        elif kind.kind != "Node" and "status" in before:
            after["status"] = before["status"]

    def _finalized(self, kind: Kind, stored: Json) -> Json:
        """An object that waited for its finalizers goes when the last one was taken away."""
        meta = stored["metadata"]
        done = meta.get("deletionTimestamp") and not meta.get("finalizers")
        if done and kind.kind not in ("Pod", "Namespace"):
            self.store.remove(kind, stored)
        return stored

    def set_status(self, kind: Kind, obj: Json, new: Json, how: Writing = CONTROLLER_STATUS) -> Json:
        """A controller's write of a status; nothing happens where nothing changed."""
        if obj.get("status") == new:
            return obj
        meta = obj["metadata"]
        changed = {**obj, "status": new, "metadata": clone(meta)}
        ownership.record(obj, changed, how.manager, self._time(), how.subresource)
        return self.store.put(kind, changed)

    def delete(self, kind: Kind, namespace: str, name: str, how: Deletion) -> tuple[Json, bool]:
        """Delete; returns the object and whether it is gone already (else it is terminating)."""
        obj = self.current(kind, namespace, name)
        meta = obj["metadata"]
        if how.uid is not None and how.uid != meta["uid"]:
            raise status.uid_conflict(kind, name, how.uid, meta["uid"])
        if how.version is not None and how.version != meta["resourceVersion"]:
            raise status.conflict(kind, name)
        if kind.kind == "Pod" and how.grace != 0 and dig(obj, "spec", "nodeName"):
            return self._terminate(kind, obj, how, self._grace(obj, how)), False
        finalizers = list(meta.get("finalizers") or [])
        if how.propagation == "Foreground" and kind.generation:
            finalizers = [*finalizers, "foregroundDeletion"]
        if kind.kind == "Namespace" or finalizers:
            return self._terminate(kind, obj, how, 0, finalizers), False
        if how.propagation == "Orphan" and not how.dry_run:
            self._orphan(meta["uid"])
        return (obj if how.dry_run else self.store.remove(kind, obj)), True

    def _grace(self, obj: Json, how: Deletion) -> int:
        own = int(dig(obj, "spec", "terminationGracePeriodSeconds", default=30))
        return own if how.grace is None else how.grace

    def _terminate(self, kind: Kind, obj: Json, how: Deletion, grace: int, finalizers: list[str] | None = None) -> Json:
        if obj["metadata"].get("deletionTimestamp"):
            return obj
        after = {**obj, "metadata": clone(obj["metadata"])}
        meta = after["metadata"]
        meta["deletionTimestamp"] = stamp(self.clock.now() + grace)
        meta["deletionGracePeriodSeconds"] = grace
        if grace == 0 and kind.kind == "Namespace":
            meta.pop("deletionGracePeriodSeconds")
            after["status"] = {**after.get("status", {}), "phase": "Terminating"}
        if kind.generation:
            meta["generation"] = meta.get("generation", 0) + 1
        if finalizers:
            meta["finalizers"] = finalizers
        after["metadata"] = in_order(meta)
        return after if how.dry_run else self.store.put(kind, after)

    def _orphan(self, uid: str) -> None:
        for plural in ("ReplicaSet", "Pod", "ControllerRevision"):
            kind = by_kind(plural)
            for child in self.store.list(kind):
                owners = child["metadata"].get("ownerReferences") or []
                if any(owner["uid"] == uid for owner in owners):
                    meta = clone(child["metadata"])
                    meta["ownerReferences"] = [one for one in owners if one["uid"] != uid]
                    self.store.put(kind, {**child, "metadata": meta})
