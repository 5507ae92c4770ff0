"""Whether a rollout completed: tables over snapshots, and the recorded answers of a real API server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.execution import RESTARTED_AT
from bot.domain.proposal import TargetState
from bot.domain.verification import CheckState
from bot.kube.pods import Pod, read_pod
from bot.kube.workload import Objects, read_state
from bot.verification.rollout import Bound, check, complete, new_pods, superseded
from tests.unit.cluster_states import MARKED, NOW, OURS, pod, recorded, state

OURS_AT_7 = Bound("uid-1", 7, OURS, "hash-1")


def six(**changes: Any) -> tuple[Pod, ...]:
    return tuple(pod(f"api-{i}", **changes) for i in range(6))


def ours(kind: str = "Deployment", **changes: Any) -> TargetState:
    return state(kind, template_annotations=MARKED, **changes)


STATES = [
    ("complete", {}, CheckState.GOOD, False),
    ("not seen by the controller", {"observed_generation": 6}, CheckState.WAITING, False),
    ("an older answer", {"generation": 6, "observed_generation": 7}, CheckState.UNMEASURED, False),
    ("half updated", {"updated": 3}, CheckState.WAITING, False),
    ("old pods left", {"current": 7}, CheckState.WAITING, False),
    ("not available", {"available": 5}, CheckState.WAITING, False),
    ("stuck", {"updated": 2, "conditions": {"Progressing": "ProgressDeadlineExceeded"}}, CheckState.BAD, True),
    ("paused in the middle", {"updated": 2, "paused": True}, CheckState.BAD, False),
    ("on delete", {"strategy": "OnDelete"}, CheckState.UNMEASURED, False),
]


@pytest.mark.parametrize(("changes", "expected", "final"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet"])
def test_one_state_one_answer(kind: str, changes: dict[str, Any], expected: CheckState, final: bool) -> None:
    row = check(ours(kind, **changes), six(), OURS_AT_7, NOW)
    assert (row.state, row.final, row.required) == (expected, final, True)


def test_observed_generation_comes_first_although_all_counts_look_good() -> None:
    """The answer to the PATCH shows the old pods, all available; passing on it is the classic mistake."""
    after_patch = read_state("Deployment", Objects(recorded("deploy-restart-patch-response")))
    assert (after_patch.updated, after_patch.available, after_patch.replicas) == (3, 3, 3)
    assert check(after_patch, (), Bound(generation=2), NOW).state is CheckState.WAITING


def test_before_the_controller_saw_the_change_nothing_is_complete_and_nothing_has_failed() -> None:
    """Its status is about the template before: neither its pods nor its failure are ours."""
    assert not complete(ours(observed_generation=6), six(), OURS_AT_7)
    failed = {"updated": 2, "conditions": {"Progressing": "ProgressDeadlineExceeded"}}
    row = check(ours(observed_generation=6, **failed), six(), OURS_AT_7, NOW)
    assert (row.state, row.final) == (CheckState.WAITING, False)


RECORDED = [
    ("deploy-before-restart", CheckState.GOOD),
    ("deploy-mid-rollout", CheckState.WAITING),
    ("deploy-after-restart", CheckState.GOOD),
    ("deploy-stuck-crashloop", CheckState.BAD),
    ("deploy-stuck-imagepull", CheckState.BAD),
    ("deploy-stuck-oom", CheckState.WAITING),
    ("deploy-node-dead", CheckState.WAITING),
    ("deploy-paused", CheckState.BAD),
]


@pytest.mark.parametrize(("name", "expected"), RECORDED, ids=[row[0] for row in RECORDED])
def test_recorded_deployments(name: str, expected: CheckState) -> None:
    read = read_state("Deployment", Objects(recorded(name)))
    ready = tuple(pod(f"api-{i}") for i in range(read.ready))
    assert check(read, ready, Bound(), NOW).state is expected


def test_a_pod_still_terminating_does_not_hold_a_complete_rollout_up() -> None:
    assert recorded("deploy-after-restart")["status"]["terminatingReplicas"] == 1


def test_only_pods_of_our_execution_are_new() -> None:
    pods = [pod("a"), pod("b", execution="older"), pod("c", deleting=True), pod("d", phase="Failed")]
    assert [one.row.name for one in new_pods(ours(), pods, OURS_AT_7)] == ["a"]


def test_old_pods_that_are_ready_do_not_complete_our_rollout() -> None:
    assert complete(ours(), six(), OURS_AT_7)
    assert not complete(ours(), six(execution="older")[:0], OURS_AT_7)
    assert not complete(ours(), six(ready=False), OURS_AT_7)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_without_an_execution_the_pods_of_the_current_revision_count(kind: str) -> None:
    read = ours(kind, revision="rev-2")
    pods = [pod("a", hash="rev-2"), pod("b", hash="rev-1", restarted_at="")]
    assert [one.row.name for one in new_pods(read, pods, Bound())] == ["a"]


def test_a_partition_keeps_the_pods_below_it() -> None:
    """StatefulSet with partition 4 of 6: two pods are replaced, four stay, and that is complete."""
    held = ours("StatefulSet", partition=4, updated=2)
    assert complete(held, six()[:2], OURS_AT_7)
    assert not complete(held, six()[:1], OURS_AT_7)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("Deployment", dict.fromkeys(("replicas", "updated", "ready", "available", "current"), 0), "scaled to zero"),
        ("StatefulSet", {"partition": 6, "updated": 0}, "partition 6 keeps all 6 pods as they were"),
        ("DaemonSet", dict.fromkeys(("replicas", "updated", "ready", "available", "current"), 0), "no node takes"),
    ],
    ids=["no replicas", "all below the partition", "no nodes"],
)
def test_where_no_pod_is_to_be_new_nothing_was_seen_to_work(kind: str, changes: dict[str, Any], said: str) -> None:
    row = check(ours(kind, **changes), (), OURS_AT_7, NOW)
    assert row.state is CheckState.UNMEASURED
    assert said in row.measured
    assert not complete(ours(kind, **changes), (), OURS_AT_7)


def test_counts_that_no_pod_bears_out_are_no_measurement() -> None:
    """The list of pods is old, or something takes annotations off pods: neither good nor bad can be said."""
    row = check(ours(), six(execution="older")[:0], OURS_AT_7, NOW)
    assert row.state is CheckState.UNMEASURED
    assert "none of the pods that I see is of the new template" in row.measured
    some = check(ours(), six()[:2], OURS_AT_7, NOW)
    assert some.state is CheckState.UNMEASURED
    assert some.measured == "the workload counts 6 available, and 2 of the pods that I see are of the new template"


SUPERSEDED = [
    ("ours", {}, False),
    ("made anew", {"target": state().target.with_uid("uid-2")}, True),
    ("another execution", {"template_annotations": MARKED | {"fettle.dev/execution": "exec-2"}}, True),
    ("annotation gone", {"template_annotations": {}}, True),
    ("newer generation", {"generation": 8}, True),
    ("scaled by its autoscaler", {"generation": 8, "hpa": ("api", 2, 9)}, False),
    ("new template under an autoscaler", {"generation": 8, "hpa": ("api", 2, 9), "template_hash": "hash-2"}, True),
    ("paused under an autoscaler", {"generation": 8, "hpa": ("api", 2, 9), "paused": True}, True),
]


@pytest.mark.parametrize(("changes", "moved"), [row[1:] for row in SUPERSEDED], ids=[row[0] for row in SUPERSEDED])
def test_what_is_newer_supersedes(changes: dict[str, Any], moved: bool) -> None:
    made = state(**({"template_annotations": MARKED} | changes))
    assert bool(superseded(made, OURS_AT_7)) is moved


def test_beside_an_autoscaler_somebodys_restart_supersedes_though_the_template_hashes_the_same() -> None:
    """Kubectl changes one annotation that the hash leaves out, and our own mark stays."""
    bound = replace(OURS_AT_7, restarted_at=MARKED[RESTARTED_AT])
    moved = {"generation": 8, "hpa": ("api", 2, 9)}
    assert superseded(ours(**moved), bound) == ""
    again = state(template_annotations=MARKED | {RESTARTED_AT: "2026-11-20T03:14:30Z"}, **moved)
    assert "was restarted by somebody else" in superseded(again, bound)
    assert superseded(again, OURS_AT_7) == "", "a verification that an older version began knows no better"


def test_after_a_rollback_pods_of_another_hash_are_somebodys() -> None:
    bound = Bound("uid-1", 8, OURS, "hash-1", pods="old")
    seen = {"generation": 9, "marker": OURS, "hpa": ("api", 2, 9)}
    assert superseded(state(pods_hash="old", **seen), bound) == ""
    assert superseded(state(pods_hash="", **seen), bound) == "", "no revision holds the template yet"
    assert "another pod template" in superseded(state(pods_hash="newer", **seen), bound)


def test_an_answer_from_before_our_write_supersedes_nothing_and_is_waited_out() -> None:
    """It bears no mark of ours yet; that is no sign of anybody else."""
    older = state(generation=6, observed_generation=6)
    assert superseded(older, OURS_AT_7) == ""
    assert check(older, six(), OURS_AT_7, NOW).measured == "the cluster answered with an older state"
    assert superseded(replace(older, target=older.target.with_uid("uid-2")), OURS_AT_7), "another object is another one"


def test_nothing_supersedes_a_look_that_is_bound_to_nothing() -> None:
    assert superseded(state(generation=99), Bound()) == ""


def test_the_reason_that_holds_new_pods_up_is_in_the_row() -> None:
    broken = read_pod(recorded("pod-imagepullbackoff"))
    row = check(ours(updated=1), (broken,), OURS_AT_7, NOW)
    assert row.measured == "1/6 updated, 0 of them ready (ImagePullBackOff)"


NEWEST = Bound("uid-1", 8, OURS, "hash-1", newest=True)


def test_after_a_resume_the_new_pods_are_those_of_the_template_whatever_their_hash() -> None:
    pods = [pod("old", hash="old"), pod("new", hash="new"), pod("going", hash="new", deleting=True)]
    assert [one.row.name for one in new_pods(state(pods_hash="new"), pods, NEWEST)] == ["new"]


def test_while_no_revision_holds_the_template_no_pod_is_new() -> None:
    """Its pods don't exist; those of before aren't taken for them, healthy as they are."""
    pods = [pod(f"old-{number}", hash="old") for number in range(6)]
    found = state(generation=8, observed_generation=8, pods_hash="", marker=OURS)
    assert new_pods(found, pods, NEWEST) == ()
    assert not complete(found, (), NEWEST)


def test_after_a_resume_the_mark_is_looked_for_on_the_workload() -> None:
    assert superseded(state(generation=8, marker=OURS), NEWEST) == ""
    assert superseded(state(generation=8, template_annotations=MARKED), NEWEST)
    assert superseded(state(generation=8, marker="exec-2"), NEWEST)


@pytest.mark.parametrize(("paused", "expected"), [(False, False), (True, True)])
def test_an_autoscaler_explains_another_count_and_never_another_pause(paused: bool, expected: bool) -> None:
    scaled = state(generation=9, marker=OURS, hpa=("api", 2, 9), paused=paused)
    assert bool(superseded(scaled, NEWEST)) is expected
