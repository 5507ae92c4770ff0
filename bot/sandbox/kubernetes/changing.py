"""The write verbs over HTTP: bodies, patch formats, dry runs, deletions, scale and eviction.

It refuses whatever isn't well-formed before anything is touched.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from bot.sandbox.kubernetes import (
    debugging,
    ownership,
    patches,
    protobuf,
    schema,
    selectors,
    status,
    upkeep,
    validation,
)
from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.events import from_events_v1
from bot.sandbox.kubernetes.kinds import Kind, by_kind
from bot.sandbox.kubernetes.reading import chooser, shown
from bot.sandbox.kubernetes.replicasets import ready_since
from bot.sandbox.kubernetes.scalers_v1 import from_v1
from bot.sandbox.kubernetes.wire import Json, clone, dig
from bot.sandbox.kubernetes.writes import Deletion, Writing

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
CREATED, OK = 201, 200
ORPHANS = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True)
class Asked:
    """One write as it came: body, content type, query, and the client's name."""

    body: bytes
    content_type: str
    query: Mapping[str, str]
    agent: str

    @property
    def manager(self) -> str:
        """The field manager: asked for, or the User-Agent up to its first slash."""
        return self.query.get("fieldManager") or self.agent.split("/", maxsplit=1)[0] or "unknown"

    def writing(self, subresource: str = "") -> Writing:
        """How to write."""
        forced = self.query.get("force") in ("true", "1")
        return Writing(self.manager, self.dry_run, subresource, forced)

    @property
    def dry_run(self) -> bool:
        """Whether nothing shall be stored; 422 for anything but All."""
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            why = f'Unsupported value: "{value}": supported values: "All"'
            raise status.invalid(
                "PatchOptions", "meta.k8s.io", "", [status.cause("dryRun", why, "FieldValueNotSupported")]
            )
        return value == "All"


def _parse_error(kind: Kind, text: str, exc: json.JSONDecodeError) -> status.StatusError:
    found = text[exc.pos] if exc.pos < len(text) else ""
    at = text[: exc.pos].rstrip()[-1:]
    where = "object key string" if at == "{" else "value"
    why = f"invalid character '{found}' looking for beginning of {where}"
    if not found:
        why = "unexpected end of JSON input"
    return status.bad_request(
        f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get"
        f" version/kind; json parse error: {why} ({text[:64]})"
    )


def decode(kind: Kind, asked: Asked) -> Json:
    """The object of a body, JSON or YAML or a known protobuf; 400 as the real server words it, 415 for protobuf."""
    if "protobuf" in asked.content_type:
        return protobuf.decode(asked.body)
    if "cbor" in asked.content_type:
        raise status.unsupported_media()
    text = asked.body.decode("utf-8", "replace")
    if "yaml" in asked.content_type:
        obj = yaml.safe_load(text)
    else:
        try:
            obj = json.loads(text) if text else {}
        except json.JSONDecodeError as exc:
            raise _parse_error(kind, text, exc) from exc
    if not isinstance(obj, dict):
        raise status.bad_request(f"the object provided is unrecognized (must be of type {kind.kind})")
    return obj


