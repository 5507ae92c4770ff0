"""Evictions over the socket: which pod, by uid alone, what a budget says, and what is read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import (
    BudgetHoldsError,
    ClusterUnavailableError,
    ForbiddenError,
    IntegrityError,
    OutcomeUnknownError,
    RequestError,
    WorldChangedError,
)
from bot.domain.execution import WriteRequest
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import neighbours, reads
from bot.mitigations import evict
from bot.mitigations.applied import Applied
from bot.mitigations.params import Params
from tests.integration.clusters import API, World, now

STORE = Target("StatefulSet", "shop", "store")


def request(state: TargetState, params: Params) -> WriteRequest:
    return evict.request(state, approved_at=now(), execution_uid="e1", params=params)


def pods(kube: World, name: str = "api") -> dict[str, str]:
    """Name -> uid of the living ones."""
    found = kube.sandbox.pods("shop", name)
    return {
        one["metadata"]["name"]: one["metadata"]["uid"] for one in found if "deletionTimestamp" not in one["metadata"]
    }


def budget(kube: World, least: int, name: str = "api", **labels: str) -> None:
    spec = {"minAvailable": least, "selector": {"matchLabels": labels or {"app": "api"}}}
    meta = {"name": name, "namespace": "shop"}
    kube.sandbox.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})


async def first(kube: World, state: TargetState) -> Params:
    return await evict.plan(kube.cluster, state, {"pod": min(pods(kube))})


async def test_the_crash_looping_one_is_taken(kube: World) -> None:
    await kube.api()
    state = await kube.crashing()
    found = await reads.snapshot(kube.cluster, API, now=now())
    (ill,) = [pod for pod in found.pods if pod.row.restarts]
    assert await evict.plan(kube.cluster, state, {}) == {"pod": ill.row.name, "uid": ill.uid}


async def test_where_all_are_well_it_has_to_be_named(kube: World) -> None:
    state = await kube.api()
    with pytest.raises(RequestError, match=r"Name the one that is meant: /incident act evict shop/api POD"):
        await evict.plan(kube.cluster, state, {})
    name = max(pods(kube))
    assert await evict.plan(kube.cluster, state, {"pod": name}) == {"pod": name, "uid": pods(kube)[name]}


async def test_a_pod_that_the_workload_did_not_make_is_never_taken(kube: World) -> None:
    """A bare pod with the workload's labels would be gone for good."""
    state = await kube.api()
    spec = {"containers": [{"name": "x", "image": "x:1"}]}
    meta = {"name": "api-bare", "namespace": "shop", "labels": {"app": "api"}}
    kube.sandbox.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    await kube.sandbox.settle(5)
    with pytest.raises(RequestError, match="api-bare is no living pod of shop/api"):
        await evict.plan(kube.cluster, state, {"pod": "api-bare"})


async def test_one_that_is_another_by_now_is_not_taken(kube: World) -> None:
    state = await kube.api()
    with pytest.raises(RequestError, match="is no living pod of shop/api any more"):
        await evict.plan(kube.cluster, state, {"pod": min(pods(kube)), "uid": "older"})


async def test_that_pod_goes_and_another_comes(kube: World) -> None:
    state = await kube.api()
    before = pods(kube)
    params = await first(kube, state)
    seen = await evict.preview(kube.cluster, state, approved_at=now(), execution_uid="e1", params=params)
    assert (seen.problem, seen.facts) == ("", "1 of 3 pods, 3 ready · no disruption budget · dry run ok")
    assert all(seen.rights.values())
    assert pods(kube) == before, "a preview changes nothing"
    await evict.apply(kube.cluster, seen.request)
    kube.sandbox.advance(60)
    after = pods(kube)
    assert len(after) == 3
    assert before.keys() - after.keys() == {params["pod"]}


async def test_a_pod_of_that_name_with_another_uid_stays(kube: World) -> None:
    kube.sandbox.statefulset("shop", "store", replicas=2, image="registry.example/store:1")
    await kube.sandbox.settle(20)
    state = await reads.target_state(kube.cluster, STORE, now=now())
    stored = request(state, await evict.plan(kube.cluster, state, {"pod": "store-1"}))
    await evict.apply(kube.cluster, stored)
    kube.sandbox.advance(60)
    again = pods(kube, "store")["store-1"]
    with pytest.raises(WorldChangedError):
        await evict.apply(kube.cluster, stored)
    assert pods(kube, "store")["store-1"] == again


async def test_a_pod_that_is_gone_is_told_as_changed(kube: World) -> None:
    state = await kube.api()
    stored = request(state, {"pod": "api-gone", "uid": "u"})
    with pytest.raises(WorldChangedError, match=r"isn't there any more\. Nothing was done"):
        await evict.apply(kube.cluster, stored)


