"""Workloads roll as the real controllers roll them."""

from typing import Any

import pytest

from bot.sandbox.kubernetes.cluster import Cluster

RESTARTED = "kubectl.kubernetes.io/restartedAt"


@pytest.fixture
def cluster(standing: None) -> Cluster:  # noqa: ARG001 - its time stands
    """A cluster whose time only passes when the test says so."""
    return Cluster(ready_after=1.0, time_scale=0.1)


def change(cluster: Cluster, kind: str, name: str, **spec: Any) -> None:
    cluster.apply(
        {"kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": _spec(cluster, kind, name) | spec}
    )


def _spec(cluster: Cluster, kind: str, name: str) -> dict[str, Any]:
    found = cluster.get(kind, "shop", name)
    assert found is not None
    return dict(found["spec"])


def restart(cluster: Cluster, kind: str, name: str, when: str) -> None:
    template = _spec(cluster, kind, name)["template"]
    template["metadata"]["annotations"] = {RESTARTED: when}
    change(cluster, kind, name, template=template)


def status(cluster: Cluster, kind: str, name: str) -> dict[str, Any]:
    found = cluster.get(kind, "shop", name)
    assert found is not None
    return dict(found["status"])


def ready(cluster: Cluster, name: str) -> int:
    pods = cluster.pods("shop", name)
    return sum(
        one["type"] == "Ready" and one["status"] == "True"
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for one in pod["status"].get("conditions", [])
    )


@pytest.mark.parametrize(
    ("surge", "unavailable", "most", "least"), [("25%", "25%", 5, 3), (0, 1, 4, 3), (2, 0, 6, 4), ("100%", "50%", 8, 2)]
)
def test_a_rolling_update_keeps_its_bounds(
    cluster: Cluster, surge: int | str, unavailable: int | str, most: int, least: int
) -> None:
    cluster.deployment("shop", "api", replicas=4)
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    change(cluster, "Deployment", "api", strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    cluster.advance(3)
    restart(cluster, "Deployment", "api", "T1")
    for _ in range(60):
        cluster.advance(0.2)
        live = [pod for pod in cluster.pods("shop", "api") if "deletionTimestamp" not in pod["metadata"]]
        assert len(live) <= most
        assert ready(cluster, "api") >= least
    assert status(cluster, "Deployment", "api")["updatedReplicas"] == 4


def test_recreate_stops_everything_before_it_starts_anything(cluster: Cluster) -> None:
    cluster.deployment("shop", "api", replicas=2)
    change(cluster, "Deployment", "api", strategy={"type": "Recreate"})
    cluster.advance(3)
    restart(cluster, "Deployment", "api", "T1")
    seen = set()
    for _ in range(200):
        cluster.advance(0.02)
        hashes = {pod["metadata"]["labels"]["pod-template-hash"] for pod in cluster.pods("shop", "api")}
        assert len(hashes) <= 1
        seen |= hashes
    assert len(seen) == 2
    assert ready(cluster, "api") == 2


def test_the_history_keeps_as_many_revisions_as_asked(cluster: Cluster) -> None:
    cluster.deployment("shop", "api", replicas=1)
    change(cluster, "Deployment", "api", revisionHistoryLimit=2)
    for number in range(5):
        restart(cluster, "Deployment", "api", f"T{number}")
        cluster.advance(3)
    revisions = sorted(
        int(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
        for one in cluster.list("ReplicaSet", "shop")
    )
    assert revisions == [3, 4, 5]


def test_scaling_is_no_rollout(cluster: Cluster) -> None:
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(2)
    change(cluster, "Deployment", "api", replicas=4)
    cluster.advance(2)
    assert len(cluster.list("ReplicaSet", "shop")) == 1
    assert status(cluster, "Deployment", "api")["availableReplicas"] == 4


def test_a_bad_image_leaves_the_old_pods_serving(cluster: Cluster) -> None:
    cluster.deployment("shop", "api", replicas=4)
    cluster.advance(3)
    cluster.deployment("shop", "api", replicas=4, image="registry.example/shop/api:missing")
    cluster.advance(60)
    assert ready(cluster, "api") == 3
    assert status(cluster, "Deployment", "api")["unavailableReplicas"] == 2


def test_out_of_memory_pods_complete_their_rollout_and_keep_restarting(cluster: Cluster) -> None:
    """The rollout looks complete, only the restart counts of the new pods tell."""
    cluster.deployment("shop", "api", replicas=2)
    cluster.advance(3)
    cluster.break_next("shop", "api", "oom")
    restart(cluster, "Deployment", "api", "T1")
    cluster.advance(30)
    reasons = {one["type"]: one["reason"] for one in status(cluster, "Deployment", "api")["conditions"]}
    assert reasons["Progressing"] == "NewReplicaSetAvailable"
    ends = [pod["status"]["containerStatuses"][0] for pod in cluster.pods("shop", "api")]
    assert all(one["restartCount"] >= 2 for one in ends)
    assert {one["lastState"]["terminated"]["reason"] for one in ends} == {"OOMKilled"}


def test_a_restart_cures_a_crash_loop_unless_the_next_start_is_bad(cluster: Cluster) -> None:
    cluster.deployment("shop", "api", replicas=3)
    cluster.advance(3)
    cluster.crash_loop("shop", "api", pods=3, reason="Error", exit_code=137)
    cluster.advance(20)
    assert ready(cluster, "api") == 0
    assert {pod["status"]["containerStatuses"][0]["restartCount"] >= 3 for pod in cluster.pods("shop", "api")} == {True}
    restart(cluster, "Deployment", "api", "T1")
    cluster.advance(10)
    assert ready(cluster, "api") == 3
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in cluster.pods("shop", "api")] == [0, 0, 0]
    cluster.break_next("shop", "api", "crash")
    restart(cluster, "Deployment", "api", "T2")
    cluster.advance(10)
    assert ready(cluster, "api") == 3
    cluster.heal("shop", "api")
    cluster.advance(10)
    assert status(cluster, "Deployment", "api")["updatedReplicas"] == 3


def test_a_stateful_set_starts_and_updates_in_order(cluster: Cluster) -> None:
    """Pods start from 0 up, and are replaced from the highest down, each after the one before is Ready."""
    cluster.statefulset("shop", "db", replicas=3)
    cluster.advance(0.5)
    assert [pod["metadata"]["name"] for pod in cluster.pods("shop", "db")] == ["db-0"]
    cluster.advance(5)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.pods("shop", "db")}
    restart(cluster, "StatefulSet", "db", "T1")
    replaced: list[str] = []
    for _ in range(200):
        cluster.advance(0.05)
        for pod in cluster.pods("shop", "db"):
            name = pod["metadata"]["name"]
            if pod["metadata"]["uid"] != before.get(name) and name not in replaced:
                replaced.append(name)
        assert ready(cluster, "db") >= 2
    assert replaced == ["db-2", "db-1", "db-0"]
    done = status(cluster, "StatefulSet", "db")
    assert done["currentRevision"] == done["updateRevision"]


