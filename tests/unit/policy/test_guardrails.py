"""What denies an action: one guard at a time on an otherwise allowed target, at each of the three points."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.decision import Rule
from bot.domain.keeper import Keeper
from bot.domain.narrowing import read
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.policy.guardrails import Facts, Point, check
from tests.unit.cluster_states import NOW, state

ALLOWING = Facts(
    mode="act",
    allowed_actions=frozenset({"restart"}),
    allowed_namespaces=frozenset({"shop"}),
    own_namespace="fettle",
    frozen=False,
    rights=True,
    approved_digest="d",
    current_digest="d",
    expires_at=NOW + timedelta(minutes=1),
)


def rules(facts: Facts = ALLOWING, target: TargetState | None = None, point: Point = Point.EXECUTE) -> set[Rule]:
    decision = check("restart", target or state(), facts, NOW, point)
    assert decision.allowed == (not decision.reasons)
    return {reason.rule for reason in decision.reasons}


@pytest.mark.parametrize("point", list(Point))
def test_nothing_against_it_allows(point: Point) -> None:
    assert check("restart", state(), ALLOWING, NOW, point).allowed


def test_facts_that_nobody_filled_in_deny() -> None:
    denied = rules(Facts())
    assert {Rule.MODE, Rule.ACTION, Rule.NAMESPACE, Rule.FROZEN, Rule.RIGHTS, Rule.EXPIRED, Rule.STALE} <= denied


FACTS = [
    ("observe mode", {"mode": "observe"}, Rule.MODE),
    ("unknown mode", {"mode": ""}, Rule.MODE),
    ("no actions", {"allowed_actions": frozenset()}, Rule.ACTION),
    ("no namespaces", {"allowed_namespaces": frozenset()}, Rule.NAMESPACE),
    ("own namespace", {"own_namespace": "shop"}, Rule.PROTECTED),
    ("another cluster", {"foreign_cluster": "eu-2"}, Rule.CLUSTER),
    ("frozen", {"frozen": True, "frozen_sentence": "Writes are frozen by @li."}, Rule.FROZEN),
    ("freeze unreadable", {"frozen": None}, Rule.FROZEN),
    ("no rights", {"rights": False}, Rule.RIGHTS),
    ("rights unreadable", {"rights": None}, Rule.RIGHTS),
    ("in flight", {"in_flight": "INC-3 already restarts shop/api."}, Rule.IN_FLIGHT),
    ("half read", {"read_problem": "The API server didn't answer in time."}, Rule.UNREADABLE),
]


@pytest.mark.parametrize("point", list(Point))
@pytest.mark.parametrize(("changes", "rule"), [row[1:] for row in FACTS], ids=[row[0] for row in FACTS])
def test_each_fact_denies_alone_at_every_point(changes: dict[str, object], rule: Rule, point: Point) -> None:
    assert rules(replace(ALLOWING, **changes), point=point) == {rule}


TARGETS = [
    ("kube-system", {"target": Target("Deployment", "kube-system", "dns", "u")}, Rule.PROTECTED),
    ("another namespace", {"target": Target("Deployment", "bank", "api", "u")}, Rule.NAMESPACE),
    ("no namespace", {"target": Target("Deployment", "", "api", "u")}, Rule.PROTECTED),
    ("no name", {"target": Target("Deployment", "shop", "", "u")}, Rule.PROTECTED),
    ("no uid", {"target": Target("Deployment", "shop", "api")}, Rule.PROTECTED),
    ("another kind", {"target": Target("Job", "shop", "api", "u")}, Rule.KIND),
    ("an operator's", {"owner": "Rollout shop/api"}, Rule.OWNER),
    ("paused", {"paused": True}, Rule.PAUSED),
    ("paused in the middle", {"paused": True, "updated": 0}, Rule.PAUSED),
    ("rolling out", {"updated": 2}, Rule.ROLLING_OUT),
    ("controller behind", {"observed_generation": 6}, Rule.ROLLING_OUT),
    ("old pods left", {"current": 7}, Rule.ROLLING_OUT),
    ("scaled to zero", {"replicas": 0, "updated": 0, "current": 0}, Rule.SCALED_TO_ZERO),
    ("on delete", {"strategy": "OnDelete", "updated": 0}, Rule.STRATEGY),
]


@pytest.mark.parametrize("point", list(Point))
@pytest.mark.parametrize(("changes", "rule"), [row[1:] for row in TARGETS], ids=[row[0] for row in TARGETS])
def test_each_state_of_the_target_denies_alone_at_every_point(
    changes: dict[str, object], rule: Rule, point: Point
) -> None:
    assert rules(target=state(**changes), point=point) == {rule}


def test_kube_system_stays_closed_even_when_the_setting_names_it() -> None:
    facts = replace(ALLOWING, allowed_namespaces=frozenset({"kube-system"}))
    assert rules(facts, state(target=Target("DaemonSet", "kube-system", "proxy", "u"))) == {Rule.PROTECTED}


def test_unavailable_pods_alone_are_no_rollout() -> None:
    assert rules(target=state(ready=0, available=0)) == set()


LATER = [
    ("expired", {"expires_at": NOW}, Rule.EXPIRED),
    ("without a time limit", {"expires_at": None}, Rule.EXPIRED),
    ("stale", {"current_digest": "other"}, Rule.STALE),
    ("nothing approved", {"approved_digest": "", "current_digest": ""}, Rule.STALE),
]


@pytest.mark.parametrize("point", [Point.APPROVE, Point.EXECUTE])
@pytest.mark.parametrize(("changes", "rule"), [row[1:] for row in LATER], ids=[row[0] for row in LATER])
def test_expiry_and_staleness_deny_from_the_approval_on(changes: dict[str, object], rule: Rule, point: Point) -> None:
    facts = replace(ALLOWING, **changes)
    assert rules(facts, point=point) == {rule}
    assert rules(facts, point=Point.PROPOSE) == set()


@pytest.mark.parametrize("observed_at", [None, NOW - timedelta(seconds=6)], ids=["unknown", "6 s"])
def test_facts_older_than_five_seconds_deny_the_effect_only(observed_at: object) -> None:
    old = state(observed_at=observed_at)
    assert rules(target=old) == {Rule.UNREADABLE}
    assert rules(target=old, point=Point.APPROVE) == set()


def test_an_unread_target_is_unreadable_and_not_stale() -> None:
    facts = replace(ALLOWING, read_problem="The API server didn't answer in time.", current_digest="")
    decision = check("restart", None, facts, NOW, Point.APPROVE)
    assert [reason.rule for reason in decision.reasons] == [Rule.UNREADABLE]
    assert "didn't answer in time" in decision.sentence


def test_a_target_that_is_gone_says_so() -> None:
    decision = check("restart", None, ALLOWING, NOW, "execute")
    assert [reason.rule for reason in decision.reasons] == [Rule.GONE]


def test_a_missing_right_without_a_sentence_names_the_role_to_apply() -> None:
    sentence = check("restart", state(), replace(ALLOWING, rights=False), NOW, Point.PROPOSE).sentence
    assert sentence == (
        "I may not restart workloads in shop. Apply the role fettle-patch in shop; the card will offer this again."
    )


def test_every_sentence_ends_and_holds_no_markup() -> None:
    for _, changes, _ in FACTS:
        for reason in check("restart", state(), replace(ALLOWING, **changes), NOW, Point.EXECUTE).reasons:
            assert reason.sentence.endswith("."), reason
            assert "!" not in reason.sentence
            assert "<" not in reason.sentence


@pytest.mark.parametrize("point", list(Point))
def test_a_verb_that_an_annotation_takes_away_is_denied_at_every_point(point: Point) -> None:
    narrowed = state(narrowing=read("namespace shop", {"fettle/deny": "scale,restart"}))
    decision = check("restart", narrowed, ALLOWING, NOW, point)
    assert [reason.rule for reason in decision.reasons] == [Rule.ANNOTATION]
    assert decision.sentence == "The annotation fettle/deny of namespace shop takes restart away from me."


@pytest.mark.parametrize("point", list(Point))
def test_an_annotation_that_can_not_be_understood_denies_at_every_point(point: Point) -> None:
    assert rules(target=state(narrowing=read("namespace shop", {"fettle/denny": "scale"})), point=point) == {
        Rule.ANNOTATION
    }


def test_annotations_that_were_not_read_deny() -> None:
    assert rules(target=state(narrowing=None)) == {Rule.UNREADABLE}


def test_annotations_give_nothing() -> None:
    """Whatever is written there, an action that the settings don't allow stays denied."""
    narrowed = state(narrowing=read("namespace shop", {"fettle/deny": "scale", "fettle/approvers": "U0ANA"}))
    assert rules(replace(ALLOWING, allowed_actions=frozenset()), narrowed) == {Rule.ACTION}


