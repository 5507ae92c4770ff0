"""Whom and what the steps of a scenario name that isn't there, told before any of it plays.

It refuses to judge what a step does with them: a workload that a step before it applies is there.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from bot.sandbox.breakages import every
from bot.sandbox.kubernetes.scenery import WORKLOADS
from bot.sandbox.slack.workspace import Workspace

BARE = frozenset({"heal", "kubectl_restart"})
"""Verbs that take a workload and nothing else."""
ASIDE = " An alert about what isn't there takes labels in its place."
Steps = Sequence[tuple[str, Any]]


def absent(steps: Steps, members: Iterable[str], broken: Sequence[str]) -> list[str]:
    """A sentence for each; ``broken`` are breakages and rooms of them, each in a namespace of its own."""
    people = [one.name for one in Workspace().people.values() if one.kind != "bot"]
    found = [f"members: {said}" for one in members if (said := _nobody(one, people))]
    rooms, there = set(every.named(tuple(broken))), set(WORKLOADS)
    for number, (verb, part) in enumerate(steps, start=1):
        place = f"{verb} in step {number}"
        found += [f"{place}: {said}" for one in _persons(part) if (said := _nobody(one, people))]
        workload = part if verb in BARE else getattr(part, "workload", "")
        if workload and (said := _nothing(workload, there, rooms)):
            found.append(f"{place}: {said}{ASIDE if verb == 'fire' else ''}")
        if verb == "apply":
            there.add(_named(part.manifest))
    return found


def _persons(part: Any) -> Iterator[str]:
    named = getattr(part, "by", ()) or getattr(part, "to", ())
    for one in (named,) if isinstance(named, str) else named:
        if not one.startswith("{"):  # the winner or the loser of a race
            yield one


def _nobody(name: str, people: Collection[str]) -> str:
    if name.removeprefix("@") in people:
        return ""
    near = difflib.get_close_matches(name, people, n=1)
    return f"there is nobody called {name}{f', did you mean {near[0]}?' if near else '.'} There are {_all(people)}."


def _nothing(workload: str, there: Collection[str], rooms: Collection[str]) -> str:
    namespace, slash, name = workload.partition("/")
    if not (namespace and slash and name) or "/" in name:
        return f"{workload} is no workload; write its namespace and name, such as shop/api."
    if workload in there or namespace in rooms:
        return ""
    return f"there is no workload {workload}. There are {_all(there)}, and what a step before it applies."


def _all(names: Iterable[str]) -> str:
    *most, last = sorted(names)
    return f"{', '.join(most)} and {last}" if most else last


def _named(manifest: Any) -> str:
    meta = manifest.get("metadata") or {}
    return f"{meta.get('namespace') or 'default'}/{meta.get('name')}"
