"""Rights in words, and which of those that are granted are too many."""

from bot.domain.mitigation import Action
from bot.kube.rights import Grant
from bot.rights import NEEDED, OPTIONAL, TOO_MUCH, excess, grave, needed_to_act, words


def test_what_is_needed_is_no_excess_and_neither_is_what_everybody_may() -> None:
    held = [Grant((verb,), (group,), (resource,)) for verb, group, resource in NEEDED]
    held.append(Grant(("create",), ("authorization.k8s.io",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")))
    assert excess(held, NEEDED) == frozenset()
    patch = needed_to_act([Action.RESTART]) - NEEDED
    assert {verb for verb, _, _ in patch} == {"patch"}
    assert excess([Grant(("patch",), ("apps",), ("deployments",))], NEEDED) <= patch


def test_a_wildcard_is_told_as_one() -> None:
    (all_of_it,) = excess([Grant(("*",), ("*",), ("*",))], NEEDED)
    assert (words([all_of_it]), grave(all_of_it)) == ("do anything with everything", True)
    assert words([("get", "apps", "*")]) == "get everything of apps"


def test_the_worst_are_grave_and_reading_more_is_not() -> None:
    assert all(map(grave, TOO_MUCH))
    for right in (("get", "", "secrets"), ("get", "", "pods/exec"), ("get", "", "nodes/proxy"), ("bind", "x", "roles")):
        assert grave(right)
    for right in (("list", "", "configmaps"), ("watch", "", "pods"), ("get", "", "pods/log")):
        assert not grave(right)
    assert OPTIONAL < NEEDED
    assert not NEEDED & set(TOO_MUCH)


def test_words_put_alike_together_secrets_first_and_count_the_rest() -> None:
    rights = [("list", "", "pods"), ("list", "apps", "deployments"), ("get", "", "secrets"), ("list", "", "secrets")]
    assert words(rights) == "get, list secrets; list pods, deployments"
    many = [("get", "", f"kind{number:02}") for number in range(9)]
    assert words(many, most=2) == "get kind00, kind01; and 7 more"