KEPT = Keeper("Argo CD", "Application shop-api")


@pytest.mark.parametrize("point", list(Point))
def test_a_rollback_of_what_git_keeps_is_refused_at_every_point_and_a_restart_is_not(point: Point) -> None:
    facts = replace(ALLOWING, allowed_actions=frozenset({"restart", "rollback"}))
    decision = check("rollback", state(keeper=KEPT), facts, NOW, point)
    assert [reason.rule for reason in decision.reasons] == [Rule.OWNER]
    assert decision.sentence == (
        "Argo CD (Application shop-api) keeps shop/api as it is written there and would take a rollback back at once. "
        "Revert it in Git."
    )
    assert check("restart", state(keeper=KEPT), facts, NOW, point).allowed


def test_where_the_owner_may_be_overridden_a_rollback_of_what_git_keeps_is_allowed() -> None:
    facts = replace(ALLOWING, allowed_actions=frozenset({"rollback"}), override_keepers=frozenset({"shop"}))
    assert check("rollback", state(keeper=KEPT), facts, NOW, Point.EXECUTE).allowed
    elsewhere = replace(facts, override_keepers=frozenset({"bank"}))
    assert not check("rollback", state(keeper=KEPT), elsewhere, NOW, Point.EXECUTE).allowed


def test_an_undo_goes_through_a_rollout_that_never_ends() -> None:
    """Pods that don't get ready are why it is undone; but what is paused is somebody's, unless it works there too."""
    for action, paused in (("restart", {Rule.PAUSED}), ("scale", set())):
        facts = replace(ALLOWING, allowed_actions=frozenset({action}), undo=True)
        stuck, still = state(updated=2), state(paused=True)
        found = check(action, stuck, facts, NOW, Point.EXECUTE)
        assert found.allowed, found.sentence
        assert {reason.rule for reason in check(action, still, facts, NOW, Point.EXECUTE).reasons} == paused
        asked = replace(facts, undo=False)
        assert check(action, stuck, asked, NOW, Point.EXECUTE).has(Rule.ROLLING_OUT)
        assert check(action, still, asked, NOW, Point.EXECUTE).has(Rule.PAUSED)
