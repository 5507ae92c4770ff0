"""A race, a replay, a stale digest, an expired approval, a revoked role, a freeze: of every verb, often enough."""

import random
from collections.abc import Callable

import pytest

from tests.chance import SEED, SOAK
from tests.ways import WAYS

from .conftest import Fresh
from .presses import KINDS, played, told

pytestmark = pytest.mark.timeout(3000)

EACH = 14
"""Nights of each kind with each verb in a soak: over 200 of each kind. The suite plays three verbs of each kind."""


@pytest.mark.parametrize("kind", KINDS)
async def test_no_effect_without_a_valid_approval_and_none_twice(
    fresh: Fresh, kind: str, tell: Callable[[object], None]
) -> None:
    rng = random.Random(f"{SEED} {kind}")  # noqa: S311 - repeatable on purpose
    ways = list(WAYS) * EACH if SOAK else rng.sample(WAYS, 3)
    nights = []
    for number, way in enumerate(ways):
        seed = f"{SEED} {kind} {way.name} {number}"
        async with fresh() as night:
            try:
                nights.append(await played(night, way, kind, random.Random(seed)))  # noqa: S311 - the same
            except AssertionError as error:
                raise AssertionError(f"{seed}: {error}") from error
    tell(told(kind, nights, SEED))
