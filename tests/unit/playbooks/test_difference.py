"""What changed is said in words, and what lets more be proposed or approved is never missed."""

import random
from typing import Any

import pytest

from bot.domain.finding import Cause, Confidence, Suggestion
from bot.domain.severity import Severity
from bot.playbooks.chosen import plan
from bot.playbooks.difference import diff, sentence
from tests.unit.playbooks.written import finding, playbook, set_of

RESTART = {"findings": {"crash_loop": ["restart"]}}


@pytest.mark.parametrize(
    ("before", "after", "words", "widens"),
    [
        ({}, RESTART, "may propose restart for crash_loop", True),
        (RESTART, {}, "no longer proposes restart for crash_loop", False),
        (RESTART, {"findings": {"crash_loop": []}}, "no longer proposes restart for crash_loop", False),
        ({}, {"findings": {"crash_loop": []}}, "names crash_loop, and proposes nothing for it", False),
        (
            {"findings": {"oom_killed": ["restart"], "oom_killed/leak": []}}, {"findings": {"oom_killed": ["restart"]}},
            "no longer names oom_killed/leak", True,
        ),
        (
            {"findings": {"saturation": [{"action": "scale", "params": {"replicas": 2}}]}},
            {"findings": {"saturation": [{"action": "scale", "params": {"replicas": 3}}]}},
            "scale for saturation takes other values", True,
        ),
        (
            RESTART, {"findings": {"crash_loop": [{"action": "restart", "unsuggested": True}]}},
            "is proposed even where the finding doesn't suggest it", True,
        ),
        (
            {"findings": {"crash_loop": [{"action": "restart", "unsuggested": True}]}}, RESTART,
            "only where the finding suggests it", False,
        ),
        (
            {"findings": {"crash_loop": [{"action": "restart", "guards": {"min_replicas": 3}}]}}, RESTART,
            "min_replicas of restart for crash_loop is not set", True,
        ),
        ({"guards": {"min_replicas": 3}}, {"guards": {"min_replicas": 2}}, "min_replicas is 2", True),
        ({"guards": {"min_replicas": 2}}, {"guards": {"min_replicas": 3}}, "min_replicas is 3", False),
        ({"guards": {"min_confidence": "high"}}, {"guards": {"min_confidence": "low"}}, "min_confidence is low", True),
        ({"guards": {"min_confidence": "high"}}, {}, "min_confidence is not set", True),
        ({}, {"guards": {"min_confidence": "low"}}, "min_confidence is low", False),
        ({"guards": {"deny": ["restart"]}}, {"guards": {"deny": ["scale"]}}, "deny is scale", True),
        ({"guards": {"deny": ["scale"]}}, {"guards": {"deny": ["scale", "restart"]}}, "deny is scale, restart", False),
        ({"guards": {"only_kinds": ["Deployment"]}}, {}, "only_kinds is empty", True),
        ({}, {"guards": {"only_kinds": ["Deployment"]}}, "only_kinds is Deployment", False),
        ({"guards": {"never_kinds": ["StatefulSet"]}}, {}, "never_kinds is empty", True),
        ({}, {"guards": {"never_kinds": ["StatefulSet"]}}, "never_kinds is StatefulSet", False),
        ({"approval": {"approvers": ["U1A"]}}, {}, "approvers are those of APPROVERS", True),
        (
            {"approval": {"approvers": ["U1A"]}}, {"approval": {"approvers": ["U1A", "U2B"]}},
            "approvers are U1A, U2B", True,
        ),
        ({"approval": {"approvers": ["U1A", "U2B"]}}, {"approval": {"approvers": ["U1A"]}}, "approvers are U1A", False),
        ({}, {"approval": {"approvers": ["U1A"]}}, "approvers are U1A", False),
        ({"approval": {"expires": "5m"}}, {"approval": {"expires": "10m"}}, "the time to approve is 600 s", True),
        ({"approval": {"expires": "5m"}}, {}, "that of APPROVAL_TTL", True),
        ({"approval": {"quorum": 2}}, {}, "1 person has to approve", True),
        ({"approval": {"quorum": 2}}, {"approval": {"quorum": 3}}, "3 people have to approve", False),
        ({}, {"approval": {"none": {"hourly": 2}}}, "act without an approval, 2 times an hour at most, 60 s", True),
        ({"approval": {"none": {"hourly": 2}}}, {}, "it acts with an approval only", False),
        ({"approval": {"none": {"hourly": 2}}}, {"approval": {"none": {"hourly": 3}}}, "3 times", True),
        ({"approval": {"none": {"hourly": 2}}}, {"approval": {"none": {"hourly": 1}}}, "once an hour", False),
        ({"approval": {"none": {"hourly": 1}}}, {"approval": {"none": {"hourly": 1, "delay": 30}}}, "30 s", True),
        ({}, {"approval": {"expires": "5m"}}, "the time to approve is 300 s", False),
        ({"match": {"alerts": ["A"]}}, {"match": {"alerts": ["A", "B"]}}, "is for other alerts", True),
        ({}, {"priority": 3}, "is for other alerts", True),
        ({"title": "One"}, {"title": "Two"}, "title changed", False),
        ({}, {"evidence": ["pods", "events"]}, "evidence changed", False),
        ({}, {"routing": {"channels": ["C0SHOP"]}}, "routing changed", False),
        ({}, {"severity": "SEV2"}, "severity changed", False),
        ({}, {"links": [{"title": "x", "url": "https://x.example"}]}, "links changed", False),
    ],
)  # fmt: skip
def test_a_change_is_said_and_marked_if_it_widens(
    before: dict[str, Any], after: dict[str, Any], words: str, widens: bool
) -> None:
    changes = diff(set_of(playbook("mine", **before)), set_of(playbook("mine", **after)))
    assert any(words in str(one) for one in changes), changes
    assert any(one.widens for one in changes) is widens, changes


