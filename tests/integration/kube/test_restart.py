"""A restart over the socket: preview, one write, and what is known after an answer was lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import (
    ClusterUnavailableError,
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    OutcomeUnknownError,
    WorldChangedError,
)
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.mitigations import restart
from bot.mitigations.applied import Applied
from tests.integration.clusters import API, World, now, world
from tests.patience import PATIENT


def planned(state: TargetState, uid: str = "e1") -> WriteRequest:
    return restart.request(state, approved_at=now(), execution_uid=uid)


def annotations(kube: World) -> dict[str, str]:
    template = kube.sandbox.get("Deployment", "shop", "api")["spec"]["template"]
    return dict(template["metadata"].get("annotations") or {})


async def test_the_preview_changes_nothing_and_shows_two_annotations(kube: World) -> None:
    state = await kube.api()
    seen = await restart.preview(kube.cluster, state, approved_at=now(), execution_uid="preview")
    assert seen.problem == ""
    assert [line.split(":")[0] for line in seen.diff.splitlines()] == [
        "+ template.metadata.annotations[fettle.dev/execution]",
        "+ template.metadata.annotations[kubectl.kubernetes.io/restartedAt]",
    ]
    assert seen.facts == "3 replicas, 25 % at a time · no disruption budget · no HPA · dry run ok"
    assert seen.rights == {"get deployments.apps": True, "patch deployments.apps": True}
    assert (await reads.target_state(kube.cluster, API)).generation == state.generation
    assert annotations(kube) == {}


async def test_a_refused_dry_run_is_a_problem_and_no_exception(kube: World) -> None:
    state = await kube.api()
    kube.server.deny("patch", "deployments")
    seen = await restart.preview(kube.cluster, state, approved_at=now(), execution_uid="preview")
    assert seen.problem == "I may not patch deployments.apps in shop (403). Apply the role fettle-patch in shop."
    assert seen.rights["patch deployments.apps"] is False
    assert seen.facts.endswith("dry run refused")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
async def test_applied_once_all_pods_are_new(kube: World, kind: str) -> None:
    name = "api"
    if kind == "Deployment":
        kube.sandbox.deployment("shop", name, replicas=2)
    elif kind == "StatefulSet":
        kube.sandbox.statefulset("shop", name, replicas=2)
    else:
        kube.sandbox.daemonset("shop", name)
    await kube.sandbox.settle(10)
    state = await reads.target_state(kube.cluster, Target(kind, "shop", name))
    generation = await restart.apply(kube.cluster, planned(state))
    assert generation == state.generation + 1
    await kube.sandbox.settle(20)
    found = await reads.snapshot(kube.cluster, state.target)
    assert {pod.execution for pod in found.pods if not pod.deleting} == {"e1"}


async def test_other_annotations_survive(kube: World) -> None:
    made = kube.sandbox.deployment("shop", "api", replicas=1)
    made["spec"]["template"]["metadata"]["annotations"] = {"prometheus.io/scrape": "true"}
    kube.sandbox.apply(made)
    await kube.sandbox.settle(10)
    await restart.apply(kube.cluster, planned(await reads.target_state(kube.cluster, API)))
    assert annotations(kube)["prometheus.io/scrape"] == "true"
    assert annotations(kube)[EXECUTION_ID] == "e1"


async def test_the_clusters_audit_log_can_be_joined_to_ours(kube: World) -> None:
    state = await kube.api()
    await restart.apply(kube.cluster, planned(state))
    (patch,) = kube.sent("PATCH")
    assert patch.user_agent == "fettle/0.1.0 e1"
    assert patch.query["fieldManager"] == "fettle"
    managers = [
        entry["manager"] for entry in kube.sandbox.get("Deployment", "shop", "api")["metadata"]["managedFields"]
    ]
    assert "fettle" in managers


async def test_sending_the_stored_request_again_is_refused_by_its_preconditions(kube: World) -> None:
    stored = planned(await kube.api())
    generation = await restart.apply(kube.cluster, stored)
    with pytest.raises(WorldChangedError):
        await restart.apply(kube.cluster, stored)
    assert (await reads.target_state(kube.cluster, API)).generation == generation


async def test_a_stored_request_that_lost_its_precondition_is_not_sent(kube: World) -> None:
    """Whatever happened to it in the store: without the object's uid it might hit another one."""
    stored = planned(await kube.api())
    bare = replace(stored, body=[op for op in stored.body if op["path"] != "/metadata/uid"])
    with pytest.raises(IntegrityError, match="uid"):
        await restart.apply(kube.cluster, bare)
    assert kube.sent("PATCH") == []


