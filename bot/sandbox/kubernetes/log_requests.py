"""GET of a pod's log: what there is, and with ``follow`` every line as it comes until its container has ended."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.sandbox.kubernetes import logs
from bot.sandbox.kubernetes.changing import Asked
from bot.sandbox.kubernetes.clock import moment
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.containers import Containers
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.kubelet import workload_name
from bot.sandbox.kubernetes.pages import Plain
from bot.sandbox.kubernetes.wire import Json, dig

_LOOK_SECONDS = 0.1
_TRUE = ("true", "1")
Lines = list[tuple[float, str]]


@dataclass(frozen=True)
class Follow:
    """One log that is followed; ``said`` are the lines of which ``first`` is the text that is sent at once."""

    cluster: Cluster
    containers: Containers
    pod: Json
    entry: Json
    said: Lines
    first: str
    timestamps: bool

    async def pieces(self) -> AsyncIterator[bytes]:
        """What there is, then what comes; ends with the container, or with its pod."""
        said = self.said
        yield self.first.encode()
        going_on = True
        while going_on:
            await asyncio.sleep(_LOOK_SECONDS)
            lines, going_on = self._now()
            fresh = _fresh(said, lines)
            if fresh:
                yield logs.render(fresh, timestamps=self.timestamps).encode()
            said = lines or said

    def _now(self) -> tuple[Lines, bool]:
        """All that this run of the container has said by now, and whether it goes on."""
        meta = self.pod["metadata"]
        pod = self.cluster.store.get(by_kind("Pod"), meta["namespace"], meta["name"])
        if pod is None or pod["metadata"]["uid"] != meta["uid"]:
            return [], False
        entry = logs.choose(pod, self.entry["name"])
        same = entry.get("containerID") == self.entry.get("containerID")
        if same and "running" in entry["state"]:
            return read(self.cluster, self.containers, pod, entry, previous=False), True
        ended = "terminated" in entry["state"] and same
        if not ended and not dig(entry, "lastState", "terminated"):
            return [], False
        return read(self.cluster, self.containers, pod, entry, previous=not ended), False


def _fresh(said: Lines, lines: Lines) -> Lines:
    """What wasn't said before; lines are only added, unless somebody says anew what there is."""
    if lines[: len(said)] == said:
        return lines[len(said) :]
    known = {words for _, words in said}
    return [line for line in lines if line[1] not in known]


def read(cluster: Cluster, containers: Containers, pod: Json, entry: Json, *, previous: bool) -> Lines:
    """All lines of a container, or of the one before it."""
    real = None if previous else containers.of(pod["metadata"]["uid"], entry["name"])
    if real:
        return list(real.lines)
    return cluster.logs.read(pod, entry, workload_name(cluster.world, pod), previous=previous)


def answer(cluster: Cluster, containers: Containers, namespace: str, name: str, asked: Asked) -> Plain | Follow:
    """The log, or what follows it; refused as the real server does."""
    pod = cluster.writes.current(by_kind("Pod"), namespace, name)
    query = asked.query
    tail = logs.number(pod, "tailLines", query.get("tailLines"))
    limit = logs.number(pod, "limitBytes", query.get("limitBytes"))
    entry = logs.choose(pod, query.get("container", ""))
    node = pod["spec"].get("nodeName")
    if not node:
        return Plain(204, b"")
    if node in cluster.world.down:
        raise logs.unreachable(pod, str(dig(pod, "status", "hostIP", default="127.0.0.1")))
    previous = query.get("previous") in _TRUE
    logs.check(pod, entry, previous=previous)
    every = read(cluster, containers, pod, entry, previous=previous)
    since = 0.0
    if query.get("sinceSeconds"):
        since = cluster.clock.now() - float(query["sinceSeconds"])
    elif query.get("sinceTime"):
        since = moment(query["sinceTime"])
    lines = [line for line in every if line[0] >= since]
    if tail is not None:
        lines = lines[len(lines) - tail :] if tail < len(lines) else lines
    timestamps = query.get("timestamps") in _TRUE
    text = logs.render(lines, timestamps=timestamps)
    if query.get("follow") in _TRUE and not previous and "running" in entry["state"] and limit is None:
        return Follow(cluster, containers, pod, entry, every, text, timestamps)
    return Plain(200, text.encode()[:limit], "text/plain")
