"""Each guard of a silence denies by itself, with a sentence that says what to do; what isn't known denies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import narrowing
from bot.domain.decision import Rule
from bot.policy.silences import Case, check, may_write

GOOD = Case(
    "INC-42",
    mode="act",
    actions=frozenset({"silence"}),
    namespaces=frozenset({"shop"}),
    own_namespace="fettle",
    namespace="shop",
    alertmanager=True,
    open=True,
    frozen=False,
    narrowing=narrowing.Narrowing(),
    lasting=timedelta(hours=2),
    longest=timedelta(hours=4),
)

AGAINST = [
    ({"mode": "observe"}, Rule.MODE, "MODE=act"),
    ({"actions": frozenset({"restart"})}, Rule.ACTION, "Add silence to ALLOWED_ACTIONS"),
    ({"alertmanager": False}, Rule.UNREADABLE, "ALERTMANAGER_URL"),
    ({"foreign_cluster": "eu-2"}, Rule.CLUSTER, "eu-2"),
    ({"open": False}, Rule.SETTLED, "already resolved"),
    ({"namespace": ""}, Rule.NAMESPACE, "name no namespace"),
    ({"namespace": "pay"}, Rule.NAMESPACE, "Add pay to ALLOWED_NAMESPACES"),
    ({"namespace": "kube-system", "namespaces": frozenset({"kube-system"})}, Rule.PROTECTED, "kube-system"),
    ({"namespace": "fettle", "namespaces": frozenset({"fettle"})}, Rule.PROTECTED, "fettle"),
    ({"held": "INC-42 is silenced already."}, Rule.IN_FLIGHT, "silenced already"),
    ({"frozen": True, "frozen_sentence": "Frozen by ana."}, Rule.FROZEN, "Frozen by ana"),
    ({"frozen": None}, Rule.FROZEN, "can't read whether writes are frozen"),
    ({"narrowing": None}, Rule.UNREADABLE, "annotations"),
    ({"narrowing": narrowing.read("namespace shop", {"fettle/deny": "silence"})}, Rule.ANNOTATION, "namespace shop"),
    ({"narrowing": narrowing.read("namespace shop", {"fettle/deny": "all"})}, Rule.ANNOTATION, "takes silence away"),
    ({"narrowing": narrowing.read("namespace shop", {"fettle/deny": "silense"})}, Rule.ANNOTATION, "did you mean"),
    ({"lasting": timedelta(hours=4, seconds=1)}, Rule.RATE, "4 h at most (SILENCE_MAX)"),
    ({"lasting": timedelta(seconds=30)}, Rule.RATE, "1 min at least"),
]


def test_nothing_against_it_lets_it_be() -> None:
    assert check(GOOD).allowed
    assert check(replace(GOOD, lasting=None)).allowed


@pytest.mark.parametrize(("change", "rule", "words"), AGAINST, ids=lambda value: str(value)[:40])
def test_each_guard_denies_by_itself(change: dict[str, object], rule: Rule, words: str) -> None:
    decision = check(replace(GOOD, **change))  # type: ignore[arg-type]
    assert [reason.rule for reason in decision.reasons] == [rule]
    assert words in decision.sentence


def test_what_nobody_told_denies() -> None:
    rules = {reason.rule for reason in check(Case("INC-1")).reasons}
    assert {Rule.MODE, Rule.ACTION, Rule.UNREADABLE, Rule.SETTLED, Rule.NAMESPACE, Rule.FROZEN} <= rules


@pytest.mark.parametrize(("mode", "frozen"), [("observe", False), ("act", True), ("act", None)])
def test_nothing_is_sent_while_frozen_or_only_observing(mode: str, frozen: bool | None) -> None:
    assert not may_write(mode, frozen, "").allowed
    assert may_write("act", False, "").allowed  # noqa: FBT003 - the switch
