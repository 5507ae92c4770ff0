"""Revisions and changes from recorded objects: by number and not by creation, with time and writer where told."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.observed import ChangeSeen
from bot.kube import history
from bot.kube.managers import Write, writer_at
from bot.kube.pods import read_pod
from bot.kube.revisions import read_revisions
from tests.unit.cluster_states import recorded

NOW = datetime(2026, 11, 21, 0, 10, tzinfo=UTC)


def rows(deployment: str, sets: str) -> list[tuple[Any, ...]]:
    found = read_revisions("Deployment", recorded(deployment), recorded(sets)["items"], ())
    return [(row.revision, row.current, row.created_at[11:19], row.ready, row.healthy) for row in found]


def test_after_an_undo_the_reused_replica_set_is_the_newest_and_dated_by_the_write() -> None:
    assert rows("deploy-after-undo", "rs-list-after-undo") == [
        ("4", True, "23:55:12", 3, True),
        ("3", False, "23:55:02", 0, None),
        ("2", False, "23:54:53", 0, None),
    ]


def test_a_stuck_rollout_has_a_bad_new_revision_and_a_healthy_old_one() -> None:
    for name in ("crashloop", "imagepull", "configerr", "notready"):
        new, old = rows(f"deploy-stuck-{name}", f"rs-stuck-{name}")
        assert (new[0], new[1], new[4]) == ("2", True, False), name
        assert (old[0], old[1], old[3], old[4]) == ("1", False, 2, True), name


def test_pods_and_their_revision_carry_the_same_hash() -> None:
    pods = [read_pod(item) for item in recorded("pods-mid-rollout")["items"]]
    found = read_revisions("Deployment", recorded("deploy-mid-rollout"), recorded("rs-mid-rollout")["items"], pods)
    assert {pod.row.hash for pod in pods} <= {row.hash for row in found}


def test_what_changed_by_recorded_revisions() -> None:
    obj, sets = recorded("deploy-after-undo"), recorded("rs-list-after-undo")["items"]
    changes = list(history.template_changes("Deployment", obj, sets))
    assert [(one.revision, one.what, one.at[11:19]) for one in changes] == [
        ("4", "image nginx:1.26 → 1.25", "23:55:12"),
        ("3", "image nginx:1.25 → 1.26", "23:55:02"),
    ]
    assert changes[0].by == "kubectl"
    assert changes[1].by == "", "an older write of the same manager has no time any more"


def test_a_restart_is_no_template_change_and_is_told_with_its_writer() -> None:
    obj, sets = recorded("deploy-after-restart"), recorded("rs-list-revisions")["items"][1:]
    assert not list(history.template_changes("Deployment", obj, sets))
    (restart,) = history.restarts("Deployment", obj, sets)
    assert (restart.kind, restart.at, restart.by) == ("restart", "2026-11-20T23:54:53Z", "kubectl rollout")


def test_fettles_own_restart_is_its_own_and_a_later_one_is_not() -> None:
    sets = recorded("rs-list-revisions")["items"]
    obj = recorded("deploy-setimage")
    for item, at, mark in zip(sets, ("T03", "T02", ""), ("e1", "e1", ""), strict=True):
        annotations = item["spec"]["template"]["metadata"]["annotations"] = {}
        if at:
            annotations["kubectl.kubernetes.io/restartedAt"] = f"2026-11-20{at}:00:00Z"
            annotations["fettle.dev/execution"] = mark
    found = [(one.revision, one.by == "Fettle") for one in history.restarts("Deployment", obj, sets)]
    assert found == [("3", False), ("2", True)]


def test_a_template_that_has_no_revision_yet_is_the_newest_change() -> None:
    obj = copy.deepcopy(recorded("deploy-setimage"))
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:9"
    first = next(history.template_changes("Deployment", obj, recorded("rs-list-revisions")["items"]))
    assert (first.revision, first.what, first.by) == ("", "image nginx:1.26 → 9", "python-urllib3")


def test_a_scale_by_hand_is_told_with_its_writer() -> None:
    obj = copy.deepcopy(recorded("deploy-after-restart"))
    obj["metadata"]["managedFields"].append(
        {
            "manager": "kubectl", "operation": "Update", "time": "2026-11-20T23:59:00Z", "subresource": "scale",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
    )  # fmt: skip
    (scaled,) = history.scalings(obj, ())
    assert (scaled.kind, scaled.what, scaled.at, scaled.by) == (
        "scale",
        "scaled to 3",
        "2026-11-20T23:59:00Z",
        "kubectl",
    )
    assert (scaled.size, scaled.automatic) == (3, False)
    assert not list(history.scalings(recorded("deploy-after-restart"), ()))


@pytest.mark.parametrize(
    ("manager", "automatic"),
    [("cluster-proportional-autoscaler", True), ("kube-controller-manager", True), ("argocd", False)],
)
def test_a_scale_by_a_controller_that_scales_is_nobodys_hand(manager: str, automatic: bool) -> None:
    """Without an autoscaler of Kubernetes' own its name alone tells."""
    obj = copy.deepcopy(recorded("deploy-after-restart"))
    written = {"manager": manager, "operation": "Update", "time": "2026-11-20T23:59:00Z", "subresource": "scale"}
    obj["metadata"]["managedFields"].append({**written, "fieldsV1": {"f:spec": {"f:replicas": {}}}})
    (scaled,) = history.scalings(obj, ())
    assert (scaled.size, scaled.automatic) == (3, automatic)


