"""What people type after ``then``: the step that follows, as it is typed by itself."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.mitigation import Action
from commands.act_words import following, parse, steps

DUMP, HEAP, EVICT = Action.THREAD_DUMP, Action.HEAP_DUMP, Action.EVICT


@pytest.mark.parametrize(
    ("typed", "workload", "wanted", "then"),
    [
        ("shop/api then evict", "shop/api", {}, [(EVICT, {})]),
        ("shop/api api-7d9f-x2x1p, then evict", "shop/api", {"pod": "api-7d9f-x2x1p"}, [(EVICT, {})]),
        ("shop/api and then Evict", "shop/api", {}, [(EVICT, {})]),
        ("shop/api THEN evict api-7d9f-x2x1p", "shop/api", {}, [(EVICT, {"pod": "api-7d9f-x2x1p"})]),
        ("sts api -n shop then heap-dump then restart", "sts api -n shop", {}, [(HEAP, {}), (Action.RESTART, {})]),
        ("shop/then-api", "shop/then-api", {}, []),
        ("shop/api then", "shop/api", {"pod": "then"}, []),
        ("shop/api then explode", "shop/api", {}, [None]),
    ],
)
def test_it_is_taken_as_it_is_typed(typed: str, workload: str, wanted: dict[str, str], then: list[Any]) -> None:
    first, *others = steps(typed)
    assert parse(DUMP, first) == (workload, wanted)
    assert [following(one) for one in others] == then
