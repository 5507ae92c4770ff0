"""What a handler picks: typed parameters, only those that are open, and nothing that was settled before."""

from typing import Any

import pytest

from bot.domain.errors import RequestError
from bot.evidence.handler_words import Option, pick

OPTIONS = (
    Option("scale", {}, {"replicas": int}),
    Option("rollback", {"revision": "41"}),
    Option("evict", {}, {"pod": str}),
)


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ({"action": "scale", "params": {"replicas": 5}}, {"replicas": 5}),
        ({"action": "rollback"}, {"revision": "41"}),
        ({"action": "rollback", "params": {"revision": "41"}}, {"revision": "41"}),
        ({"action": "evict", "params": {"pod": "api-1"}}, {"pod": "api-1"}),
        ({"action": "none", "params": {"pod": "api-1"}}, {}),
    ],
)
def test_open_parameters_are_taken_and_settled_ones_come_along(given: Any, params: Any) -> None:
    picked = pick("X", given, OPTIONS)
    assert picked is not None
    assert (picked.params, picked.action or "none") == (params, given["action"])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"action": "scale", "params": {"replicas": "5"}}, "gave a replicas for scale that isn't a whole number"),
        ({"action": "scale", "params": {"replicas": True}}, "that isn't a whole number"),
        ({"action": "scale", "params": {"replicas": 5.0}}, "that isn't a whole number"),
        ({"action": "scale", "params": {"min": 1}}, "gave min, which scale doesn't take here"),
        ({"action": "rollback", "params": {"revision": "7"}}, "picked another revision for rollback than"),
        ({"action": "rollback", "params": {"revision": 41}}, "picked another revision for rollback than"),
        ({"action": "evict", "params": {"pod": "a\nb"}}, "isn't one line of at most 200 characters"),
        ({"action": "evict", "params": {"pod": " "}}, "isn't one line"),
        ({"action": "evict", "params": {"pod": "x" * 201}}, "isn't one line"),
        ({"action": "evict", "params": {"pod": ["api-1"]}}, "that isn't text"),
    ],
)
def test_what_would_widen_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        pick("X", given, OPTIONS)


def test_it_may_leave_it_to_the_playbook() -> None:
    assert pick("X", None, OPTIONS) is None