class Changing:
    """The write verbs of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def create(self, kind: Kind, namespace: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """POST to a collection: (status, object, warnings)."""
        obj = decode(kind, asked)
        self._right_kind(kind, obj)
        warnings = schema.check(kind, obj, asked.query.get("fieldValidation", "Warn"))
        if kind.group == "events.k8s.io":
            obj = from_events_v1(obj)
            made = self.cluster.writes.create(by_kind("Event"), namespace, obj, asked.writing())
            return CREATED, shown(kind, made), warnings
        if kind.api_version == "autoscaling/v1":
            made = self.cluster.writes.create(by_kind(kind.kind), namespace, from_v1(obj), asked.writing())
            return CREATED, shown(kind, made), warnings
        return CREATED, self.cluster.writes.create(kind, namespace, obj, asked.writing()), warnings

    def _right_kind(self, kind: Kind, obj: Json) -> None:
        given = (obj.get("apiVersion"), obj.get("kind"))
        if given != (kind.api_version, kind.kind) and any(given):
            raise status.bad_request(
                f"{given[1]} in version {json.dumps(str(given[0]).rsplit('/', 1)[-1])} cannot be"
                f" handled as a {kind.kind}: converting (v1.{given[1]}) to (v1.{kind.kind}):"
                " unknown conversion"
            )

    def update(self, kind: Kind, namespace: str, name: str, sub: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """PUT of an object or of its status."""
        obj = decode(kind, asked)
        self._right_kind(kind, obj)
        warnings = schema.check(kind, obj, asked.query.get("fieldValidation", "Warn"))
        given = dig(obj, "metadata", "name")
        if given != name:
            said = f"the name of the object ({given or ''}) does not match the name on the URL ({name})"
            raise status.bad_request(said)
        if sub == debugging.SUBRESOURCE:
            obj = debugging.added(kind, self.cluster.writes.current(kind, namespace, name), obj)
        made = self.cluster.writes.update(kind, namespace, name, obj, asked.writing(sub))
        return OK, made, warnings

    def patch(self, kind: Kind, namespace: str, name: str, sub: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """PATCH in any of the four formats."""
        form = asked.content_type.split(";")[0].strip()
        if form == APPLY_PATCH:
            return self._apply(kind, namespace, name, asked)
        warnings: list[str] = []
        merge = self._merger(form, asked)

        def change(obj: Json) -> Json:
            after = merge(obj)
            if sub == debugging.SUBRESOURCE:
                after = debugging.added(kind, obj, after)
            warnings.extend(schema.check_patched(kind, after, asked.query.get("fieldValidation", "Warn")))
            return after

        made = self.cluster.writes.patch(kind, namespace, name, change, asked.writing(sub))
        return OK, made, warnings

    def _merger(self, form: str, asked: Asked) -> Callable[[Json], Json]:
        chosen: Any = {
            JSON_PATCH: patches.json_patch,
            MERGE_PATCH: patches.merge,
            STRATEGIC_PATCH: patches.strategic,
        }.get(form)
        if chosen is None:
            raise status.unsupported_media()
        try:
            patch = json.loads(asked.body)
        except json.JSONDecodeError as exc:
            raise status.bad_request(f"error decoding patch: {exc.msg}") from exc
        if form != JSON_PATCH and not isinstance(patch, dict):
            raise status.bad_request("error decoding patch: json: cannot unmarshal array into Go value")

        def merge(obj: Json) -> Json:
            after: Json = chosen(obj, patch)
            return after

        return merge

    def _apply(self, kind: Kind, namespace: str, name: str, asked: Asked) -> tuple[int, Json, list[str]]:
        config = yaml.safe_load(asked.body)
        if not asked.query.get("fieldManager"):
            why = "Required value: is required for apply patch"
            cause = status.cause("fieldManager", why, "FieldValueRequired")
            raise status.invalid("PatchOptions", "meta.k8s.io", "", [cause])
        self._right_kind(kind, config)
        warnings = schema.check(kind, config, asked.query.get("fieldValidation", "Warn"))
        how, now = asked.writing("apply"), stamp(self.cluster.clock.now())
        before = self.cluster.store.get(kind, namespace, name)

        def change(obj: Json) -> Json:
            after = ownership.apply(obj, config, how.manager, force=how.force)
            ownership.record_apply(before, after, config, how.manager, now)
            return after

        if before is not None:
            return OK, self.cluster.writes.patch(kind, namespace, name, change, how), warnings
        fresh = {"apiVersion": kind.api_version, "kind": kind.kind, **clone(config)}
        fresh.setdefault("metadata", {})["name"] = name
        dry = Writing(how.manager, dry_run=True, subresource="apply")
        made = clone(self.cluster.writes.create(kind, namespace, fresh, dry))
        ownership.record_apply(None, made, config, how.manager, now)
        return CREATED, made if how.dry_run else self.cluster.store.put(kind, made), warnings

    def _options(self, asked: Asked) -> Deletion:
        given = json.loads(asked.body) if asked.body.strip() else {}
        query, wanted = asked.query, given.get("preconditions") or {}
        grace = given.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        dry = asked.dry_run or "All" in (given.get("dryRun") or ())
        return Deletion(
            grace=None if grace is None else int(grace),
            uid=wanted.get("uid"),
            version=wanted.get("resourceVersion"),
            propagation=given.get("propagationPolicy") or query.get("propagationPolicy", ""),
            dry_run=dry,
        )

    def delete(self, kind: Kind, namespace: str, name: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """DELETE of one object: itself while it goes, a Status once it is gone."""
        options, warnings = self._options(asked), []
        if kind.kind == "Job" and not options.propagation:
            options, warnings = replace(options, propagation="Orphan"), [ORPHANS]
        obj, gone = self.cluster.writes.delete(kind, namespace, name, options)
        if gone and kind.kind != "Pod":
            return OK, status.success(kind, name, obj["metadata"]["uid"]), warnings
        return OK, shown(kind, obj), warnings

    def delete_collection(self, kind: Kind, namespace: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """DELETE of all objects that the selectors choose: the list of them."""
        options, chosen = self._options(asked), chooser(kind, asked.query)
        found = [obj for obj in self.cluster.store.list(kind, namespace) if chosen(obj)]
        for obj in found:
            self.cluster.writes.delete(kind, namespace, obj["metadata"]["name"], options)
        bare = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in found]
        meta = {"resourceVersion": str(self.cluster.store.version)}
        listed = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version}
        return OK, {**listed, "metadata": meta, "items": bare}, []

    # -- scale --------------------------------------------------------------------------------

    def scale(self, kind: Kind, namespace: str, name: str, method: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """GET, PUT and PATCH of /scale."""
        before = self.cluster.writes.current(kind, namespace, name)
        if method == "GET":
            return OK, scale_of(before), []
        if method == "PUT":
            wanted = json.loads(asked.body)
        else:
            wanted = self._merger(asked.content_type.split(";")[0].strip(), asked)(scale_of(before))
        replicas = dig(wanted, "spec", "replicas", default=0)
        version = dig(wanted, "metadata", "resourceVersion")
        validation.check_scale(name, replicas)

        def change(obj: Json) -> Json:
            obj["spec"]["replicas"] = replicas
            if version:
                obj["metadata"]["resourceVersion"] = version
            return obj

        made = self.cluster.writes.patch(kind, namespace, name, change, asked.writing("scale"))
        return OK, scale_of(made), []

    # -- eviction -----------------------------------------------------------------------------

    def evict(self, namespace: str, name: str, asked: Asked) -> tuple[int, Json, list[str]]:
        """POST of a policy/v1 Eviction: 429 while a budget forbids it, else the pod terminates."""
        kind, world = by_kind("Pod"), self.cluster.world
        pod = self.cluster.writes.current(kind, namespace, name)
        body = decode(kind, asked)
        labels = pod["metadata"].get("labels") or {}
        counted = pod["status"].get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
        listed = self.cluster.store.list(by_kind("PodDisruptionBudget"), namespace) if counted else []
        budgets = [one for one in listed if selectors.matches(one["spec"].get("selector"), labels)]
        if len(budgets) > 1:
            raise status.several_budgets()
        for budget in budgets:
            _, healthy, needed = upkeep.budget_health(world, budget)
            ready = ready_since(pod) is not None
            always = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
            # What isn't ready takes nothing from the healthy ones: it may go while those are enough.
            spare = not ready and (always or (healthy >= needed > 0))
            if not spare and healthy - 1 < needed:
                raise status.too_disrupted(budget["metadata"]["name"], needed, healthy)
        options = body.get("deleteOptions") or {}
        dry = asked.dry_run or "All" in (options.get("dryRun") or ())
        grace = options.get("gracePeriodSeconds")
        uid = dig(options, "preconditions", "uid")
        deletion = Deletion(grace=grace, uid=uid, dry_run=dry)
        self.cluster.writes.delete(kind, namespace, name, deletion)
        done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return CREATED, {**done, "code": CREATED}, []


def scale_of(obj: Json) -> Json:
    """The Scale of a workload; no replicas are no key, as recorded."""
    meta = obj["metadata"]
    keys = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    wanted = obj["spec"].get("replicas", 0)
    have = dig(obj, "status", "replicas", default=0)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in keys},
        "spec": {"replicas": wanted} if wanted else {},
        "status": {"replicas": have, "selector": selectors.written(obj["spec"].get("selector"))},
    }
