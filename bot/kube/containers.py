"""Containers of a pod as rows: state, newest end, resources and probes, read from spec and status together.

A container may stand in the spec without a status (the pod isn't scheduled) and the other way round never. Messages are
redacted and cut here, because a termination message may be 4 KiB of a program's own output. It refuses to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.observed import ConditionSeen, ContainerSeen
from bot.domain.redaction import redact
from bot.kube.objects import Json, count, dig, mapping, text
from bot.kube.quantity import quantity

PROBES = ("liveness", "readiness", "startup")
LONGEST = 1024


def read_containers(obj: Json) -> tuple[ContainerSeen, ...]:
    """The init containers, then the others, in the order of the spec."""
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    seen: list[ContainerSeen] = []
    for key, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        told = {text(entry, "name"): entry for entry in status.get(statuses) or []}
        seen += [_container(one, told.get(text(one, "name"), {}), init=init) for one in spec.get(key) or []]
    return tuple(seen)


def read_conditions(status: Json) -> tuple[ConditionSeen, ...]:
    """The conditions of any object's status."""
    return tuple(
        ConditionSeen(
            type=text(item, "type"),
            status=text(item, "status"),
            reason=text(item, "reason"),
            message=words(item),
            at=text(item, "lastTransitionTime"),
        )
        for item in dig(status, "conditions") or []
    )


def words(item: Json) -> str:
    """The ``message`` of a state, a condition or a status: redacted, and only then cut."""
    return redact(text(item, "message"))[:LONGEST]


def _container(spec: Json, entry: Json, *, init: bool) -> ContainerSeen:
    name, state = _state(entry)
    # An end that is the present state is the newest one; else the one before the present start.
    end = state if name == "terminated" else mapping(entry, "lastState", "terminated")
    code = dig(end, "exitCode")
    resources = mapping(spec, "resources")
    return ContainerSeen(
        name=text(spec, "name"),
        image=text(spec, "image"),
        image_id=text(entry, "imageID"),
        init=init,
        ready=bool(entry.get("ready")),
        restarts=count(entry, "restartCount"),
        state=name,
        reason=text(state, "reason"),
        message=words(state),
        started_at=text(state, "startedAt"),
        last_exit=int(code) if isinstance(code, int) else None,
        last_reason=text(end, "reason"),
        last_message=words(end),
        last_started_at=text(end, "startedAt"),
        last_finished_at=text(end, "finishedAt"),
        cpu_request=quantity(dig(resources, "requests", "cpu")),
        cpu_limit=quantity(dig(resources, "limits", "cpu")),
        memory_request=quantity(dig(resources, "requests", "memory")),
        memory_limit=quantity(dig(resources, "limits", "memory")),
        probes=tuple(_probes(spec)),
    )


def _state(entry: Json) -> tuple[str, Json]:
    for name in ("running", "waiting", "terminated"):
        if isinstance(dig(entry, "state", name), dict):
            return name, mapping(entry, "state", name)
    return "", {}


def _probes(spec: Json) -> Iterator[str]:
    return (name for name in PROBES if spec.get(f"{name}Probe"))
