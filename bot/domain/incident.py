"""Incidents: states, and what an incident is to everyone who shows or changes it.

An incident episode runs from triggered or reopened to resolved; one card serves all its episodes. This module
refuses to know how incidents are stored or shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.domain.transitions import Machine


class IncidentState(StrEnum):
    """House words; there is no other state."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    MITIGATING = "mitigating"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


class IncidentEvent(StrEnum):
    """What moves an incident."""

    ACKNOWLEDGE = "acknowledge"
    EXECUTE = "execute"  # a proposal was approved: its execution is owed
    PASS = "pass"  # noqa: S105 - a verdict, no password
    SETTLE = "settle"  # failed, unknown, or a verdict other than pass: a person looks
    RESOLVE = "resolve"
    REOPEN = "reopen"


_S, _E = IncidentState, IncidentEvent
_RESOLVED = IncidentState.RESOLVED  # looked up once: an enum's members are found by a function

INCIDENT: Machine[IncidentState, IncidentEvent] = Machine(
    "incident",
    _S.TRIGGERED,
    {
        (_S.TRIGGERED, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,
        (_S.TRIGGERED, _E.EXECUTE): _S.MITIGATING,
        (_S.TRIGGERED, _E.RESOLVE): _S.RESOLVED,
        (_S.ACKNOWLEDGED, _E.EXECUTE): _S.MITIGATING,
        (_S.ACKNOWLEDGED, _E.PASS): _S.MITIGATED,  # a person had it measured again
        (_S.ACKNOWLEDGED, _E.RESOLVE): _S.RESOLVED,
        (_S.MITIGATING, _E.PASS): _S.MITIGATED,
        (_S.MITIGATING, _E.SETTLE): _S.ACKNOWLEDGED,
        (_S.MITIGATING, _E.RESOLVE): _S.RESOLVED,
        (_S.MITIGATED, _E.EXECUTE): _S.MITIGATING,
        (_S.MITIGATED, _E.SETTLE): _S.ACKNOWLEDGED,
        (_S.MITIGATED, _E.RESOLVE): _S.RESOLVED,
        (_S.RESOLVED, _E.REOPEN): _S.TRIGGERED,
    },
)


class Resolution(StrEnum):
    """How an incident was closed."""

    ALERTS_CLEARED = "alerts_cleared"
    VERIFIED = "verified"  # a request without alerts, closed on pass
    PERSON = "person"
    RETURNED = "returned"  # what was missing came again


@dataclass(frozen=True)
class Incident:
    """One incident as stored. Times are aware UTC.

    ``alerts_firing`` and ``alerts_total`` count alert fingerprints of the current episode's life; ``flaps`` counts
    reopenings of alerts; ``episodes`` counts triggered plus reopened. ``candidates`` are further workloads that the
    alerts could mean, best first, when ``target`` is None or was chosen among several. ``target_note`` is a sentence
    for the card when no target was found, or when it may not be acted on (an operator owns it, another cluster).
    ``playbook`` is the name of the one that the newest look went by, ``links`` are its own (title, address).
    """

    id: int
    key: str
    title: str
    alertname: str
    namespace: str
    state: IncidentState
    severity: Severity
    opened_at: datetime
    episode_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    resolution: str = ""
    reason: str = ""
    target: Target | None = None
    target_note: str = ""
    candidates: tuple[Target, ...] = ()
    acknowledged_by: str = ""
    declared_by: str = ""
    alerts_firing: int = 0
    alerts_total: int = 0
    flaps: int = 0
    episodes: int = 1
    foreign_cluster: str = ""
    channel: str = ""
    digest_id: int | None = None
    investigated_at: datetime | None = None
    playbook: str = ""
    links: tuple[tuple[str, str], ...] = ()

    @property
    def ref(self) -> str:
        """``INC-42``: how people name it."""
        return f"INC-{self.id}"

    @property
    def open(self) -> bool:
        """Not resolved."""
        return self.state is not _RESOLVED


def parse_ref(text: str) -> int | None:
    """The number in ``INC-42``, ``inc-42``, ``#42`` or ``42``; None for anything else."""
    word = text.strip().lower().removeprefix("inc-").removeprefix("#")
    return int(word) if word.isdecimal() and len(word) <= 9 and int(word) > 0 else None


def here_first(found: Iterable[Incident], channel: str) -> list[Incident]:
    """A channel's incidents first, otherwise in the order given."""
    return sorted(found, key=lambda one: one.channel != channel)
