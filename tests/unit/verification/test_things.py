"""Verbs whose effect is no rollout have a check of their own, and what isn't measured is no pass with them either."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.mitigation import TRAITS, Action
from bot.domain.target import RESTARTABLE, Target
from bot.domain.verification import CheckState, Verdict, Verification, judge
from bot.verification import measure
from bot.verification.nodes import comes_anyway
from bot.verification.thing import waiting

NOW = datetime(2026, 11, 26, 3, 14, tzinfo=UTC)
RUN = Verification(
    1, 1, 1, Target("Job", "shop", "x", "j1"), Verdict.MEASURING, current=True, started_at=NOW,
    deadline=NOW + timedelta(minutes=30), soak=120, baseline={measure.ACTION: "rerun_job"},
)  # fmt: skip


def test_each_verb_on_no_workload_has_a_check_and_no_other() -> None:
    assert set(measure.OWN) == {str(one) for one in Action if not set(TRAITS[one].kinds) & set(RESTARTABLE)}
    assert set(measure.OWN) >= measure.ALERT_CLEARS


def test_what_still_goes_on_at_the_deadline_is_neither_pass_nor_fail() -> None:
    for at, state, verdict in (
        (NOW, CheckState.WAITING, Verdict.MEASURING),
        (RUN.deadline, CheckState.UNMEASURED, Verdict.INCONCLUSIVE),
    ):
        check = waiting(RUN, at, "run", "completes", "running")
        assert check.state is state
        measured = measure.Measurement(at, (check,))
        assert judge(measured, deadline=RUN.deadline) is verdict


def test_a_cluster_that_does_not_answer_leaves_no_row_good() -> None:
    measured = measure._unread(RUN, "The API server didn't answer in time.", RUN.deadline)
    assert [(one.name, one.state) for one in measured.checks] == [("target", CheckState.UNMEASURED)]
    assert judge(measured, deadline=RUN.deadline) is Verdict.INCONCLUSIVE


def test_which_pods_come_to_a_cordoned_node_all_the_same() -> None:
    def pod(owner: str = "", **toleration: str) -> dict[str, object]:
        owners = [{"kind": owner, "name": "x", "uid": "u", "controller": True}] if owner else []
        return {"metadata": {"ownerReferences": owners}, "spec": {"tolerations": [toleration] if toleration else []}}

    unschedulable = "node.kubernetes.io/unschedulable"
    assert all(map(comes_anyway, (pod("DaemonSet"), pod("Node"), pod(key=unschedulable), pod(operator="Exists"))))
    assert not any(
        map(
            comes_anyway,
            (pod(), pod("ReplicaSet"), pod(key="gpu", operator="Exists"), pod(key=unschedulable, effect="NoExecute")),
        )
    )
