"""What a team's policy says: rules that narrow, windows in which nothing is done, and who may break the glass.

Words alone, as they were written in ``POLICY``; ``bot.policy`` judges them. A rule takes away and never gives. What
isn't known of a case counts as what the rule is about: a guard that looks away because it can't see is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase

from bot.domain.severity import Severity


@dataclass(frozen=True)
class Case:
    """What is to be done, where, and for how grave an incident; an empty ``environment`` isn't known."""

    action: str
    kind: str
    namespace: str
    severity: Severity
    environment: str = ""


@dataclass(frozen=True)
class Match:
    """Which cases it is for: one of each list; an empty list fits all. Namespaces are patterns such as ``pay-*``."""

    actions: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    kinds: tuple[str, ...] = ()

    def fits(self, case: Case) -> bool:
        """Whether the case is one of them; a namespace whose environment isn't known counts as one of each."""
        return (
            (not self.actions or case.action in self.actions)
            and (not self.namespaces or any(fnmatchcase(case.namespace, one) for one in self.namespaces))
            and (not self.environments or not case.environment or case.environment in self.environments)
            and (not self.severities or case.severity in self.severities)
            and (not self.kinds or case.kind in self.kinds)
        )


@dataclass(frozen=True)
class PolicyRule:
    """One rule by its name. ``own`` is false where nobody may approve a request of their own; ``deny`` says why not."""

    name: str
    match: Match = Match()
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    own: bool = True
    expires: timedelta | None = None
    nudge: timedelta | None = None
    require_reason: bool = False
    deny: str = ""


@dataclass(frozen=True)
class Weekly:
    """From one day and time of the week to another; Monday is 0. ``until`` may come round the end of the week."""

    day: int
    since: time
    last: int
    until: time


@dataclass(frozen=True)
class Dates:
    """Once: from one time to another by the clock on the wall, without a zone of its own."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Window:
    """One freeze window; ``written`` is its calendar as the team wrote it."""

    name: str
    zone: str
    spans: tuple[Weekly | Dates, ...]
    written: tuple[str, ...] = ()
    match: Match = Match()
    reason: str = ""


@dataclass(frozen=True)
class Environments:
    """Which environment a namespace is of: the first pattern that fits, else what this label of it says."""

    label: str = ""
    namespaces: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Its name; empty where neither says."""
        for name, patterns in self.namespaces:
            if namespace and any(fnmatchcase(namespace, one) for one in patterns):
                return name
        return labels.get(self.label, "") if self.label else ""


@dataclass(frozen=True)
class Policy:
    """The whole; an empty one narrows nothing."""

    rules: tuple[PolicyRule, ...] = ()
    windows: tuple[Window, ...] = ()
    environments: Environments = field(default_factory=Environments)
    break_glass: tuple[str, ...] = ()

    @property
    def approvers(self) -> tuple[str, ...]:
        """Everybody whom it names, people and groups, whatever for."""
        named = (one for rule in self.rules for one in rule.approvers)
        return tuple(dict.fromkeys((*named, *self.break_glass)))
