"""The shapes of a pod's status in every state, as recorded. It refuses to decide on states."""

import hashlib
import secrets

from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.wire import Json
from bot.sandbox.kubernetes.world import backoff_seconds

EMPTY_IMAGE = ""


def image_id(image: str) -> str:
    """A digest that stays the same for the same image."""
    repository = image.split("@", maxsplit=1)[0].rsplit(":", 1)[0]
    return f"{repository}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def container_id() -> str:
    """A fresh identifier of a container."""
    return f"containerd://{secrets.token_hex(32)}"


def full_image(image: str) -> str:
    """The image with the registry that the runtime would ask."""
    first = image.split("/", maxsplit=1)[0]
    if "/" not in image:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"


def pull_error(image: str) -> str:
    """The runtime's words for an image that doesn't exist."""
    full = full_image(image)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{full}": failed to'
        f' resolve reference "{full}": {full}: not found'
    )


def backoff_message(pod: Json, container: str, restarts: int) -> str:
    """`back-off 20s restarting failed container=...`, with Go's way to write durations."""
    seconds = backoff_seconds(restarts)
    minutes, rest = divmod(seconds, 60)
    shown = f"{minutes}m{rest}s" if minutes else f"{rest}s"
    meta = pod["metadata"]
    where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
    return f"back-off {shown} restarting failed container={container} pod={where}"


def running(started: float) -> Json:
    """The state of a running container."""
    return {"running": {"startedAt": stamp(started)}}


def waiting(reason: str, message: str | None = None) -> Json:
    """The state of a container that doesn't run yet, or not again yet."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def terminated(exit_code: int, reason: str, started: float, finished: float, identity: str, message: str = "") -> Json:
    """The state of a container that ended; ``message`` is its termination message, or why it couldn't be started."""
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": reason,
            **({"message": message} if message else {}),
            "startedAt": stamp(started),
            "finishedAt": stamp(finished),
            "containerID": identity,
        }
    }


def container_status(
    container: Json, state: Json, last: Json, *, ready: bool, restarts: int, identity: str, pulled: bool
) -> Json:
    """One entry of containerStatuses; `identity` only while the container runs."""
    entry = {
        "name": container["name"],
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": restarts,
        "image": container["image"],
        "imageID": image_id(container["image"]) if pulled else EMPTY_IMAGE,
    }
    if "running" in state:
        entry["containerID"] = identity
    entry["started"] = "running" in state
    return entry


def _condition(kind: str, value: str, before: Json, now: float, extra: Json | None = None) -> Json:
    old = before.get(kind)
    since = old["lastTransitionTime"] if old and old["status"] == value else stamp(now)
    return {
        "type": kind,
        **({} if kind == "PodScheduled" else {"observedGeneration": 1}),
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": since,
        **(extra or {}),
    }


def conditions(pod: Json, now: float, *, ready: bool, ended: str = "") -> list[Json]:
    """The five conditions of a scheduled pod; `ended` is PodFailed or PodCompleted."""
    before = {one["type"]: one for one in pod["status"].get("conditions") or ()}
    extra: Json | None = None
    if ended:
        extra = {"reason": ended}
    elif not ready:
        names = " ".join(one["name"] for one in pod["spec"]["containers"])
        said = f"containers with unready status: [{names}]"
        extra = {"reason": "ContainersNotReady", "message": said}
    word = "True" if ready else "False"
    return [
        _condition("PodReadyToStartContainers", "False" if ended else "True", before, now),
        _condition("Initialized", "True", before, now),
        _condition("Ready", word, before, now, extra),
        _condition("ContainersReady", word, before, now, extra),
        _condition("PodScheduled", "True", before, now),
    ]


def unschedulable(pod: Json, now: float, message: str) -> Json:
    """The status of a pod that no node can take."""
    before = {one["type"]: one for one in pod["status"].get("conditions") or ()}
    condition = _condition("PodScheduled", "False", before, now)
    condition = {"type": "PodScheduled", "observedGeneration": 1, **condition}
    condition |= {"reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition], "qosClass": pod["status"]["qosClass"]}
