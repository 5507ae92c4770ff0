"""The one shape of every state machine here: a table (state, event) -> state.

It refuses guessing: a pair that isn't in the table raises ``IllegalTransitionError``. The diagrams in
``docs/state-machines.md`` are generated from these tables and tested equal to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from bot.domain.errors import IllegalTransitionError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[S, E]):
    """A named transition table with its initial state."""

    name: str
    initial: S
    table: Mapping[tuple[S, E], S]

    def next(self, state: S, event: E) -> S:
        """The state after ``event``; raises ``IllegalTransitionError`` for a pair not in the table."""
        try:
            return self.table[state, event]
        except KeyError:
            raise IllegalTransitionError(f"{self.name}: there is no way from {state} by {event}") from None

    def allows(self, state: S, event: E) -> bool:
        """Whether the table has this pair."""
        return (state, event) in self.table

    def sources(self, event: E) -> frozenset[S]:
        """Every state in which ``event`` is legal; storage uses it as the guard of its UPDATE."""
        return frozenset(state for state, known in self.table if known == event)

    def terminal(self) -> frozenset[S]:
        """States that nothing leaves."""
        leaving = {state for state, _ in self.table}
        return frozenset(state for state in type(self.initial) if state not in leaving)

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram, in table order."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [f"    {a} --> {b}: {event}" for (a, event), b in self.table.items()]
        lines += [f"    {state} --> [*]" for state in type(self.initial) if state in self.terminal()]
        return "\n".join(lines)
