"""What goes wrong on purpose: crashes, bad starts, evictions, dead nodes.

It refuses to hide anything: all of it shows in statuses and events as it would in a real cluster.
"""

from bot.sandbox.kubernetes import pod_status as shape
from bot.sandbox.kubernetes import scenery
from bot.sandbox.kubernetes.clock import micro_stamp, stamp
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.kubelet import BEHAVIOURS, Kubelet, workload_name
from bot.sandbox.kubernetes.manners import USUAL, Manner
from bot.sandbox.kubernetes.replicasets import is_active, ready_since
from bot.sandbox.kubernetes.wire import Json, clone
from bot.sandbox.kubernetes.world import World
from bot.sandbox.kubernetes.writes import Writing

LOW_MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi."
_UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}


def pods_of(world: World, namespace: str, workload: str) -> list[Json]:
    """The stored pods of a workload, those that are going too."""
    pods = world.store.list(by_kind("Pod"), namespace)
    return [pod for pod in pods if workload_name(world, pod) == workload]


def break_next(world: World, namespace: str, name: str, behaviour: str, manner: Manner = USUAL) -> None:
    """Remember how pods created from now on behave; ValueError for an unknown behaviour."""
    if behaviour not in BEHAVIOURS:
        raise ValueError(f"{behaviour!r} is none of {', '.join(BEHAVIOURS)}")
    world.next_start[(namespace, name)] = behaviour
    world.manners[(namespace, name)] = manner


def heal(world: World, kubelet: Kubelet, namespace: str, name: str) -> None:
    """Forget what was to break, and let broken pods start well now."""
    world.next_start.pop((namespace, name), None)
    world.manners.pop((namespace, name), None)
    now = world.clock.now()
    for pod in pods_of(world, namespace, name):
        run = kubelet.run_of(pod)
        if run.behaviour != "ok" and run.stage not in ("stopping", "done"):
            run.behaviour, run.due = "ok", now


def crash_loop(
    world: World, kubelet: Kubelet, namespace: str, name: str, pods: int, reason: str, exit_code: int
) -> list[str]:
    """Let up to `pods` running pods die now and again after every start."""
    return strike(world, kubelet, namespace, name, pods, "crash", Manner(reason=reason, exit_code=exit_code))


def strike(
    world: World, kubelet: Kubelet, namespace: str, name: str, pods: int, behaviour: str, manner: Manner
) -> list[str]:
    """Let up to `pods` running pods go wrong now, those that are well first; their names.

    Pods that take their place are well.
    """
    now = world.clock.now()
    names: list[str] = []
    there = [(pod, kubelet.run_of(pod)) for pod in pods_of(world, namespace, name)]
    for pod, run in sorted(there, key=lambda one: one[1].behaviour != "ok"):
        if len(names) < pods and is_active(pod) and run.stage == "running":
            run.go_wrong(behaviour, manner)
            run.due = now
            names.append(pod["metadata"]["name"])
    if not names:
        raise LookupError(f"no running pods of {namespace}/{name}")
    return names


def evict(world: World, kubelet: Kubelet, namespace: str, name: str, message: str) -> None:
    """The kubelet evicts a pod under pressure; LookupError where there is none."""
    kind = by_kind("Pod")
    pod = world.store.get(kind, namespace, name)
    if pod is None:
        raise LookupError(f"no pod {namespace}/{name}")
    run, now = kubelet.run_of(pod), world.clock.now()
    run.stage, run.due, run.ready = "done", None, False
    state = shape.terminated(137, "Error", run.started, now, run.identity)
    entries = [
        {**{k: v for k, v in one.items() if k != "containerID"}, "state": state, "ready": False, "started": False}
        for one in pod["status"].get("containerStatuses", [])
    ]
    status = {
        **pod["status"],
        "phase": "Failed",
        "conditions": shape.conditions(pod, now, ready=False, ended="PodFailed"),
        "message": message,
        "reason": "Evicted",
        "containerStatuses": entries,
    }
    world.events.record(pod, "Evicted", message, by="kubelet", host=pod["spec"].get("nodeName", ""), warning=True)
    world.writes.set_status(kind, pod, status)


