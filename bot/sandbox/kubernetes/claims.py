"""Volume claims: the volumes that are made for them, and how storage and kubelet follow when they grow.

How a class behaves is told by its annotation ``sandbox.fettle/resize``. It refuses to know any storage.
"""

from bot.sandbox.kubernetes.claim_rules import asked, has
from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.wire import Json, clone, dig
from bot.sandbox.kubernetes.world import World
from bot.sandbox.kubernetes.writes import CONTROLLER

RESIZE = "sandbox.fettle/resize"
"""``online`` (the default), ``restart`` (the filesystem waits for its pod), ``slow`` (never done), ``infeasible``."""
_PROVISIONED = "pv.kubernetes.io/provisioned-by"
PENDING = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."


def resize(world: World) -> None:
    """Each claim that asks for more than it has is one step further."""
    kind = by_kind("PersistentVolumeClaim")
    for claim in world.store.list(kind):
        told = claim.get("status") or {}
        if not told:
            _bind(world, claim)
        elif told.get("phase") == "Bound" and quantity(has(claim)) and quantity(asked(claim)) > quantity(has(claim)):
            world.writes.set_status(kind, claim, _next(world, claim, told))


def _bind(world: World, claim: Json) -> None:
    """A claim that nobody has told a state of gets a volume of its own, as from a class that makes them at once."""
    kind, meta, spec = by_kind("PersistentVolumeClaim"), claim["metadata"], claim["spec"]
    volume = spec.get("volumeName") or f"pvc-{meta['uid']}"

    def change(obj: Json) -> Json:
        return {**obj, "spec": {**obj["spec"], "volumeName": volume}}

    made = world.writes.patch(kind, meta["namespace"], meta["name"], change, CONTROLLER)
    modes = list(spec.get("accessModes") or ("ReadWriteOnce",))
    size = {"storage": asked(claim)}
    world.writes.set_status(kind, made, {"phase": "Bound", "accessModes": modes, "capacity": size})


def keep_volumes(world: World) -> None:
    """A bound claim has its volume, as large as it is, and a volume that was made for a claim goes with it."""
    kind, by_name = by_kind("PersistentVolume"), {}
    for claim in world.store.list(by_kind("PersistentVolumeClaim")):
        if dig(claim, "spec", "volumeName") and dig(claim, "status", "phase") == "Bound":
            by_name[claim["spec"]["volumeName"]] = claim
    for name, claim in by_name.items():
        found = world.store.get(kind, "", name)
        if found is None:
            found = world.writes.create(kind, "", _volume(world, name, claim), CONTROLLER)
            found = world.writes.set_status(kind, found, {"phase": "Bound"})
        if dig(found, "spec", "capacity", "storage") != has(claim):
            grown = {**found["spec"], "capacity": {"storage": has(claim)}}
            world.store.put(kind, {**clone(found), "spec": grown})
    for volume in world.store.list(kind):
        of = dig(volume, "spec", "claimRef", "uid")
        made = (volume["metadata"].get("annotations") or {}).get(_PROVISIONED)
        if of and made and volume["metadata"]["name"] not in by_name:
            world.store.remove(kind, volume)


def _volume(world: World, name: str, claim: Json) -> Json:
    meta, spec = claim["metadata"], claim["spec"]
    of = spec.get("storageClassName") or ""
    by = (world.store.get(by_kind("StorageClass"), "", of) or {}).get("provisioner", "disk.sandbox.fettle")
    reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": meta["namespace"]}
    return {
        "metadata": {"name": name, "annotations": {_PROVISIONED: by}},
        "spec": {
            "capacity": {"storage": has(claim)},
            "accessModes": list(dig(claim, "status", "accessModes", default=["ReadWriteOnce"])),
            "claimRef": {**reference, "name": meta["name"], "uid": meta["uid"]},
            "persistentVolumeReclaimPolicy": "Delete",
            **({"storageClassName": of} if of else {}),
            "csi": {"driver": by, "volumeHandle": name},
        },
    }


def _next(world: World, claim: Json, told: Json) -> Json:
    found = world.store.get(by_kind("StorageClass"), "", dig(claim, "spec", "storageClassName", default=""))
    how = dig(found or {}, "metadata", "annotations", default={}).get(RESIZE, "online")
    held = {one["type"]: one for one in told.get("conditions") or []}
    grown = {**told, "allocatedResources": {"storage": asked(claim)}}
    if "Resizing" not in held and "FileSystemResizePending" not in held:
        world.wake_at(world.clock.now() + world.pace.scale)
        return {**grown, **_state(world, "Resizing", "", "ControllerResizeInProgress")}
    if how == "slow":
        return told
    if how == "infeasible":
        return {**grown, **_state(world, "ControllerResizeError", "out of quota", "ControllerResizeInfeasible")}
    if "FileSystemResizePending" not in held:
        world.wake_at(world.clock.now() + world.pace.scale)
        return {**grown, **_state(world, "FileSystemResizePending", PENDING, "NodeResizePending")}
    since = str(held["FileSystemResizePending"]["lastTransitionTime"])
    if how == "restart" and not _started_since(world, claim, since):
        return told
    done = {key: value for key, value in told.items() if key not in ("conditions", "allocatedResourceStatuses")}
    return {**done, "capacity": {**told["capacity"], "storage": asked(claim)}}


def _state(world: World, condition: str, message: str, resource: str) -> Json:
    now = stamp(world.clock.now())
    entry = {"type": condition, "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    entry |= {"message": message} if message else {}
    return {"conditions": [entry], "allocatedResourceStatuses": {"storage": resource}}


def _started_since(world: World, claim: Json, since: str) -> bool:
    """Whether a pod that mounts it was made after the filesystem began to wait."""
    meta = claim["metadata"]
    for pod in world.store.list(by_kind("Pod"), meta["namespace"]):
        volumes = dig(pod, "spec", "volumes", default=[])
        mounts = any(dig(one, "persistentVolumeClaim", "claimName") == meta["name"] for one in volumes)
        if mounts and pod["metadata"]["creationTimestamp"] > since and dig(pod, "status", "phase") == "Running":
            return True
    return False
