"""metrics.k8s.io: what `kubectl top` asks for, as metrics-server answers it from its scrapes of the kubelets.

A container is measured once it has run for ten seconds when a scrape comes by, every fifteen. What doesn't run isn't
measured, nor what lies on a node that is silent; where a metrics-server stands in the cluster and none of its pods is
ready, nobody answers. It refuses to keep anything: see ``usage`` for where numbers are from.
"""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.kubernetes import selectors, status
from bot.sandbox.kubernetes.clock import moment, stamp
from bot.sandbox.kubernetes.columns import NAME, Column
from bot.sandbox.kubernetes.kinds import METRICS, Kind, by_kind
from bot.sandbox.kubernetes.quantities import quantity
from bot.sandbox.kubernetes.usage import CPU, MEMORY, MIB, used
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World

SERVER = "metrics-server"
EVERY = 15.0
"""Seconds from one scrape to the next."""
FRESH = 10.0
"""Seconds that a container must have run to be measured."""
SYSTEM = (0.18, 1100 * MIB)
"""Cores and bytes that a node takes for itself."""
_NODE_SHARE = ("node_cpu_seconds_total", "node_memory_MemAvailable_bytes")
_UNDER_PRESSURE = 0.97
_COLUMNS: tuple[Column, ...] = (
    NAME,
    ("cpu", "string", "quantity", 0),
    ("memory", "string", "quantity", 0),
    ("Window", "string", "duration", 0),
)


