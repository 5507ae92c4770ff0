"""A namespace to break things in: a hand that furnishes it, and one that does harm.

Everything goes through the cluster's own writes, so that generations, revisions and managed fields are as they would
be. It refuses to choose times; the timeline does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.manners import USUAL, Manner
from bot.sandbox.kubernetes.writes import Writing
from bot.sandbox.measures import Curve, Measure

Json = dict[str, Any]

USUAL_RESOURCES = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}}
OLD, NEW = "1.4.1", "1.4.2"
POOL = "sandbox.fettle/pool"
"""The taint and the label of a node that takes the pods of one breakage alone."""


def container(image: str, **more: Any) -> Json:
    """A usual container called app."""
    return {
        "name": "app", "image": image, "ports": [{"name": "http", "containerPort": 8080}],
        "resources": USUAL_RESOURCES, "readinessProbe": PROBE, **more,
    }  # fmt: skip


class Site:
    """``name`` is the main workload's. ``measures`` is where series are put, None where nobody measures."""

    def __init__(
        self, cluster: Cluster, namespace: str, name: str = "api", measures: list[Measure] | None = None
    ) -> None:
        self.cluster, self.namespace, self.name = cluster, namespace, name
        self.measures = measures if measures is not None else []
        self.kind = "Deployment"
        self.about = name
        self.nodes: list[str] = []

    @property
    def now(self) -> float:
        """The cluster's time."""
        return self.cluster.clock.now()

    def image(self, tag: str = OLD, name: str = "") -> str:
        """An image of the main workload, or of another."""
        return f"registry.example/{self.namespace}/{name or self.name}:{tag}"

    # -- furnishing ---------------------------------------------------------------------------

    def apply(self, kind: str, version: str, name: str, **parts: Any) -> Json:
        """An object of this namespace, written by its owner; ``status`` as its controller would write it."""
        status = parts.pop("status", None)
        meta = {"name": name, "namespace": self.namespace, **parts.pop("metadata", {})}
        made = self.cluster.apply({"kind": kind, "apiVersion": version, "metadata": meta, **parts})
        if status is not None:
            self.status(kind, name, status)
        return made

    def status(self, kind: str, name: str, status: Json) -> None:
        """Write a status, added to what is there."""
        found = by_kind(kind)
        obj = self.cluster.writes.current(found, self.namespace if found.namespaced else "", name)
        self.cluster.writes.set_status(found, obj, {**(obj.get("status") or {}), **status})

    def workload(self, kind: str = "Deployment", name: str = "", replicas: int = 3, **pod: Any) -> Json:
        """A workload of one container; ``pod`` are parts of its pods' spec, and ``claims`` templates of claims."""
        name = name or self.name
        if name == self.name:
            self.kind = kind
        claims = pod.pop("claims", ())
        spec: Json = {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container(self.image(name=name))], **pod},
            },
        }
        if kind != "DaemonSet":
            spec["replicas"] = replicas
        if kind == "StatefulSet":
            spec |= {"serviceName": name, "volumeClaimTemplates": list(claims)}
        return self.apply(kind, "apps/v1", name, spec=spec, metadata={"labels": {"app": name}})

    def served(self, kind: str = "Deployment", **more: Any) -> Json:
        """The main workload behind a Service."""
        made = self.workload(kind, **more)
        self.cluster.service(self.namespace, self.name)
        return made

    def neighbour(self) -> None:
        """A healthy workload next to it, which has nothing to do with anything."""
        self.workload(name="mailer", replicas=1)
        self.cluster.service(self.namespace, "mailer")

    def node(self, number: int = 1, **resources: str) -> str:
        """A node of its own, which takes no other pods; its name."""
        name = f"{self.namespace}-node-{number}"
        self.cluster.join(name, labels={POOL: self.namespace}, taint=(POOL, self.namespace), resources=resources)
        self.nodes.append(name)
        return name

    def pool(self) -> Json:
        """What pods say that belong on the nodes of its own."""
        toleration = {"key": POOL, "value": self.namespace, "effect": "NoSchedule"}
        return {"nodeSelector": {POOL: self.namespace}, "tolerations": [toleration]}

    # -- what people do -----------------------------------------------------------------------

    def change(self, change: Callable[[Json], object], *, kind: str = "", name: str = "", by: str = "helm") -> None:
        """Somebody changes an object, the main workload unless told otherwise."""

        def changed(obj: Json) -> Json:
            change(obj)
            return obj

        found = by_kind(kind or self.kind)
        namespace = self.namespace if found.namespaced else ""
        self.cluster.writes.patch(found, namespace, name or self.name, changed, Writing(by))

    def roll(self, by: str = "kubectl-set", name: str = "", **container_parts: Any) -> None:
        """A new template: of the image ``NEW`` unless told otherwise."""
        parts = container_parts or {"image": self.image(NEW, name)}
        self.change(lambda obj: first(obj).update(parts), name=name, by=by)

    # -- what goes wrong ----------------------------------------------------------------------

    def next_pods(self, behaviour: str, manner: Manner = USUAL) -> None:
        """Pods that are made from now on go wrong so."""
        self.cluster.break_next(self.namespace, self.name, behaviour, manner)

    def strike(self, behaviour: str, manner: Manner = USUAL, pods: int = 99) -> list[str]:
        """Running pods go wrong now; a restart would cure them."""
        return self.cluster.strike(self.namespace, self.name, behaviour, manner, pods)

    def said(self, *lines: str, last: Sequence[str] = (), name: str = "") -> None:
        """What the main workload's containers say, and what they said before they ended."""
        place = name or self.name
        self.cluster.set_logs(self.namespace, place, [*lines, *last])
        self.cluster.set_logs(self.namespace, place, [*lines, *last], previous=True)

    def event(self, kind: str, name: str, reason: str, message: str, by: str, *, warning: bool = True) -> None:
        """An event about an object."""
        found = self.cluster.get(kind, self.namespace if by_kind(kind).namespaced else "", name)
        if found is not None:
            self.cluster.events.record(found, reason, message, by=by, warning=warning)

    def pods(self) -> list[str]:
        """The names of the main workload's pods."""
        return [pod["metadata"]["name"] for pod in self.cluster.pods(self.namespace, self.name)]

    def measure(self, word: str, curve: Curve, *, without: str = "", **where: str) -> None:
        """A series of this namespace; ``where`` are other matchers than the namespace's."""
        self.measures.append(Measure(word, where or {"namespace": self.namespace}, curve, without=without))

    def measure_pods(self, word: str, curve: Curve) -> None:
        """The same curve for each pod of the main workload."""
        for pod in self.pods():
            where = {"namespace": self.namespace, "pod": pod}
            self.measures.append(Measure(word, where, curve, {"pod": pod, "container": "app"}))


def first(obj: Json) -> Json:
    """The first container of a workload's template."""
    found: Json = obj["spec"]["template"]["spec"]["containers"][0]
    return found