SILENT = 40.0
"""Seconds without a sign of life after which a node counts as not ready."""


def sign_of_life(world: World, name: str, at: float) -> None:
    """The kubelet renews its lease."""
    kind = by_kind("Lease")
    known = world.store.get(kind, scenery.LEASES, name)
    fresh = scenery.lease(name, micro_stamp(at))
    if known is None:
        world.writes.create(kind, scenery.LEASES, fresh, Writing("kubelet"))
    else:
        world.store.put(kind, {**clone(known), "spec": fresh["spec"]})


def _node(world: World, name: str) -> Json:
    node = world.store.get(by_kind("Node"), "", name)
    if node is None:
        raise LookupError(f"no node {name}")
    return node


def node_down(world: World, name: str) -> None:
    """The node controller marks a silent node and its pods."""
    node = _node(world, name)
    world.down.add(name)
    sign_of_life(world, name, world.clock.now() - SILENT)
    now = stamp(world.clock.now())
    taints = [{**_UNREACHABLE, "timeAdded": now}]
    status = {**node["status"], "conditions": scenery.node_conditions(now, lost=True)}
    changed = {**clone(node), "spec": {**node["spec"], "taints": taints}, "status": status}
    stored = world.store.put(by_kind("Node"), changed)
    said = f"Node {name} status is now: NodeNotReady"
    world.events.record(stored, "NodeNotReady", said, by="node-controller")
    for pod in world.store.list(by_kind("Pod")):
        if pod["spec"].get("nodeName") == name and ready_since(pod) is not None:
            conditions = [_unready(one, now) for one in pod["status"]["conditions"]]
            world.writes.set_status(by_kind("Pod"), pod, {**pod["status"], "conditions": conditions})


def _unready(condition: Json, now: str) -> Json:
    if condition["type"] != "Ready":
        return condition
    return {**condition, "status": "False", "lastTransitionTime": now}


def node_under(world: World, name: str, pressure: str, reason: str, message: str) -> None:
    """The kubelet tells of pressure (``DiskPressure``), and its node takes no new pods."""
    node, now = _node(world, name), stamp(world.clock.now())
    told = {"status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
    conditions = [{**one, **told} if one["type"] == pressure else one for one in node["status"]["conditions"]]
    key = f"node.kubernetes.io/{pressure.removesuffix('Pressure').lower()}-pressure"
    taints = [*(node["spec"].get("taints") or []), {"key": key, "effect": "NoSchedule", "timeAdded": now}]
    changed = {**clone(node), "spec": {**node["spec"], "taints": taints}}
    stored = world.store.put(by_kind("Node"), {**changed, "status": {**node["status"], "conditions": conditions}})
    said = f"Node {name} status is now: {reason}"
    world.events.record(stored, reason, said, by="kubelet", host=name)


def node_up(world: World, name: str) -> None:
    """The node reports again: its containers never stopped, so its pods are Ready again."""
    node = _node(world, name)
    world.down.discard(name)
    sign_of_life(world, name, world.clock.now())
    now = stamp(world.clock.now())
    spec = {key: value for key, value in node["spec"].items() if key != "taints"}
    status = {**node["status"], "conditions": scenery.node_conditions(now)}
    world.store.put(by_kind("Node"), {**clone(node), "spec": spec, "status": status})
    for pod in world.store.list(by_kind("Pod")):
        entries = pod["status"].get("containerStatuses") or [{}]
        if pod["spec"].get("nodeName") == name and all(one.get("ready") for one in entries):
            conditions = shape.conditions(pod, world.clock.now(), ready=True)
            world.writes.set_status(by_kind("Pod"), pod, {**pod["status"], "conditions": conditions})
