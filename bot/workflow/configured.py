"""What the settings say, as text that may be kept, and what changed from one start to the next: which of it widens.

A secret is never in it, nor a hash of it that a guess could be tried on: only that it is set, and what its parts are
called. Whatever can't be told to narrow counts as widening: a person is then told once too often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from bot.domain.oncall import Schedule
from bot.domain.redaction import redact
from bot.policy import rule_words
from bot.settings import DESCRIPTIONS, SECRET, Settings

Shown = str | list[str] | dict[str, list[str]]

MORE = frozenset(
    {
        "ALLOWED_NAMESPACES",
        "ALLOWED_ACTIONS",
        "APPROVERS",
        "SELF_APPROVE",
        "AUTONOMY_ACTIONS",
        "CLUSTER_USERS",
        "ONCALL",
    }
)
"""Lists that give rights: what is added widens."""
WIDEST: Mapping[str, str] = {
    "MODE": "act",
    "FETTLE_FROZEN": "no",
    "POST_TO_SHARED_CHANNELS": "yes",
    "REQUIRE_RBAC": "no",
}
"""Switches, and the position in which more may be done or seen."""
ANOTHER = frozenset({
    "CLUSTER_NAME", "CORDON_NODES", "FREEZE_FILE", "HANDLERS_DIR", "KUBECONFIG", "KUBE_CONTEXT", "OWN_NAMESPACE",
    "SLACK_CHANNEL_ID",
})  # fmt: skip
"""Whose code runs, which rights Fettle has, what it spares, who is told: another value may be a wider one."""
NARROWS_WHEN_SET, NARROWS_WHEN_UNSET = (
    frozenset({"CLUSTER_NAME", "FREEZE_FILE"}),
    frozenset({"CORDON_NODES", "HANDLERS_DIR"}),
)
LONGER = frozenset({"APPROVAL_TTL", "SILENCE_MAX"})
LONGEST = 300
"""Characters of a value that an entry shows."""


@dataclass(frozen=True)
class Change:
    """One change, a clause without its end; ``widens`` when more may be done, or approved, than before."""

    what: str
    widens: bool = False

    def __str__(self) -> str:
        return self.what


def content(settings: Settings) -> dict[str, Shown]:
    """Setting -> what it says, fit for the audit."""
    return {name: _shown(name, getattr(settings, name)) for name in sorted(DESCRIPTIONS)}


def _shown(name: str, value: Any) -> Shown:
    if name in SECRET:
        return _kept(value)
    if name == "POLICY":
        return {str(part): sorted(made) for part, made in rule_words.parts(value).items()}
    if name in _TABLES:
        return sorted(_TABLES[name](value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, Mapping):
        return [f"{key}={getattr(one, 'name', one)}" for key, one in sorted(value.items())]
    if isinstance(value, tuple):
        return sorted(str(one) for one in value)
    return redact(str(value)[:LONGEST])


def _turns(schedule: Schedule) -> str:
    """Who may come to be on call by it."""
    users = [f"{theirs}={ours}" for theirs, ours in schedule.users.items()]
    rotation = schedule.rotation
    if rotation is None:
        return ", ".join((schedule.words, *users))
    away = [f"{one.who} from {one.since} until {one.until}" for one in rotation.overrides]
    return ", ".join((schedule.words, *rotation.people, f"from {rotation.starts}", *away))


def _in(groups: Sequence[str]) -> str:
    return f" in {' and '.join(groups)}" if groups else ""


_TABLES: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "REGISTRIES": lambda hosts: (" also ".join((one.host, *one.also)) + " insecure" * one.insecure for one in hosts),
    "ONCALL": lambda table: (f"{one.id}: {_turns(one)}" for one in table.values()),
    "CLUSTER_USERS": lambda table: (f"{key}={one.name}{_in(one.groups)}" for key, one in table.items()),
}
"""Settings that are tables of their own, as lines."""


def _kept(value: Any) -> Shown:
    """That a secret is there, and the names of its parts."""
    if isinstance(value, Mapping):
        return [f"{name}=(a secret)" for name in value]
    if isinstance(value, tuple):
        return f"{len(value)} secret{'s' * (len(value) != 1)}" if value else ""
    if isinstance(value, SecretStr):
        return "(a secret)"
    return str(value).partition(":")[0] + ":(a secret)" if value else ""


def difference(before: Mapping[str, Any], after: Mapping[str, Shown]) -> tuple[Change, ...]:
    """Every change, by setting; a setting that an earlier release didn't have counts as empty before."""
    made: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if name not in after:
            made.append(Change(f"{name} is no setting any more"))
        elif old != new and (name in before or new != _default(name)):
            made += _changed(name, "" if old is None else old, "" if new is None else new)
    return tuple(made)


def _default(name: str) -> Shown | None:
    field = Settings.model_fields[name]
    return None if field.default_factory is not None else _shown(name, field.default)


def _changed(name: str, old: Any, new: Shown) -> Iterator[Change]:
    if isinstance(new, dict):
        yield from _policy_changed(name, old if isinstance(old, Mapping) else {}, new)
        return
    if isinstance(new, list) and isinstance(old, list | str):
        had = set(old) if isinstance(old, list) else set()
        if more := [one for one in new if one not in had]:
            yield Change(f"{name} gains {', '.join(more)}", name in MORE)
        if less := sorted(had - set(new)):
            # An empty list of those gives nothing, so that what is gone never widens.
            yield Change(f"{name} loses {', '.join(less)}")
        return
    yield Change(f"{name} is {new or 'not set'}, was {old or 'not set'}", _widens(name, str(old), str(new)))


def _policy_changed(name: str, old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """A rule that is gone widens, and one that is new doesn't."""
    had, has = ({(line, part) for part, lines in one.items() for line in lines} for one in (old, new))
    if more := sorted(has - had):
        yield Change(f"{name} gains {'; '.join(line for line, _ in more)}", rule_words.gives(part for _, part in more))
    if less := sorted(had - has):
        yield Change(f"{name} loses {'; '.join(line for line, _ in less)}", rule_words.took(part for _, part in less))


def _widens(name: str, old: str, new: str) -> bool:
    if name in LONGER:
        return _seconds(new) > _seconds(old)
    if (name in NARROWS_WHEN_SET and not old) or (name in NARROWS_WHEN_UNSET and not new):
        return False
    return name in ANOTHER or WIDEST.get(name) == new


def _seconds(shown: str) -> float:
    try:
        return float(shown.removesuffix(" s"))
    except ValueError:
        return 0.0
