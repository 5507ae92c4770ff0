"""Small words: targets, references, decisions, messages, errors."""

import pytest

from bot.domain import errors
from bot.domain.decision import ALLOWED, Decision, Reason, Rule, deny
from bot.domain.incident import parse_ref
from bot.domain.owed import Priority
from bot.domain.target import Target, parse_key


def test_a_target_has_a_reference_a_label_and_a_key() -> None:
    target = Target("Deployment", "shop", "api", "u1")
    assert (target.ref, target.label, target.key) == ("shop/api", "Deployment shop/api", "Deployment/shop/api")
    assert parse_key(target.key) == target.with_uid("")
    assert Target("Node", "", "n1").ref == "n1"
    assert parse_key(Target("Node", "", "n1").key) == Target("Node", "", "n1")


@pytest.mark.parametrize("key", ["", "Deployment", "Deployment/shop"])
def test_half_a_key_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        parse_key(key)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("INC-42", 42), ("inc-42", 42), ("#42", 42), (" 42 ", 42), ("0", None), ("INC-0", None), ("-1", None),
        ("INC-", None), ("", None), ("42a", None), ("9" * 10, None), ("4²", None), ("four", None),
    ],
)  # fmt: skip
def test_how_people_name_an_incident(text: str, number: int | None) -> None:
    assert parse_ref(text) == number


def test_a_decision_allows_only_without_a_reason() -> None:
    assert ALLOWED.allowed
    assert ALLOWED.sentence == ""
    assert not deny(Rule.FROZEN, "Frozen.").allowed


def test_any_reason_of_either_denies_and_both_are_said() -> None:
    both = deny(Rule.FROZEN, "Frozen.") + Decision((Reason(Rule.STALE, "Stale."),), ("careful",), "Needs 1")
    assert both.sentence == "Frozen. Stale."
    assert (both.has(Rule.STALE), both.has(Rule.GONE)) == (True, False)
    assert (both.warnings, both.policy) == (("careful",), "Needs 1")
    assert not (ALLOWED + deny(Rule.GONE, "Gone.")).allowed


def test_an_answer_to_a_press_goes_before_everything_and_the_thread_last() -> None:
    assert [one.rank for one in Priority] == [0, 1, 2, 3, 4]
    assert min(Priority, key=lambda one: one.rank) is Priority.PRESS
    assert max(Priority, key=lambda one: one.rank) is Priority.THREAD


def _all(base: type[errors.FettleError]) -> set[type[errors.FettleError]]:
    return {base} | {found for child in base.__subclasses__() for found in _all(child)}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """A module's own name for one of them, which nobody else sees, is no part of the tree."""
    drawn = errors.__doc__ or ""
    for found in _all(errors.FettleError):
        assert found.__name__ in drawn or found.__name__.startswith("_")


def test_only_what_may_have_acted_says_so() -> None:
    acted = {errors.OutcomeUnknownError, errors.PartDoneError, errors.StoppedError}
    assert {found for found in _all(errors.FettleError) if found.may_have_acted} == acted
    assert not any(found.retry and found.may_have_acted for found in _all(errors.FettleError))
    assert {found for found in _all(errors.FettleError) if found.retry} == _all(errors.UnavailableError)


def test_settings_errors_are_said_all_at_once() -> None:
    assert str(errors.ConfigError(["A is wrong.", "B is missing."])) == "A is wrong. B is missing."
    assert errors.SlackUnavailableError("wait", 3.0).retry_after == 3.0
    assert errors.RejectedError("no", "invalid_blocks").code == "invalid_blocks"
