"""Scaling over the socket: absolute numbers, tested as approved, read back by number; an autoscaler's bounds alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import ForbiddenError, IntegrityError, RequestError, WorldChangedError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads
from bot.mitigations import raise_autoscaler, scale
from bot.mitigations.applied import Applied
from bot.mitigations.params import Params
from tests.integration.clusters import API, World, now

STORE = Target("StatefulSet", "shop", "store")


def request(state: TargetState, params: Params) -> WriteRequest:
    return scale.request(state, approved_at=now(), execution_uid="e1", params=params)


def autoscaler(kube: World, least: int | None = 2, most: int = 6, **metadata: Any) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    spec = {"scaleTargetRef": target, "maxReplicas": most, **({} if least is None else {"minReplicas": least})}
    meta = {"name": "api-hpa", "namespace": "shop", **metadata}
    kube.sandbox.apply({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec,
    })  # fmt: skip


async def bounded(kube: World, **options: Any) -> TargetState:
    """shop/api with three replicas and an autoscaler."""
    await kube.api()
    autoscaler(kube, **options)
    return await reads.target_state(kube.cluster, API, now=now())


def bounds(kube: World) -> tuple[int, int]:
    spec = kube.sandbox.get("HorizontalPodAutoscaler", "shop", "api-hpa")["spec"]
    return spec["minReplicas"], spec["maxReplicas"]


@pytest.mark.parametrize("target", [API, STORE], ids=["Deployment", "StatefulSet"])
@pytest.mark.parametrize(("before", "after"), [(3, 5), (3, 1), (3, 0), (0, 2)])
async def test_it_sets_the_number_that_was_approved_and_nothing_else(
    kube: World, target: Target, before: int, after: int
) -> None:
    make = kube.sandbox.deployment if target is API else kube.sandbox.statefulset
    make("shop", target.name, replicas=before, image="registry.example/x:1")
    await kube.sandbox.settle(20)
    state = await reads.target_state(kube.cluster, target, now=now())
    spec = kube.sandbox.get(target.kind, "shop", target.name)["spec"]
    params = await scale.plan(kube.cluster, state, {"replicas": after})
    assert params == {"from": before, "replicas": after}
    seen = await scale.preview(kube.cluster, state, approved_at=now(), execution_uid="e1", params=params)
    assert (seen.problem, seen.diff) == ("", f"~ replicas: {before} → {after}")
    assert all(seen.rights.values())
    assert kube.sandbox.get(target.kind, "shop", target.name)["spec"] == spec, "a preview changes nothing"
    await scale.apply(kube.cluster, seen.request)
    assert kube.sandbox.get(target.kind, "shop", target.name)["spec"] == {**spec, "replicas": after}
    (sent,) = [one for one in kube.sent("PATCH") if "dryRun" not in one.query]
    assert sent.path.endswith(f"/{target.name}/scale")


async def test_a_number_that_somebody_set_meanwhile_refuses_it(kube: World) -> None:
    state = await kube.api()
    stored = request(state, {"from": 3, "replicas": 6})
    kube.sandbox.deployment("shop", "api", replicas=4, image="registry.example/api:1.4.1")
    with pytest.raises(WorldChangedError):
        await scale.apply(kube.cluster, stored)
    assert kube.sandbox.get("Deployment", "shop", "api")["spec"]["replicas"] == 4


async def test_another_object_of_that_name_refuses_it(kube: World) -> None:
    state = await kube.api()
    stored = request(state, {"from": 3, "replicas": 6})
    kube.sandbox.delete("Deployment", "shop", "api")
    kube.sandbox.advance(5)
    await kube.api()
    with pytest.raises(WorldChangedError):
        await scale.apply(kube.cluster, stored)


async def test_a_request_without_its_precondition_is_never_sent(kube: World) -> None:
    state = await kube.api()
    stored = request(state, {"from": 3, "replicas": 6})
    with pytest.raises(IntegrityError, match="no precondition"):
        await scale.apply(kube.cluster, replace(stored, body=stored.body[1:]))
    assert not kube.sent("PATCH")


async def test_what_became_of_it_is_read_back_by_the_number(kube: World) -> None:
    state = await kube.api()
    stored = request(state, {"from": 3, "replicas": 5})

    async def found() -> Applied:
        return (await scale.read_back(kube.cluster, state.target, "e1", stored=stored)).state

    assert await found() is Applied.NOT_APPLIED
    await scale.apply(kube.cluster, stored)
    assert await found() is Applied.APPLIED
    kube.sandbox.deployment("shop", "api", replicas=7, image="registry.example/api:1.4.1")
    assert await found() is Applied.CHANGED
    kube.sandbox.delete("Deployment", "shop", "api")
    kube.sandbox.advance(5)
    kube.sandbox.deployment("shop", "api", replicas=5, image="registry.example/api:1.4.1")
    assert await found() is Applied.CHANGED, "another object that happens to have as many"


async def test_from_nothing_is_read_back_too(kube: World) -> None:
    """The API server leaves a zero out: absent is a number here."""
    state = await kube.api(replicas=0)
    stored = request(state, {"from": 0, "replicas": 2})
    assert (await scale.read_back(kube.cluster, state.target, "e1", stored=stored)).state is Applied.NOT_APPLIED


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "How many replicas"),
        ({"replicas": "six"}, "How many replicas"),
        ({"replicas": -1}, "How many replicas"),
        ({"replicas": True}, "How many replicas"),
        ({"replicas": "3"}, "has 3 replicas already"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_reason(kube: World, wanted: Params, said: str) -> None:
    state = await kube.api()
    with pytest.raises(RequestError, match=said):
        await scale.plan(kube.cluster, state, wanted)


async def test_a_missing_right_names_the_role(kube: World) -> None:
    state = await kube.api()
    kube.server.deny("patch", "deployments/scale", "shop")
    with pytest.raises(ForbiddenError, match="Apply the role fettle-scale in shop"):
        await scale.apply(kube.cluster, request(state, {"from": 3, "replicas": 6}))


# -- bounds ----------------------------------------------------------------------------------------


async def planned(kube: World, state: TargetState, **wanted: Any) -> tuple[Params, WriteRequest]:
    params = await raise_autoscaler.plan(kube.cluster, state, wanted)
    assert json.dumps(dict(params)), "parameters are stored as JSON"
    return params, raise_autoscaler.request(state, approved_at=now(), execution_uid="e1", params=params)


@pytest.mark.parametrize(
    ("wanted", "after"),
    [({"most": 9}, (2, 9)), ({"bounds": "9"}, (2, 9)), ({"bounds": "3-9"}, (3, 9)), ({"bounds": "4 to 6"}, (4, 6))],
    ids=["finding", "maximum", "both", "minimum"],
)
async def test_bounds_are_set_as_approved_and_nothing_else(
    kube: World, wanted: dict[str, Any], after: tuple[int, int]
) -> None:
    state = await bounded(kube)
    spec = kube.sandbox.get("HorizontalPodAutoscaler", "shop", "api-hpa")["spec"]
    params, stored = await planned(kube, state, **wanted)
    seen = await raise_autoscaler.preview(kube.cluster, state, approved_at=now(), execution_uid="e1", params=params)
    assert seen.problem == ""
    assert bounds(kube) == (2, 6), "a preview changes nothing"
    await raise_autoscaler.apply(kube.cluster, stored)
    least, most = after
    now_has = kube.sandbox.get("HorizontalPodAutoscaler", "shop", "api-hpa")["spec"]
    assert now_has == {**spec, "minReplicas": least, "maxReplicas": most}


async def test_an_autoscaler_without_a_minimum_has_one(kube: World) -> None:
    state = await bounded(kube, least=None)
    _, stored = await planned(kube, state, most=9)
    await raise_autoscaler.apply(kube.cluster, stored)
    assert bounds(kube) == (1, 9)


async def test_its_status_may_move_on_and_its_bounds_may_not(kube: World) -> None:
    """Every 15 seconds a new resourceVersion: that is no reason against, and other bounds are."""
    state = await bounded(kube)
    _, stored = await planned(kube, state, most=9)
    kube.sandbox.annotate("HorizontalPodAutoscaler", "shop", "api-hpa", {"seen": "again"})
    await raise_autoscaler.apply(kube.cluster, stored)
    with pytest.raises(WorldChangedError):
        await raise_autoscaler.apply(kube.cluster, stored)
    assert bounds(kube) == (2, 9)


async def test_bounds_are_read_back_by_themselves(kube: World) -> None:
    state = await bounded(kube)
    _, stored = await planned(kube, state, most=9)

    async def found() -> Applied:
        return (await raise_autoscaler.read_back(kube.cluster, state.target, "e1", stored=stored)).state

    assert await found() is Applied.NOT_APPLIED
    await raise_autoscaler.apply(kube.cluster, stored)
    assert await found() is Applied.APPLIED
    autoscaler(kube, 2, 7)
    assert await found() is Applied.CHANGED
    kube.sandbox.delete("HorizontalPodAutoscaler", "shop", "api-hpa")
    assert await found() is Applied.CHANGED


async def test_the_undo_is_the_bounds_before(kube: World) -> None:
    state = await bounded(kube)
    params, stored = await planned(kube, state, bounds="3-9")
    await raise_autoscaler.apply(kube.cluster, stored)
    action, wanted = raise_autoscaler.undo(params)
    assert action is Action.RAISE_AUTOSCALER
    state = await reads.target_state(kube.cluster, API, now=now())
    _, back = await planned(kube, state, **wanted)
    await raise_autoscaler.apply(kube.cluster, back)
    assert bounds(kube) == (2, 6)


async def test_without_an_autoscaler_the_way_to_scale_is_told(kube: World) -> None:
    state = await kube.api()
    with pytest.raises(RequestError, match="No autoscaler scales shop/api"):
        await raise_autoscaler.plan(kube.cluster, state, {"most": 9})


async def test_what_keda_made_is_changed_there(kube: World) -> None:
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "api", "uid": "s1", "controller": True}
    state = await bounded(kube, ownerReferences=[owner])
    with pytest.raises(RequestError, match=r"ScaledObject api made the autoscaler api-hpa .* revert in Git"):
        await raise_autoscaler.plan(kube.cluster, state, {"most": 9})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"most": 6}, "are 2 to 6 already"),
        ({"most": 1}, "are no bounds"),
        ({"bounds": "9-3"}, "are no bounds"),
        ({"bounds": "lots"}, "Which bounds"),
        ({"autoscaler": "web", "most": 9}, "is api-hpa, and web was meant"),
    ],
)
async def test_bounds_that_make_no_sense_are_refused(kube: World, wanted: Params, said: str) -> None:
    state = await bounded(kube)
    with pytest.raises(RequestError, match=said):
        await raise_autoscaler.plan(kube.cluster, state, wanted)
