"""Whether anything still rolls. It refuses to wait: it only looks."""

from bot.sandbox.kubernetes.deployment_status import is_complete
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.kubelet import workload_name
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World

_FAILING = {
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "CreateContainerConfigError",
}


def _failing(world: World) -> set[tuple[str, str]]:
    """Workloads with a pod that doesn't get any further by itself."""
    found = set()
    for pod in world.store.list(by_kind("Pod")):
        reasons = {
            dig(entry, "state", "waiting", "reason") for entry in dig(pod, "status", "containerStatuses", default=[])
        }
        conditions = dig(pod, "status", "conditions", default=[])
        unplaced = any(one.get("reason") == "Unschedulable" for one in conditions)
        lost = pod["spec"].get("nodeName") in world.down
        if reasons & _FAILING or unplaced or lost:
            found.add((pod["metadata"]["namespace"], workload_name(world, pod)))
    return found


def _stuck(one: Json) -> bool:
    conditions = dig(one, "status", "conditions", default=[])
    return any(each.get("reason") in ("ProgressDeadlineExceeded", "DeploymentPaused") for each in conditions)


def _done(one: Json) -> bool:
    status = one.get("status") or {}
    if status.get("observedGeneration", 0) < one["metadata"]["generation"]:
        return False
    if one["kind"] == "Deployment":
        return is_complete(one, status) and not status.get("terminatingReplicas")
    if one["kind"] == "StatefulSet":
        return all(status.get(field, 0) == one["spec"]["replicas"] for field in ("readyReplicas", "replicas")) and (
            one["spec"]["updateStrategy"]["type"] == "OnDelete"
            or dig(one, "spec", "updateStrategy", "rollingUpdate", "partition", default=0) > 0
            or status.get("currentRevision") == status.get("updateRevision")
        )
    wanted = status.get("desiredNumberScheduled", 0)
    fields = ["numberReady", "numberAvailable"]
    if one["spec"]["updateStrategy"]["type"] == "RollingUpdate":
        fields.append("updatedNumberScheduled")
    return all(status.get(field, 0) == wanted for field in fields)


def unsettled(world: World) -> list[str]:
    """The workloads that are neither complete nor stuck, as `Deployment shop/api`."""
    failing, found = _failing(world), []
    for name in ("Deployment", "StatefulSet", "DaemonSet"):
        for one in world.store.list(by_kind(name)):
            meta = one["metadata"]
            observed = dig(one, "status", "observedGeneration", default=0) >= meta["generation"]
            given_up = observed and (_stuck(one) or (meta["namespace"], meta["name"]) in failing)
            if not given_up and not _done(one):
                found.append(f"{name} {meta['namespace']}/{meta['name']}")
    return found
