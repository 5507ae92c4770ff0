"""How much of what could go wrong is played, and in which order: seconds in the suite, all of it with FETTLE_SOAK=1.

`make soak` plays all; FETTLE_SEED chooses another part and another order. Both are told by every test that uses them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

SOAK = os.environ.get("FETTLE_SOAK") == "1"
SEED = int(os.environ.get("FETTLE_SEED", "20261121"))


def examples(many: int) -> int:
    """How many made-up inputs a law is tried on: all in a soak, else a quarter."""
    return many if SOAK else many // 4


def some(cases: Sequence[T], few: int) -> list[T]:
    """All cases in a soak, else ``few`` of them by the seed, in their order."""
    if SOAK or len(cases) <= few:
        return list(cases)
    chosen = random.Random(SEED).sample(range(len(cases)), few)  # noqa: S311 - repeatable on purpose
    return [cases[index] for index in sorted(chosen)]
