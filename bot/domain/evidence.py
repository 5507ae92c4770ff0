"""Evidence: an observed fact with its source and time. A collector that failed is shown as failed, not left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.observed import ConditionSeen, ContainerSeen


class EvidenceStatus(StrEnum):
    """Whether the source answered."""

    OK = "ok"
    EMPTY = "empty"  # it answered: there is nothing
    FAILED = "failed"  # it didn't answer, or refused


@dataclass(frozen=True)
class Evidence:
    """One collector's answer.

    ``source`` is the collector's name (``pods``, ``events``); ``summary`` one line for the card; ``data`` what findings
    read and the thread shows, JSON-able rows by the shapes here and in ``observed``: for pods ``{"pods": [PodRow as
    dict]}``, for events ``{"events": [EventRow as dict]}``. A handler's source is ``handler:NAME`` and its data free.
    ``problem`` a sentence when ``status`` is failed. Everything here has passed redaction.
    """

    source: str
    status: EvidenceStatus
    summary: str
    observed_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class PodRow:
    """One pod as people read it. ``waiting`` and ``terminated`` are reasons such as ``CrashLoopBackOff``.

    ``reason`` and ``message`` are the pod's own ("Evicted", "The node was low on resource: memory."), ``conditions``
    its conditions, PodScheduled with the scheduler's message among them; ``containers`` holds init containers too.
    """

    name: str
    phase: str
    ready: bool
    restarts: int
    waiting: str = ""
    terminated: str = ""
    exit_code: int | None = None
    terminated_at: str = ""
    node: str = ""
    image: str = ""
    created_at: str = ""
    hash: str = ""
    reason: str = ""
    message: str = ""
    deleting: bool = False
    containers: tuple[ContainerSeen, ...] = ()
    conditions: tuple[ConditionSeen, ...] = ()


@dataclass(frozen=True)
class EventRow:
    """One event, folded over repeats. ``first_at`` and ``last_at`` are RFC 3339 UTC, empty where none is known."""

    type: str
    reason: str
    message: str
    object: str
    count: int
    last_at: str
    first_at: str = ""
