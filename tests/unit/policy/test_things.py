"""What is no workload has guards of its own: a table of states, each with the rule that refuses it, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.mitigation import Action
from bot.domain.narrowing import Narrowing
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.domain.thing import ClaimSeen, CronSeen, JobSeen, NodeSeen, Thing
from bot.policy import approvers, guardrails, volume_growth
from bot.policy.guardrails import Facts, Point
from bot.policy.nodes import Nodes

NOW = datetime(2026, 11, 26, 3, 14, tzinfo=UTC)
CRON = CronSeen("nightly", "c1", "x", safe=True, schedule="0 3 * * *")
FAILED = JobSeen("failed")
CLAIM = ClaimSeen("Bound", "10Gi", 10.0, 10.0, "fast", expandable=True)
NODE = NodeSeen(unschedulable=False, ready=True, others=1)
CORDONED = replace(NODE, unschedulable=True)
WORKERS = Nodes("pool=workers")


def state(target: Target, thing: Thing, **changes: Any) -> TargetState:
    known = TargetState(
        target, "cluster", 0, 0, 1, 1, 1, 1, 1, paused=False, template_hash="h", strategy="", observed_at=NOW,
        narrowing=Narrowing(), labels={"pool": "workers"}, thing=thing,
    )  # fmt: skip
    return replace(known, **changes)


def facts(action: Action, **changes: Any) -> Facts:
    every = frozenset(str(one) for one in Action)
    known = Facts(
        mode="act", allowed_actions=every, allowed_namespaces=frozenset({"shop"}), own_namespace="fettle", frozen=False,
        rights=True, approved_digest="d", current_digest="d", expires_at=NOW + timedelta(minutes=5), nodes=WORKERS,
    )  # fmt: skip
    assert str(action) in every
    return replace(known, **changes)


JOB = Target("Job", "shop", "nightly-1", "j1")
CRONJOB = Target("CronJob", "shop", "nightly", "c1")
WORKER = Target("Node", "", "worker-1", "n1")
VOLUME = Target("PersistentVolumeClaim", "shop", "data-db-0", "p1")

CASES: list[tuple[str, Action, Target, Thing, Rule | None]] = [
    ("run", Action.RERUN_JOB, JOB, Thing(FAILED, CRON), None),
    ("run of a cronjob", Action.RERUN_JOB, CRONJOB, Thing(cron=CRON), None),
    ("no cronjob", Action.RERUN_JOB, JOB, Thing(FAILED), Rule.STATE),
    ("going", Action.RERUN_JOB, JOB, Thing(FAILED, CRON, going=True), Rule.STATE),
    ("cronjob going", Action.RERUN_JOB, JOB, Thing(FAILED, replace(CRON, going=True)), Rule.STATE),
    ("not safe", Action.RERUN_JOB, JOB, Thing(FAILED, replace(CRON, safe=False)), Rule.ANNOTATION),
    ("suspended", Action.RERUN_JOB, JOB, Thing(FAILED, replace(CRON, suspended=True)), Rule.PAUSED),
    (
        "forbid",
        Action.RERUN_JOB,
        JOB,
        Thing(FAILED, replace(CRON, active=("x",), concurrency="Forbid")),
        Rule.IN_FLIGHT,
    ),
    (
        "replace",
        Action.RERUN_JOB,
        JOB,
        Thing(FAILED, replace(CRON, active=("x",), concurrency="Replace")),
        Rule.IN_FLIGHT,
    ),
    ("beside", Action.RERUN_JOB, JOB, Thing(FAILED, replace(CRON, active=("x",))), None),
    ("forbid and none", Action.RERUN_JOB, JOB, Thing(FAILED, replace(CRON, concurrency="Forbid")), None),
    ("delete", Action.DELETE_FAILED_JOB, JOB, Thing(FAILED, CRON), None),
    ("completed", Action.DELETE_FAILED_JOB, JOB, Thing(JobSeen("complete"), CRON), Rule.STATE),
    ("running", Action.DELETE_FAILED_JOB, JOB, Thing(JobSeen("", active=1), CRON), Rule.STATE),
    ("pods left", Action.DELETE_FAILED_JOB, JOB, Thing(JobSeen("failed", active=1), CRON), Rule.ROLLING_OUT),
    ("by hand", Action.DELETE_FAILED_JOB, JOB, Thing(FAILED), Rule.ANNOTATION),
    ("by hand and safe", Action.DELETE_FAILED_JOB, JOB, Thing(JobSeen("failed", disposable=True)), None),
    ("a cronjob", Action.DELETE_FAILED_JOB, CRONJOB, Thing(cron=CRON), Rule.KIND),
    ("expand", Action.EXPAND_VOLUME, VOLUME, Thing(claim=CLAIM), None),
    ("pending", Action.EXPAND_VOLUME, VOLUME, Thing(claim=replace(CLAIM, phase="Pending")), Rule.STATE),
    ("fixed class", Action.EXPAND_VOLUME, VOLUME, Thing(claim=replace(CLAIM, expandable=False)), Rule.STATE),
    ("class unread", Action.EXPAND_VOLUME, VOLUME, Thing(claim=replace(CLAIM, expandable=None)), Rule.UNREADABLE),
    ("resizing", Action.EXPAND_VOLUME, VOLUME, Thing(claim=replace(CLAIM, resizing="Resizing")), Rule.ROLLING_OUT),
    ("claim going", Action.EXPAND_VOLUME, VOLUME, Thing(claim=CLAIM, going=True), Rule.STATE),
    ("cordon", Action.CORDON, WORKER, Thing(node=NODE), None),
    ("uncordon", Action.UNCORDON, WORKER, Thing(node=CORDONED), None),
    ("cordoned", Action.CORDON, WORKER, Thing(node=CORDONED), Rule.STATE),
    ("not cordoned", Action.UNCORDON, WORKER, Thing(node=NODE), Rule.STATE),
    ("last", Action.CORDON, WORKER, Thing(node=replace(NODE, others=0)), Rule.PROTECTED),
    ("last, back", Action.UNCORDON, WORKER, Thing(node=replace(CORDONED, others=0)), None),
    ("others unread", Action.CORDON, WORKER, Thing(node=replace(NODE, others=None)), Rule.UNREADABLE),
    ("control plane", Action.CORDON, WORKER, Thing(node=replace(NODE, control_plane="x")), Rule.PROTECTED),
    ("control plane, back", Action.UNCORDON, WORKER, Thing(node=replace(CORDONED, control_plane="x")), Rule.PROTECTED),
]


@pytest.mark.parametrize(("name", "action", "target", "thing", "rule"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("point", Point)
def test_each_state_is_refused_by_its_rule_at_all_three_points(
    name: str, action: Action, target: Target, thing: Thing, rule: Rule | None, point: Point
) -> None:
    decision = guardrails.check(str(action), state(target, thing), facts(action), NOW, point)
    assert [reason.rule for reason in decision.reasons] == ([rule] if rule else []), (name, decision.sentence)


@pytest.mark.parametrize(
    ("target", "changes", "rule"),
    [
        (Target("Node", "shop", "worker-1", "n1"), {}, Rule.PROTECTED),
        (Target("Node", "", "worker-1", ""), {}, Rule.PROTECTED),
        (Target("Job", "", "nightly-1", "j1"), {}, Rule.PROTECTED),
        (Target("Job", "kube-system", "nightly-1", "j1"), {}, Rule.PROTECTED),
        (Target("Job", "fettle", "nightly-1", "j1"), {}, Rule.PROTECTED),
        (Target("Job", "pay", "nightly-1", "j1"), {}, Rule.NAMESPACE),
    ],
    ids=["node in a namespace", "no uid", "job in none", "control plane's", "own", "another"],
)
def test_an_object_has_a_namespace_that_is_allowed_or_none_where_its_kind_has_none(
    target: Target, changes: dict[str, Any], rule: Rule
) -> None:
    action = Action.CORDON if target.kind == "Node" else Action.DELETE_FAILED_JOB
    thing = Thing(node=NODE) if target.kind == "Node" else Thing(FAILED, CRON)
    decision = guardrails.check(str(action), state(target, thing, **changes), facts(action), NOW, "propose")
    assert decision.has(rule)


@pytest.mark.parametrize("action", [Action.RESTART, Action.ROLLBACK])
def test_a_workload_s_verb_fits_no_job_node_or_claim(action: Action) -> None:
    for target, thing in ((JOB, Thing(FAILED, CRON)), (WORKER, Thing(node=NODE)), (VOLUME, Thing(claim=CLAIM))):
        assert guardrails.check(str(action), state(target, thing), facts(action), NOW, "propose").has(Rule.KIND)


@pytest.mark.parametrize(
    ("nodes", "rule"),
    [
        (Nodes(), Rule.PROTECTED),
        (Nodes("pool=gpu"), Rule.PROTECTED),
        (Nodes("pool=workers", other_at=NOW - timedelta(minutes=59)), Rule.RATE),
        (Nodes("pool=workers", other_at=NOW - timedelta(minutes=60)), None),
        (Nodes("pool=workers", other_at=NOW - timedelta(minutes=1), undo=True), None),
    ],
    ids=["none", "another pool", "within the hour", "after it", "an undo"],
)
def test_a_node_is_selected_and_one_an_hour(nodes: Nodes, rule: Rule | None) -> None:
    decision = guardrails.check(
        "cordon", state(WORKER, Thing(node=NODE)), facts(Action.CORDON, nodes=nodes), NOW, "execute"
    )
    assert [reason.rule for reason in decision.reasons] == ([rule] if rule else [])


def test_an_uncordon_is_not_held_up_by_another_node() -> None:
    nodes = replace(WORKERS, other_at=NOW)
    known = state(WORKER, Thing(node=CORDONED), marker="e1")
    assert guardrails.check("uncordon", known, facts(Action.UNCORDON, nodes=nodes), NOW, "execute").allowed


@pytest.mark.parametrize(
    ("present", "wanted", "may"),
    [(10, 15, True), (10, 20, True), (10, 20.1, False), (10, 10, False), (10, 9, False), (0, 5, False), (-1, 5, False)],
)
def test_a_volume_grows_and_at_most_doubles(present: float, wanted: float, may: bool) -> None:
    assert (volume_growth.against(present, wanted) == "") is may


@pytest.mark.parametrize(
    ("action", "quorum", "given", "enough"),
    [
        ("restart", 1, ["a"], True),
        ("restart", 2, ["a"], False),
        ("expand_volume", 1, ["a"], False),
        ("expand_volume", 1, ["a", "a"], False),
        ("expand_volume", 1, ["a", "b"], True),
        ("expand_volume", 3, ["a", "b"], False),
        ("expand_volume", 0, [], False),
    ],
)
def test_as_many_different_people_as_the_action_and_the_playbook_want(
    action: str, quorum: int, given: list[str], enough: bool
) -> None:
    assert approvers.enough((action,), quorum, given).allowed is enough