def test_a_new_playbook_widens_if_it_proposes_and_one_that_is_gone_always_may() -> None:
    base = set_of()
    assert [str(one) for one in diff(base, set_of(playbook("p", **RESTART)))] == ["p: new, may propose restart"]
    (quiet,) = diff(base, set_of(playbook("p")))
    assert (quiet.what, quiet.widens) == ("new, proposes nothing", False)
    (gone,) = diff(set_of(playbook("p")), base)
    assert gone.widens


def test_two_sets_that_say_the_same_have_no_difference() -> None:
    assert diff(set_of(playbook("p", **RESTART)), set_of(playbook("p", **RESTART))) == ()


def test_whose_a_playbook_is_counts_as_a_change() -> None:
    (change,) = diff(set_of(playbook("p")), set_of(playbook("p"), own=("p",)))
    assert (str(change), change.widens) == ("p: comes from the folder now", False)


def test_many_changes_are_cut_and_counted() -> None:
    after = set_of(*(playbook(f"p{number:02}", **RESTART) for number in range(20)))
    told = sentence(diff(set_of(), after), only_widening=True)
    assert told.count("may propose restart") == 12
    assert told.endswith("; and 8 more")


def _random(seeded: random.Random) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    steps = [
        {
            "action": action,
            "unsuggested": seeded.random() < 0.2,
            "guards": {"min_replicas": seeded.randint(1, 4)} if seeded.random() < 0.4 else {},
        }
        for action in seeded.sample(["restart", "rollback", "scale"], seeded.randint(0, 3))
    ]
    keys["findings"] = {
        cause: steps for cause in ("crash_loop", "oom_killed", "oom_killed/leak") if seeded.random() < 0.7
    }
    guards: dict[str, Any] = {}
    if seeded.random() < 0.3:
        guards["deny"] = seeded.sample(["restart", "rollback", "scale"], seeded.randint(1, 2))
    if seeded.random() < 0.3:
        guards["only_kinds"] = seeded.sample(["Deployment", "StatefulSet"], seeded.randint(1, 2))
    if seeded.random() < 0.3:
        guards["never_kinds"] = ["StatefulSet"]
    if seeded.random() < 0.3:
        guards["min_confidence"] = seeded.choice(["low", "medium", "high"])
    keys["guards"] = guards
    return keys


def test_whatever_is_proposed_after_a_change_that_widens_nothing_was_allowed_before() -> None:
    """3,000 random pairs of playbooks, seed 5: a change that isn't marked never lets through what was refused."""
    seeded = random.Random(5)  # noqa: S311 - a seed that makes a failure come again
    unmarked = 0
    for _ in range(3000):
        before, after = playbook("p", **_random(seeded)), playbook("p", **_random(seeded))
        if any(one.widens for one in diff(set_of(before), set_of(after))):
            continue
        unmarked += 1
        for _ in range(10):
            suggested = [Suggestion(action, {}) for action in ("restart", "rollback", "scale") if seeded.random() < 0.6]
            found = finding(
                seeded.choice([Cause.CRASH_LOOP, Cause.OOM_KILLED]), *suggested,
                detail=seeded.choice(["", "leak"]), confidence=seeded.choice(list(Confidence)),
            )  # fmt: skip
            circumstances = {
                "kind": seeded.choice(["", "Deployment", "StatefulSet"]),
                "replicas": seeded.choice([None, 1, 3]),
            }
            allowed = {
                playbook_.title: {
                    one.suggestion.action
                    for action in ("restart", "rollback", "scale")
                    for one in plan(playbook_, [found], (action,), **circumstances).weighed
                    if not one.against
                }
                for playbook_ in (
                    before.model_copy(update={"title": "before"}),
                    after.model_copy(update={"title": "after"}),
                )
            }
            assert allowed["after"] <= allowed["before"], (before, after, found, circumstances)
    assert unmarked > 200
    assert set_of(before).choose({}, Severity.SEV3).name in {"p", "default"}
