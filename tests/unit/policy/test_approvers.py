"""Who may approve: only those whom APPROVERS names, and only when that can be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.approval import Principal
from bot.domain.decision import Decision, Rule
from bot.policy.approvers import GroupView, common, identity, may_approve, policy_text
from tests.unit.cluster_states import NOW

ANA = Principal("person:1", "U1", "ana")
FRESH = NOW - timedelta(minutes=2)


def ask(
    principal: Principal = ANA,
    approvers: tuple[str, ...] = ("U1",),
    groups: dict[str, GroupView] | None = None,
    requested_by: str = "fettle",
    self_approve: frozenset[str] = frozenset(),
) -> Decision:
    return may_approve(principal, approvers, groups or {}, NOW, requested_by, "restart", self_approve)


def test_a_named_person_may() -> None:
    assert ask().allowed


def test_nobody_configured_means_nobody_and_says_what_to_set() -> None:
    decision = ask(approvers=())
    assert decision.has(Rule.APPROVER)
    assert "APPROVERS" in decision.sentence


def test_a_person_who_is_not_named_may_not() -> None:
    decision = may_approve(
        ANA, ("U2", "S1"), {"S1": GroupView(frozenset(), NOW)}, NOW, "fettle", "restart", frozenset(), {"U2": "@li"}
    )
    assert decision.has(Rule.APPROVER)
    assert decision.sentence.endswith("Ask @li.")
    assert not ask(approvers=("U2",)).allowed


def test_whom_nobody_saw_yet_is_not_left_out_of_whom_to_ask() -> None:
    team = {"S1": GroupView(frozenset({"U2", "U3"}), NOW)}
    names = {"S1": "@sre-oncall", "U2": "@li"}
    decision = may_approve(ANA, ("S1",), team, NOW, "fettle", "restart", frozenset(), names)
    assert decision.sentence.endswith("Ask @li or another of them.")


@pytest.mark.parametrize(
    ("view", "allowed"),
    [
        (GroupView(frozenset({"U1"}), FRESH), True),
        (GroupView(frozenset({"U2"}), FRESH), False),
        (GroupView(frozenset({"U1"}), NOW - timedelta(minutes=3)), False),
        (GroupView(frozenset({"U1"}), None), False),
        (None, False),
    ],
    ids=["member", "not a member", "read 3 min ago", "never read", "unknown group"],
)
def test_group_members_may_while_the_group_was_read_within_three_minutes(view: GroupView | None, allowed: bool) -> None:
    assert ask(approvers=("S1",), groups={"S1": view} if view else {}).allowed is allowed


def test_an_unread_group_is_named_with_its_problem() -> None:
    decision = ask(approvers=("S1",), groups={"S1": GroupView(problem="Slack answered missing_scope.")})
    assert "missing_scope" in decision.sentence


def test_an_unread_group_does_not_bar_a_member_of_another() -> None:
    groups = {"S1": GroupView(), "S2": GroupView(frozenset({"U1"}), FRESH)}
    assert ask(approvers=("S1", "S2"), groups=groups).allowed


@pytest.mark.parametrize("flag", ["restricted", "stranger", "bot", "deleted"])
def test_only_living_full_members_of_this_organisation_may_even_when_named(flag: str) -> None:
    decision = ask(replace(ANA, **{flag: True}))
    assert decision.has(Rule.IDENTITY)
    assert not identity(replace(ANA, **{flag: True})).allowed


@pytest.mark.parametrize("field", ["id", "slack_id"])
def test_an_unknown_person_may_not(field: str) -> None:
    assert ask(replace(ANA, **{field: "", "name": ""})).has(Rule.IDENTITY)


def test_ones_own_request_needs_someone_else_unless_the_action_is_named() -> None:
    assert ask(requested_by="person:1").has(Rule.SELF_APPROVAL)
    assert ask(requested_by="person:1", self_approve=frozenset({"scale"})).has(Rule.SELF_APPROVAL)
    assert ask(requested_by="person:1", self_approve=frozenset({"restart"})).allowed


def test_self_approval_is_no_way_around_the_list() -> None:
    assert not ask(approvers=("U2",), requested_by="person:1", self_approve=frozenset({"restart"})).allowed


@pytest.mark.parametrize(
    ("approvers", "quorum", "line"),
    [
        ((), 1, "Nobody may approve: set APPROVERS to Slack user or group ids"),
        (("U1",), 1, "Needs the 1 approver"),
        (("U1", "U2"), 1, "Needs 1 of 2 approvers"),
        (("U1", "U2"), 2, "Needs 2 of 2 approvers"),
        (("S1",), 1, "Needs 1 of @sre-oncall"),
        (("S1",), 3, "Needs 3 of @sre-oncall"),
        (("S2",), 1, "Needs 1 of @S2"),
        (("U1",), 2, "Needs 2 people, and only 1 may approve"),
        (("U1", "U1"), 2, "Needs 2 people, and only 1 may approve"),
        (("U1", "S1"), 3, "Needs 3 of 2 approvers and groups"),
    ],
)
def test_the_card_says_who_may_approve(approvers: tuple[str, ...], quorum: int, line: str) -> None:
    assert policy_text(approvers, quorum, {"S1": "sre-oncall"}) == line


KNOWN = {"S1": GroupView(frozenset({"U1", "U3"}), FRESH), "S2": GroupView(frozenset({"U3", "U4"}), FRESH)}
STALE = {"S1": GroupView(frozenset({"U1"}), NOW - timedelta(hours=1))}


@pytest.mark.parametrize(
    ("lists", "groups", "left"),
    [
        ([("U1", "U2")], {}, ("U1", "U2")),
        ([("U1", "U2"), ("U2", "U9")], {}, ("U2",)),
        ([("U1",), ("U2",)], {}, ()),
        ([("U1", "U2"), ("U2",), ("U1",)], {}, ()),
        ([("S1", "U2"), ("S1",)], KNOWN, ("S1",)),
        ([("S1",), ("U1", "U4")], KNOWN, ("U1",)),
        ([("S1",), ("S2",)], KNOWN, ("U3",)),
        ([("S1",), ("U9",)], STALE, ("U9",)),
        ([("S1",), ("U9",)], {"S1": GroupView()}, ("U9",)),
        ([("U1",), ("S9",)], KNOWN, ()),
    ],
    ids=[
        "one list", "both", "nobody", "three lists", "a group of both", "members of the group", "of both groups",
        "read too long ago", "never read", "a group that nobody reads",
    ],
)  # fmt: skip
def test_the_card_names_whom_every_list_leaves(
    lists: list[tuple[str, ...]], groups: dict[str, GroupView], left: tuple[str, ...]
) -> None:
    """What isn't known of a group's members stays open for the press, which asks every list for itself."""
    assert common(lists, groups, NOW) == left


def test_a_refusal_says_which_list_it_is() -> None:
    decision = may_approve(ANA, ("U2",), {}, NOW, "fettle", "restart", frozenset(), listed_in="the annotation")
    assert decision.sentence.startswith("@ana, only those whom the annotation names may approve a restart.")
