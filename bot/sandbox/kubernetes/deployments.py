"""Deployments that really roll: ReplicaSets by template, surge and unavailability, revisions.

After kubernetes/pkg/controller/deployment. It refuses proportional scaling of two live
ReplicaSets: the rolling step brings them to the new size.
"""

import math

from bot.sandbox.kubernetes import deployment_status
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.replicasets import free_hash
from bot.sandbox.kubernetes.wire import Json, clone, dig
from bot.sandbox.kubernetes.world import World, owner_reference
from bot.sandbox.kubernetes.writes import CONTROLLER

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"
_NOT_COPIED = {REVISION, HISTORY, DESIRED, MAXIMUM, "kubectl.kubernetes.io/last-applied-configuration"}


def bare_template(template: Json) -> Json:
    """A ReplicaSet's template without the hash label: what the Deployment said; it shares all else, to be read only."""
    meta = template.get("metadata", {})
    labels = {key: value for key, value in meta.get("labels", {}).items() if key != HASH}
    return {**template, "metadata": {**meta, "labels": labels}}


def revision(one: Json) -> int:
    """The revision number of a ReplicaSet, 0 for none."""
    return int(dig(one, "metadata", "annotations", default={}).get(REVISION, 0))


def share(value: object, of: int, *, up: bool) -> int:
    """A number of pods from a number or a percentage."""
    if isinstance(value, str) and value.endswith("%"):
        exact = of * int(value[:-1]) / 100
        return math.ceil(exact) if up else math.floor(exact)
    return int(str(value))


def limits(deployment: Json) -> tuple[int, int]:
    """(surge, unavailable) in pods; Recreate has neither."""
    spec = deployment["spec"]
    if spec["strategy"]["type"] == "Recreate":
        return 0, 0
    rolling = spec["strategy"]["rollingUpdate"]
    surge = share(rolling["maxSurge"], spec["replicas"], up=True)
    unavailable = share(rolling["maxUnavailable"], spec["replicas"], up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, spec["replicas"])


