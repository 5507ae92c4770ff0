"""The kill switch: any of three freezes, and what can't be read is no permission."""

from __future__ import annotations

import pytest

from bot.policy.freeze import FreezeState, frozen
from tests.unit.cluster_states import NOW

OFF = FreezeState(on=False)
ON = FreezeState(on=True, by="@li", reason="database migration", at=NOW)


@pytest.mark.parametrize(
    ("row", "env", "file", "on"),
    [
        (OFF, False, False, False),
        (ON, False, False, True),
        (OFF, True, False, True),
        (OFF, False, True, True),
        (None, False, False, None),
        (OFF, False, None, None),
        (None, True, None, True),
        (None, False, True, True),
        (FreezeState(on=True), False, None, True),
    ],
)
def test_any_yes_freezes_and_unreadable_is_unknown(
    row: FreezeState | None, env: bool, file: bool | None, on: bool | None
) -> None:
    result = frozen(row, env, file)
    assert result.on is on
    assert bool(result.sentence) is (on is not False)


def test_the_sentence_says_since_when_by_whom_and_why() -> None:
    assert frozen(ON, env=False, file=False).sentence == (
        'Writes are frozen since 03:15 UTC by @li: "database migration". Nothing was done.'
    )
