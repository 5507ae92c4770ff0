"""From findings to one suggestion, and to a sentence for each that isn't made."""

from typing import Any

import pytest

from bot.domain.finding import Confidence, Suggestion
from bot.playbooks.chosen import Planned, picked, plan
from tests.unit.playbooks.written import finding, playbook

ALL = ("restart", "rollback", "evict", "scale")


def _planned(found: Any, steps: Any, available: tuple[str, ...] = ALL, *, kind: str = "", replicas: int | None = None,
             **keys: Any) -> Planned:  # fmt: skip
    mine = playbook(findings={found.cause.value: steps}, **keys)
    return plan(mine, [found], available, kind=kind, replicas=replicas)


def _action(planned: Planned) -> str:
    return planned.suggestion.action if planned.suggestion else ""


def test_the_findings_first_suggestion_that_the_playbook_names_is_proposed() -> None:
    """The finding saw how many pods are ill: its order counts, not the playbook's."""
    planned = _planned(finding("crash_loop", "evict", "restart"), ["restart", "evict"])
    assert _action(planned) == "evict"
    assert planned.why == "Evict helps."
    assert [(one.suggestion.action, bool(one.against)) for one in planned.weighed] == [
        ("evict", False),
        ("restart", True),
    ]


def test_only_the_first_finding_leads_to_a_proposal() -> None:
    """What would cure the second cause doesn't cure the first."""
    mine = playbook(findings={"config_missing": ["restart"], "crash_loop": ["restart"]})
    first = finding("config_missing", no_help="The Secret has to be made by a person.")
    planned = plan(mine, [first, finding("crash_loop", "restart")], ALL)
    assert planned.suggestion is None
    assert planned.why == "The Secret has to be made by a person."
    assert planned.finding is first


def test_nothing_found_is_said() -> None:
    assert plan(playbook(), [], ALL).why == "Nothing was found that explains these alerts."


def test_a_cause_that_the_playbook_does_not_name_leads_to_nothing() -> None:
    planned = plan(playbook(findings={"quota": []}), [finding("crash_loop", "restart")], ALL)
    assert planned.why == "The playbook mine proposes nothing for crash_loop."
    assert not planned.advice


@pytest.mark.parametrize(
    ("detail", "expected"),
    [("leak", "restart"), ("spike", "rollback"), ("", "rollback")],
    ids=["named", "other", "none"],
)
def test_a_detail_that_is_named_counts_alone(detail: str, expected: str) -> None:
    mine = playbook(findings={"oom_killed": ["rollback"], "oom_killed/leak": ["restart"]})
    found = finding("oom_killed", "restart", "rollback", detail=detail)
    assert _action(plan(mine, [found], ALL)) == expected


def test_what_fettle_cannot_do_is_advice_with_its_command_and_the_next_is_proposed() -> None:
    planned = _planned(finding("crash_loop", "rollback", "restart"), ["rollback", "restart"], ("restart",))
    assert _action(planned) == "restart"
    assert planned.advice == "Rollback would be better, but Fettle can't do this yet. By hand: kubectl rollback"


def test_where_nothing_else_helps_the_advice_stands_alone() -> None:
    planned = _planned(finding("image_pull", "set_image"), ["set_image"], ("restart",))
    assert planned.suggestion is None
    assert planned.why == "What helps here is set-image. Fettle can't do this yet."
    assert planned.advice == "Set image would help, but Fettle can't do this yet. By hand: kubectl set_image"


def test_what_the_settings_do_not_allow_is_advice_and_the_next_is_proposed() -> None:
    mine = playbook(findings={"crash_loop": ["rollback", "restart"]})
    found = [finding("crash_loop", "rollback", "restart")]
    planned = plan(mine, found, ALL, allowed=("restart",))
    assert _action(planned) == "restart"
    assert planned.advice == "Rollback would be better, but ALLOWED_ACTIONS doesn't name it. By hand: kubectl rollback"
    alone = plan(mine, [finding("crash_loop", "rollback")], ALL, allowed=("restart",))
    assert alone.why == "What helps here is rollback. ALLOWED_ACTIONS doesn't name it."


def test_what_the_playbook_forbids_is_not_advised() -> None:
    planned = _planned(finding("image_pull", "set_image", "rollback"), [], ("restart",))
    assert not planned.advice
    assert planned.why == (
        "The playbook mine doesn't propose set_image for image_pull. "
        "The playbook mine doesn't propose rollback for image_pull."
    )


def test_nothing_worse_is_advised_than_what_is_proposed() -> None:
    planned = _planned(finding("crash_loop", "restart", "rollback"), ["rollback", "restart"], ("restart",))
    assert _action(planned) == "restart"
    assert not planned.advice


def test_what_the_finding_does_not_suggest_is_not_proposed_unless_the_playbook_insists() -> None:
    found = finding("dependency_down", no_help="The database doesn't answer.")
    assert _planned(found, ["restart"]).why == "The database doesn't answer."
    planned = _planned(found, [{"action": "restart", "unsuggested": True}])
    assert _action(planned) == "restart"
    assert planned.why == "The playbook mine proposes it for dependency_down, the finding itself doesn't."


def test_what_is_insisted_on_comes_after_what_the_finding_suggests() -> None:
    planned = _planned(finding("saturation", "scale"), [{"action": "restart", "unsuggested": True}, "scale"])
    assert _action(planned) == "scale"


