"""A rollback over the socket: which revision, what it may never change, one write, and no secret of a template kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import IntegrityError, RequestError, WorldChangedError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads, undo
from bot.mitigations import rollback
from bot.mitigations.applied import Applied
from bot.mitigations.params import Params
from tests.integration.clusters import API, World, now

HIDDEN = "hunter2-never-kept"


def container(kube: World, name: str = "api", kind: str = "Deployment") -> Any:
    return kube.sandbox.get(kind, "shop", name)["spec"]["template"]["spec"]["containers"][0]


async def change(kube: World, target: Target = API, **fields: Any) -> TargetState:
    """A new revision: fields of the first container are others now."""
    manifest = kube.sandbox.get(target.kind, target.namespace, target.name)
    first = manifest["spec"]["template"]["spec"]["containers"][0]
    first.update(fields)
    kept = {key: manifest[key] for key in ("apiVersion", "kind", "spec")}
    kube.sandbox.apply({**kept, "metadata": {"name": target.name, "namespace": target.namespace}})
    await kube.sandbox.settle(20)
    return await reads.target_state(kube.cluster, target, now=now())


async def two(kube: World, **fields: Any) -> TargetState:
    """shop/api at its second revision."""
    await kube.api()
    return await change(kube, **(fields or {"image": "registry.example/api:1.4.2"}))


def request(state: TargetState, params: Params, uid: str = "e1") -> WriteRequest:
    return rollback.request(state, approved_at=now(), execution_uid=uid, params=params)


async def applied(kube: World, state: TargetState, params: Params, uid: str = "e1") -> int:
    return await rollback.apply(kube.cluster, await rollback.ready(kube.cluster, request(state, params, uid)))


async def test_it_goes_to_the_revision_before_and_says_to_which(kube: World) -> None:
    state = await two(kube)
    params = await rollback.plan(kube.cluster, state, {})
    assert (params["revision"], params["images"]) == ("1", "api:1.4.1")
    assert (params["from"], params["from_images"]) == ("2", "api:1.4.2")
    assert rollback.consequence(state, params) == (
        "Replaces rev 2 (api:1.4.2) by rev 1 (api:1.4.1) on 3 pods, 25 % at a time. Rev 2 stays available to return to."
    )
    assert json.dumps(dict(params)), "parameters are stored as JSON"


async def test_the_old_template_is_taken_as_it_was_and_its_replica_set_is_used_again(kube: World) -> None:
    state = await two(kube)
    sets = {one["metadata"]["name"] for one in kube.sandbox.list("ReplicaSet", "shop")}
    generation = await applied(kube, state, await rollback.plan(kube.cluster, state, {}))
    await kube.sandbox.settle(20)
    after = await reads.target_state(kube.cluster, API)
    assert container(kube)["image"] == "registry.example/api:1.4.1"
    assert {one["metadata"]["name"] for one in kube.sandbox.list("ReplicaSet", "shop")} == sets
    assert (after.revision, after.generation, after.marker) == ("3", generation, "e1")
    assert EXECUTION_ID not in after.template_annotations


async def test_undo_returns_to_what_ran_before_whatever_its_number_is_by_then(kube: World) -> None:
    state = await two(kube)
    params = await rollback.plan(kube.cluster, state, {})
    await applied(kube, state, params)
    await kube.sandbox.settle(20)
    found = rollback.undo(params)
    assert found is not None
    action, wanted = found
    assert action is Action.ROLLBACK
    state = await reads.target_state(kube.cluster, API, now=now())
    back = await rollback.plan(kube.cluster, state, wanted)
    assert (back["revision"], back["images"], back["from"]) == ("2", "api:1.4.2", "3")
    await applied(kube, state, back, "e2")
    assert container(kube)["image"] == "registry.example/api:1.4.2"


async def test_a_restart_is_no_other_revision(kube: World) -> None:
    """After a restart "previous" is the same image: it isn't offered."""
    state = await kube.api()
    manifest = kube.sandbox.get("Deployment", "shop", "api")
    manifest["spec"]["template"]["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/restartedAt": "2026-11-20T03:00:00Z"
    }
    kept = {key: manifest[key] for key in ("apiVersion", "kind", "spec")}
    kube.sandbox.apply({**kept, "metadata": {"name": "api", "namespace": "shop"}})
    await kube.sandbox.settle(20)
    state = await reads.target_state(kube.cluster, API, now=now())
    assert state.revision == "2"
    with pytest.raises(RequestError, match="no other revision to go back to"):
        await rollback.plan(kube.cluster, state, {})
    with pytest.raises(RequestError, match="runs what rev 1 holds"):
        await rollback.plan(kube.cluster, state, {"revision": "1"})


