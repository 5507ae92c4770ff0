"""Breaks what runs, now and with one press: what happens next is seen live, pod by pod.

The breakages of ``breakages/`` come with a past; these begin at the press, on a workload that is there. Each names the
alert that its rule would fire and when that shows; putting right undoes all of them. It refuses to touch the bot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.breakages.site import Site, first
from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.kubernetes.replicasets import ready_since
from bot.sandbox.kubernetes.tables import pod_reason
from bot.sandbox.kubernetes.wire import dig
from bot.sandbox.slack.errors import NotThere

Json = dict[str, Any]
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
PATIENCE = 8
"""Seconds without progress after which a rollout that is made to stick counts as stuck."""
MINUTE = 62.0
_HUNG = (
    'Readiness probe failed: Get "http://10.244.1.23:8080/healthz": context deadline exceeded '
    "(Client.Timeout exceeded while awaiting headers)"
)


@dataclass(frozen=True)
class Harm:
    """``alert`` tells of it, "" where nothing would; ``shows`` is when its rule would see it."""

    name: str
    label: str
    alert: str
    does: Callable[[Site], str]
    shows: Callable[[Site], bool]


def _current(site: Site) -> str:
    """The image in the workload's template."""
    obj = site.cluster.get(site.kind, site.namespace, site.name) or {}
    return str(first(obj).get("image", ""))


def _next_tag(site: Site) -> str:
    """The tag after the one that runs: 1.4.1 becomes 1.4.2."""
    head, _, last = _current(site).rpartition(":")[2].rpartition(".")
    number = last.split("-", maxsplit=1)[0]
    return f"{head}.{int(number) + 1}" if head and number.isdecimal() else "1.4.2"


def _image(site: Site, tag: str) -> str:
    return f"{_current(site).rpartition(':')[0]}:{tag}"


def _crash_next(site: Site) -> str:
    tag = _next_tag(site)
    site.next_pods("crash", Manner(exit_code=1))
    site.said(f'level=info msg="starting {site.name} {tag}"', last=["KeyError: 'DB_URL'"])
    site.roll(image=_image(site, tag))
    return f"Image {tag} rolls out, and its pods crash at the start."


def _missing_image(site: Site) -> str:
    tag = f"{_next_tag(site)}-relase"
    site.next_pods("image-missing")
    site.roll(image=_image(site, tag))
    return f"Image {tag} rolls out, which the registry doesn't have."


def _out_of_memory(site: Site) -> str:
    site.strike("oom")
    return "All pods run out of memory, again and again."


def _not_ready(site: Site) -> str:
    site.strike("not-ready", Manner(_HUNG, every=10.0), pods=1)
    return "One pod answers no more."


def _node_down(site: Site) -> str:
    node = node_of(site)
    site.cluster.node_down(node)
    return f"{node} answers no more; what runs there can't be seen."


def _stuck(site: Site) -> str:
    tag = _next_tag(site)
    site.next_pods("not-ready", Manner("Readiness probe failed: HTTP probe failed with statuscode: 500", every=10.0))

    def change(obj: Json) -> None:
        obj["spec"]["progressDeadlineSeconds"] = PATIENCE
        first(obj)["image"] = _image(site, tag)

    site.change(change, by="kubectl-set")
    return (
        f"Image {tag} rolls out, and its pods never get ready; after {PATIENCE} s it is stuck, and after a minute told."
    )


def _no_budget(site: Site) -> str:
    selector = {"matchLabels": {"app": site.name}}
    site.apply("PodDisruptionBudget", "policy/v1", f"{site.name}-pdb", spec={"maxUnavailable": 0, "selector": selector})
    return "A disruption budget lets no pod go: what evicts or drains is refused. No alert tells of it."


def _pods(site: Site) -> list[Json]:
    return site.cluster.pods(site.namespace, site.name)


def _restarted_ill(site: Site) -> bool:
    return any(ready_since(pod) is None and _restarts(pod) > 1 for pod in _pods(site))


def _waits_for_image(site: Site) -> bool:
    return any(pod_reason(pod) == "ImagePullBackOff" for pod in _pods(site))


def _was_killed(site: Site) -> bool:
    ends = (dig(one, "lastState", "terminated", "reason") for pod in _pods(site) for one in _statuses(pod))
    return "OOMKilled" in ends


def _some_not_ready(site: Site) -> bool:
    return any(ready_since(pod) is None for pod in _pods(site))


def _not_ready_for_long(site: Site) -> bool:
    """A container that has just started is starting; after a minute it counts as not getting ready."""
    now = site.now
    ill = (one for pod in _pods(site) if ready_since(pod) is None for one in _statuses(pod))
    starts = (dig(one, "state", "running", "startedAt") for one in ill)
    return any(now - moment(at) > MINUTE for at in starts if at)


