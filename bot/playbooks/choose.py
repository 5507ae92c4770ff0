"""A set of playbooks, and which of them is for an alert: the most specific one, by a rule that leaves nothing open.

Asked in this order, the first that fits is taken: larger ``priority``; names the alert; more labels with ``=``; more
other matchers; names severities; is the folder's own; name. ``default`` comes last and fits everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.domain.proposal import canonical, sha256
from bot.domain.severity import Severity
from bot.playbooks.schema import DEFAULT, Playbook

REMEMBERED = 2000
"""Choices that a set remembers; label values are few where matchers name them, and never kept without end."""


@dataclass(frozen=True)
class Considered:
    """One playbook that was looked at; ``mismatch`` is its first condition that isn't met, empty for a fit.

    ``named`` is whether it is for alerts of this name.
    """

    playbook: Playbook
    mismatch: str
    named: bool = True


@dataclass(frozen=True)
class PlaybookSet:
    """Playbooks in the order in which they are asked; ``own`` are names that came from the user's folder."""

    playbooks: tuple[Playbook, ...]
    own: frozenset[str] = frozenset()
    replaced: frozenset[str] = field(default=frozenset())
    """Names of built-in ones that the folder's own took the place of."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 over what all of them say; two sets with one hash choose and propose alike."""
        return sha256(canonical(self.content()))

    def content(self) -> dict[str, Any]:
        """Name -> what it says, and which ones are the folder's own."""
        return {"playbooks": {one.name: one.content() for one in self.playbooks}, "own": sorted(self.own)}

    def get(self, name: str) -> Playbook | None:
        """The playbook of this name."""
        return next((one for one in self.playbooks if one.name == name), None)

    def choose(self, labels: Mapping[str, str], severity: Severity) -> Playbook:
        """The playbook for one alert."""
        asked_by = (severity, *map(labels.get, self.deciding))
        found = self._chosen.get(asked_by)
        if found is None:
            asked = self._by_alert.get(labels.get("alertname", ""), self._by_alert[None])
            found = next(one for one in asked if not one.match.mismatch(labels, severity))
            if len(self._chosen) >= REMEMBERED:
                self._chosen.clear()
            self._chosen[asked_by] = found
        return found

    @cached_property
    def _chosen(self) -> dict[tuple[Any, ...], Playbook]:
        """What was chosen before, by severity and deciding labels: alerts come in their thousands from a few rules."""
        return {}

    @cached_property
    def deciding(self) -> tuple[str, ...]:
        """Labels that decide what ``choose`` says, beside the severity; alerts that agree in them get one playbook."""
        names = {one.name for playbook in self.playbooks for one in playbook.match.matchers}
        return ("alertname", *sorted(names - {"alertname"}))

    @cached_property
    def _by_alert(self) -> Mapping[str | None, tuple[Playbook, ...]]:
        """Alert's name -> those that may be for it, in order; under None those that name no alert."""
        names: set[str | None] = {None, *(name for one in self.playbooks for name in one.match.alerts)}
        return {
            name: tuple(one for one in self.playbooks if not one.match.alerts or name in one.match.alerts)
            for name in names
        }

    def choose_for(self, alerts: Sequence[Mapping[str, str]], severity: Severity) -> Playbook:
        """The playbook for an incident: of those that its alerts (label sets) lead to, the one that is asked first."""
        if not alerts:
            return self.playbooks[-1]
        distinct = {tuple(sorted(labels.items())): labels for labels in alerts}.values()
        return min((self.choose(labels, severity) for labels in distinct), key=self.playbooks.index)

    def considered(self, labels: Mapping[str, str], severity: Severity) -> tuple[Considered, ...]:
        """Every playbook in order, with the condition that it misses."""
        return tuple(
            Considered(one, one.match.mismatch(labels, severity), one.match.named(labels)) for one in self.playbooks
        )


def ordered(playbooks: Iterable[Playbook], own: frozenset[str], replaced: frozenset[str] = frozenset()) -> PlaybookSet:
    """The set of these; one of them must be ``default``."""
    return PlaybookSet(tuple(sorted(playbooks, key=lambda one: _rank(one, own))), own, replaced)


def _rank(playbook: Playbook, own: frozenset[str]) -> tuple[bool, int, bool, int, int, bool, bool, str]:
    match = playbook.match
    exact = sum(1 for one in match.matchers if one.exact)
    return (
        playbook.name == DEFAULT,
        -playbook.priority,
        not match.alerts,
        -exact,
        exact - len(match.matchers),
        not match.severity,
        playbook.name not in own,
        playbook.name,
    )
