"""A page: what a pager is told of an incident, whichever pager it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.severity import Severity


class PageEvent(StrEnum):
    """What is said of the incident; a pager that knows its key takes each as often as it comes."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Page:
    """One event. ``key`` is the incident's for all its life; ``details`` are texts that have passed redaction."""

    event: PageEvent
    key: str
    summary: str
    severity: Severity
    source: str
    at: datetime
    details: Mapping[str, str] = field(default_factory=dict)
