"""How much of what could go wrong is played, and in which order: seconds in the suite, all of it with FETTLE_SOAK=1.

`make soak` plays all; FETTLE_SEED chooses another part and another order. Both are told by every test that uses them.
`make check` sets FETTLE_EVERY=1: every scenario, and whatever else needs a world of its own, for which `make test` has
no time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

SOAK = os.environ.get("FETTLE_SOAK") == "1"
EVERY = SOAK or os.environ.get("FETTLE_EVERY") == "1"
SEED = int(os.environ.get("FETTLE_SEED", "20261121"))


def examples(many: int) -> int:
    """How many made-up inputs a law is tried on: all in a soak, a quarter in `make check`, else a tenth."""
    if SOAK:
        return many
    return many // 4 if EVERY else many // 10


def some(cases: Sequence[T], few: int) -> list[T]:
    """All cases in a soak, ``few`` of them by the seed in `make check`, in their order; else half of those."""
    if SOAK:
        return list(cases)
    return _some(cases, few if EVERY else (few + 1) // 2)


def most(cases: Sequence[T], few: int) -> list[T]:
    """All cases in a soak and in `make check`, so for every change that is taken; else ``few`` of them by the seed."""
    return list(cases) if EVERY else _some(cases, few)


def _some(cases: Sequence[T], few: int) -> list[T]:
    if len(cases) <= few:
        return list(cases)
    chosen = random.Random(SEED).sample(range(len(cases)), few)  # noqa: S311 - repeatable on purpose
    return [cases[index] for index in sorted(chosen)]