@pytest.mark.parametrize(
    ("guards", "kind", "replicas", "words"),
    [
        ({"deny": ["restart"]}, "Deployment", 3, "denies restart"),
        ({"only_kinds": ["Deployment"]}, "StatefulSet", 3, "is for Deployment only, and this is a StatefulSet"),
        ({"only_kinds": ["Deployment"]}, "", 3, "an unknown kind"),
        ({"never_kinds": ["StatefulSet"]}, "StatefulSet", 3, "is never for a StatefulSet"),
        ({"never_kinds": ["StatefulSet"]}, "", 3, "this kind isn't known"),
        ({"min_replicas": 3}, "Deployment", 2, "wants at least 3 replicas, and there are 2"),
        ({"min_replicas": 2}, "Deployment", 1, "wants at least 2 replicas, and there is 1"),
        ({"min_replicas": 1}, "Deployment", None, "how many there are isn't known"),
        ({"min_confidence": "high"}, "Deployment", 3, "wants a confidence of at least high, and this is medium"),
    ],
)
def test_a_guard_that_is_not_met_or_cannot_be_told_refuses(
    guards: dict[str, Any], kind: str, replicas: int | None, words: str
) -> None:
    planned = _planned(finding("crash_loop", "restart"), ["restart"], kind=kind, replicas=replicas, guards=guards)
    assert planned.suggestion is None
    assert words in planned.why
    if "deny" not in guards:  # the same guard at the one mitigation
        steps = [{"action": "restart", "guards": guards}]
        assert words in _planned(finding("crash_loop", "restart"), steps, kind=kind, replicas=replicas).why


def test_guards_that_are_met_let_pass() -> None:
    guards = {
        "only_kinds": ["Deployment"],
        "never_kinds": ["StatefulSet"],
        "min_replicas": 2,
        "min_confidence": "medium",
    }
    found = finding("crash_loop", "restart", confidence=Confidence.HIGH)
    assert _action(_planned(found, ["restart"], kind="Deployment", replicas=2, guards=guards)) == "restart"


def test_a_guard_of_one_mitigation_lets_the_next_pass() -> None:
    steps = [{"action": "evict", "guards": {"min_replicas": 5}}, "restart"]
    assert (
        _action(_planned(finding("crash_loop", "evict", "restart"), steps, kind="Deployment", replicas=2)) == "restart"
    )


def test_a_value_that_has_to_come_from_the_finding_must_be_there() -> None:
    steps = [{"action": "rollback", "params": {"revision": {"from": "finding"}}}]
    assert _planned(finding("bad_rollout", "rollback"), steps).why == "The finding doesn't say which revision to take."
    known = finding("bad_rollout", Suggestion("rollback", {"revision": "41"}, "41 was healthy", "kubectl rollout undo"))
    planned = _planned(known, steps)
    assert planned.suggestion is not None
    assert planned.suggestion.params == {"revision": "41"}
    assert planned.suggestion.by_hand == "kubectl rollout undo"


def test_a_fixed_value_wins_and_a_command_that_says_another_is_not_shown() -> None:
    found = finding("saturation", Suggestion("scale", {"replicas": 8}, "twice as many", "kubectl scale --replicas=8"))
    planned = _planned(found, [{"action": "scale", "params": {"replicas": 4}}])
    assert planned.suggestion is not None
    assert planned.suggestion.params == {"replicas": 4}
    assert not planned.suggestion.by_hand
    advice = _planned(found, [{"action": "scale", "params": {"replicas": 4}}], ()).advice
    assert advice == "Scale would help, but Fettle can't do this yet."


def test_who_may_approve_and_for_how_long_goes_with_the_proposal() -> None:
    planned = _planned(
        finding("crash_loop", "restart"),
        ["restart"],
        approval={"approvers": ["S0SHOP", "U0ANA"], "expires": "5m", "quorum": 2},
    )
    assert planned.alone is None
    alone = _planned(finding("crash_loop", "restart"), ["restart"], approval={"none": {"hourly": 3, "delay": "2m"}})
    assert alone.alone is not None
    assert (alone.alone.hourly, alone.alone.delay.total_seconds()) == (3, 120)
    assert planned.approvers == ("S0SHOP", "U0ANA")
    assert planned.quorum == 2
    assert planned.expires is not None
    assert planned.expires.total_seconds() == 300


def test_another_of_the_possible_ones_may_be_picked_and_all_that_narrows_stays() -> None:
    planned = _planned(
        finding("crash_loop", "evict", "restart", "scale"), ["restart", "evict"],
        approval={"approvers": ["U0ANA", "U0LI"], "expires": "5m", "quorum": 2},
    )  # fmt: skip
    assert [one.suggestion.action for one in planned.weighed if one.possible] == ["evict", "restart"]
    other = picked(planned, "restart", {}, "picked by the handler X: it is night")
    assert (_action(other), other.why) == ("restart", "Restart helps. Picked by the handler X: it is night.")
    assert (other.approvers, other.expires, other.quorum) == (planned.approvers, planned.expires, 2)
    none = picked(planned, "", {}, "the handler X proposes nothing")
    assert (none.suggestion, none.why, none.advice) == (None, "The handler X proposes nothing.", "")