async def test_another_object_of_the_same_name_is_not_restarted(kube: World) -> None:
    stored = planned(await kube.api())
    kube.sandbox.delete("Deployment", "shop", "api")
    kube.sandbox.deployment("shop", "api", replicas=3)
    with pytest.raises(WorldChangedError):
        await restart.apply(kube.cluster, stored)
    assert annotations(kube) == {}


async def test_a_deleted_target_is_not_found(kube: World) -> None:
    stored = planned(await kube.api())
    kube.sandbox.delete("Deployment", "shop", "api")
    with pytest.raises(NotFoundError):
        await restart.apply(kube.cluster, stored)


REFUSALS: list[tuple[int, Any]] = [
    (403, ForbiddenError),
    (409, WorldChangedError),
    (429, ClusterUnavailableError),
    (500, OutcomeUnknownError),
    (503, OutcomeUnknownError),
    (504, OutcomeUnknownError),
]


@pytest.mark.parametrize(("status", "error"), REFUSALS)
async def test_a_write_is_sent_once_whatever_the_answer(kube: World, status: int, error: type[Exception]) -> None:
    stored = planned(await kube.api())
    kube.server.faults.set("patch", "deployments", status=status)
    with pytest.raises(error):
        await restart.apply(kube.cluster, stored)
    assert len(kube.sent("PATCH")) == 1


async def test_done_but_the_answer_was_lost_is_read_back_as_applied(kube: World) -> None:
    state = await kube.api()
    stored = planned(state)
    kube.server.faults.drop_after("patch", "deployments")
    with pytest.raises(OutcomeUnknownError):
        await restart.apply(kube.cluster, stored)
    assert len(kube.sent("PATCH")) == 1
    found = await restart.read_back(kube.cluster, state.target, "e1", stored=stored)
    assert (found.state, found.generation) == (Applied.APPLIED, state.generation + 1)


async def test_never_arrived_is_read_back_as_not_applied(tmp_path: Path) -> None:
    async with world(tmp_path) as kube:
        state = await kube.api()
        stored = planned(state)
        kube.server.faults.hang("patch", "deployments")
        kube.cluster.timeout, limit = 0.5, kube.cluster.timeout
        with pytest.raises(OutcomeUnknownError):
            await restart.apply(kube.cluster, stored)
        kube.cluster.timeout = limit
        found = await restart.read_back(kube.cluster, state.target, "e1", stored=stored)
        assert found.state is Applied.NOT_APPLIED


async def test_a_target_that_moved_on_without_our_mark_cannot_be_told(kube: World) -> None:
    state = await kube.api()
    stored = planned(state)
    await restart.apply(kube.cluster, planned(state, "someone-else"))
    found = await restart.read_back(kube.cluster, state.target, "e1", stored=stored)
    assert found.state is Applied.CHANGED
    unknown = await restart.read_back(kube.cluster, state.target, "e1")
    assert unknown.state is Applied.CHANGED


async def test_without_the_stored_request_the_mark_alone_still_tells(kube: World) -> None:
    state = await kube.api()
    generation = await restart.apply(kube.cluster, planned(state))
    found = await restart.read_back(kube.cluster, state.target, "e1")
    assert (found.state, found.generation) == (Applied.APPLIED, generation)


async def test_nobody_at_the_address_means_nothing_was_sent(kube: World, tmp_path: Path) -> None:
    stored = planned(await kube.api())
    fresh = await Cluster.connect(str(tmp_path / "kubeconfig.yaml"), None, PATIENT, "fettle/0.1.0")
    await kube.server.stop()
    with pytest.raises(ClusterUnavailableError):
        await restart.apply(fresh, stored)
    await fresh.close()


async def test_the_named_crash_points_stand_around_the_write_and_not_around_a_dry_run(kube: World) -> None:
    state = await kube.api()
    passed: list[str] = []
    kube.cluster.crash_point = passed.append
    await restart.preview(kube.cluster, state, approved_at=now(), execution_uid="preview")
    assert passed == []
    await restart.apply(kube.cluster, planned(state))
    assert passed == ["before:write", "after:write"]
