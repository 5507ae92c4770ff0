"""Events as components write them: repeated ones are counted up, old ones forgotten.

It refuses to keep more than an hour, as the real cluster does.
"""

import secrets
import uuid

from bot.sandbox.kubernetes.clock import ClusterClock, micro_stamp, moment, stamp
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.kubernetes.wire import Json, dig

KEEP_SECONDS = 3600
SWEEP_SECONDS = 60
_SCHEDULER = "default-scheduler"


class Events:
    """The recorder of all components of one cluster."""

    def __init__(self, store: Store, clock: ClusterClock) -> None:
        self.store, self.clock = store, clock
        self._seen: dict[tuple[str, str, str, str], tuple[str, str]] = {}
        self.kind = by_kind("Event")
        self._swept = clock.now()

    def record(
        self,
        about: Json,
        reason: str,
        message: str,
        *,
        by: str,
        host: str = "",
        container: str = "",
        warning: bool = False,
    ) -> None:
        """Write an event about an object, or count up the same one written before."""
        key = (about["metadata"].get("uid", ""), reason, message, by)
        place = self._seen.get(key)
        known = self.store.get(self.kind, *place) if place else None
        now = self.clock.now()
        if known:
            self.store.put(self.kind, {**known, "count": known.get("count", 1) + 1, "lastTimestamp": stamp(now)})
            return
        event = self._scheduled(now) if by == _SCHEDULER else self._counted(by, host, now)
        event["involvedObject"] = _reference(about, container)
        event |= {"reason": reason, "message": message, "type": "Warning" if warning else "Normal"}
        stored = self.store.put(self.kind, self._object(about, event, by, now))
        meta = stored["metadata"]
        self._seen[key] = (meta["namespace"], meta["name"])

    def _counted(self, by: str, host: str, now: float) -> Json:
        source = {"component": by, "host": host} if host else {"component": by}
        return {
            "source": source,
            "firstTimestamp": stamp(now),
            "lastTimestamp": stamp(now),
            "count": 1,
            "eventTime": None,
            "reportingComponent": by,
            "reportingInstance": host,
        }

    def _scheduled(self, now: float) -> Json:
        """The scheduler writes the newer form: no count, no first and last timestamp."""
        return {
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "eventTime": micro_stamp(now),
            "action": "Binding",
            "reportingComponent": _SCHEDULER,
            "reportingInstance": f"{_SCHEDULER}-sandbox",
        }

    def _object(self, about: Json, event: Json, by: str, now: float) -> Json:
        namespace = about["metadata"].get("namespace", "default")
        manager = {"kubelet": "kubelet", _SCHEDULER: "kube-scheduler"}.get(by, "kube-controller-manager")
        fields: Json = {f"f:{key}": {} for key in sorted(event) if event[key] is not None}
        entry = {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "time": stamp(now),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }
        meta = {
            "name": f"{about['metadata']['name']}.{secrets.token_hex(8)}",
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": stamp(now),
            "managedFields": [entry],
        }
        keys = (
            "involvedObject",
            "reason",
            "message",
            "source",
            "firstTimestamp",
            "lastTimestamp",
            "count",
            "type",
            "eventTime",
            "action",
            "reportingComponent",
            "reportingInstance",
        )
        body = {key: event[key] for key in keys if key in event}
        return {"kind": "Event", "apiVersion": "v1", "metadata": meta, **body}

    def sweep(self) -> None:
        """Forget what is older than an hour; looked at once a minute."""
        now = self.clock.now()
        if self._swept <= now < self._swept + SWEEP_SECONDS:
            return
        self._swept, oldest = now, now - KEEP_SECONDS
        for event in self.store.list(self.kind):
            last = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
            if moment(last) < oldest:
                self.store.remove(self.kind, event)


def _reference(about: Json, container: str) -> Json:
    meta = about["metadata"]
    reference = {
        "kind": about["kind"],
        "namespace": meta.get("namespace"),
        "name": meta["name"],
        "uid": meta.get("uid"),
        "apiVersion": about["apiVersion"],
        # Who reports on nodes refers to them without the version that it saw.
        "resourceVersion": meta.get("resourceVersion") if about["kind"] != "Node" else None,
        "fieldPath": f"spec.containers{{{container}}}" if container else None,
    }
    return {key: value for key, value in reference.items() if value}


def as_events_v1(event: Json) -> Json:
    """A core event as events.k8s.io/v1 shows it."""
    view: Json = {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "metadata": event["metadata"],
        "eventTime": event.get("eventTime"),
        "reportingController": event.get("reportingComponent", ""),
        "reportingInstance": event.get("reportingInstance", ""),
        "action": event.get("action"),
        "reason": event.get("reason"),
        "regarding": event.get("involvedObject"),
        "note": event.get("message"),
        "type": event.get("type"),
        "deprecatedSource": event.get("source", {}),
        "deprecatedFirstTimestamp": event.get("firstTimestamp"),
        "deprecatedLastTimestamp": event.get("lastTimestamp"),
        "deprecatedCount": event.get("count"),
    }
    nullable = ("eventTime", "deprecatedFirstTimestamp", "deprecatedLastTimestamp")
    return {key: value for key, value in view.items() if value is not None or key in nullable}


def from_events_v1(event: Json) -> Json:
    """An events.k8s.io/v1 event as the core API stores it."""
    renamed = {
        "regarding": "involvedObject",
        "note": "message",
        "reportingController": "reportingComponent",
        "deprecatedSource": "source",
        "deprecatedFirstTimestamp": "firstTimestamp",
        "deprecatedLastTimestamp": "lastTimestamp",
        "deprecatedCount": "count",
    }
    core = {renamed.get(key, key): value for key, value in event.items()}
    return {**core, "kind": "Event", "apiVersion": "v1", "source": dig(core, "source", default={})}
