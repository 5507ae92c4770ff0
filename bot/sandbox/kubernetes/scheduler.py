"""Which node takes a pod: readiness, cordons, taints, selectors and requested resources.

It refuses affinity and priorities: the least loaded fitting node wins.
"""

from collections import Counter
from collections.abc import Mapping

from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World


def requests(pod: Json) -> dict[str, float]:
    """What a pod asks for, cpu in cores and memory in bytes."""
    total = {"cpu": 0.0, "memory": 0.0}
    for container in pod["spec"]["containers"]:
        for name in total:
            total[name] += quantity(dig(container, "resources", "requests", name, default=0))
    return total


def untolerated(node: Json, spec: Json) -> bool:
    """Whether a taint keeps pods of this spec away from a node."""
    tolerations = spec.get("tolerations") or []
    return any(
        taint.get("effect") in ("NoSchedule", "NoExecute") and not any(_tolerates(one, taint) for one in tolerations)
        for taint in node.get("spec", {}).get("taints") or []
    )


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint.get("key")):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _unfit(node: Json, pod: Json, used: Mapping[str, float], world: World) -> str | None:
    spec, name = node.get("spec", {}), node["metadata"]["name"]
    if name in world.down or untolerated(node, pod["spec"]):
        return "node(s) had untolerated taint(s)"
    if spec.get("unschedulable"):
        return "node(s) were unschedulable"
    labels = node["metadata"].get("labels", {})
    wanted = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return "node(s) didn't match Pod's node affinity/selector"
    for resource, asked in requests(pod).items():
        have = quantity(dig(node, "status", "allocatable", resource, default="0"))
        if asked and used.get(resource, 0.0) + asked > have:
            return f"Insufficient {resource}"
    return None


def choose(world: World, pod: Json) -> tuple[str | None, str]:
    """The name of a fitting node, or None and the scheduler's sentence."""
    pods = [one for one in world.store.list(by_kind("Pod")) if dig(one, "status", "phase") in ("Pending", "Running")]
    load = Counter(one["spec"].get("nodeName") for one in pods)
    reasons: Counter[str] = Counter()
    fitting: list[str] = []
    nodes = world.store.list(by_kind("Node"))
    used: dict[str, dict[str, float]] = {}
    if any(requests(pod).values()):
        for one in pods:
            if one["spec"].get("nodeName"):
                there = used.setdefault(one["spec"]["nodeName"], {})
                for resource, asked in requests(one).items():
                    there[resource] = there.get(resource, 0.0) + asked
    for node in nodes:
        name = node["metadata"]["name"]
        why = _unfit(node, pod, used.get(name, {}), world)
        if why:
            reasons[why] += 1
        else:
            fitting.append(name)
    if fitting:
        return min(fitting, key=lambda name: (load[name], name)), ""
    listed = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
    total = len(nodes)
    sentence = f"0/{total} nodes are available: {listed}." if listed else "no nodes available."
    helpless = f"preemption: 0/{total} nodes are available: {total} Preemption is not helpful for scheduling."
    return None, f"{sentence} no new claims to deallocate, {helpless}"