def _rollout_stuck(site: Site) -> bool:
    obj = site.cluster.get(site.kind, site.namespace, site.name) or {}
    told = dig(obj, "status", "conditions", default=[])
    return _not_ready_for_long(site) and any(one.get("reason") == "ProgressDeadlineExceeded" for one in told)


def _statuses(pod: Json) -> list[Json]:
    found: list[Json] = dig(pod, "status", "containerStatuses", default=[])
    return found


def _restarts(pod: Json) -> int:
    return sum(one.get("restartCount", 0) for one in _statuses(pod))


def node_of(site: Site) -> str:
    """The node of the workload's first pod; ``NotThere`` where none is placed."""
    found = next((str(pod["spec"]["nodeName"]) for pod in _pods(site) if pod["spec"].get("nodeName")), "")
    if not found:
        raise NotThere(f"{site.namespace}/{site.name} has no pod on any node.")
    return found


HARMS: Mapping[str, Harm] = {
    harm.name: harm
    for harm in (
        Harm("crash-next", "Next image crashes", "KubePodCrashLooping", _crash_next, _restarted_ill),
        Harm("image-missing", "Missing image", "ImagePullBackOff", _missing_image, _waits_for_image),
        Harm("oom", "Out of memory", "KubePodOOMKilled", _out_of_memory, _was_killed),
        Harm("not-ready", "One pod not ready", "KubePodNotReady", _not_ready, _not_ready_for_long),
        Harm("node-down", "Node down", "KubeNodeNotReady", _node_down, _some_not_ready),
        Harm("stuck", "Stuck rollout", "KubeDeploymentRolloutStuck", _stuck, _rollout_stuck),
        Harm("no-budget", "Budget of zero", "", _no_budget, lambda _site: True),
    )
}


@dataclass(frozen=True)
class _Done:
    site: Site
    node: str
    image: str


class Harming:
    """Does harm to one cluster and remembers it, so that it can be put right."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._done: list[_Done] = []

    def targets(self) -> list[str]:
        """``namespace/name`` of all that can be harmed, those of the cluster's own parts last."""
        found = [one for kind in KINDS for one in self.cluster.store.list(by_kind(kind))]
        places = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in found]
        own = {"kube-system", "monitoring"}
        return [f"{space}/{name}" for space, name in sorted(places, key=lambda place: (place[0] in own, place))]

    def site(self, workload: str) -> Site:
        """The place of a workload; ``NotThere`` for one that isn't."""
        namespace, _, name = workload.partition("/")
        kind = next((one for one in KINDS if self.cluster.get(one, namespace, name) is not None), "")
        if not kind:
            raise NotThere(f"There is no workload {workload or '(none)'} to break.")
        site = Site(self.cluster, namespace, name)
        site.kind = kind
        return site

    def harm(self, name: str, workload: str) -> tuple[Harm, Site, str, str]:
        """Break it; the harm, its place, its node ("" for none), what happens. ``NotThere`` says why it can't be."""
        harm = HARMS.get(name)
        if harm is None:
            raise NotThere(f"There is no way to break called {name}; there are: {', '.join(HARMS)}.")
        site = self.site(workload)
        if harm.name == "stuck" and site.kind != "Deployment":
            raise NotThere(f"{workload} is a {site.kind}; only a Deployment's rollout counts as stuck.")
        node, image = (node_of(site) if harm.name == "node-down" else ""), _current(site)
        try:
            said = harm.does(site)
        except LookupError:
            raise NotThere(f"No pod of {workload} runs, so none can go wrong; put it right first.") from None
        self._done.append(_Done(site, node, image))
        return harm, site, node, f"{workload}: {said}"

    def put_right(self) -> str:
        """Undo all harm; a sentence about what was."""
        places = sorted({f"{one.site.namespace}/{one.site.name}" for one in self._done})
        for one in reversed(self._done):
            self._undo(one)
        self._done.clear()
        return f"Well again: {', '.join(places)}." if places else "Nothing was broken from here."

    def _undo(self, one: _Done) -> None:
        site = one.site
        place = (site.namespace, site.name)
        if self.cluster.get(site.kind, *place) is None:
            return  # somebody deleted it meanwhile
        self.cluster.heal(*place)
        self.cluster.logs.forget(*place)
        if _current(site) != one.image:
            site.roll(by="kubectl-rollout", image=one.image)
        if one.node:
            self.cluster.node_up(one.node)
        if self.cluster.get("PodDisruptionBudget", site.namespace, f"{site.name}-pdb") is not None:
            self.cluster.delete("PodDisruptionBudget", site.namespace, f"{site.name}-pdb")
