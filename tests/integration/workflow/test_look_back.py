"""When an incident ends, what people did to its target since the first proposal is written down once.

People act through the API server with the unmodified client, as kubectl does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config

from bot.domain.audit import AuditEntry
from bot.domain.incident import Incident
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.storage import shadow
from bot.workflow.look_back import TRIES, look_back

from .floor import Floor

MERGE = "application/merge-patch+json"
API = "registry.example/shop/api"
Hands = Callable[[Floor, client.ApiClient], Awaitable[None]]


@pytest.fixture
async def kubectl(floor: Floor, tmp_path: Path) -> AsyncIterator[client.ApiClient]:
    file = tmp_path / "person.yaml"
    file.write_text(floor.server.kubeconfig("admin"), encoding="utf-8")
    loaded = client.Configuration()
    await config.load_kube_config(str(file), client_configuration=loaded)
    async with client.ApiClient(loaded) as one:
        yield one


async def _patch(api: client.ApiClient, body: Any, manager: str, name: str = "api") -> None:
    apps = client.AppsV1Api(api)
    await apps.patch_namespaced_deployment(name, "shop", body, field_manager=manager, _content_type=MERGE)


def _template(**spec: Any) -> Any:
    return {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": f"{API}:1.4.1", **spec}]}}}}


async def restart(floor: Floor, api: client.ApiClient) -> None:
    marks = {"kubectl.kubernetes.io/restartedAt": floor.now().strftime("%Y-%m-%dT%H:%M:%SZ")}
    await _patch(api, {"spec": {"template": {"metadata": {"annotations": marks}}}}, "kubectl-rollout")


async def rollback(floor: Floor, api: client.ApiClient) -> None:  # noqa: ARG001 - each of these takes both
    await _patch(api, _template(), "kubectl-rollout")


async def new_image(floor: Floor, api: client.ApiClient) -> None:  # noqa: ARG001 - as above
    await _patch(api, _template(image=f"{API}:1.4.3"), "kubectl-set")


async def more_memory(floor: Floor, api: client.ApiClient) -> None:  # noqa: ARG001 - as above
    await _patch(api, _template(resources={"limits": {"memory": "512Mi"}}), "kubectl-set")


async def variable(floor: Floor, api: client.ApiClient) -> None:  # noqa: ARG001 - as above
    await _patch(api, _template(env=[{"name": "MODE", "value": "safe"}]), "kubectl-edit")


async def scale(floor: Floor, api: client.ApiClient) -> None:  # noqa: ARG001 - as above
    await _patch(api, {"spec": {"replicas": 5}}, "kubectl-scale")


async def off_and_on(floor: Floor, api: client.ApiClient) -> None:
    await _patch(api, {"spec": {"replicas": 0}}, "kubectl-scale")
    floor.advance(30)
    await _patch(api, {"spec": {"replicas": 3}}, "kubectl-scale")


async def _delete(floor: Floor, api: client.ApiClient, number: int) -> None:
    core = client.CoreV1Api(api)
    pods = await core.list_namespaced_pod("shop", label_selector="app=api")
    for pod in pods.items[:number]:
        await core.delete_namespaced_pod(pod.metadata.name, "shop", grace_period_seconds=0)
    await floor.cluster.settle(5)


async def one_pod(floor: Floor, api: client.ApiClient) -> None:
    await _delete(floor, api, 1)


async def every_pod(floor: Floor, api: client.ApiClient) -> None:
    await _delete(floor, api, 3)


async def nothing(floor: Floor, api: client.ApiClient) -> None:
    """It clears by itself."""


async def ended(floor: Floor, incident: Incident) -> AuditEntry:
    """The alerts clear, Fettle looks back."""
    floor.advance(60)
    assert await floor.clear(incident.id)
    await floor.run(Stage.LOOK_BACK)
    (entry,) = await floor.entries("incident:aftermath:seen")
    return entry


def acts(entry: AuditEntry) -> list[str]:
    assert entry.detail is not None
    return [act["action"] for act in entry.detail["did"]]


DONE: dict[str, tuple[Hands, str, list[str], str]] = {
    "restart": (restart, "same", ["restart"], "all pods restarted by kubectl rollout"),
    "every pod deleted": (every_pod, "same", ["restart"], "all 3 pods deleted, or evicted"),
    "one pod deleted": (one_pod, "else", ["evict"], "deleted, or evicted"),
    "another image": (new_image, "else", ["set_image"], "image api:1.4.1 → 1.4.3 by kubectl set"),
    "more memory": (more_memory, "else", ["set_resources"], "by kubectl set"),
    "an edit": (variable, "else", ["change"], "by kubectl edit"),
    "another size": (scale, "else", ["scale"], "scaled from 3 to 5 by kubectl scale"),
    "to zero and back": (off_and_on, "else", ["scale"], "scaled to 3 by kubectl scale"),
    "nothing": (nothing, "nothing", [], ""),
}


@pytest.mark.parametrize("hands", DONE)
async def test_what_people_did_is_told_from_the_cluster_alone(
    floor: Floor, kubectl: client.ApiClient, hands: str
) -> None:
    do, outcome, did, words = DONE[hands]
    floor.configure(MODE="observe")
    incident, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    floor.advance(60)
    await do(floor, kubectl)
    entry = await ended(floor, incident)
    assert (entry.outcome, acts(entry)) == (outcome, did)
    assert entry.detail is not None
    assert words in entry.detail["reason"]
    assert entry.detail["proposed"] == "restart"


async def test_an_image_that_was_there_before_is_a_rollback(floor: Floor, kubectl: client.ApiClient) -> None:
    await new_image(floor, kubectl)
    floor.advance(3600)
    incident, _ = await floor.alerted()
    await rollback(floor, kubectl)
    entry = await ended(floor, incident)
    assert (entry.outcome, acts(entry)) == ("else", ["rollback"])
    assert f"back to {API}:1.4.1" in str(entry.detail)


async def test_what_was_done_before_the_proposal_is_nobodys_answer_to_it(
    floor: Floor, kubectl: client.ApiClient
) -> None:
    await restart(floor, kubectl)
    floor.advance(600)
    incident, _ = await floor.alerted()
    assert (await ended(floor, incident)).outcome == "nothing"


async def test_an_autoscalers_size_is_nobodys_act(floor: Floor) -> None:
    floor.cluster.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
                "minReplicas": 2,
                "maxReplicas": 9,
            },
        }
    )
    incident, _ = await floor.alerted()
    floor.cluster.writes.patch(*_scaled_by_controller(floor))
    assert (await ended(floor, incident)).outcome == "nothing"


def _scaled_by_controller(floor: Floor) -> tuple[Any, ...]:
    from bot.sandbox.kubernetes.kinds import by_kind  # noqa: PLC0415 - for this one law
    from bot.sandbox.kubernetes.writes import CONTROLLER  # noqa: PLC0415 - as above

    def change(obj: Any) -> Any:
        return {**obj, "spec": {**obj["spec"], "replicas": 2}}

    assert floor.workload()["spec"]["replicas"] == 3
    return by_kind("Deployment"), "shop", "api", change, CONTROLLER


async def test_a_workload_that_was_deleted_is_told(floor: Floor, kubectl: client.ApiClient) -> None:
    incident, _ = await floor.alerted()
    await client.AppsV1Api(kubectl).delete_namespaced_deployment("api", "shop")
    assert acts(await ended(floor, incident)) == ["delete"]


async def test_where_fettle_acted_a_press_is_the_answer(floor: Floor) -> None:
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    await floor.clear(incident.id)
    await floor.verdict()
    await floor.run(Stage.LOOK_BACK)
    (entry,) = await floor.entries("incident:aftermath:seen")
    assert (entry.outcome, acts(entry)) == ("approved", [])


async def test_nobody_looks_back_where_nothing_was_proposed(floor: Floor) -> None:
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.clear(incident.id)
    assert "look_back" not in await floor.owed()


async def test_it_costs_three_calls(floor: Floor) -> None:
    incident, _ = await floor.alerted()
    await floor.clear(incident.id)
    floor.ctx.cluster.shared.forget()
    before = len(floor.server.requests)
    await floor.run(Stage.LOOK_BACK)
    assert [one.verb for one in list(floor.server.requests)[before:]] == ["get", "list", "list"]


async def test_a_look_that_runs_twice_is_written_down_once(floor: Floor) -> None:
    incident, _ = await floor.alerted()
    await floor.clear(incident.id)
    (work,) = await floor.due(Stage.LOOK_BACK)
    await look_back(floor.ctx, work)
    await look_back(floor.ctx, work)
    assert len(await floor.entries("incident:aftermath:seen")) == 1


async def test_a_silent_cluster_is_asked_again_and_not_for_ever(floor: Floor) -> None:
    incident, _ = await floor.alerted()
    await floor.clear(incident.id)
    floor.ctx.cluster.shared.forget()
    floor.server.faults.set("*", "*", status=503)
    for _ in range(TRIES):
        assert await floor.run(Stage.LOOK_BACK) == 1
        floor.advance(61)
    assert "look_back" not in await floor.owed()
    (entry,) = await floor.entries("incident:aftermath:seen")
    assert entry.outcome == "unread"


async def test_a_reopened_incident_is_looked_back_at_when_it_ends(floor: Floor, kubectl: client.ApiClient) -> None:
    """The newest end counts; what the first look would have said is of another episode."""
    incident, _ = await floor.alerted()
    await floor.clear(incident.id)
    floor.advance(30)
    again = await floor.alert(started=1)
    assert again.id == incident.id
    await floor.prepare(conclude=True)
    assert await floor.run(Stage.LOOK_BACK) == 1
    assert not await floor.entries("incident:aftermath:seen")
    floor.advance(5)
    await restart(floor, kubectl)
    assert (await ended(floor, incident)).outcome == "same"


async def test_the_rows_of_the_report_are_of_incidents_of_alerts(floor: Floor, kubectl: client.ApiClient) -> None:
    incident, _ = await floor.alerted()
    await restart(floor, kubectl)
    await ended(floor, incident)
    await floor.restart_asked()
    since = floor.now() - timedelta(days=1)
    (row,) = await floor.store.read(shadow.rows, since)
    assert (row.incident, row.open, row.proposed, row.outcome) == (incident.id, False, "restart", "same")
    assert row.did == (("restart", "all pods restarted by kubectl rollout"),)
    assert await floor.store.read(shadow.rows, since, "another") == []
    assert await floor.store.read(shadow.rows, floor.now()) == []
