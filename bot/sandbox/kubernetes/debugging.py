"""Ephemeral containers: a subresource of the pod that only adds them; its node starts them, and nothing ends them.

What is refused is refused in the real server's words. It refuses to check more of a container than people get wrong.
"""

from bot.sandbox.kubernetes import pod_status as shape
from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.kinds import Kind
from bot.sandbox.kubernetes.wire import Json, clone, dig

SUBRESOURCE = "ephemeralcontainers"
FIELD = "spec.ephemeralContainers"
_NEVER = ("lifecycle", "livenessProbe", "ports", "readinessProbe", "resources", "startupProbe")


def added(kind: Kind, before: Json, after: Json) -> Json:
    """The pod with the containers that ``after`` adds, all else as it was; 422 for anything but an addition."""
    old = {one["name"]: one for one in listed(before)}
    new = [_filled(one) for one in dig(after, "spec", "ephemeralContainers", default=[]) or []]
    causes = [*_kept(old, new), *_valid(before, old, new)]
    if causes:
        raise status.invalid(kind.kind, kind.group, before["metadata"]["name"], causes)
    made: Json = clone(before)
    if new:
        made["spec"]["ephemeralContainers"] = new
    for key in ("uid", "resourceVersion"):
        if dig(after, "metadata", key):
            made["metadata"][key] = after["metadata"][key]
    return made


def listed(pod: Json) -> list[Json]:
    """Those of a pod."""
    found: list[Json] = dig(pod, "spec", "ephemeralContainers", default=[]) or []
    return found


def entries(pod: Json) -> list[Json]:
    """Their statuses."""
    found: list[Json] = dig(pod, "status", "ephemeralContainerStatuses", default=[]) or []
    return found


def _filled(one: Json) -> Json:
    usual = {"imagePullPolicy": "IfNotPresent", "resources": {}, "terminationMessagePath": "/dev/termination-log"}
    return {**usual, "terminationMessagePolicy": "File", **one}


def _kept(old: dict[str, Json], new: list[Json]) -> list[Json]:
    after = {str(one.get("name")): one for one in new}
    gone = [name for name in old if name not in after]
    changed = [name for name in old if name in after and after[name] != old[name]]
    return [
        status.cause(
            FIELD, f'Forbidden: existing ephemeral containers "{name}" may not be {what}', "FieldValueForbidden"
        )
        for what, names in (("removed", gone), ("changed", changed))
        for name in names
    ]


def _valid(pod: Json, old: dict[str, Json], new: list[Json]) -> list[Json]:
    named = [one["name"] for one in pod["spec"]["containers"]]
    seen, found = set(named), []
    for number, one in enumerate(new):
        at, name = f"{FIELD}[{number}]", str(one.get("name") or "")
        if not name or not one.get("image"):
            found.append(status.cause(f"{at}.{'image' if name else 'name'}", "Required value", "FieldValueRequired"))
        elif name in seen:
            found.append(status.cause(f"{at}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate"))
        seen.add(name)
        target = one.get("targetContainerName")
        if name not in old and target and target not in named:
            found.append(status.cause(f"{at}.targetContainerName", f'Not found: "{target}"', "FieldValueNotFound"))
        found += [
            status.cause(f"{at}.{key}", "Forbidden: cannot be set for an Ephemeral Container", "FieldValueForbidden")
            for key in _NEVER
            if one.get(key)
        ]
    return found


def started(pod: Json, due: dict[str, float], now: float, start: float, lacking: dict[str, bool]) -> list[Json]:
    """Their statuses as of now; ``due`` remembers when each is looked at again, and loses those that run.

    ``lacking`` says whose image can't be pulled.
    """
    before = {one["name"]: one for one in entries(pod)}
    made = []
    for one in listed(pod):
        name = one["name"]
        entry = before.get(name)
        if entry is None:
            due[name] = now + start
            entry = _status(one, shape.waiting("ContainerCreating"), "")
        elif name in due and due[name] <= now:
            del due[name]
            entry = _next(one, entry, due, now, start, lacks=lacking[name])
        made.append(entry)
    return made


def _next(one: Json, entry: Json, due: dict[str, float], now: float, start: float, *, lacks: bool) -> Json:
    if not lacks:
        return _status(one, shape.running(now), shape.container_id())
    error = shape.pull_error(one["image"])
    if dig(entry, "state", "waiting", "reason") == "ErrImagePull":
        said = f'Back-off pulling image "{one["image"]}": ErrImagePull: {error}'
        return _status(one, shape.waiting("ImagePullBackOff", said), "")
    due[one["name"]] = now + start
    return _status(one, shape.waiting("ErrImagePull", error), "")


def _status(one: Json, state: Json, identity: str) -> Json:
    entry = shape.container_status(
        one, state, {}, ready=False, restarts=0, identity=identity, pulled="running" in state
    )
    entry.pop("started")
    return entry
