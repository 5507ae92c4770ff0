"""Why this playbook and no other, and what would follow from each of its findings: the answer of ``explain``, as data.

Pure; it refuses to print and to ask anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.alert import NEVER_POSTED
from bot.domain.severity import Severity
from bot.playbooks.choose import Considered, PlaybookSet
from bot.playbooks.chosen import NOT_YET
from bot.playbooks.schema import Measure, Playbook
from bot.playbooks.step import Following, FromFinding, Guards, Step


class Possible(NamedTuple):
    """A mitigation, and why it can't be proposed, empty where it can; ``by_hand`` where Fettle doesn't have it."""

    words: str
    against: str = ""
    by_hand: bool = False


@dataclass(frozen=True)
class Way:
    """What one finding may lead to. Of what can be proposed, the one that the finding suggests first is."""

    cause: str
    mitigations: tuple[Possible, ...] = ()


@dataclass(frozen=True)
class Explained:
    """The choice for one incident."""

    names: tuple[str, ...]
    severity: Severity
    playbook: Playbook
    own: bool
    others: tuple[Considered, ...]
    ways: tuple[Way, ...]
    never_posted: bool = False


def explain(
    found: PlaybookSet, alerts: Sequence[Mapping[str, str]], severity: Severity, available: Collection[str]
) -> Explained:
    """The choice for these alerts (label sets) of one incident; ``available`` are the actions that Fettle has."""
    playbook = found.choose_for(alerts, severity)
    deciding = next((one for one in alerts if found.choose(one, severity) is playbook), alerts[0] if alerts else {})
    others = tuple(one for one in found.considered(deciding, severity) if one.playbook is not playbook)
    names = tuple(dict.fromkeys(labels.get("alertname", "") for labels in alerts))
    return Explained(
        names=names,
        severity=severity,
        playbook=playbook,
        own=playbook.name in found.own,
        others=others,
        ways=tuple(_way(playbook, cause, steps, available) for cause, steps in playbook.findings.items()),
        never_posted=bool(names) and set(names) <= NEVER_POSTED,
    )


def wording(step: Step) -> str:
    """``rollback (revision from the finding; at least 2 replicas)``."""
    parts = [
        f"{name} from the finding" if isinstance(value, FromFinding) else f"{name}={value}"
        for name, value in step.params.items()
    ]
    parts += guard_words(step.guards)
    if step.unsuggested:
        parts.append("even if the finding doesn't suggest it")
    told = f"{step.action} ({'; '.join(parts)})" if parts else step.action
    return " then ".join([told, *(following(one) for one in step.then)])


def chained(step: Step) -> str:
    """``heap_dump then evict``: the actions alone."""
    return " then ".join([step.action, *(one.action for one in step.then)])


def following(step: Following) -> str:
    """``evict``, or ``evict (pod=api-1)``."""
    fixed = "; ".join(f"{name}={value}" for name, value in step.params.items())
    return f"{step.action} ({fixed})" if fixed else step.action


def measure_words(check: Measure) -> str:
    """``errors below 0.01, better than before``; numbers as the playbook has them."""
    parts = [] if check.below is None else [f"below {check.below:g}"]
    parts += [] if check.above is None else [f"above {check.above:g}"]
    parts += [f"{check.than_before.value.replace('_', ' ')} than before"] if check.than_before else []
    return f"{check.query} {', '.join(parts)}"


def guard_words(guards: Guards) -> list[str]:
    """Each guard in a few words."""
    said = []
    if guards.only_kinds:
        said.append(f"only for {', '.join(guards.only_kinds)}")
    if guards.never_kinds:
        said.append(f"never for {', '.join(guards.never_kinds)}")
    if guards.min_replicas is not None:
        said.append(f"at least {guards.min_replicas} replicas")
    if guards.min_confidence is not None:
        said.append(f"confidence at least {guards.min_confidence}")
    return said


def routing_words(playbook: Playbook, severity: Severity) -> list[str]:
    """What it makes of the severity, and where its incidents go, in a few words each."""
    routing, said = playbook.routing, []
    if playbook.severity is not None and severity is not Severity.SEV1 and playbook.severity != severity.name:
        said.append(f"{playbook.severity} instead of {severity.name}")
    if routing.channels:
        first, *others = routing.channels
        said.append(f"card in {first}" + (f", a line in {', '.join(others)}" if others else ""))
    if routing.mentions:
        said.append(f"mentions {', '.join(routing.mentions)}")
    if quiet := routing.quiet:
        said.append(f"quiet from {quiet.since} to {quiet.until} {quiet.zone} at {', '.join(quiet.severities)}")
    return said


def _way(playbook: Playbook, cause: str, steps: Sequence[Step], available: Collection[str]) -> Way:
    return Way(cause, tuple(_possible(playbook, step, available) for step in steps))


def _possible(playbook: Playbook, step: Step, available: Collection[str]) -> Possible:
    words = wording(step)
    if step.action in playbook.guards.deny:
        return Possible(words, "the playbook denies it")
    if step.action not in available:
        return Possible(words, NOT_YET, by_hand=True)
    late = next((one.action for one in step.then if one.action in playbook.guards.deny), "")
    return Possible(words, f"alone: the playbook denies {late}" if late else "")
