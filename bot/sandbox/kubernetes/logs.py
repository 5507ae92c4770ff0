"""What containers said: lines set by a scenario, or plausible ones. It refuses to keep files."""

from bot.sandbox.kubernetes import debugging, status
from bot.sandbox.kubernetes.clock import moment, nano_stamp, stamp
from bot.sandbox.kubernetes.status import StatusError, failure
from bot.sandbox.kubernetes.wire import Json, dig

_USUAL = 50
_CRASH = {
    "OOMKilled": 'level=warn msg="heap is nearly full" used=498Mi limit=512Mi',
    "Error": 'level=fatal msg="cannot open the cache" error="lock file /tmp/cache.lock is held by pid 7"',
}


class Logs:
    """Lines by (namespace, pod or workload): the pod's own win over its workload's."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, bool], list[str]] = {}

    def set(self, namespace: str, name: str, lines: list[str], *, previous: bool = False) -> None:
        """Say what a pod, or every pod of a workload, has written."""
        self._lines[(namespace, name, previous)] = list(lines)

    def forget(self, namespace: str, name: str) -> None:
        """What was set for a pod or a workload is over; it writes the plausible again."""
        for previous in (False, True):
            self._lines.pop((namespace, name, previous), None)

    def _own(self, pod: Json, workload: str, *, previous: bool) -> list[str] | None:
        meta = pod["metadata"]
        for name in (meta["name"], workload):
            lines = self._lines.get((meta["namespace"], name, previous))
            if lines is not None:
                return lines
        return None

    def read(self, pod: Json, entry: Json, workload: str, *, previous: bool) -> list[tuple[float, str]]:
        """(moment, line) pairs of a container that runs, or of the one before it."""
        ended = dig(entry, "state" if "terminated" in entry["state"] else "lastState", "terminated")
        if previous or "running" not in entry["state"]:
            ended = dig(entry, "lastState", "terminated") if previous else ended
            start, reason = moment(ended["startedAt"]), ended["reason"]
        else:
            start, reason = moment(entry["state"]["running"]["startedAt"]), ""
        own = self._own(pod, workload, previous=previous)
        if own is None:
            own = self._plausible(pod, start, reason)
        return [(start + number * 0.001, line) for number, line in enumerate(own)]

    def _plausible(self, pod: Json, start: float, reason: str) -> list[str]:
        name = pod["metadata"]["name"]
        head = f"{stamp(start)} level=info msg="
        lines = [f'{head}"starting" pod={name}']
        if reason:
            last = _CRASH.get(reason, f'level=fatal msg="ended: {reason}"')
            return [*lines, f"{stamp(start)} {last} pod={name}"]
        return lines + [f'{head}"request served" pod={name} n={n}' for n in range(1, _USUAL)]


def choose(pod: Json, wanted: str) -> Json:
    """The container that a request means; 400 where it must be named or doesn't exist."""
    names = [one["name"] for one in pod["spec"]["containers"]]
    name = pod["metadata"]["name"]
    if wanted in [one["name"] for one in debugging.listed(pod)]:
        creating: Json = {"name": wanted, "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}}
        return next((one for one in debugging.entries(pod) if one["name"] == wanted), creating)
    if wanted and wanted not in names:
        raise status.bad_request(f"container {wanted} is not valid for pod {name}")
    if not wanted and len(names) > 1:
        said = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        raise status.bad_request(said)
    entries = dig(pod, "status", "containerStatuses", default=[])
    found: Json = next((one for one in entries if one["name"] == (wanted or names[0])), {"name": names[0]})
    return found


def check(pod: Json, entry: Json, *, previous: bool) -> None:
    """Refuse (400) what has no log: a waiting container, a previous one that never was."""
    name, pod_name = entry["name"], pod["metadata"]["name"]
    ended = dig(entry, "lastState", "terminated")
    if previous and not ended:
        said = f'previous terminated container "{name}" in pod "{pod_name}" not found'
        raise status.bad_request(said)
    waiting = dig(entry, "state", "waiting")
    if waiting and not previous and not ended:
        why = {
            "ContainerCreating": "ContainerCreating",
            "ErrImagePull": "image can't be pulled",
            "ImagePullBackOff": "trying and failing to pull image",
        }.get(waiting["reason"], waiting["reason"])
        said = f'container "{name}" in pod "{pod_name}" is waiting to start: {why}'
        raise status.bad_request(said)


def number(pod: Json, field: str, text: str | None) -> int | None:
    """A count of the query; 422 for a negative one."""
    if text is None:
        return None
    value = int(text)
    if value < 0:
        why = f"Invalid value: {value}: must be greater than or equal to 0"
        raise status.invalid("PodLogOptions", "", pod["metadata"]["name"], [status.cause(field, why)])
    return value


def unreachable(pod: Json, host: str) -> StatusError:
    """500 without a reason: the node of the pod doesn't answer."""
    meta, container = pod["metadata"], pod["spec"]["containers"][0]["name"]
    where = f"https://{host}:10250/containerLogs/{meta['namespace']}/{meta['name']}/{container}"
    said = f'Get "{where}": dial tcp {host}:10250: connect: connection refused'
    return StatusError(failure(500, None, said))


def render(lines: list[tuple[float, str]], *, timestamps: bool) -> str:
    """The text as it is sent, with times before the lines where asked for."""
    return "".join(f"{nano_stamp(when)} {line}\n" if timestamps else f"{line}\n" for when, line in lines)
