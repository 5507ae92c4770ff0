"""Rules take away: all that fit hold together, the strictest word counts, and what isn't known counts as meant."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.decision import Rule
from bot.domain.rules import Case, Environments, Match, Policy, PolicyRule
from bot.domain.severity import Severity
from bot.policy import rule_words
from bot.policy.rules import check, narrow

ROLLBACK = Case("rollback", "Deployment", "shop", Severity.SEV2, "prod")


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(), True),
        (Match(actions=("rollback",)), True),
        (Match(actions=("restart",)), False),
        (Match(namespaces=("pay-*", "sh?p")), True),
        (Match(namespaces=("pay-*",)), False),
        (Match(environments=("prod",)), True),
        (Match(environments=("test",)), False),
        (Match(severities=(Severity.SEV2,)), True),
        (Match(severities=(Severity.SEV1,)), False),
        (Match(kinds=("StatefulSet",)), False),
        (Match(("rollback",), ("shop",), ("prod",), (Severity.SEV2,), ("Deployment",)), True),
        (Match(("rollback",), ("shop",), ("prod",), (Severity.SEV2,), ("DaemonSet",)), False),
    ],
)
def test_a_rule_is_for_what_every_list_of_it_names(match: Match, fits: bool) -> None:
    assert match.fits(ROLLBACK) is fits


def test_a_namespace_whose_environment_is_not_known_counts_as_one_of_each() -> None:
    """Whoever takes a label away must not take a rule away with it."""
    unknown = Case("rollback", "Deployment", "shop", Severity.SEV2)
    assert Match(environments=("prod",)).fits(unknown)
    assert Match(environments=("test",)).fits(unknown)


@pytest.mark.parametrize(
    ("namespace", "labels", "environment"),
    [
        ("shop", {}, "prod"), ("shop", {"env": "test"}, "prod"), ("pay-1", {}, "prod"), ("web-test", {}, "test"),
        ("web", {"env": "dev"}, "dev"), ("web", {"other": "dev"}, ""), ("", {}, ""),
    ],
)  # fmt: skip
def test_the_mapping_wins_over_the_label(namespace: str, labels: dict[str, str], environment: str) -> None:
    told = Environments("env", (("prod", ("shop", "pay-*")), ("test", ("*-test",))))
    assert told.of(namespace, labels) == environment


STRICT = PolicyRule("strict", approvers=("S0SRE",), quorum=3, expires=timedelta(minutes=5), nudge=timedelta(minutes=1))
LAX = PolicyRule("lax", approvers=("U0ANA", "S0SRE"), quorum=2, expires=timedelta(minutes=9), require_reason=True)
OTHERS = PolicyRule("others", own=False, nudge=timedelta(minutes=4))


@pytest.mark.parametrize("order", list(permutations((STRICT, LAX, OTHERS))))
def test_of_several_rules_the_strictest_word_counts_in_any_order(order: tuple[PolicyRule, ...]) -> None:
    found = narrow(Policy(order), ROLLBACK)
    assert (found.quorum, found.expires, found.nudge) == (3, timedelta(minutes=5), timedelta(minutes=4))
    assert (found.wants_reason, found.not_own, found.wants_quorum) == ("lax", "others", "strict")
    assert dict(found.approvers) == {"strict": ("S0SRE",), "lax": ("U0ANA", "S0SRE")}
    assert found.names == tuple(rule.name for rule in order)


RULES = st.builds(
    PolicyRule,
    name=st.sampled_from(("a", "b", "c")),
    match=st.builds(Match, actions=st.sampled_from(((), ("rollback",), ("restart",)))),
    approvers=st.sampled_from(((), ("U0ANA",), ("S0SRE", "U0LI"))),
    quorum=st.integers(1, 5),
    own=st.booleans(),
    expires=st.none() | st.timedeltas(timedelta(minutes=1), timedelta(hours=1)),
    require_reason=st.booleans(),
    deny=st.sampled_from(("", "no")),
)


@given(st.lists(RULES, max_size=4), RULES)
def test_one_more_rule_never_lets_more_happen(rules: list[PolicyRule], more: PolicyRule) -> None:
    before, after = (narrow(Policy(tuple(found)), ROLLBACK) for found in (rules, [*rules, more]))
    assert after.quorum >= before.quorum
    assert before.expires is None or (after.expires is not None and after.expires <= before.expires)
    assert set(before.approvers) <= set(after.approvers)
    assert bool(after.wants_reason) >= bool(before.wants_reason)
    assert bool(after.not_own) >= bool(before.not_own)
    assert len(list(check(after, ROLLBACK))) >= len(list(check(before, ROLLBACK)))


def test_a_denial_names_the_rule_and_says_why() -> None:
    found = narrow(Policy((PolicyRule("no-db", deny="Ask the data team"), OTHERS)), ROLLBACK)
    (reason,) = check(found, ROLLBACK)
    assert reason.rule is Rule.POLICY
    assert reason.sentence == "The policy no-db denies rollback in shop: Ask the data team."


@pytest.mark.parametrize(
    ("rule", "people"),
    [
        (PolicyRule("a", approvers=("U1",)), True), (PolicyRule("a", quorum=2), True),
        (PolicyRule("a", require_reason=True), True), (PolicyRule("a", expires=timedelta(minutes=5)), False),
    ],
)  # fmt: skip
def test_a_rule_about_people_wants_one(rule: PolicyRule, people: bool) -> None:
    assert bool(narrow(Policy((rule,)), ROLLBACK).wants_people) is people


def test_a_policy_in_words_says_what_each_rule_takes() -> None:
    whole = PolicyRule(
        "r", Match(("rollback",), ("shop",), ("prod",), (Severity.SEV1,), ("DaemonSet",)), ("S0SRE",), 2, own=False,
        expires=timedelta(minutes=10), nudge=timedelta(seconds=90), require_reason=True, deny="Never.",
    )  # fmt: skip
    told = rule_words.lines(Policy((whole,), (), Environments("env", (("prod", ("shop",)),)), ("S0LEADS",)))
    assert told == (
        (
            "rule r: rollback in shop in the environment prod for SEV1 of a DaemonSet: denied (Never), only S0SRE may "
            "approve, 2 different people, nobody approves a request of their own, each approval with a reason, within "
            "10 min, reminded 90 s before the end"
        ),
        "environment prod: shop",
        "environment: the label env of the namespace",
        "break glass: S0LEADS",
    )
