"""The sandbox's cluster goes wrong as a real one does: quotas, taints, claims, and what kubelets say."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.kubernetes.quotas import _text
from bot.sandbox.kubernetes.writes import Writing


@pytest.fixture
def cluster() -> Cluster:
    return Cluster("sb", ready_after=0.1)


def change(cluster: Cluster, kind: str, namespace: str, name: str, **spec: Any) -> None:
    def changed(obj: dict[str, Any]) -> dict[str, Any]:
        obj["spec"].update(spec)
        return obj

    cluster.writes.patch(by_kind(kind), namespace, name, changed, Writing("kubectl"))


def quota(cluster: Cluster, **hard: str) -> None:
    meta = {"name": "team", "namespace": "shop"}
    cluster.apply({"kind": "ResourceQuota", "apiVersion": "v1", "metadata": meta, "spec": {"hard": hard}})


def events(cluster: Cluster, reason: str) -> list[dict[str, Any]]:
    return [one for one in cluster.list("Event", "shop") if one["reason"] == reason]


def conditions(cluster: Cluster, kind: str, name: str) -> dict[str, dict[str, Any]]:
    found = cluster.get(kind, "shop", name) or {}
    return {one["type"]: one for one in found["status"]["conditions"]}


def test_a_quota_refuses_pods_in_the_servers_words_and_is_asked_again_when_there_is_room(cluster: Cluster) -> None:
    quota(cluster, pods="2")
    cluster.deployment("shop", "api", replicas=4)
    cluster.advance(5)
    assert len(cluster.pods("shop", "api")) == 2
    (told,) = events(cluster, "FailedCreate")
    assert told["involvedObject"]["kind"] == "ReplicaSet"
    assert told["message"].endswith(
        "is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2"
    )
    failure = conditions(cluster, "Deployment", "api")["ReplicaFailure"]
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert (cluster.get("ResourceQuota", "shop", "team") or {})["status"]["used"] == {"pods": "2"}
    quota(cluster, pods="9")
    cluster.advance(40)
    assert len(cluster.pods("shop", "api")) == 4
    assert "ReplicaFailure" not in conditions(cluster, "Deployment", "api")


def test_a_quota_counts_what_pods_ask_for_and_leaves_other_counts_to_whoever_wrote_them(cluster: Cluster) -> None:
    made = cluster.deployment("shop", "api", replicas=2)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "250m", "memory": "64Mi"}}
    cluster.apply(made)
    quota(cluster, **{"requests.cpu": "1", "requests.memory": "1Gi", "count/secrets": "5"})
    cluster.advance(5)
    used = (cluster.get("ResourceQuota", "shop", "team") or {})["status"]["used"]
    assert used == {"requests.cpu": "500m", "requests.memory": "128Mi", "count/secrets": "0"}
    assert _text(1.0, "requests.cpu") == "1"


def test_a_taint_keeps_pods_away_that_dont_tolerate_it(cluster: Cluster) -> None:
    cluster.join("batch-1", labels={"pool": "batch"}, taint=("pool", "batch"))
    made = cluster.deployment("shop", "api", replicas=1)
    spec = made["spec"]["template"]["spec"]
    spec["nodeSelector"] = {"pool": "batch"}
    cluster.apply(made)
    cluster.advance(5)
    waiting = [one for pod in cluster.pods("shop", "api") for one in pod["status"]["conditions"] if one.get("message")]
    assert any("untolerated taint" in one["message"] for one in waiting)
    spec["tolerations"] = [{"key": "pool", "value": "batch", "effect": "NoSchedule"}]
    cluster.apply(made)
    cluster.advance(10)
    assert {pod["spec"].get("nodeName") for pod in cluster.pods("shop", "api")} == {"batch-1"}


def test_a_daemonsets_pod_on_a_node_that_was_tainted_since_stays_and_is_counted(cluster: Cluster) -> None:
    cluster.daemonset("shop", "agent")
    cluster.advance(5)
    change(cluster, "Node", "", "sb-node-2", taints=[{"key": "dedicated", "value": "x", "effect": "NoSchedule"}])
    cluster.advance(5)
    status = (cluster.get("DaemonSet", "shop", "agent") or {})["status"]
    assert (status["numberMisscheduled"], status["desiredNumberScheduled"]) == (1, 2)
    assert len(cluster.pods("shop", "agent")) == 3


def test_claims_come_from_a_statefulsets_templates_and_outlive_their_pods(cluster: Cluster) -> None:
    made = cluster.statefulset("shop", "db", replicas=2)
    request = {"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}}
    made["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": request}]
    cluster.delete("StatefulSet", "shop", "db")
    cluster.advance(40)
    cluster.apply(
        {key: made[key] for key in ("kind", "apiVersion", "spec")} | {"metadata": {"name": "db", "namespace": "shop"}}
    )
    cluster.advance(5)
    claims = {one["metadata"]["name"]: one["status"] for one in cluster.list("PersistentVolumeClaim", "shop")}
    assert claims == {f"data-db-{n}": {"phase": "Bound", "capacity": {"storage": "10Gi"}} for n in (0, 1)}
    volumes = [pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] for pod in cluster.pods("shop", "db")]
    assert volumes == ["data-db-0", "data-db-1"]


def test_a_volume_that_cant_be_attached_keeps_a_pod_creating(cluster: Cluster) -> None:
    cluster.break_next("shop", "api", "stuck", Manner("Multi-Attach error for volume pvc-1", "FailedAttachVolume"))
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(70)
    (pod,) = cluster.pods("shop", "api")
    assert pod["status"]["phase"] == "Pending"
    assert pod["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    (told,) = events(cluster, "FailedAttachVolume")
    assert told["count"] >= 2
    cluster.heal("shop", "api")
    cluster.advance(5)
    assert cluster.pods("shop", "api")[0]["status"]["phase"] == "Running"


def test_a_probe_that_kills_says_so_and_the_pod_that_takes_its_place_is_well(cluster: Cluster) -> None:
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(5)
    (name,) = cluster.strike("shop", "api", "killed", Manner("Liveness probe failed: timeout", exit_code=137))
    cluster.advance(5)
    (pod,) = cluster.pods("shop", "api")
    ended = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (pod["metadata"]["name"], ended["exitCode"]) == (name, 137)
    assert events(cluster, "Killing")[0]["message"] == "Container api failed liveness probe, will be restarted"
    assert events(cluster, "Unhealthy")[0]["message"] == "Liveness probe failed: timeout"
    cluster.delete("Pod", "shop", name)
    cluster.advance(5)
    assert cluster.pods("shop", "api")[0]["status"]["containerStatuses"][0]["ready"]


def test_what_a_container_said_as_it_ended_is_in_its_status(cluster: Cluster) -> None:
    said = 'exec: "/app/serve": stat /app/serve: no such file or directory'
    cluster.break_next("shop", "api", "crash", Manner(said, "StartError", 128))
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(3)
    ended = cluster.pods("shop", "api")[0]["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"], ended["message"]) == ("StartError", 128, said)


def test_a_job_that_hangs_stays_active(cluster: Cluster) -> None:
    cluster.break_next("shop", "import", "hang")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/i:1"}]}}
    meta = {"name": "import", "namespace": "shop"}
    cluster.apply({"kind": "Job", "apiVersion": "batch/v1", "metadata": meta, "spec": {"template": template}})
    cluster.advance(3600)
    assert (cluster.get("Job", "shop", "import") or {})["status"]["active"] == 1


def test_a_node_under_pressure_says_so_and_takes_no_new_pods(cluster: Cluster) -> None:
    for number in (1, 2, 3):
        cluster.node_under(f"sb-node-{number}", "DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure")
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(3)
    told = {one["type"]: one for one in (cluster.get("Node", "", "sb-node-1") or {})["status"]["conditions"]}
    assert (told["DiskPressure"]["status"], told["Ready"]["status"]) == ("True", "True")
    assert cluster.pods("shop", "api")[0]["status"]["phase"] == "Pending"


def test_a_controller_that_sleeps_takes_up_no_generation(cluster: Cluster) -> None:
    made = cluster.deployment("shop", "api", replicas=1)
    cluster.advance(3)
    cluster.world.unheeded.add(made["metadata"]["uid"])
    change(cluster, "Deployment", "shop", "api", replicas=3)
    cluster.advance(5)
    found = cluster.get("Deployment", "shop", "api") or {}
    assert found["status"]["observedGeneration"] < found["metadata"]["generation"]


def test_a_set_made_anew_waits_until_a_dead_node_lets_go_of_its_old_pods_name(cluster: Cluster) -> None:
    """And says so as its controller does; everything else in the cluster goes on meanwhile."""
    made = cluster.statefulset("shop", "db", replicas=2)
    cluster.deployment("shop", "api", replicas=1)
    cluster.advance(5)
    old = cluster.pods("shop", "db")[0]
    node = str(old["spec"]["nodeName"])
    cluster.node_down(node)
    cluster.delete("StatefulSet", "shop", "db")
    cluster.apply({key: made[key] for key in ("kind", "apiVersion", "spec")} | {"metadata": dict(made["metadata"])})
    cluster.advance(120)
    assert next(pod for pod in cluster.pods("shop", "db") if pod["metadata"]["name"] == "db-0") == (
        cluster.get("Pod", "shop", "db-0")
    )
    told = max(events(cluster, "FailedCreate"), key=lambda one: one.get("count", 1))
    assert told["message"] == (
        'create Pod db-0 in StatefulSet db failed error: object is being deleted: pods "db-0" already exists'
    )
    assert told["count"] > 5
    change(cluster, "Deployment", "shop", "api", replicas=3)
    cluster.advance(5)
    assert len(cluster.pods("shop", "api")) == 3
    cluster.node_up(node)
    cluster.advance(60)
    ready = cluster.get("StatefulSet", "shop", "db") or {}
    assert ready["status"]["readyReplicas"] == 2
    assert (cluster.get("Pod", "shop", "db-0") or {})["metadata"]["uid"] != old["metadata"]["uid"]


def test_a_deployment_replaced_by_force_rolls_out_although_the_old_replicaset_is_still_there(cluster: Cluster) -> None:
    """As `kubectl replace --force` does: DELETE and POST, sooner than the garbage collector comes."""
    made = cluster.deployment("shop", "api", replicas=2)
    cluster.advance(5)
    before = {pod["metadata"]["uid"] for pod in cluster.pods("shop", "api")}
    cluster.delete("Deployment", "shop", "api")
    cluster.apply({key: made[key] for key in ("kind", "apiVersion", "spec")} | {"metadata": dict(made["metadata"])})
    cluster.advance(60)
    pods = cluster.pods("shop", "api")
    assert len(pods) == 2
    assert not before & {pod["metadata"]["uid"] for pod in pods}
    assert (cluster.get("Deployment", "shop", "api") or {})["status"]["readyReplicas"] == 2
