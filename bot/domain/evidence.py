"""Evidence: an observed fact with its source and time. A collector that failed is shown as failed, not left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EvidenceStatus(StrEnum):
    """Whether the source answered."""

    OK = "ok"
    EMPTY = "empty"  # it answered: there is nothing
    FAILED = "failed"  # it didn't answer, or refused


@dataclass(frozen=True)
class Evidence:
    """One collector's answer.

    ``source`` is the collector's name (``pods``, ``events``); ``summary`` one line for the card; ``data`` what the
    thread shows, JSON-able: for pods ``{"pods": [PodRow as dict]}``, for events ``{"events": [EventRow as dict]}``;
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
    """One pod as people read it. ``waiting`` and ``terminated`` are reasons such as ``CrashLoopBackOff``."""

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


@dataclass(frozen=True)
class EventRow:
    """One event, folded over repeats. ``last_at`` is RFC 3339 UTC."""

    type: str
    reason: str
    message: str
    object: str
    count: int
    last_at: str
