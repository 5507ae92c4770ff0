"""The smaller controllers: garbage, namespaces, endpoints, disruption budgets, autoscalers, cordons.

They do as much as the rest of the cluster relies on. They refuse metrics: an autoscaler only keeps
its target within its bounds, and shows the metrics that somebody wrote into its status.
"""

from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.deployments import share
from bot.sandbox.kubernetes.kinds import KINDS, Kind, by_kind
from bot.sandbox.kubernetes.replicasets import is_active, ready_since
from bot.sandbox.kubernetes.selectors import matches
from bot.sandbox.kubernetes.wire import Json, clone, dig
from bot.sandbox.kubernetes.world import World, owner_reference
from bot.sandbox.kubernetes.writes import CONTROLLER, Deletion

_OWNED = ("ReplicaSet", "Pod", "ControllerRevision", "Job", "EndpointSlice")


def collect_garbage(world: World) -> None:
    """Delete what lost its owner, and owners that waited for their dependents."""
    buckets = (bucket for name, bucket in world.store.objects.items() if name != "events")  # an event owns nothing
    uids = {obj["metadata"]["uid"] for bucket in buckets for obj in bucket.values()}
    for name in _OWNED:
        kind = by_kind(name)
        for obj in world.store.list(kind):
            meta = obj["metadata"]
            owners = meta.get("ownerReferences") or []
            gone = owners and not any(owner["uid"] in uids for owner in owners)
            leaving = any(_in_foreground(world, owner, meta) for owner in owners)
            if (gone or leaving) and not meta.get("deletionTimestamp"):
                world.writes.delete(kind, meta["namespace"], meta["name"], Deletion())
    for name in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"):
        _finish_foreground(world, by_kind(name))


def _in_foreground(world: World, owner: Json, meta: Json) -> bool:
    try:
        kind = by_kind(owner["kind"])
    except KeyError:
        return False
    found = world.store.get(kind, meta["namespace"], owner["name"])
    return bool(found and "foregroundDeletion" in (found["metadata"].get("finalizers") or ()))


def _finish_foreground(world: World, kind: Kind) -> None:
    for obj in world.store.list(kind):
        if "foregroundDeletion" in (obj["metadata"].get("finalizers") or ()) and not any(
            world.owned(by_kind(name), obj) for name in _OWNED
        ):
            world.store.remove(kind, obj)


def empty_namespaces(world: World) -> None:
    """A namespace that is being deleted takes its content along, then goes itself."""
    for space in world.store.list(by_kind("Namespace")):
        if not space["metadata"].get("deletionTimestamp"):
            continue
        name, left = space["metadata"]["name"], False
        for kind in KINDS:
            if not kind.namespaced or kind.stored_as or "list" not in kind.verbs:
                continue
            for obj in world.store.list(kind, name):
                world.writes.delete(kind, name, obj["metadata"]["name"], Deletion(grace=0))
                left = True
        if not left:
            world.store.remove(by_kind("Namespace"), space)


def publish_endpoints(world: World) -> None:
    """Endpoints and one EndpointSlice for every service with a selector."""
    for service in world.store.list(by_kind("Service")):
        selector = dig(service, "spec", "selector")
        if not selector or service["metadata"]["uid"] in world.unheeded:
            continue
        meta = service["metadata"]
        ready: list[Json] = []
        unready: list[Json] = []
        pods: list[Json] = []
        for pod in world.store.list(by_kind("Pod"), meta["namespace"]):
            labels = pod["metadata"].get("labels") or {}
            if is_active(pod) and dig(pod, "status", "podIP") and matches({"matchLabels": selector}, labels):
                (ready if ready_since(pod) is not None else unready).append(_address(pod))
                pods.append(pod)
        ports = [
            {**{key: port[key] for key in ("name", "protocol") if key in port}, "port": _target(port, pods)}
            for port in dig(service, "spec", "ports", default=[])
        ]
        subset: Json = {}
        if ready:
            subset["addresses"] = ready
        if unready:
            subset["notReadyAddresses"] = unready
        subsets = [{**subset, "ports": ports}] if subset else []
        body = {"metadata": {"name": meta["name"], "labels": meta.get("labels") or {}}}
        _ensure(world, by_kind("Endpoints"), meta["namespace"], {**body, "subsets": subsets})
        _slice(world, service, ready, unready, [{"name": "", **port} for port in ports])


def _target(port: Json, pods: list[Json]) -> int:
    """Where the pods listen: a number, or the name of one of their containers' ports."""
    wanted = port.get("targetPort") or port["port"]
    if isinstance(wanted, int):
        return wanted
    named = (one for pod in pods for each in pod["spec"]["containers"] for one in each.get("ports") or ())
    return next((int(one["containerPort"]) for one in named if one.get("name") == wanted), int(port["port"]))


def _address(pod: Json) -> Json:
    meta = pod["metadata"]
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName"), "targetRef": target}


