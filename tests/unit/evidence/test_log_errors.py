"""What Loki is asked stays inside its quotes whatever a label holds; which windows are counted."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.query import LogQuery
from bot.evidence import log_errors
from tests.chance import examples

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOSTILE = [
    '"} or {x=~".+"}', '"} | json #', "\\", '\\"', "a\nb", "`}", "$namespace", "$pods", ".*", "a|b", "(?i)x",
    "x{1,3}$^", "#", "[5m]", "{{__line__}}", "\x00", "größe", "\ud800", "\U0001f600", "a" * 3000,
]  # fmt: skip
ANYTHING = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.text(alphabet="\"'`\\\n${}|.*ab", max_size=20))
_STRING = r'"(?:[^"\\\n]|\\.)*"'


def whole(value: str) -> str:
    """As it can be sent at all: UTF-8 has no lone surrogates."""
    return "".join("\ufffd" if 0xD800 <= ord(one) <= 0xDFFF else one for one in value)


@settings(max_examples=examples(4000), deadline=None)
@given(
    namespace=ANYTHING.filter(bool),
    pods=st.lists(ANYTHING.filter(bool), max_size=3),
    workload=ANYTHING.filter(bool),
    error=ANYTHING.filter(lambda text: text and "$" not in text),
)
def test_no_label_and_no_pattern_ends_its_string(namespace: str, pods: list[str], workload: str, error: str) -> None:
    values = {"namespace": namespace, "pods": pods, "workload": workload, "kind": "StatefulSet"}
    expr = log_errors.errors(LogQuery(error=error), values)
    read = re.fullmatch(rf"\{{namespace=({_STRING}), pod=~({_STRING})\}}\n\|~ ({_STRING})", expr)
    assert read, expr
    assert expr.isascii()
    asked, pattern, words = (ast.literal_eval(text) for text in read.groups())
    assert (asked, words) == (whole(namespace), whole(error))
    for name in (*pods, f"{workload}-12"):
        assert re.fullmatch(pattern, whole(name), re.DOTALL)
    assert not re.fullmatch(pattern, f"{whole(workload)}-gateway-0", re.DOTALL) or pods


@pytest.mark.parametrize(
    ("kind", "ours", "others"),
    [
        ("Deployment", "api-7c9f6b5d8-x2x4z", "api-gateway-7c9f6b5d8-x2x4z"),
        ("StatefulSet", "api-11", "api-db-0"),
        ("DaemonSet", "api-x2x4z", "api-7c9f6b5d8-x2x4z"),
        ("Job", "api-x2x4z", "api-0"),
        ("CronJob", "api-29384756-x2x4z", "api-x2x4z"),
    ],
)
def test_pods_that_are_gone_are_known_by_how_their_kind_is_named(kind: str, ours: str, others: str) -> None:
    expr = log_errors.errors(LogQuery(), {"namespace": "shop", "workload": "api", "kind": kind})
    found = re.search(r'pod=~("[^"]*")', expr)
    assert found
    pattern = ast.literal_eval(found[1])
    assert re.fullmatch(pattern, ours)
    assert not re.fullmatch(pattern, others)


@pytest.mark.parametrize(
    ("since", "rolled_out", "found"),
    [
        (600, None, {"before": (2400, 600), "after": (600, 0)}),
        (5, None, {"before": (1805, 5), "after": (30, 0)}),
        (-60, None, {"before": (1800, 0), "after": (30, 0)}),
        (86400, None, {"before": (88200, 86400), "after": (21600, 0)}),
        (600, 900, {"before": (2400, 600), "after": (600, 0), "since_rollout": (900, 0)}),
        (600, 10, {"before": (2400, 600), "after": (600, 0)}),
        (600, 30000, {"before": (2400, 600), "after": (600, 0)}),
        (None, None, {"after": (1800, 0)}),
        (None, 30000, {"after": (1800, 0)}),
    ],
)
def test_windows_are_bounded_and_long_enough_for_a_rate(
    since: int | None, rolled_out: int | None, found: dict[str, tuple[int, int]]
) -> None:
    asked = log_errors.windows(
        NOW,
        None if since is None else NOW - timedelta(seconds=since),
        None if rolled_out is None else NOW - timedelta(seconds=rolled_out),
    )
    assert {one.name: tuple((NOW - at).total_seconds() for at in (one.start, one.end)) for one in asked} == found
