"""Places of a query: only where they can be quoted, and then whatever a label holds stays inside its matcher."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import RequestError
from bot.integrations import promql
from tests.chance import examples

HOSTILE = [
    '"} or up{x="',
    "\\",
    "\\\\",
    '\\"',
    "a\nb",
    "\r\n\t\x00",
    "$namespace",
    "$1${2}",
    "`}",
    "'",
    ".*",
    "a|b",
    "(?i)x",
    "[a-z]+",
    "x{1,3}$^",
    "#",
    "{{ $labels.pod }}",
    "größe",
    "名前",
    "\ud800",
    "\ufffd",
    "\U0001f600",
    "<!channel>",
    "a" * 5000,
]
ANYTHING = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60), st.text(alphabet="\"'`\\\n${}|.*ab", max_size=20))


def inside(filled: str, name: str) -> str:
    """What the matcher of this label holds, read back as Go and Python both read a quoted string."""
    found = re.fullmatch(rf'up\{{{name}(?:=~|=)("(?:[^"\\\n]|\\.)*")\}}', filled)
    assert found, filled
    return str(ast.literal_eval(found[1]))


def whole(value: str) -> str:
    """As it can be sent at all: UTF-8 has no lone surrogates."""
    return "".join("\ufffd" if 0xD800 <= ord(one) <= 0xDFFF else one for one in value)


@settings(max_examples=examples(4000), deadline=None)
@given(value=ANYTHING.filter(bool))
def test_a_value_stays_inside_its_matcher_and_is_read_back_as_it_was(value: str) -> None:
    filled = promql.fill('up{namespace="$namespace"}', {"namespace": value})
    assert inside(filled, "namespace") == whole(value)
    assert filled.isascii()


@settings(max_examples=examples(4000), deadline=None)
@given(value=ANYTHING.filter(bool), other=st.text(max_size=20))
def test_in_a_regular_expression_a_value_matches_itself_and_nothing_else(value: str, other: str) -> None:
    pattern = inside(promql.fill('up{pod=~"$pod"}', {"pod": value}), "pod")
    assert re.fullmatch(pattern, whole(value), re.DOTALL)
    assert (re.fullmatch(pattern, other, re.DOTALL) is not None) == (other == whole(value))


@settings(max_examples=examples(1200), deadline=None)
@given(names=st.lists(ANYTHING.filter(bool), min_size=1, max_size=4))
def test_pods_match_each_of_the_names(names: list[str]) -> None:
    for query in ('up{pod=~"$pods"}', 'up{pod=~"x-$pods-y"}'):
        pattern = inside(promql.fill(query, {"pods": names}), "pod")
        for name in names:
            text = whole(name) if "x-" not in query else f"x-{whole(name)}-y"
            assert re.fullmatch(pattern, text, re.DOTALL)


@settings(max_examples=examples(2000), deadline=None)
@given(expr=st.text(alphabet="up{}()=~!\"'`\\#\n$namespoxdl_1 |,[5m]", max_size=60), value=ANYTHING.filter(bool))
def test_what_check_takes_fill_takes_and_what_it_refuses_fill_refuses(expr: str, value: str) -> None:
    values = dict.fromkeys(promql.PLACES, value) | {"label_x": value, "pods": [value]}
    try:
        promql.check(expr)
    except RequestError:
        with pytest.raises(RequestError):
            promql.fill(expr, values)
        return
    for name in promql.places(expr):
        values.setdefault(name, value)
    assert promql.balanced(promql.fill(expr, values))


@pytest.mark.parametrize(
    "expr",
    [
        'sum by (pod) (rate(x_total{namespace="$namespace", pod=~"$pods"}[5m]))',
        "up{namespace='$namespace'}",
        'up{namespace!="$namespace"} # a comment with a string that does not "end',
        'label_replace(up{pod=~"$pods"}, "x", "$1", "pod", "(.*)-.*")',
        'up{team="$label_team"}',
        'vector(0) or up{pod=~"$workload-[a-z]+$"}',
        '{namespace="$namespace"} |= "$pod" |~ `literal $`',
        '{"my.metric", "my.label"="$namespace"}',
    ],
)
def test_places_in_matchers_are_fine(expr: str) -> None:
    promql.check(expr)


@pytest.mark.parametrize(
    ("expr", "told"),
    [
        ("up{namespace=$namespace}", "$namespace stands outside quotes"),
        ("up # $namespace", "$namespace stands outside quotes"),
        ("rate(x[$__rate_interval])", "$__rate_interval stands outside quotes"),
        ('label_replace(up, "x", "$namespace", "y", "")', "in a string that isn't a matcher's value"),
        ('up{namespace="$namespce"}', "did you mean $namespace?"),
        ('up{namespace="$zzz"}', "$zzz is no place: there are $namespace"),
        ('up{namespace="${namespace}"}', "without braces"),
        ("up{namespace=`$namespace`}", "stands in backquotes"),
        ('up{pod="$pods"}', "$pods matches several names"),
        ('up{pod="a', "A string of the query doesn't end"),
        ('up{pod="a\n"}', "A string of the query doesn't end"),
        ("", "The query is empty"),
        ("a" * 9000, "longer than 8192"),
    ],
)
def test_what_can_not_be_quoted_is_refused_when_it_is_loaded(expr: str, told: str) -> None:
    with pytest.raises(RequestError) as refused:
        promql.check(expr)
    assert told in str(refused.value)


@pytest.mark.parametrize("values", [{}, {"namespace": ""}, {"pods": []}])
def test_an_unknown_or_empty_place_is_refused_since_it_would_match_everything(values: promql.Values) -> None:
    with pytest.raises(RequestError, match=r"needs \$(namespace|pods), which isn't known here"):
        promql.fill('up{namespace="$namespace", pod=~"$pods"}', values)


def test_one_value_is_filled_into_all_its_places() -> None:
    expr = 'a{namespace="$namespace"} / b{namespace="$namespace", pod=~"$workload-.*"}'
    filled = promql.fill(expr, {"namespace": "shop", "workload": "api.v2"})
    assert filled == 'a{namespace="shop"} / b{namespace="shop", pod=~"api\\\\.v2-.*"}'
    assert promql.places(expr) == {"namespace", "workload"}


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("up == 0", ("up", 0.0)),
        ("rate(errors_total[5m]) > 0.05", ("rate(errors_total[5m])", 0.05)),
        ('sum(x{a="b > 3"}) by (c) >= 1e3', ('sum(x{a="b > 3"}) by (c)', 1000.0)),
        ("a / on (x) b < -1.5", ("a / on (x) b", -1.5)),
        ("(a > 1) < 5", ("(a > 1)", 5.0)),
        ("a > 1 and b > 2", None),
        ("a and b > 2", None),
        ("(a and b) > 2", ("(a and b)", 2.0)),
        ("a > bool 1", None),
        ("5 < a", None),
        ("up", None),
        ("> 5", None),
        ('up{x=~"a"}', None),
    ],
)
def test_one_plain_comparison_is_taken_apart(expr: str, found: tuple[str, float] | None) -> None:
    assert promql.comparison(expr) == found