class Metrics:
    """What is measured of one cluster."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def answers(self) -> bool:
        """Whether somebody does: a metrics-server that can be seen must have a pod that is ready."""
        seen = [one for one in self.world.store.list(by_kind("Deployment")) if one["metadata"]["name"] == SERVER]
        return not seen or any(dig(one, "status", "readyReplicas", default=0) for one in seen)

    def get(self, kind: Kind, namespace: str, name: str, *, table: bool) -> Json:
        """One measurement; 404 for what isn't there and, worded otherwise, for what isn't measured (yet)."""
        of = by_kind("Pod" if kind.namespaced else "Node")
        obj = self.world.writes.current(of, namespace, name)
        found = self._measured(kind, obj)
        if found is None:
            raise _unmeasured(kind, f"{namespace}/{name}" if namespace else name)
        return _table([found]) if table else {"kind": kind.kind, "apiVersion": kind.api_version, **found}

    def list(self, kind: Kind, namespace: str | None, query: Mapping[str, str], *, table: bool) -> Json:
        """All that is measured of what the selectors choose."""
        of = by_kind("Pod" if kind.namespaced else "Node")
        by_label = selectors.labels(query.get("labelSelector", ""))
        by_field = selectors.fields(of.plural, query.get("fieldSelector", ""))
        objects = [
            obj
            for obj in self.world.store.list(of, namespace)
            if by_label(obj["metadata"].get("labels") or {}) and by_field(obj)
        ]
        found = [one for one in (self._measured(kind, obj) for obj in objects) if one is not None]
        if table:
            return _table(found)
        return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": {}, "items": found}

    # -- one object -------------------------------------------------------------------------------

    def _measured(self, kind: Kind, obj: Json) -> Json | None:
        now = self.world.clock.now()
        at = now - now % EVERY
        return self._pod(obj, at) if kind.namespaced else self._node(obj, at)

    def _head(self, obj: Json, at: float, window: float) -> Json:
        meta = obj["metadata"]
        own = {key: meta[key] for key in ("name", "namespace") if key in meta}
        labels = {"labels": meta["labels"]} if meta.get("labels") else {}
        made = stamp(self.world.clock.now())
        return {
            "metadata": {**own, "creationTimestamp": made, **labels},
            "timestamp": stamp(at),
            "window": f"{window:g}s",
        }

    def _pod(self, pod: Json, at: float) -> Json | None:
        """None where a container that runs has not been measured yet, or none runs: then all of the pod is left out."""
        since = _running(pod)
        if not since or pod["spec"]["nodeName"] in self.world.down or at - max(since.values()) < FRESH:
            return None
        containers = [
            {"name": one["name"], "usage": _written(*self._used(pod, number, at))}
            for number, one in enumerate(pod["spec"]["containers"])
            if one["name"] in since
        ]
        window = min(EVERY, at - max(since.values()))
        return {**self._head(pod, at, window), "containers": containers}

    def _used(self, pod: Json, number: int, at: float) -> tuple[float, float]:
        measures = self.world.measures
        return used(CPU, pod, number, at, measures), used(MEMORY, pod, number, at, measures)

    def _node(self, node: Json, at: float) -> Json | None:
        """None for one that is silent."""
        name = node["metadata"]["name"]
        if name in self.world.down:
            return None
        has = [quantity(dig(node, "status", "capacity", one, default="1")) for one in ("cpu", "memory")]
        shares = [self._share(name, word, at) for word in _NODE_SHARE]
        summed = self._of_pods(name, at)
        pairs = zip(summed, shares, has, strict=True)
        cores, held = (both if share is None else share * whole for both, share, whole in pairs)
        conditions = {one["type"]: one["status"] for one in dig(node, "status", "conditions", default=[])}
        if conditions.get("MemoryPressure") == "True":
            held = max(held, _UNDER_PRESSURE * has[1])
        return {**self._head(node, at, EVERY), "usage": _written(cores, held)}

    def _share(self, node: str, word: str, at: float) -> float | None:
        """How much of a node is in use by a curve that somebody put there."""
        about = {"instance": ("=", node)}
        curves = (one.curve for one in self.world.measures if "instance" in one.where and one.fits(word, about))
        return next((curve(at) for curve in curves), None)

    def _of_pods(self, node: str, at: float) -> tuple[float, float]:
        """What the containers on a node use together, and the node itself."""
        found = [SYSTEM]
        for pod in self.world.store.list(by_kind("Pod")):
            if dig(pod, "spec", "nodeName") == node:
                running = _running(pod)
                numbered = enumerate(pod["spec"]["containers"])
                found += [self._used(pod, number, at) for number, one in numbered if one["name"] in running]
        return sum(cores for cores, _ in found), sum(held for _, held in found)


def _running(pod: Json) -> dict[str, float]:
    """The containers of a pod that run on its node, and since when."""
    if dig(pod, "status", "phase") != "Running" or not dig(pod, "spec", "nodeName"):
        return {}
    return {
        one["name"]: moment(one["state"]["running"]["startedAt"])
        for one in dig(pod, "status", "containerStatuses", default=[])
        if dig(one, "state", "running", "startedAt")
    }


def _written(cores: float, held: float) -> Json:
    return {"cpu": f"{max(0, round(cores * 1e9))}n", "memory": f"{max(0, round(held / 1024))}Ki"}


def _unmeasured(kind: Kind, name: str) -> status.StatusError:
    plural = kind.kind.lower()
    details = {"name": name, "group": METRICS, "kind": plural}
    return status.StatusError(status.failure(404, "NotFound", f'{plural}.{METRICS} "{name}" not found', details))


def _total(measured: Json) -> list[str]:
    """Cores and memory of all containers, or of a node."""
    parts = [measured["usage"]] if "usage" in measured else [one["usage"] for one in measured["containers"]]
    cores = sum(int(one["cpu"].removesuffix("n")) for one in parts)
    held = sum(int(one["memory"].removesuffix("Ki")) for one in parts)
    return [f"{cores}n", f"{held}Ki"]


def _table(measured: list[Json]) -> Json:
    """What ``kubectl get pods.metrics.k8s.io`` shows."""
    rows: list[Json] = [
        {
            "cells": [one["metadata"]["name"], *_total(one), one["window"]],
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": one["metadata"]},
        }
        for one in measured
    ]
    columns: list[Any] = [
        {"name": name, "type": kind, "format": form, "description": name, "priority": wide}
        for name, kind, form, wide in _COLUMNS
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": columns,
        "rows": rows,
    }