def test_a_scale_to_zero_leaves_no_writer_and_is_told_without_a_time() -> None:
    (scaled,) = history.scalings(recorded("deploy-scaled-zero"), ())
    assert (scaled.what, scaled.at, scaled.by, scaled.size) == ("scaled to 0", "", "", 0)


AUTOSCALER = {
    "metadata": {
        "name": "api", "creationTimestamp": "2026-11-20T10:00:00Z",
        "managedFields": [
            {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-20T23:00:00Z",
             "fieldsV1": {"f:spec": {"f:maxReplicas": {}}}},
            {"manager": "kube-controller-manager", "operation": "Update", "time": "2026-11-20T23:50:00Z",
             "subresource": "status", "fieldsV1": {"f:status": {}}},
        ],
    },
    "spec": {"maxReplicas": 4},
    "status": {"lastScaleTime": "2026-11-20T23:50:00Z", "desiredReplicas": 4},
}  # fmt: skip


def test_an_autoscaler_tells_its_last_step_and_who_wrote_its_bounds() -> None:
    found = list(history.scalings(recorded("deploy-after-restart"), [AUTOSCALER]))
    assert [(one.kind, one.what, one.at[11:16], one.by) for one in found] == [
        ("scale", "scaled to 4 by its autoscaler", "23:50", "autoscaler api"),
        ("autoscaler", "autoscaler api written: 1 to 4 replicas", "23:00", "kubectl edit"),
    ]
    assert (found[0].size, found[0].automatic) == (4, True)


def test_a_node_that_went_away_is_a_change_with_its_time() -> None:
    found = [(one.what, one.at) for one in history.node_changes([recorded("node-notready")], NOW)]
    assert ("node sim-node-1 not ready: NodeStatusUnknown", "2026-11-21T00:06:28Z") in found
    assert ("node sim-node-1 tainted node.kubernetes.io/unreachable:NoSchedule", "2026-11-21T00:06:28Z") in found
    assert ("node sim-node-1 joined", "2026-11-20T23:50:36Z") in found
    assert not list(history.node_changes([recorded("node-notready")], datetime(2026, 11, 25, tzinfo=UTC)))


def test_changes_come_newest_first_with_their_distance_from_the_alert() -> None:
    changes = [
        ChangeSeen("restart", "unknown time"),
        ChangeSeen("template", "the old one", "2026-10-01T00:00:00Z"),
        ChangeSeen("scale", "ancient", "2026-11-01T00:00:00Z"),
        ChangeSeen("scale", "after", "2026-11-21T00:05:00Z"),
        ChangeSeen("config", "before", "2026-11-20T23:59:20Z"),
    ]
    found = history.assembled(changes, datetime(2026, 11, 21, tzinfo=UTC), NOW)
    assert [(one.what, one.offset) for one in found] == [
        ("after", 300.0), ("before", -40.0), ("the old one", -51 * 86400.0), ("unknown time", None),
    ]  # fmt: skip
    assert all(one.offset is None for one in history.assembled(changes, None, NOW))


WRITES = [
    Write("kubectl-edit", datetime(2026, 11, 20, 10, 0, tzinfo=UTC), {}),
    Write("argocd-controller", datetime(2026, 11, 20, 12, 0, tzinfo=UTC), {}),
]


@pytest.mark.parametrize(
    ("found", "at", "who"),
    [
        (WRITES, datetime(2026, 11, 20, 10, 0, 30, tzinfo=UTC), "kubectl edit"),
        (WRITES, datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC), "Argo CD"),
        (WRITES, datetime(2026, 11, 20, 15, 0, tzinfo=UTC), ""),
        (WRITES, None, ""),
        (WRITES[:1], datetime(2026, 11, 20, 15, 0, tzinfo=UTC), "kubectl edit"),
        ([], None, ""),
    ],
)
def test_who_wrote_it_is_told_only_where_times_say_so(found: list[Write], at: datetime | None, who: str) -> None:
    assert writer_at(found, at) == who
