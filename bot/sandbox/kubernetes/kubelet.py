"""Pods as nodes run them: start, become Ready, crash, back off, fail to pull, stop.

Every pod has a Run, the memory that a real kubelet has of its containers. It refuses to run
anything: a behaviour, told by annotation, image tag or the cluster's owner, says what happens.
"""

from dataclasses import dataclass, field

from bot.sandbox.kubernetes import container_states, debugging, scheduler
from bot.sandbox.kubernetes import pod_status as shape
from bot.sandbox.kubernetes.clock import moment, stamp
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.manners import USUAL, Manner
from bot.sandbox.kubernetes.wire import Json, clone, dig
from bot.sandbox.kubernetes.world import World
from bot.sandbox.kubernetes.writes import KUBELET, Writing

ANNOTATION = "sandbox.fettle/behaviour"
BEHAVIOURS = (
    "ok", "crash", "oom", "image-missing", "config-error", "not-ready", "slow", "stuck", "killed", "hang", "lingers",
)  # fmt: skip
_TAGS = {"crash": "crash", "oom": "oom", "missing": "image-missing", "not-ready": "not-ready"}
_STOP_SECONDS = 0.5
_PROBE_SECONDS = 1.0
_STUCK_SECONDS = 30.0
_SLOW = 10.0
_SCHEDULER = Writing("kube-scheduler")


@dataclass
class Run:
    """What a node remembers of one pod; moments in seconds, `due` None means nothing is awaited."""

    behaviour: str
    manner: Manner = USUAL
    stage: str = "new"
    due: float | None = 0.0
    created: float = 0.0
    started: float = 0.0
    first: float = 0.0
    ready: bool = False
    restarts: int = 0
    pulls: int = 0
    exit_code: int = 1
    reason: str = "Error"
    identity: str = ""
    debug: dict[str, float] = field(default_factory=dict)
    state: Json = field(default_factory=lambda: shape.waiting("ContainerCreating"))
    last: Json = field(default_factory=dict)

    def go_wrong(self, behaviour: str, manner: Manner) -> None:
        """From now on it behaves so."""
        self.behaviour, self.manner = behaviour, manner
        self.exit_code = self.exit_code if manner.exit_code is None else manner.exit_code
        self.reason = manner.reason or self.reason


def workload_name(world: World, pod: Json) -> str:
    """The name of the Deployment, StatefulSet or other owner at the top of a pod's owners."""
    owners = pod["metadata"].get("ownerReferences") or []
    if not owners:
        return str(pod["metadata"]["name"])
    owner = owners[0]
    if owner["kind"] == "ReplicaSet":
        above = world.store.get(by_kind("ReplicaSet"), pod["metadata"]["namespace"], owner["name"])
        over = (above or {}).get("metadata", {}).get("ownerReferences") or [owner]
        return str(over[0]["name"])
    return str(owner["name"])


