"""Which pods are ill now, and how: one reading of pod rows that all findings share.

A pod that merely restarted long ago, that is going, or that has only just started isn't ill. It refuses to say why a
pod is ill; that takes more than the pod.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.evidence import PodRow
from bot.domain.observed import ConditionSeen, ContainerSeen
from bot.findings.phrases import instant

LATELY = timedelta(minutes=30)
"""A crash older than this, of a container that runs, is history."""
STARTING = timedelta(seconds=60)
"""So long a container may be unready after its start without a word about it."""
CREATING = timedelta(minutes=2)
"""So long a pod may be set up: image, volumes, network."""

IMAGE_REASONS = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
    "ImageInspectError", "SignatureValidationFailed",
})  # fmt: skip
CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError"})
START_REASONS = frozenset({"RunContainerError", "StartError", "ContainerCannotRun", "PostStartHookError"})
CLEAN_ENDS = frozenset({0, 143})
"""Ends that a container was asked for: it finished, or obeyed SIGTERM."""


class How(StrEnum):
    """In which way a pod is ill."""

    CRASH = "crash"
    OOM = "oom"
    IMAGE = "image"
    CONFIG = "config"
    START = "start"  # the runtime can't start the container: no such command, wrong platform
    PENDING = "pending"  # no node was found for it
    CREATING = "creating"  # it has a node, and its containers don't come into being
    UNREADY = "unready"  # it runs and doesn't answer its readiness probe
    LOST = "lost"  # its containers are ready as far as was last heard, the pod isn't: its node is silent
    EVICTED = "evicted"
    FAILED = "failed"  # ended for good, as pods of Jobs do


@dataclass(frozen=True)
class Sick:
    """One ill pod; ``since`` is about when it fell ill, ``up`` whether it is ready at this moment all the same."""

    pod: PodRow
    how: How
    container: ContainerSeen
    since: datetime | None = None
    up: bool = False

    @property
    def exit_code(self) -> int | None:
        """How the container ended last."""
        return self.container.last_exit

    @property
    def ran(self) -> timedelta | None:
        """How long the container ran before its last end."""
        began, ended = instant(self.container.last_started_at), instant(self.container.last_finished_at)
        return ended - began if began is not None and ended is not None and ended >= began else None


def sick_pods(pods: Iterable[PodRow], now: datetime, since: datetime | None = None) -> tuple[Sick, ...]:
    """The ill among these pods; ``since`` is when the alerts began."""
    return tuple(found for pod in pods if (found := sick_of(pod, now, since)) is not None)


def sick_of(pod: PodRow, now: datetime, since: datetime | None = None) -> Sick | None:
    """How this pod is ill, None when it isn't."""
    if pod.deleting or pod.phase == "Succeeded":
        return None
    parts = pod.containers or (_as_container(pod),)
    created = instant(pod.created_at)
    if pod.phase == "Failed":
        return _ended(pod, parts, now)
    for part in sorted(parts, key=lambda one: not one.init):
        if part.state == "waiting" and part.reason in IMAGE_REASONS:
            return Sick(pod, How.IMAGE, part, created)
        if part.state == "waiting" and part.reason in CONFIG_REASONS:
            return Sick(pod, How.CONFIG, part, created)
    crashed = [found for part in parts if (found := _crashed(pod, part, now, since)) is not None]
    if crashed:
        return max(crashed, key=lambda one: (not one.up, one.container.restarts, one.container.last_finished_at))
    return _not_running(pod, parts, now) if pod.phase in {"Pending", "Unknown"} else _unready(pod, parts, now)


def condition(pod: PodRow, kind: str) -> ConditionSeen | None:
    """One condition of a pod."""
    return next((one for one in pod.conditions if one.type == kind), None)


def _as_container(pod: PodRow) -> ContainerSeen:
    """What rows without containers still tell of the one that matters."""
    waits = bool(pod.waiting) and pod.waiting not in {"Unschedulable", "SchedulingGated"}
    running = "running" if pod.phase == "Running" else ""
    return ContainerSeen(
        "",
        image=pod.image,
        ready=pod.ready,
        restarts=pod.restarts,
        state="waiting" if waits else running,
        reason=pod.waiting if waits else "",
        last_exit=pod.exit_code,
        last_reason=pod.terminated,
        last_finished_at=pod.terminated_at,
    )


