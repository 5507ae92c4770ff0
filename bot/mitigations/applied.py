"""What a read-back says of a write whose answer never came. It holds words only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Applied(StrEnum):
    """The answers of definitions, "Crash recovery"."""

    APPLIED = "applied"  # the execution's annotation is there: succeeded
    NOT_APPLIED = "not_applied"  # absent, and the target is as it was: failed, a fresh proposal may be offered
    PART = "part"  # some of several: failed, what wasn't done is named and may be offered afresh
    CHANGED = "changed"  # absent, and the target is another one now: unknown, a person looks


@dataclass(frozen=True)
class ReadBack:
    """``generation`` is what our write made, or what the target has now; ``sentence`` is for a person.

    None is the generation of what verification follows without one.
    """

    state: Applied
    generation: int | None
    sentence: str
