"""From an alert's labels to its workload, asked of the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from bot.kube import reads
from bot.kube.resolve import resolve_target
from tests.integration.clusters import API, World

EXPORTER = {
    "job": "kube-state-metrics",
    "service": "kube-prometheus-stack-kube-state-metrics",
    "instance": "10.0.0.1:8080",
}


async def resolve(kube: World, *labels: dict[str, str]) -> Any:
    return await resolve_target(kube.cluster, [{"namespace": "shop", **one} for one in labels])


async def pod_names(kube: World) -> list[str]:
    return [pod.row.name for pod in await reads.workload_pods(kube.cluster, API)]


async def test_a_workload_label_wins_over_the_exporters_pod(kube: World) -> None:
    await kube.api()
    found = await resolve(kube, {"deployment": "api", "pod": "kube-state-metrics-6c5d-x2x7q", **EXPORTER})
    assert (found.target.kind, found.target.name, found.note) == ("Deployment", "api", "")
    assert found.target.uid


async def test_a_pod_leads_to_its_owner_also_when_the_exporter_reports_it(kube: World) -> None:
    await kube.api()
    name = (await pod_names(kube))[0]
    for labels in ({"pod": name}, {"pod": name, **EXPORTER}, {"exported_pod": name, "pod": "prom-0"}):
        assert (await resolve(kube, labels)).target.name == "api"


async def test_the_exporters_own_pod_and_service_lead_nowhere(kube: World) -> None:
    kube.sandbox.deployment("shop", "kube-state-metrics", replicas=1)
    await kube.sandbox.settle(10)
    (own,) = await reads.list_workloads(kube.cluster, "shop")
    (pod,) = await reads.workload_pods(kube.cluster, own)
    found = await resolve(kube, {"pod": pod.row.name, **EXPORTER})
    assert found.target is None
    assert found.note == "The alert's labels lead to no workload."


async def test_a_service_leads_through_its_selector_whatever_its_name(kube: World) -> None:
    await kube.api(labels={"app": "api"})
    kube.sandbox.deployment("shop", "frontend", replicas=1, labels={"app": "frontend"})
    kube.sandbox.apply(
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "frontend", "namespace": "shop"},
            "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]},
        }
    )  # fmt: skip
    found = await resolve(kube, {"service": "frontend"})
    assert (found.target.name, found.candidates) == ("api", ())


async def test_recommended_app_labels_are_the_last_way(kube: World) -> None:
    await kube.api(labels={"app": "api", "app.kubernetes.io/name": "checkout"})
    assert (await resolve(kube, {"app_kubernetes_io_name": "checkout"})).target.name == "api"
    assert (await resolve(kube, {"label_app": "api"})).target.name == "api"
    assert (await resolve(kube, {"app": "nothing"})).target is None


async def test_several_the_one_with_most_alerts_first_the_others_as_candidates(kube: World) -> None:
    await kube.api()
    kube.sandbox.statefulset("shop", "db", replicas=1)
    found = await resolve(
        kube,
        {"statefulset": "db"},
        {"deployment": "api", "pod": "a"},
        {"deployment": "api", "pod": "b"},
    )
    assert found.target.name == "api"
    assert [target.name for target in found.candidates] == ["db"]


async def test_five_hundred_alerts_on_one_workload_are_asked_for_once(kube: World) -> None:
    await kube.api()
    before = len(kube.server.requests)
    await resolve(kube, *[{"deployment": "api", "instance": str(i)} for i in range(500)])
    assert len(kube.server.requests) - before <= 3


async def test_what_an_operator_runs_is_looked_into_and_the_note_says_who_runs_it(kube: World) -> None:
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api", "uid": "r1", "controller": True}
    made = kube.sandbox.deployment("shop", "api", replicas=1)
    made["metadata"]["ownerReferences"] = [owner]
    kube.sandbox.apply(made)
    await kube.sandbox.settle(10)
    found = await resolve(kube, {"deployment": "api"})
    assert found.target.name == "api"
    assert found.note == "Deployment shop/api is run by Rollout shop/api; I look and don't act on it."
    assert (await reads.target_state(kube.cluster, API)).owner == "Rollout shop/api", "which the guards refuse"


def job(name: str, owner: dict[str, Any] | None = None) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/job:1"}]}}
    metadata: dict[str, Any] = {"name": name, "namespace": "shop"}
    if owner is not None:
        reference = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True}
        metadata["ownerReferences"] = [
            {**reference, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        ]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


async def test_a_job_is_named_by_job_name_and_never_by_the_scrape_job(kube: World) -> None:
    kube.sandbox.apply(job("kube-state-metrics"))
    kube.sandbox.apply(job("nightly-1"))
    found = await resolve(kube, {"job_name": "nightly-1", **EXPORTER})
    assert (found.target.kind, found.target.name) == ("Job", "nightly-1")
    assert found.target.uid
    assert (await resolve(kube, EXPORTER)).target is None


async def test_a_pod_of_a_job_leads_to_the_job_and_not_beyond(kube: World) -> None:
    cron = kube.sandbox.apply(
        {
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop"},
            "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": job("x")["spec"]}},
        }
    )  # fmt: skip
    kube.sandbox.apply(job("nightly-1", cron))
    kube.sandbox.advance(1)
    (pod,) = kube.sandbox.pods("shop", "nightly-1")
    found = await resolve(kube, {"pod": pod["metadata"]["name"]})
    assert (found.target.label, found.note) == ("Job shop/nightly-1", "")
    assert (await resolve(kube, {"cronjob": "nightly"})).target.label == "CronJob shop/nightly"


NODE = "fettle-sandbox-node-1"


@pytest.mark.parametrize(
    "labels",
    [
        {"node": NODE, "namespace": ""},
        {"node": NODE, "pod": "kube-state-metrics-6c5d-x2x7q", **EXPORTER},
        {"exported_node": NODE, "node": "another", "namespace": "monitoring", **EXPORTER},
        {"job": "node-exporter", "instance": f"{NODE}:9100", "pod": "node-exporter-gone", "namespace": "monitoring"},
    ],
    ids=["no namespace", "exporter's pod", "exported", "by instance"],
)
async def test_a_node_is_a_target_whatever_else_the_exporter_says(kube: World, labels: dict[str, str]) -> None:
    found = await resolve(kube, labels)
    assert (found.target.kind, found.target.namespace, found.target.name) == ("Node", "", NODE)
    assert found.target.uid


async def test_a_node_exporters_alert_is_about_the_node_that_its_pod_runs_on(kube: World) -> None:
    kube.sandbox.daemonset("monitoring", "node-exporter")
    await kube.sandbox.settle(10)
    for pod in kube.sandbox.pods("monitoring", "node-exporter"):
        labels = {"job": "node-exporter", "instance": "10.0.0.7:9100", "namespace": "monitoring"}
        found = await resolve(kube, {**labels, "pod": pod["metadata"]["name"]})
        assert found.target.name == pod["spec"]["nodeName"]
    gone = await resolve(kube, {**labels, "pod": "node-exporter-gone"})
    assert gone.note == "Pod monitoring/node-exporter-gone is gone; which node it measured can't be read any more."


async def test_the_node_of_a_pod_is_not_what_the_alert_is_about(kube: World) -> None:
    await kube.api()
    name = (await pod_names(kube))[0]
    assert (await resolve(kube, {"pod": name, "node": NODE, "job": "kubelet"})).target.name == "api"


async def test_a_claim_is_a_target_and_the_kubelets_node_is_not(kube: World) -> None:
    kube.sandbox.apply(
        {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-db-0", "namespace": "shop"},
            "spec": {"accessModes": ["ReadWriteOnce"]},
        }
    )  # fmt: skip
    found = await resolve(kube, {"persistentvolumeclaim": "data-db-0", "node": NODE, "job": "kubelet"})
    assert found.target.label == "PersistentVolumeClaim shop/data-db-0"


def autoscaler(kind: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name}, "maxReplicas": 9},
    }  # fmt: skip


async def test_an_autoscaler_leads_to_what_it_scales(kube: World) -> None:
    await kube.api()
    kube.sandbox.apply(autoscaler("Deployment", "api"))
    assert (await resolve(kube, {"horizontalpodautoscaler": "scaler"})).target.label == "Deployment shop/api"
    kube.sandbox.apply(autoscaler("Deployment", "gone"))
    kube.cluster.shared.forget()
    found = await resolve(kube, {"horizontalpodautoscaler": "scaler"})
    assert found.target.label == "HorizontalPodAutoscaler shop/scaler"
    assert found.note == "Deployment shop/gone isn't in the cluster."


async def test_a_budget_leads_to_the_workloads_that_it_is_over(kube: World) -> None:
    await kube.api()
    kube.sandbox.apply(
        {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "pdb", "namespace": "shop"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "api"}}},
        }
    )  # fmt: skip
    assert (await resolve(kube, {"poddisruptionbudget": "pdb", **EXPORTER})).target.name == "api"


async def test_recording_rules_name_a_workload_by_two_labels(kube: World) -> None:
    await kube.api()
    assert (await resolve(kube, {"workload": "api", "workload_type": "deployment"})).target.label == API.label
    assert (await resolve(kube, {"workload": "api", "workload_type": "rollout"})).target is None


async def test_a_pod_that_is_gone_does_not_hide_the_other_ways(kube: World) -> None:
    await kube.api(labels={"app": "api"})
    kube.sandbox.service("shop", "front", selector={"app": "api"})
    assert (await resolve(kube, {"pod": "api-gone", "service": "front"})).target.name == "api"


async def test_several_targets_are_said(kube: World) -> None:
    await kube.api()
    kube.sandbox.statefulset("shop", "db", replicas=1)
    tie = await resolve(kube, {"statefulset": "db"}, {"deployment": "api"})
    assert tie.note == ("The alerts lead to Deployment shop/api as well as to StatefulSet shop/db; the first is shown.")
    most = await resolve(kube, {"statefulset": "db"}, {"deployment": "api"}, {"deployment": "api", "x": "2"})
    assert most.note == "Most alerts lead to Deployment shop/api, others to StatefulSet shop/db."


async def test_fifty_pods_without_a_workload_label_are_not_fifty_questions(kube: World) -> None:
    await kube.api(replicas=10)
    before = len(kube.sent("GET"))
    kube.sandbox.statefulset("shop", "db", replicas=1)
    names = await pod_names(kube)
    before = len(kube.sent("GET"))
    found = await resolve(kube, {"statefulset": "db"}, *({"pod": name, "instance": name} for name in names))
    assert found.target.name == "api"
    assert found.note == "Most alerts lead to Deployment shop/api, others to StatefulSet shop/db.", "all pods counted"
    assert len(kube.sent("GET")) - before <= 6


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        ({"deployment": "gone"}, "Deployment shop/gone isn't in the cluster."),
        ({"pod": "gone"}, "Pod shop/gone is gone; its owner can't be read any more."),
        ({"job_name": "nightly"}, "Job shop/nightly isn't in the cluster."),
        ({"node": "n1"}, "Node n1 isn't in the cluster."),
        ({"node": "../secrets"}, "'../secrets' is no name that Kubernetes accepts."),
        ({"namespace": ""}, "The alert names no namespace."),
        ({"deployment": "../secrets"}, "'../secrets' is no name that Kubernetes accepts."),
        ({}, "The alert's labels lead to no workload."),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_leads_nowhere_says_why(kube: World, labels: dict[str, str], note: str) -> None:
    found = await resolve(kube, labels)
    assert (found.target, found.note) == (None, note)


async def test_a_bare_pod_is_shown_and_not_acted_on(kube: World) -> None:
    kube.sandbox.apply(
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lone", "namespace": "shop"},
            "spec": {"containers": [{"name": "c", "image": "registry.example/shell:1"}]},
        }
    )  # fmt: skip
    assert "no owner" in (await resolve(kube, {"pod": "lone"})).note


async def test_no_alerts_no_target(kube: World) -> None:
    assert (await resolve(kube)).target is None


async def test_many_pods_of_a_named_workload_are_one_question(kube: World) -> None:
    """A burst of alerts that name their Deployment asks for it once, however many pods they are about."""
    await kube.api()
    before = len(kube.sent("GET"))
    found = await resolve(kube, *({"deployment": "api", "pod": f"api-{number}"} for number in range(50)))
    assert found.target.name == "api"
    assert len(kube.sent("GET")) - before == 1