def _ended(pod: PodRow, parts: tuple[ContainerSeen, ...], now: datetime) -> Sick | None:
    part = next((one for one in parts if one.last_exit not in {None, 0}), parts[0])
    ready = condition(pod, "Ready")
    at = instant(part.last_finished_at) or instant(ready.at if ready else "") or instant(pod.created_at)
    if pod.reason == "Evicted":
        return Sick(pod, How.EVICTED, part, at) if at is None or now - at < LATELY else None
    if pod.reason in {"NodeLost", "NodeShutdown", "Terminated"}:
        return Sick(pod, How.EVICTED, part, at) if at is not None and now - at < LATELY else None
    return Sick(pod, How.OOM if part.last_reason == "OOMKilled" else How.FAILED, part, at)


def _crashed(pod: PodRow, part: ContainerSeen, now: datetime, since: datetime | None) -> Sick | None:
    """Loops, ended just now, or ended lately and not by request; a kill for memory also if the alert began by then."""
    ended = instant(part.last_finished_at)
    killed = part.last_reason == "OOMKilled"
    told = killed and ended is not None and since is not None and ended >= since - LATELY
    lately = ended is not None and (now - ended < LATELY or told)
    waits = part.state == "waiting" and part.reason in {"CrashLoopBackOff", *START_REASONS}
    down = part.state == "terminated" and not (part.init and part.last_exit == 0)
    bad = part.last_exit is not None and part.last_exit not in CLEAN_ENDS
    # A container that comes up between two crashes. What obeys SIGTERM twice while its pod stays was killed by a probe.
    again = part.state == "running" and lately and (bad or part.restarts > 1)
    if not (waits or (down and (bad or part.restarts > 0)) or again):
        return None
    how = How.START if part.reason in START_REASONS or part.last_reason in START_REASONS else How.CRASH
    return Sick(
        pod, How.OOM if killed else how, part, _first_crash(pod, part), up=part.state == "running" and pod.ready
    )


def _first_crash(pod: PodRow, part: ContainerSeen) -> datetime | None:
    """About when it crashed first: each restart had a back-off (10 s doubling to 5 min) and a run like the last."""
    ended, began = instant(part.last_finished_at), instant(part.last_started_at)
    if ended is None:
        return None
    ends = part.restarts + (0 if part.state == "running" else 1)
    run = max((ended - began).total_seconds(), 0.0) if began is not None else 0.0
    counted = min(max(ends - 1, 0), 300)
    waited = sum((min(10 * 2 ** min(number - 1, 5), 300) if number else 0) + run for number in range(counted))
    # A run of ten minutes and more ends the back-off, so many such crashes may be days apart: then the last one counts.
    if run >= 600 and waited > 7200:
        waited = 0.0
    created = instant(pod.created_at)
    first = ended - timedelta(seconds=waited)
    return max(first, created) if created is not None and created <= ended else first


def _not_running(pod: PodRow, parts: tuple[ContainerSeen, ...], now: datetime) -> Sick | None:
    created = instant(pod.created_at)
    scheduled = condition(pod, "PodScheduled")
    refused = scheduled is not None and scheduled.status == "False" and scheduled.reason != "SchedulingGated"
    if refused or pod.waiting == "Unschedulable":
        return Sick(pod, How.PENDING, parts[0], created)
    if created is not None and now - created < CREATING:
        return None
    waiting = next((one for one in parts if one.state == "waiting"), parts[0])
    held = pod.node or any(one.reason in {"ContainerCreating", "PodInitializing"} for one in parts)
    return Sick(pod, How.CREATING, waiting, created) if held else None


def _unready(pod: PodRow, parts: tuple[ContainerSeen, ...], now: datetime) -> Sick | None:
    if pod.ready or pod.phase != "Running":
        return None
    ready = condition(pod, "Ready")
    since = instant(ready.at if ready else "")
    waits = next((one for one in parts if not one.init and not one.ready), None)
    if waits is None:
        return Sick(pod, How.LOST, parts[0], since)
    began = instant(waits.started_at) or instant(pod.created_at)
    if began is not None and now - began < STARTING:
        return None
    return Sick(pod, How.UNREADY, waits, since or began)
