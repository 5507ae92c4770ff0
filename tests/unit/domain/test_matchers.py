"""A silence's matchers cover the incident's own alerts, whatever stands in their labels, and no others."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import matchers
from bot.domain.errors import RequestError
from bot.domain.matchers import MOST, Matcher, build, cover, covers

CRASH = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-0", "severity": "warning"}
HOSTILE = st.text(
    alphabet=st.one_of(st.sampled_from(".*+?()[]{}|^$\\\"\n\t'`<>!=~,# aZ0é\u202e"), st.characters(codec="utf-8")),
    min_size=1,
    max_size=30,
)


def said(made: tuple[Matcher, ...]) -> list[str]:
    return [str(one) for one in made]


def test_one_alert_is_matched_by_equality_alone_alertname_and_namespace_first() -> None:
    assert said(build([CRASH])) == [
        'alertname="KubePodCrashLooping"', 'namespace="shop"', 'pod="api-0"', 'severity="warning"',
    ]  # fmt: skip


def test_several_values_of_a_label_are_quoted_alternatives() -> None:
    made = build([CRASH, {**CRASH, "pod": "api.1"}])
    assert said(made)[2] == 'pod=~"api-0|api\\\\.1"'
    assert not covers(made, {**CRASH, "pod": "apiX1"})


def test_a_label_that_some_lack_is_left_out() -> None:
    assert [one.name for one in build([CRASH, {**CRASH, "pod": "api-1", "team": "x"}])] == [
        "alertname", "namespace", "pod", "severity",
    ]  # fmt: skip


def test_who_measured_is_left_out_where_an_object_is_named_and_kept_where_none_is() -> None:
    seen = {"instance": "10.0.0.1:8080", "endpoint": "http", "uid": "u-1", "prometheus": "monitoring/k8s"}
    assert {one.name for one in build([{**CRASH, **seen}])} == CRASH.keys()
    about_instance = {key: value for key, value in CRASH.items() if key != "pod"} | seen
    assert "instance" in {one.name for one in build([about_instance])}


@pytest.mark.parametrize(
    ("alerts", "why"),
    [
        ([], "nothing to silence"),
        ([{**CRASH, "alertname": ""}], "alertname"),
        ([{key: value for key, value in CRASH.items() if key != "namespace"}], "namespace"),
        ([CRASH, {**CRASH, "namespace": "pay"}], "several namespaces"),
        ([{**CRASH, "pod": f"api-{number}"} for number in range(MOST + 1)], f"{MOST + 1} different values of pod"),
        ([CRASH, {"alertname": "X", "namespace": "shop", "deployment": "api"}], "don't all say"),
        ([CRASH, {"alertname": "X", "namespace": "shop", "service": "api"}], "don't all say"),
        ([{**CRASH, "pod": "p" * 1001}], "too long"),
        ([{**CRASH, "pod": "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"}], "secret"),
    ],
)
def test_what_would_be_too_wide_is_refused_with_what_to_do(alerts: list[Mapping[str, str]], why: str) -> None:
    with pytest.raises(RequestError, match=re.escape(why)):
        build(alerts)


def test_what_looks_like_a_secret_is_not_sent_where_it_names_nothing() -> None:
    assert said(build([{**CRASH, "password": "hunter22"}])) == said(build([CRASH]))


@given(st.lists(st.dictionaries(st.sampled_from(["pod", "severity", "reason", "cluster"]), HOSTILE), min_size=1))
def test_hostile_values_match_themselves_in_regex_and_equality_alike(extra: list[dict[str, str]]) -> None:
    """Python reads the quoted expression as RE2 does; the real Alertmanager is asked in another test."""
    alerts = [{**CRASH, **one} for one in extra]
    try:
        made = build(alerts)
    except RequestError:
        return
    assert {"alertname", "namespace", "pod"} <= {one.name for one in made}
    for one in made:
        assert one.values
        assert all(one.values)
        for labels in alerts:
            assert one.holds(labels)
            if one.regex:
                assert re.fullmatch(one.value, labels[one.name])
            else:
                assert one.value == labels[one.name]


@given(st.lists(HOSTILE, min_size=2, max_size=5, unique=True), HOSTILE)
def test_alternatives_match_no_other_value(values: list[str], other: str) -> None:
    matcher = Matcher("pod", tuple(values))
    assert bool(re.fullmatch(matcher.value, other)) == (other in values) == matcher.holds({"pod": other})


def test_without_matchers_nothing_is_covered() -> None:
    assert not covers((), CRASH)


def test_an_absent_label_is_never_matched() -> None:
    assert not covers(build([CRASH]), {key: value for key, value in CRASH.items() if key != "pod"})


def test_what_is_covered_beside_the_own_is_counted_and_strangers_are_named() -> None:
    bare = {"alertname": "HighErrorRate", "namespace": "shop"}
    firing = {
        "own": bare,
        "late": {**bare, "severity": "critical"},
        "web": {**bare, "deployment": "web"},
        "pay": {**bare, "namespace": "pay"},
    }
    found = cover(build([bare]), firing, ["own"])
    assert (found.own, found.beside, found.strangers) == (("own",), ("late",), ("HighErrorRate of deployment web",))


def test_the_same_measured_by_another_instance_is_no_stranger() -> None:
    firing = {"own": {**CRASH, "instance": "10.0.0.1"}, "twin": {**CRASH, "instance": "10.0.0.2"}}
    found = cover(build([firing["own"]]), firing, ["own"])
    assert (found.beside, found.strangers) == (("twin",), ())


def test_values_are_shown_as_alertmanager_writes_them() -> None:
    assert str(Matcher("reason", ('a"b\\c\nd',))) == 'reason="a\\"b\\\\c\\nd"'
    assert matchers.quoted("a.b|c") == "a\\.b\\|c"