def _slice(world: World, service: Json, ready: list[Json], unready: list[Json], ports: list[Json]) -> None:
    meta = service["metadata"]
    endpoints = [
        {
            "addresses": [one["ip"]],
            "conditions": {"ready": is_ready, "serving": is_ready, "terminating": False},
            "targetRef": one["targetRef"],
            "nodeName": one["nodeName"],
        }
        for is_ready, addresses in ((True, ready), (False, unready))
        for one in addresses
    ]
    labels = {**(meta.get("labels") or {}), "kubernetes.io/service-name": meta["name"]}
    body = {
        "metadata": {
            "name": f"{meta['name']}-slice",
            "labels": labels,
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }
    _ensure(world, by_kind("EndpointSlice"), meta["namespace"], body)


def _ensure(world: World, kind: Kind, namespace: str, body: Json) -> None:
    name = body["metadata"]["name"]
    found = world.store.get(kind, namespace, name)
    if found is None:
        world.writes.create(kind, namespace, body, CONTROLLER)
        return
    rest = {key: value for key, value in body.items() if key != "metadata"}
    if any(found.get(key) != value for key, value in rest.items()):
        world.store.put(kind, {**clone(found), **clone(rest)})


def budget_health(world: World, budget: Json) -> tuple[int, int, int]:
    """(expected, healthy, needed) pods of a disruption budget."""
    meta, spec = budget["metadata"], budget["spec"]
    pods = [
        pod
        for pod in world.store.list(by_kind("Pod"), meta["namespace"])
        if is_active(pod) and matches(spec.get("selector"), pod["metadata"].get("labels") or {})
    ]
    expected = _expected(world, pods)
    healthy = sum(ready_since(pod) is not None for pod in pods)
    if "maxUnavailable" in spec:
        needed = max(0, expected - share(spec["maxUnavailable"], expected, up=True))
    else:
        needed = share(spec.get("minAvailable", 1), expected, up=True)
    return expected, healthy, needed


def _expected(world: World, pods: list[Json]) -> int:
    """The sizes of the controllers of these pods: a missing pod still counts."""
    total, seen = 0, set()
    for pod in pods:
        owner = next(iter(pod["metadata"].get("ownerReferences") or ()), None)
        if owner is None:
            total += 1
        elif owner["uid"] not in seen:
            seen.add(owner["uid"])
            found = world.store.get(by_kind(owner["kind"]), pod["metadata"]["namespace"], owner["name"])
            total += int(dig(found, "spec", "replicas", default=1))
    return total


def count_budgets(world: World) -> None:
    """The status of every disruption budget."""
    kind = by_kind("PodDisruptionBudget")
    for budget in world.store.list(kind):
        expected, healthy, needed = budget_health(world, budget)
        allowed = max(0, healthy - needed)
        word, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
        old: Json = next(iter(dig(budget, "status", "conditions", default=[])), {})
        same = old.get("status") == word
        condition = {
            "type": "DisruptionAllowed",
            "status": word,
            "observedGeneration": budget["metadata"]["generation"],
            "lastTransitionTime": old["lastTransitionTime"] if same else stamp(world.clock.now()),
            "reason": reason,
            "message": "",
        }
        new = {
            "observedGeneration": budget["metadata"]["generation"],
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": needed,
            "expectedPods": expected,
            "conditions": [condition],
        }
        world.writes.set_status(kind, budget, new)


def keep_bounds(world: World) -> None:
    """An autoscaler pulls its target back within its bounds, whoever scaled it."""
    kind = by_kind("HorizontalPodAutoscaler")
    for scaler in world.store.list(kind):
        meta, spec = scaler["metadata"], scaler["spec"]
        target = spec["scaleTargetRef"]
        found = world.store.get(by_kind(target["kind"]), meta["namespace"], target["name"])
        if found is None:
            continue
        have = found["spec"]["replicas"]
        wanted = min(max(have, spec.get("minReplicas", 1)), spec["maxReplicas"]) if have else 0
        if wanted != have:

            def change(obj: Json, wanted: int = wanted) -> Json:
                obj["spec"]["replicas"] = wanted
                return obj

            world.writes.patch(by_kind(target["kind"]), meta["namespace"], target["name"], change, CONTROLLER)
            said = f"New size: {wanted}; reason: Current number of replicas outside of the bounds"
            by = "horizontal-pod-autoscaler"
            world.events.record(scaler, "SuccessfulRescale", said, by=by)
        told = scaler.get("status") or {}
        there = dig(found, "status", "replicas", default=0)
        new = {"currentReplicas": there, "desiredReplicas": wanted, "currentMetrics": told.get("currentMetrics")}
        world.writes.set_status(kind, scaler, {**told, **new})


CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def taint_cordoned(world: World) -> None:
    """The node controller's taint on every node that is unschedulable, and on no other."""
    kind = by_kind("Node")
    for node in world.store.list(kind):
        spec = node.get("spec") or {}
        others = [one for one in spec.get("taints") or [] if one["key"] != CORDONED["key"]]
        has, wants = len(others) != len(spec.get("taints") or []), bool(spec.get("unschedulable"))
        if has is wants:
            continue
        taints = [*others, {**CORDONED, "timeAdded": stamp(world.clock.now())}] if wants else others
        rest = {key: value for key, value in spec.items() if key != "taints"}
        world.store.put(kind, {**clone(node), "spec": {**rest, **({"taints": taints} if taints else {})}})