async def test_without_a_uid_nothing_is_sent(kube: World) -> None:
    state = await kube.api()
    stored = request(state, await first(kube, state))
    with pytest.raises(IntegrityError, match="no precondition"):
        await evict.apply(kube.cluster, replace(stored, body={**stored.body, "deleteOptions": {}}))
    with pytest.raises(RequestError, match="one exact pod"):
        request(state, {"pod": "api-1"})
    assert not [one for one in kube.sent("POST") if one.path.endswith("/eviction")]


async def test_a_budget_that_lets_no_pod_go_is_said_and_is_no_failure(kube: World) -> None:
    await kube.api()
    budget(kube, 3)
    await kube.sandbox.settle(2)
    state = await reads.target_state(kube.cluster, API, now=now())
    params = await first(kube, state)
    seen = await evict.preview(kube.cluster, state, approved_at=now(), execution_uid="e1", params=params)
    assert seen.problem == ""
    held = "The disruption budget api needs 3 healthy pods and has 3 currently (429)"
    assert seen.warnings[0] == f"{held}: I wait for it, until the approval ends."
    assert "the budget holds it back now" in seen.facts
    with pytest.raises(BudgetHoldsError, match="needs 3 healthy pods and has 3"):
        await evict.apply(kube.cluster, seen.request)
    assert len(pods(kube)) == 3


async def test_only_a_budget_is_a_wait_that_may_be_asked_again(kube: World) -> None:
    state = await kube.api()
    stored = request(state, await first(kube, state))
    kube.server.faults.set("create", "pods/eviction", status=429, times=1)
    with pytest.raises(ClusterUnavailableError) as busy:
        await evict.apply(kube.cluster, stored)
    assert not isinstance(busy.value, BudgetHoldsError)
    kube.server.faults.set("create", "pods/eviction", status=503, times=1)
    with pytest.raises(OutcomeUnknownError):
        await evict.apply(kube.cluster, stored)


async def test_what_became_of_it_is_read_back_by_the_uid(kube: World) -> None:
    state = await kube.api()
    stored = request(state, await first(kube, state))

    async def found() -> Applied:
        return (await evict.read_back(kube.cluster, state.target, "e1", stored=stored)).state

    assert await found() is Applied.NOT_APPLIED
    await evict.apply(kube.cluster, stored)
    assert await found() is Applied.APPLIED, "ending is as good as gone"
    kube.sandbox.advance(60)
    assert await found() is Applied.APPLIED
    nameless = replace(stored, body={})
    assert (await evict.read_back(kube.cluster, state.target, "e1", stored=nameless)).state is Applied.CHANGED


async def test_a_missing_right_names_the_role(kube: World) -> None:
    state = await kube.api()
    kube.server.deny("create", "pods/eviction", "shop")
    with pytest.raises(ForbiddenError, match="Apply the role fettle-evict in shop"):
        await evict.apply(kube.cluster, request(state, await first(kube, state)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"replicas": 1}, "Single replica"),
        ({"strategy": "OnDelete"}, "OnDelete"),
        ({"target": STORE}, "StatefulSet: the new pod starts only"),
        ({"target": Target("DaemonSet", "shop", "agent", "u")}, "its node has none"),
    ],
    ids=["single", "on delete", "StatefulSet", "DaemonSet"],
)
async def test_what_a_person_should_know_is_said(kube: World, changes: dict[str, Any], said: str) -> None:
    state = replace(await kube.api(), **changes)
    assert any(said in line for line in evict.warnings(state, ()))


async def test_local_data_that_is_lost_is_named(kube: World) -> None:
    kube.sandbox.deployment("shop", "api", replicas=2, image="x:1")
    manifest = kube.sandbox.get("Deployment", "shop", "api")
    spec = manifest["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "scratch", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "c"}}]
    meta = {"name": "api", "namespace": "shop"}
    kube.sandbox.apply({**{key: manifest[key] for key in ("apiVersion", "kind", "spec")}, "metadata": meta})
    await kube.sandbox.settle(20)
    state = await reads.target_state(kube.cluster, API, now=now())
    params = await first(kube, state)
    seen = await evict.preview(kube.cluster, state, approved_at=now(), execution_uid="e1", params=params)
    assert "What is in its emptyDir volumes is lost: scratch." in seen.warnings


async def test_who_else_stands_under_a_budget_is_known(kube: World) -> None:
    await kube.api()
    kube.sandbox.deployment("shop", "web", replicas=1, image="web:1")
    budget(kube, 1)
    budget(kube, 1, "web", app="web")
    meta = {"name": "all", "namespace": "shop"}
    every = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta}
    kube.sandbox.apply({**every, "spec": {"minAvailable": 1, "selector": {}}})

    async def under(name: str) -> list[str]:
        return [one.name for one in await neighbours.under_budget(kube.cluster, API, name)]

    assert await under("api") == []
    assert await under("web") == ["web"]
    assert await under("all") == ["web"]
    assert await under("gone") == []
