"""How large: seconds in the suite, the whole promise with FETTLE_SOAK=1 (`make soak`). Seeds are printed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

SOAK = os.environ.get("FETTLE_SOAK") == "1"
SEED = int(os.environ.get("FETTLE_SEED", "20261121"))


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the full sizes are asked for."""
    return SOAK


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Says what was measured: shown with a failure, and by `make soak`."""

    def say(words: object) -> None:
        print(f"{request.node.name}: {words}")  # noqa: T201 - that is what it is for

    return say


@pytest.fixture
def rng(tell: Callable[[object], None]) -> random.Random:
    """Chance with a seed that is told; FETTLE_SEED plays another one."""
    tell(f"seed {SEED}")
    return random.Random(SEED)  # noqa: S311 - repeatable on purpose