class Kubelet:
    """All nodes' kubelets and the binding of pods to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: dict[str, Run] = {}
        self._pods = by_kind("Pod")
        self._addresses = 1

    def sync(self) -> None:
        """One pass over all pods; the next moment of interest is told to the world."""
        alive = set()
        for pod in self.world.store.list(self._pods):
            alive.add(pod["metadata"]["uid"])
            self._sync(pod)
        for uid in set(self.runs) - alive:
            del self.runs[uid]

    def run_of(self, pod: Json) -> Run:
        """The memory of a pod, made from its status where there is none (after a load)."""
        uid = pod["metadata"]["uid"]
        if uid not in self.runs:
            self.runs[uid] = self._remember(pod)
        return self.runs[uid]

    def _behaviour(self, pod: Json) -> str:
        told = dig(pod, "metadata", "annotations", default={}).get(ANNOTATION)
        if told in BEHAVIOURS:
            return str(told)
        key = (pod["metadata"]["namespace"], workload_name(self.world, pod))
        if key in self.world.next_start:
            return self.world.next_start[key]
        if self.world.lacks(pod["spec"]["containers"][0].get("image", "")):
            return "image-missing"
        tags = [str(one.get("image", "")).rsplit(":", 1)[-1] for one in pod["spec"]["containers"]]
        return next((_TAGS[tag] for tag in tags if tag in _TAGS), "ok")

    def _remember(self, pod: Json) -> Run:
        run = Run("ok", created=moment(pod["metadata"]["creationTimestamp"]))
        place = (pod["metadata"]["namespace"], workload_name(self.world, pod))
        run.go_wrong(self._behaviour(pod), self.world.manners.get(place, USUAL))
        statuses = pod["status"].get("containerStatuses")
        if not statuses:
            run.created = self.world.clock.now()
            return run
        first = statuses[0]
        run.state, run.last = first["state"], first["lastState"]
        run.restarts, run.ready = first["restartCount"], first["ready"]
        run.identity = first.get("containerID", "")
        if run.last and not run.ready and run.behaviour == "ok":
            run.behaviour = "crash"
        ended = dig(run.last, "terminated", default={})
        run.exit_code, run.reason = ended.get("exitCode", 1), ended.get("reason", "Error")
        if "running" in run.state:
            run.started = moment(run.state["running"]["startedAt"])
        else:
            run.started = self.world.clock.now()
        run.stage = "running" if "running" in run.state else "creating"
        if pod["status"].get("phase") in ("Failed", "Succeeded"):
            run.stage, run.due = "done", None
        return run

    def _sync(self, pod: Json) -> None:
        run = self.run_of(pod)
        node = pod["spec"].get("nodeName")
        if node in self.world.down:
            return
        if pod["metadata"].get("deletionTimestamp") and run.stage != "stopping":
            self._stop(pod, run)
        if debugging.listed(pod) and run.stage == "running":
            pod = self._debug(pod, run)
        if run.due is None:
            return
        now = self.world.clock.now()
        if run.due <= now:
            getattr(self, f"_{run.stage}")(pod, run, now)
        if run.due is not None:
            self.world.wake_at(run.due)

    def _debug(self, pod: Json, run: Run) -> Json:
        """Starts what was added to a pod that runs."""
        world, now = self.world, self.world.clock.now()
        lacking = {one["name"]: world.lacks(one["image"]) for one in debugging.listed(pod)}
        made = debugging.started(pod, run.debug, now, world.pace.start, lacking)
        if run.debug:
            world.wake_at(min(run.debug.values()))
        status = {**pod["status"], "ephemeralContainerStatuses": made}
        return world.writes.set_status(self._pods, pod, status, KUBELET)

    def _event(self, pod: Json, reason: str, message: str, *, warning: bool = False) -> None:
        self.world.events.record(
            pod,
            reason,
            message,
            by="kubelet",
            host=pod["spec"].get("nodeName", ""),
            container=pod["spec"]["containers"][0]["name"],
            warning=warning,
        )

    def _new(self, pod: Json, run: Run, now: float) -> None:
        node = pod["spec"].get("nodeName")
        if not node:
            node, why = scheduler.choose(self.world, pod)
            if node is None:
                status = shape.unschedulable(pod, now, why)
                if pod["status"] != status:
                    self.world.events.record(pod, "FailedScheduling", why, by="default-scheduler", warning=True)
                    self.world.writes.set_status(self._pods, pod, status, _SCHEDULER)
                run.due = now + self.world.pace.scale
                return
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        said = f"Successfully assigned {where} to {node}"
        self.world.events.record(pod, "Scheduled", said, by="default-scheduler")
        bound = self.world.store.put(
            self._pods, {**pod, "spec": {**pod["spec"], "nodeName": node}, "metadata": clone(pod["metadata"])}
        )
        run.stage, run.due = "creating", now + self.world.pace.start
        self._write(bound, run)

    def _creating(self, pod: Json, run: Run, now: float) -> None:
        if run.behaviour == "image-missing":
            self._pull(pod, run, now)
        elif run.behaviour == "config-error":
            said = run.manner.message or 'secret "api-secret" not found'
            self._event(pod, "Failed", f"Error: {said}", warning=True)
            run.state = shape.waiting("CreateContainerConfigError", said)
            run.due = now + 10 * 0.1 * self.world.pace.scale
            self._write(pod, run)
        elif run.behaviour == "stuck":
            self._event(pod, run.manner.reason or "FailedMount", run.manner.message, warning=True)
            run.due = now + _STUCK_SECONDS * self.world.pace.scale
        else:
            self._start(pod, run, now)

    def _pull(self, pod: Json, run: Run, now: float) -> None:
        image = pod["spec"]["containers"][0]["image"]
        error = run.manner.message or shape.pull_error(image)
        if dig(run.state, "waiting", "reason") == "ErrImagePull":
            said = f'Back-off pulling image "{image}"'
            self._event(pod, "BackOff", said, warning=False)
            self._event(pod, "Failed", "Error: ImagePullBackOff", warning=True)
            run.state = shape.waiting("ImagePullBackOff", f"{said}: ErrImagePull: {error}")
            run.pulls += 1
            run.due = now + self.world.pace.backoff(run.pulls)
        else:
            self._event(pod, "Pulling", f'Pulling image "{image}"')
            self._event(pod, "Failed", f'Failed to pull image "{image}": {error}', warning=True)
            self._event(pod, "Failed", "Error: ErrImagePull", warning=True)
            run.state = shape.waiting("ErrImagePull", error)
            run.due = now + self.world.pace.scale
        self._write(pod, run)

    def _start(self, pod: Json, run: Run, now: float) -> None:
        image = pod["spec"]["containers"][0]["image"]
        said = f'Container image "{image}" already present on machine and can be accessed by the pod'
        self._event(pod, "Pulled", said)
        self._event(pod, "Created", "Container created")
        self._event(pod, "Started", "Container started")
        run.stage, run.started, run.ready = "running", now, False
        run.first = run.first or now
        run.state, run.identity = shape.running(now), shape.container_id()
        run.due = now + self._until_change(run)
        self._write(pod, run)

    def _until_change(self, run: Run) -> float:
        pace = self.world.pace
        if run.behaviour == "crash":
            return run.manner.runs or pace.crash
        if run.behaviour == "killed" and run.ready:
            return run.manner.runs or pace.warm
        return pace.warm * (_SLOW if run.behaviour == "slow" else 1.0)

    def _running(self, pod: Json, run: Run, now: float) -> None:
        once = pod["spec"].get("restartPolicy") != "Always"
        if run.behaviour == "crash" or (run.behaviour == "oom" and run.ready):
            self._die(pod, run, now)
        elif run.behaviour == "killed":
            name = pod["spec"]["containers"][0]["name"]
            self._event(
                pod, "Unhealthy", run.manner.message or "Liveness probe failed: context deadline exceeded", warning=True
            )
            self._event(pod, "Killing", f"Container {name} failed liveness probe, will be restarted")
            self._die(pod, run, now)
        elif run.behaviour == "not-ready":
            said = run.manner.message or "Readiness probe failed: HTTP probe failed with statuscode: 503"
            self._event(pod, "Unhealthy", said, warning=True)
            if run.ready:
                run.ready = False
                self._write(pod, run)
            run.due = now + (run.manner.every or _PROBE_SECONDS) * self.world.pace.scale
        elif once and run.behaviour != "hang":
            self._complete(pod, run, now)
        else:
            run.ready = True
            run.due = now + 2 * self.world.pace.scale if run.behaviour == "oom" else None
            self._write(pod, run)

    def _complete(self, pod: Json, run: Run, now: float) -> None:
        run.state = shape.terminated(0, "Completed", run.started, now, run.identity)
        run.stage, run.due, run.ready = "done", None, False
        self._write(pod, run, phase="Succeeded", ended="PodCompleted")

    def _die(self, pod: Json, run: Run, now: float) -> None:
        if run.behaviour == "oom":
            run.exit_code, run.reason = 137, "OOMKilled"
        run.state = shape.terminated(
            run.exit_code, run.reason, run.started, now, run.identity,
            run.manner.message if run.behaviour == "crash" else "",
        )  # fmt: skip
        run.ready = False
        if pod["spec"].get("restartPolicy") == "Never":
            run.stage, run.due = "done", None
            self._write(pod, run, phase="Failed", ended="PodFailed")
            return
        run.stage = "dead"
        run.due = now + min(0.3, self.world.pace.crash) * self.world.pace.scale
        self._write(pod, run)

    def _dead(self, pod: Json, run: Run, now: float) -> None:
        run.last = run.state
        if run.restarts == 0:
            run.restarts += 1
            self._start(pod, run, now)
            return
        meta = pod["metadata"]
        name = pod["spec"]["containers"][0]["name"]
        where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        said = f"Back-off restarting failed container {name} in pod {where}"
        self._event(pod, "BackOff", said, warning=True)
        message = shape.backoff_message(pod, name, run.restarts)
        run.state = shape.waiting("CrashLoopBackOff", message)
        run.stage, run.due = "backoff", now + self.world.pace.backoff(run.restarts)
        self._write(pod, run)

    def _backoff(self, pod: Json, run: Run, now: float) -> None:
        run.restarts += 1
        self._start(pod, run, now)

    def _done(self, _pod: Json, run: Run, _now: float) -> None:
        run.due = None

    def _stop(self, pod: Json, run: Run) -> None:
        name = pod["spec"]["containers"][0]["name"]
        if pod["spec"].get("nodeName"):
            self._event(pod, "Killing", f"Stopping container {name}")
        grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        run.stage = "stopping"
        wait = min(grace, _STOP_SECONDS * self.world.pace.scale)
        # What lingers doesn't heed the signal, and its node never gets to kill it.
        run.due = None if run.behaviour == "lingers" and grace else self.world.clock.now() + wait

    def _stopping(self, pod: Json, run: Run, _now: float) -> None:
        run.due = None
        meta = pod["metadata"]
        current = self.world.store.get(self._pods, meta["namespace"], meta["name"])
        if current is not None and current["metadata"]["uid"] == meta["uid"]:
            self.world.store.remove(self._pods, current)

    def _write(self, pod: Json, run: Run, *, phase: str = "", ended: str = "") -> None:
        meta = pod["metadata"]
        pod = self.world.store.get(self._pods, meta["namespace"], meta["name"]) or pod
        now = self.world.clock.now()
        old = pod["status"]
        address = old.get("podIP") or self._address(pod)
        pulled = run.stage not in ("new", "creating")
        begun = (pulled and not container_states.preparing(pod, run)) or old.get("phase") == "Running"
        status = {
            "observedGeneration": 1,
            "phase": phase or ("Running" if begun else "Pending"),
            "conditions": shape.conditions(pod, now, ready=run.ready, ended=ended),
            "hostIP": self._host(pod),
            "hostIPs": [{"ip": self._host(pod)}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": old.get("startTime") or stamp(now),
            **container_states.told(pod, run, pulled=pulled),
            "qosClass": old.get("qosClass", "BestEffort"),
            **({"ephemeralContainerStatuses": debugging.entries(pod)} if debugging.entries(pod) else {}),
        }
        self.world.writes.set_status(self._pods, pod, status, KUBELET)

    def _host(self, pod: Json) -> str:
        node = self.world.store.get(by_kind("Node"), "", pod["spec"].get("nodeName", ""))
        addresses = dig(node, "status", "addresses", default=[])
        return str(addresses[0]["address"]) if addresses else "127.0.0.1"

    def _address(self, pod: Json) -> str:
        self._addresses += 1
        nodes = [node["metadata"]["name"] for node in self.world.store.list(by_kind("Node"))]
        name = pod["spec"].get("nodeName")
        subnet = nodes.index(name) + 1 if name in nodes else 0
        return f"10.244.{subnet}.{self._addresses % 253 + 1}"
