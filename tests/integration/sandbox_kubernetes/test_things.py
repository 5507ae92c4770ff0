"""Jobs, nodes and claims behave as the real controllers let them: ends, deletions, taints, growth and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.kubernetes.claims import RESIZE
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.kubernetes.server import ClusterServer

from .probe import Api

JOBS = "/apis/batch/v1/namespaces/shop/jobs"
CLAIM = "/api/v1/namespaces/shop/persistentvolumeclaims/data-db-0"
PATCH = "application/json-patch+json"


@pytest.fixture
async def cluster(server: ClusterServer) -> Cluster:
    """With a namespace."""
    server.cluster.apply({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}})
    return server.cluster


def job(name: str, image: str = "x:1", **spec: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}
    meta = {"name": name, "namespace": "shop"}
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": meta,
        "spec": {"template": template, "backoffLimit": 0, **spec},
    }


def conditions(cluster: Cluster, name: str) -> list[tuple[str, str]]:
    found = cluster.get("Job", "shop", name) or {}
    return [(one["type"], one["reason"]) for one in found["status"].get("conditions", [])]


def test_a_job_gets_a_selector_and_labels_of_its_own_and_its_defaults(cluster: Cluster) -> None:
    made = cluster.apply(job("works"))
    uid, labels = made["metadata"]["uid"], made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert labels["batch.kubernetes.io/job-name"] == labels["job-name"] == "works"
    assert (made["spec"]["completionMode"], made["spec"]["suspend"], made["spec"]["parallelism"]) == (
        "NonIndexed",
        False,
        1,
    )


def test_an_end_is_decided_before_it_is_reached_and_told_in_two_conditions(cluster: Cluster) -> None:
    cluster.apply(job("works"))
    cluster.apply(job("fails", "x:crash"))
    cluster.advance(30)
    assert conditions(cluster, "works") == [
        ("SuccessCriteriaMet", "CompletionsReached"),
        ("Complete", "CompletionsReached"),
    ]
    assert conditions(cluster, "fails") == [
        ("FailureTarget", "BackoffLimitExceeded"),
        ("Failed", "BackoffLimitExceeded"),
    ]
    assert (cluster.get("Job", "shop", "works") or {})["status"]["completionTime"]


def test_a_job_that_runs_too_long_fails_and_its_pods_go(cluster: Cluster) -> None:
    cluster.break_next("shop", "hangs", "hang")
    cluster.apply(job("hangs", activeDeadlineSeconds=60))
    cluster.advance(30)
    assert conditions(cluster, "hangs") == []
    cluster.advance(60)
    assert conditions(cluster, "hangs")[-1] == ("Failed", "DeadlineExceeded")
    assert not cluster.pods("shop", "hangs")


def test_a_job_is_gone_when_its_time_to_live_is_over(cluster: Cluster) -> None:
    cluster.apply(job("works", ttlSecondsAfterFinished=60))
    cluster.advance(30)
    assert cluster.get("Job", "shop", "works")
    cluster.advance(90)
    assert cluster.get("Job", "shop", "works") is None


def test_a_cronjob_keeps_as_many_ended_runs_as_it_says(cluster: Cluster) -> None:
    body = {"schedule": "0 3 * * *", "failedJobsHistoryLimit": 2, "jobTemplate": {"spec": job("x")["spec"]}}
    meta = {"name": "nightly", "namespace": "shop"}
    made = cluster.apply({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": meta, "spec": body})
    assert (made["spec"]["concurrencyPolicy"], made["spec"]["suspend"]) == ("Allow", False)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "nightly",
        "uid": made["metadata"]["uid"],
        "controller": True,
    }
    for number in range(4):
        run = job(f"nightly-{number}", "x:crash")
        run["metadata"]["ownerReferences"] = [owner]
        cluster.apply(run)
        cluster.advance(30)
    assert [one["metadata"]["name"] for one in cluster.list("Job", "shop")] == ["nightly-2", "nightly-3"]


async def test_pods_outlive_a_job_that_is_deleted_without_a_word_about_them(api: Api, cluster: Cluster) -> None:
    """The default of batch/v1, and the server warns of it; Background takes them along."""
    for name in ("plain", "background"):
        cluster.apply(job(name))
    cluster.advance(30)
    plain = await api("DELETE", f"{JOBS}/plain")
    assert "child pods are preserved by default when jobs are deleted" in plain.headers["Warning"]
    background = await api("DELETE", f"{JOBS}/background", {"propagationPolicy": "Background"})
    assert "Warning" not in background.headers
    assert background.body["status"] == "Success"
    cluster.advance(5)
    left = {
        pod["metadata"]["labels"]["job-name"]
        for pod in cluster.list("Pod", "shop")
        if "job-name" in pod["metadata"].get("labels", {})
    }
    assert left == {"plain"}


async def test_a_deletion_for_another_uid_is_a_conflict(api: Api, cluster: Cluster) -> None:
    cluster.apply(job("works"))
    answer = await api("DELETE", f"{JOBS}/works", {"preconditions": {"uid": "other"}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert cluster.get("Job", "shop", "works")


async def test_a_cordoned_node_is_tainted_and_selected_and_a_field_that_is_false_is_none(
    api: Api, cluster: Cluster
) -> None:
    name = cluster.list("Node")[0]["metadata"]["name"]
    body = [
        {"op": "test", "path": "/spec/unschedulable", "value": None},
        {"op": "add", "path": "/spec/unschedulable", "value": True},
    ]
    assert (await api("PATCH", f"/api/v1/nodes/{name}", body, kind=PATCH)).status == 200
    cluster.advance(1)
    (taint,) = (cluster.get("Node", "", name) or {})["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/unschedulable", "NoSchedule")
    listed = await api("GET", "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse")
    assert name not in [one["metadata"]["name"] for one in listed.body["items"]]
    body = [{"op": "replace", "path": "/spec/unschedulable", "value": False}]
    answer = await api("PATCH", f"/api/v1/nodes/{name}", body, kind=PATCH)
    assert "unschedulable" not in answer.body["spec"]
    cluster.advance(1)
    assert "taints" not in (cluster.get("Node", "", name) or {})["spec"]


def claimed(cluster: Cluster, *, grows: bool = True, how: str = "online") -> None:
    meta = {"name": "fast", "annotations": {RESIZE: how}}
    cluster.apply(
        {
            "kind": "StorageClass",
            "apiVersion": "storage.k8s.io/v1",
            "metadata": meta,
            "provisioner": "x",
            "allowVolumeExpansion": grows,
        }
    )
    spec = {
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "x:1"}]}}
    body = {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": pod,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}],
    }  # fmt: skip
    cluster.apply(
        {"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": {"name": "db", "namespace": "shop"}, "spec": body}
    )
    cluster.advance(10)


def wanted(size: str) -> list[dict[str, str]]:
    return [{"op": "replace", "path": "/spec/resources/requests/storage", "value": size}]


@pytest.mark.parametrize(
    ("grows", "body", "status", "said"),
    [
        (True, wanted("15Gi"), 200, ""),
        (True, wanted("5Gi"), 422, "field can not be less than status.capacity"),
        (False, wanted("15Gi"), 403, "the storageclass that provisions the pvc must support resize"),
        (
            True,
            [{"op": "replace", "path": "/spec/storageClassName", "value": "x"}],
            422,
            "spec is immutable after creation",
        ),
    ],
    ids=["larger", "smaller", "fixed class", "another class"],
)
async def test_a_claim_grows_where_its_class_lets_it_and_changes_nothing_else(
    api: Api, cluster: Cluster, grows: bool, body: list[dict[str, str]], status: int, said: str
) -> None:
    claimed(cluster, grows=grows)
    answer = await api("PATCH", CLAIM, body, kind=PATCH)
    assert answer.status == status, answer.body
    assert said in answer.body.get("message", "")


async def test_the_capacity_follows_the_request_and_the_filesystem_may_wait(api: Api, cluster: Cluster) -> None:
    claimed(cluster, how="restart")
    await api("PATCH", CLAIM, wanted("15Gi"), kind=PATCH)
    cluster.advance(60)
    told = (cluster.get("PersistentVolumeClaim", "shop", "data-db-0") or {})["status"]
    assert (told["conditions"][0]["type"], told["capacity"]["storage"]) == ("FileSystemResizePending", "10Gi")
    cluster.delete("Pod", "shop", "db-0")
    cluster.advance(60)
    told = (cluster.get("PersistentVolumeClaim", "shop", "data-db-0") or {})["status"]
    assert (told["capacity"]["storage"], told.get("conditions")) == ("15Gi", None)