async def test_a_revision_that_is_not_there_is_refused_with_those_that_are(kube: World) -> None:
    state = await two(kube)
    with pytest.raises(RequestError, match="has no rev 7 any more; the cluster keeps rev 2, rev 1"):
        await rollback.plan(kube.cluster, state, {"revision": "7"})


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"securityContext": {"privileged": True}}, "securityContext of container api"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}, "volumeMounts of container api"),
        ({"ports": [{"containerPort": 80, "hostPort": 80}]}, "host ports of container api"),
    ],
)
async def test_what_a_pod_may_do_is_never_changed(kube: World, fields: dict[str, Any], named: str) -> None:
    state = await two(kube, image="registry.example/api:1.4.2", **fields)
    with pytest.raises(RequestError, match=f"differs in {named}, which Fettle never changes"):
        await rollback.plan(kube.cluster, state, {})


async def test_a_revision_whose_configuration_is_gone_is_refused(kube: World) -> None:
    config = {"configMapKeyRef": {"name": "api-config", "key": "URL"}}
    await kube.api(replicas=1)
    await change(kube, env=[{"name": "URL", "valueFrom": config}])
    state = await change(kube, env=[], image="registry.example/api:1.4.3")
    with pytest.raises(RequestError, match="Rev 2 of shop/api needs what isn't there: ConfigMap shop/api-config"):
        await rollback.plan(kube.cluster, state, {"revision": "2"})


async def test_values_of_the_environment_are_neither_shown_nor_kept(kube: World) -> None:
    await kube.api()
    await change(kube, env=[{"name": "DB_PASSWORD", "value": HIDDEN}])
    state = await change(kube, env=[{"name": "OTHER", "value": "x"}])
    params = await rollback.plan(kube.cluster, state, {"revision": "2"})
    stored = request(state, params)
    seen = await rollback.preview(kube.cluster, state, approved_at=now(), execution_uid="preview", params=params)
    assert seen.problem == ""
    assert "env + DB_PASSWORD" in seen.diff
    for kept in (dict(params), stored.body, dict(stored.template), seen.diff, seen.facts, seen.consequence):
        assert HIDDEN not in json.dumps(kept)
    await rollback.apply(kube.cluster, await rollback.ready(kube.cluster, stored))
    assert container(kube)["env"] == [{"name": "DB_PASSWORD", "value": HIDDEN}]


async def test_a_preview_changes_nothing(kube: World) -> None:
    state = await two(kube)
    params = await rollback.plan(kube.cluster, state, {})
    seen = await rollback.preview(kube.cluster, state, approved_at=now(), execution_uid="preview", params=params)
    assert seen.diff == "image api:1.4.2 → 1.4.1"
    assert seen.facts.endswith("dry run ok")
    assert (await reads.target_state(kube.cluster, API)).generation == state.generation


async def test_a_revision_that_is_another_one_by_now_is_not_sent(kube: World) -> None:
    state = await two(kube)
    params = dict(await rollback.plan(kube.cluster, state, {}))
    for changed in ({"uid": "other"}, {"content": "0" * 64}, {"name": "api-gone"}):
        with pytest.raises(WorldChangedError, match="isn't"):
            await rollback.ready(kube.cluster, request(state, {**params, **changed}))
    assert not kube.sent("PATCH")


async def test_a_request_without_its_template_or_its_precondition_is_never_sent(kube: World) -> None:
    state = await two(kube)
    stored = request(state, await rollback.plan(kube.cluster, state, {}))
    with pytest.raises(IntegrityError, match="no template"):
        await rollback.apply(kube.cluster, stored)
    whole = await rollback.ready(kube.cluster, stored)
    with pytest.raises(IntegrityError, match="no precondition"):
        await rollback.apply(kube.cluster, replace(whole, body=whole.body[1:]))
    assert not kube.sent("PATCH")


async def test_a_target_that_moved_on_refuses_it(kube: World) -> None:
    state = await two(kube)
    whole = await rollback.ready(kube.cluster, request(state, await rollback.plan(kube.cluster, state, {})))
    await change(kube, image="registry.example/api:1.4.3")
    with pytest.raises(WorldChangedError):
        await rollback.apply(kube.cluster, whole)
    assert container(kube)["image"] == "registry.example/api:1.4.3"


