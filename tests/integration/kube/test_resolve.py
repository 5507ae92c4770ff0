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


async def test_an_operator_on_top_is_shown_and_never_the_target(kube: World) -> None:
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api", "uid": "r1", "controller": True}
    made = kube.sandbox.deployment("shop", "api", replicas=1)
    made["metadata"]["ownerReferences"] = [owner]
    kube.sandbox.apply(made)
    await kube.sandbox.settle(10)
    found = await resolve(kube, {"deployment": "api"})
    assert found.target is None
    assert "Rollout shop/api" in found.note
    assert (await reads.target_state(kube.cluster, API)).owner == "Rollout shop/api"


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        ({"deployment": "gone"}, "Deployment shop/gone isn't in the cluster."),
        ({"pod": "gone"}, "Pod shop/gone is gone; its owner can't be read any more."),
        ({"job_name": "nightly"}, "The alert is about Job shop/nightly, which I don't restart."),
        ({"node": "n1"}, "The alert is about Node shop/n1, which I don't restart."),
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