class Deployments:
    """The Deployment controller."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kind, self._sets = by_kind("Deployment"), by_kind("ReplicaSet")
        self._pods = by_kind("Pod")

    def sync(self) -> None:
        """One pass over all Deployments."""
        for one in self.world.store.list(self._kind):
            if not one["metadata"].get("deletionTimestamp") and one["metadata"]["uid"] not in self.world.unheeded:
                self._sync(one)

    def _sync(self, one: Json) -> None:
        owned = self.world.owned(self._sets, one)
        owned.sort(key=lambda each: (each["metadata"]["creationTimestamp"], revision(each)))
        template = one["spec"]["template"]
        new = next((s for s in owned if bare_template(s["spec"]["template"]) == template), None)
        paused = bool(one["spec"].get("paused"))
        created = False
        if new is None and not paused:
            new, created = self._create(one, owned), True
        elif new is not None and not paused:
            one, new = self._numbered(one, new, owned)
        old = [each for each in owned if new is None or each["metadata"]["uid"] != new["metadata"]["uid"]]
        if paused or self._resized(one, new, old):
            self._scale_active(one, new, old)
        elif new is not None and one["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(one, new, old)
        elif new is not None:
            self._roll(one, new, old)
        self._conclude(one, created=created)

    def _conclude(self, one: Json, *, created: bool) -> None:
        current = self.world.store.get(self._kind, one["metadata"]["namespace"], one["metadata"]["name"])
        if current is None:
            return
        owned = self.world.owned(self._sets, current)
        template = current["spec"]["template"]
        new = next((s for s in owned if bare_template(s["spec"]["template"]) == template), None)
        status = deployment_status.compute(self.world, current, owned, new, limits(current)[1], created=created)
        stored = self.world.writes.set_status(self._kind, current, status)
        if deployment_status.is_complete(stored, stored["status"]):
            self._forget(stored, [each for each in owned if each is not new])

    def _create(self, one: Json, owned: list[Json]) -> Json:
        template = clone(one["spec"]["template"])
        digest = free_hash(self.world, self._sets, one, template)
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = digest
        selector = clone(one["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = digest
        number = max((revision(each) for each in owned), default=0) + 1
        surge, _ = limits(one)
        total = sum(each["spec"]["replicas"] for each in owned)
        count = min(one["spec"]["replicas"], max(0, one["spec"]["replicas"] + surge - total))
        if one["spec"]["strategy"]["type"] == "Recreate" and (total or self._live(owned)):
            count = 0
        meta = {
            "name": f"{one['metadata']['name']}-{digest}",
            "labels": template["metadata"]["labels"],
            "annotations": {**self._copied(one), **self._sizes(one), REVISION: str(number)},
            "ownerReferences": [owner_reference(one)],
        }
        spec = {"replicas": count, "selector": selector, "template": template}
        if one["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = one["spec"]["minReadySeconds"]
        body = {"metadata": meta, "spec": spec}
        new = self.world.writes.create(self._sets, one["metadata"]["namespace"], body, CONTROLLER)
        self._mark_revision(one, number)
        if count:
            self._say(one, new, 0, count)
        return new

    def _copied(self, one: Json) -> Json:
        given = one["metadata"].get("annotations") or {}
        return {key: value for key, value in given.items() if key not in _NOT_COPIED}

    def _sizes(self, one: Json) -> Json:
        surge, _ = limits(one)
        wanted = one["spec"]["replicas"]
        return {DESIRED: str(wanted), MAXIMUM: str(wanted + surge)}

    def _live(self, sets: list[Json]) -> bool:
        return any(
            dig(pod, "status", "phase") in ("Pending", "Running")
            for each in sets
            for pod in self.world.owned(self._pods, each)
        )

    def _mark_revision(self, one: Json, number: int) -> Json:
        def change(obj: Json) -> Json:
            obj["metadata"].setdefault("annotations", {})[REVISION] = str(number)
            return obj

        meta = one["metadata"]
        return self.world.writes.patch(self._kind, meta["namespace"], meta["name"], change, CONTROLLER)

    def _numbered(self, one: Json, new: Json, owned: list[Json]) -> tuple[Json, Json]:
        """A reused ReplicaSet gets the next number and remembers the one it had."""
        others = [revision(each) for each in owned if each is not new]
        number = max(others, default=0) + 1
        had = revision(new)
        if had < number:

            def change(obj: Json) -> Json:
                notes = obj["metadata"].setdefault("annotations", {})
                notes[REVISION] = str(number)
                if had:
                    notes[HISTORY] = ",".join(filter(None, [notes.get(HISTORY, ""), str(had)]))
                return obj

            new = self._change(new, change)
            had = number
        if dig(one, "metadata", "annotations", default={}).get(REVISION) != str(had):
            one = self._mark_revision(one, had)
        return one, new

    def _change(self, each: Json, change: "deployment_status.Change") -> Json:
        meta = each["metadata"]
        return self.world.writes.patch(self._sets, meta["namespace"], meta["name"], change, CONTROLLER)

    def _say(self, one: Json, each: Json, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        said = f"Scaled {way} replica set {each['metadata']['name']} from {before} to {after}"
        self.world.events.record(one, "ScalingReplicaSet", said, by="deployment-controller")

    def _scale(self, one: Json, each: Json, count: int) -> bool:
        """Set a ReplicaSet's size and the Deployment's sizes on it; True if anything changed."""
        sizes, before = self._sizes(one), int(each["spec"]["replicas"])
        notes = each["metadata"].get("annotations") or {}
        if before == count and all(notes.get(key) == value for key, value in sizes.items()):
            return False

        def change(obj: Json) -> Json:
            obj["spec"]["replicas"] = count
            obj["metadata"].setdefault("annotations", {}).update(sizes)
            return obj

        self._change(each, change)
        if before != count:
            self._say(one, each, before, count)
        return before != count

    def _resized(self, one: Json, new: Json | None, old: list[Json]) -> bool:
        wanted = str(one["spec"]["replicas"])
        active = [each for each in (*old, *([new] if new else [])) if each["spec"]["replicas"]]
        return any(each["metadata"].get("annotations", {}).get(DESIRED, wanted) != wanted for each in active)

    def _scale_active(self, one: Json, new: Json | None, old: list[Json]) -> None:
        sets = [*old, *([new] if new else [])]
        active = [each for each in sets if each["spec"]["replicas"]]
        if len(active) > 1:
            for each in active:
                self._scale(one, each, each["spec"]["replicas"])
            return
        one_left = active[0] if active else (new or max(old, key=revision, default=None))
        if one_left is not None:
            self._scale(one, one_left, one["spec"]["replicas"])

    def _recreate(self, one: Json, new: Json, old: list[Json]) -> None:
        for each in old:
            self._scale(one, each, 0)
        if not self._live(old):
            self._scale(one, new, one["spec"]["replicas"])

    def _roll(self, one: Json, new: Json, old: list[Json]) -> None:
        wanted, (surge, unavailable) = one["spec"]["replicas"], limits(one)
        have = new["spec"]["replicas"]
        total = have + sum(each["spec"]["replicas"] for each in old)
        target = min(have + max(0, wanted + surge - total), wanted) if have < wanted else wanted
        if self._scale(one, new, target):
            return
        down = total - (wanted - unavailable) - (have - self._available(new))
        down = self._drop_unhealthy(one, old, down)
        available = sum(self._available(each) for each in (*old, new))
        budget = min(down, available - (wanted - unavailable))
        for each in old:
            each_now = self.world.store.get(self._sets, each["metadata"]["namespace"], each["metadata"]["name"])
            if budget <= 0 or each_now is None:
                return
            cut = min(budget, each_now["spec"]["replicas"])
            if cut:
                self._scale(one, each_now, each_now["spec"]["replicas"] - cut)
                budget -= cut

    def _available(self, each: Json) -> int:
        return int(dig(each, "status", "availableReplicas", default=0))

    def _drop_unhealthy(self, one: Json, old: list[Json], budget: int) -> int:
        for each in old:
            sick = each["spec"]["replicas"] - self._available(each)
            cut = min(budget, sick)
            if cut > 0:
                self._scale(one, each, each["spec"]["replicas"] - cut)
                budget -= cut
        return budget

    def _forget(self, one: Json, old: list[Json]) -> None:
        empty = [each for each in old if not each["spec"]["replicas"] and not dig(each, "status", "replicas")]
        empty.sort(key=revision)
        for each in empty[: max(0, len(empty) - one["spec"]["revisionHistoryLimit"])]:
            current = self.world.store.get(self._sets, each["metadata"]["namespace"], each["metadata"]["name"])
            if current is not None:
                self.world.store.remove(self._sets, current)