async def test_what_became_of_it_is_read_back_by_its_mark(kube: World) -> None:
    state = await two(kube)
    params = await rollback.plan(kube.cluster, state, {})
    stored = request(state, params)
    found = await rollback.read_back(kube.cluster, state.target, "e1", stored=stored)
    assert found.state is Applied.NOT_APPLIED
    generation = await applied(kube, state, params)
    found = await rollback.read_back(kube.cluster, state.target, "e1", stored=stored)
    assert (found.state, found.generation) == (Applied.APPLIED, generation)
    found = await rollback.read_back(kube.cluster, state.target, "another", stored=stored)
    assert found.state is Applied.CHANGED


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_kinds_with_controller_revisions_go_back_the_same_way(kube: World, kind: str) -> None:
    target = Target(kind, "shop", "store")
    if kind == "StatefulSet":
        kube.sandbox.statefulset("shop", "store", replicas=2, image="registry.example/store:1")
    else:
        kube.sandbox.daemonset("shop", "store", image="registry.example/store:1")
    await kube.sandbox.settle(20)
    state = await change(kube, target, image="registry.example/store:2")
    params = await rollback.plan(kube.cluster, state, {})
    assert params["images"] == "store:1"
    await applied(kube, state, params)
    await kube.sandbox.settle(20)
    after = await reads.snapshot(kube.cluster, target, now=now())
    assert after.state.images == ("registry.example/store:1",)
    assert {pod.row.hash for pod in after.pods if not pod.deleting} == {params["pods"]}


async def test_an_annotation_that_somebody_writes_meanwhile_is_not_lost(kube: World) -> None:
    """No generation tells of it, and a workload without annotations gets the whole map with the mark."""
    target = Target("StatefulSet", "shop", "store")
    kube.sandbox.statefulset("shop", "store", replicas=2, image="registry.example/store:1")
    await kube.sandbox.settle(20)
    state = await change(kube, target, image="registry.example/store:2")
    assert not state.annotated
    whole = await rollback.ready(kube.cluster, request(state, await rollback.plan(kube.cluster, state, {})))
    kube.sandbox.annotate("StatefulSet", "shop", "store", {"fettle/deny": "all"})
    with pytest.raises(WorldChangedError):
        await rollback.apply(kube.cluster, whole)
    found = kube.sandbox.get("StatefulSet", "shop", "store")["metadata"]["annotations"]
    assert found == {"fettle/deny": "all"}


@pytest.mark.parametrize(("policy", "warned"), [("OrderedReady", True), ("Parallel", False)])
async def test_a_pod_that_an_ordered_workload_will_not_replace_is_said(kube: World, policy: str, warned: bool) -> None:
    """Its controller waits for each pod to be ready, whatever template it has; the rollback alone helps nothing."""
    target = Target("StatefulSet", "shop", "store")
    kube.sandbox.statefulset("shop", "store", replicas=2, image="registry.example/store:1")
    manifest = kube.sandbox.get("StatefulSet", "shop", "store")
    spec = {**manifest["spec"], "podManagementPolicy": policy}
    kube.sandbox.delete("StatefulSet", "shop", "store")
    meta = {"name": "store", "namespace": "shop"}
    kube.sandbox.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec})
    await kube.sandbox.settle(20)
    kube.sandbox.break_next("shop", "store", "crash")
    state = await change(kube, target, image="registry.example/store:2")
    assert state.ready < state.replicas
    params = await rollback.plan(kube.cluster, state, {})
    shown = await rollback.preview(kube.cluster, state, approved_at=now(), execution_uid="e1", params=params)
    assert any("until somebody deletes it" in line for line in shown.warnings) is warned


async def test_a_profile_that_an_annotation_names_is_never_changed(kube: World) -> None:
    await kube.api()
    manifest = kube.sandbox.get("Deployment", "shop", "api")
    profile = {f"{undo.APPARMOR}api": "runtime/default"}
    manifest["spec"]["template"]["metadata"]["annotations"] = profile
    meta = {"name": "api", "namespace": "shop"}
    kube.sandbox.apply({**{key: manifest[key] for key in ("apiVersion", "kind", "spec")}, "metadata": meta})
    await kube.sandbox.settle(20)
    state = await reads.target_state(kube.cluster, API, now=now())
    with pytest.raises(RequestError, match=r"differs in annotation container\.apparmor"):
        await rollback.plan(kube.cluster, state, {})