def test_a_partition_holds_the_lower_pods_back(cluster: Cluster) -> None:
    cluster.statefulset("shop", "db", replicas=3)
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    change(cluster, "StatefulSet", "db", updateStrategy=update)
    cluster.advance(5)
    restart(cluster, "StatefulSet", "db", "T1")
    cluster.advance(10)
    done = status(cluster, "StatefulSet", "db")
    assert (done["updatedReplicas"], done["currentReplicas"]) == (1, 2)
    assert done["currentRevision"] != done["updateRevision"]


@pytest.mark.parametrize(("kind", "name"), [("StatefulSet", "db"), ("DaemonSet", "agent")])
def test_on_delete_waits_for_somebody_to_delete_the_pods(cluster: Cluster, kind: str, name: str) -> None:
    if kind == "StatefulSet":
        cluster.statefulset("shop", name, replicas=2)
    else:
        cluster.daemonset("shop", name)
    change(cluster, kind, name, updateStrategy={"type": "OnDelete"})
    cluster.advance(5)
    before = {pod["metadata"]["uid"] for pod in cluster.pods("shop", name)}
    restart(cluster, kind, name, "T1")
    cluster.advance(5)
    assert {pod["metadata"]["uid"] for pod in cluster.pods("shop", name)} == before
    cluster.delete("Pod", "shop", cluster.pods("shop", name)[0]["metadata"]["name"])
    cluster.advance(5)
    field = "updatedReplicas" if kind == "StatefulSet" else "updatedNumberScheduled"
    assert status(cluster, kind, name)[field] == 1


def test_a_daemon_set_has_one_pod_a_node_and_updates_one_at_a_time(cluster: Cluster) -> None:
    cluster.daemonset("shop", "agent")
    cluster.advance(3)
    nodes = sorted(pod["spec"]["nodeName"] for pod in cluster.pods("shop", "agent"))
    assert nodes == ["sandbox-node-1", "sandbox-node-2", "sandbox-node-3"]
    restart(cluster, "DaemonSet", "agent", "T1")
    for _ in range(100):
        cluster.advance(0.1)
        assert ready(cluster, "agent") >= 2
    assert status(cluster, "DaemonSet", "agent")["updatedNumberScheduled"] == 3


def test_time_can_be_jumped_over(cluster: Cluster) -> None:
    """A crash loop of an hour shows the restarts of an hour, in the order of the real back-off."""
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(3)
    cluster.crash_loop("shop", "api", pods=1)
    counts = []
    for _ in range(4):
        cluster.advance(15)
        counts.append(cluster.pods("shop", "api")[0]["status"]["containerStatuses"][0]["restartCount"])
    assert counts == sorted(set(counts))
    waiting = cluster.pods("shop", "api")[0]["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["message"].startswith("back-off 5m0s restarting failed container=api pod=api-")


async def test_settle_ends_when_all_is_complete_or_stuck() -> None:
    cluster = Cluster(ready_after=0.1, time_scale=0.1)
    cluster.deployment("shop", "good", replicas=2)
    cluster.deployment("shop", "bad", replicas=1, behaviour="crash")
    with pytest.raises(TimeoutError, match="Deployment shop/bad"):
        await cluster.settle(0.05)
    cluster.advance(3)
    await cluster.settle(0.05)


def test_jobs_run_once_and_say_how_they_ended(cluster: Cluster) -> None:
    for name, image in (("works", "x:1"), ("fails", "x:crash")):
        template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}
        meta = {"name": name, "namespace": "shop"}
        cluster.apply({"kind": "Job", "metadata": meta, "spec": {"template": template, "backoffLimit": 1}})
    cluster.advance(10)
    ends = {name: status(cluster, "Job", name)["conditions"][-1] for name in ("works", "fails")}
    assert (ends["works"]["type"], ends["fails"]["type"]) == ("Complete", "Failed")
    assert ends["fails"]["reason"] == "BackoffLimitExceeded"
