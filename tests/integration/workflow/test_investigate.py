"""The first stage after intake: which workload is meant, what is seen there; an incident is never lost for it."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.evidence import EvidenceStatus
from bot.domain.owed import Stage
from bot.integrations.door import Access
from bot.integrations.loki import Loki
from bot.integrations.registries import Registries
from bot.integrations.sources import Sources
from bot.sandbox.kubernetes.faults import Fault
from bot.settings_registries import registries
from bot.storage import due
from bot.storage import evidence as evidence_rows
from bot.workflow import investigate
from bot.workflow.looking import look
from tests.integration.replayed import answer, captured, replaying
from tests.patience import GROWING

from .floor import API, LABELS, Floor


async def _evidence(floor: Floor, incident_id: int) -> dict[str, Any]:
    found = await floor.store.read(evidence_rows.of, incident_id)
    return {one.source: one for one in found}


async def test_pods_and_events_of_the_target_are_kept(floor: Floor) -> None:
    floor.cluster.crash_loop("shop", "api", pods=2)
    floor.advance(8)
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    found = await _evidence(floor, incident.id)
    assert found["pods"].status is EvidenceStatus.OK
    assert "1/3 ready" in found["pods"].summary
    assert found["events"].status is EvidenceStatus.OK
    entry = (await floor.entries("incident:evidence:collected"))[-1]
    assert entry.detail is not None
    assert entry.detail["target"] == "Deployment shop/api"
    assert [key for key, _ in await floor.messages("evidence:")] == [f"evidence:{incident.id}"]
    assert await floor.owed() == {"propose": 1}


async def test_lokis_error_lines_are_kept_where_loki_is_configured(floor: Floor) -> None:
    async with replaying("loki/query_range-all") as replay:
        replay.answers["/loki/api/v1/query"] = captured("loki/query-vector")
        loki = Loki(Access("Loki", "LOKI", replay.url, tenant="shop"))
        floor.switch(sources=Sources(loki=loki))
        incident = await floor.alert({"alertname": "HighErrorRate", "namespace": "shop", "deployment": "api"})
        await floor.run(Stage.INVESTIGATE)
        await loki.close()
    found = await _evidence(floor, incident.id)
    assert found["log_errors"].data["after"]["count"] == 6
    assert "db timeout" in found["log_errors"].summary
    assert {one.headers["x-scope-orgid"] for one in replay.asked} == {"shop"}


async def _without_image(floor: Floor, host: str) -> int:
    """An incident of pods that can't pull their image."""
    floor.cluster.deployment("shop", "api", replicas=2, image=f"{host}/shop/api:1.4.3", behaviour="image-missing")
    await floor.cluster.settle(10)
    incident = await floor.alert({"alertname": "KubeContainerWaiting", "namespace": "shop", "deployment": "api"})
    return incident.id


async def test_the_nearest_tag_that_exists_is_the_way_by_hand(floor: Floor) -> None:
    tags = json.dumps({"name": "shop/api", "tags": ["1.4.1", "1.4.2", "1.5.0"]}).encode()
    digest = "sha256:" + "ab12" * 16
    async with replaying() as replay:
        replay.answers["/v2/shop/api/tags/list"] = answer("200 OK", tags, Content_Type="application/json")
        replay.answers["/v2/shop/api/manifests/1.4.2"] = answer("200 OK", Docker_Content_Digest=digest)
        replay.answer = answer("404 Not Found")
        host = replay.url.removeprefix("http://")
        listed = Registries(registries(f"{host} insecure"))
        floor.switch(sources=Sources(registries=listed))
        incident = await _without_image(floor, host)
        await floor.run(Stage.INVESTIGATE)
        await floor.run(Stage.PROPOSE)
        await listed.close()
    found = await _evidence(floor, incident)
    assert found["registry"].data["images"][0]["digest"] == digest
    proposal = await floor.proposal()
    assert proposal.text.by_hand == f"kubectl -n shop set image deployment/api api={host}/shop/api:1.4.2"


async def test_a_registry_that_is_down_is_a_line_of_its_own_and_nothing_waits_for_it(floor: Floor) -> None:
    async with replaying() as replay:
        host = replay.url.removeprefix("http://")
    listed = Registries(registries(f"{host} insecure"))
    floor.switch(sources=Sources(registries=listed))
    incident = await _without_image(floor, host)
    await floor.run(Stage.INVESTIGATE)
    await listed.close()
    found = await _evidence(floor, incident)
    assert found["registry"].status is EvidenceStatus.FAILED
    assert found["registry"].problem.startswith(
        f"Registry {host} can't be reached at http://{host}: connection refused"
    )
    assert found["pods"].status is EvidenceStatus.OK
    assert await floor.owed() == {"propose": 1}, "it isn't looked at again for this"


async def test_the_owner_of_the_pod_is_the_target(floor: Floor) -> None:
    pod = floor.cluster.pods("shop", "api")[0]["metadata"]["name"]
    incident = await floor.alert({"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": pod})
    await floor.run(Stage.INVESTIGATE)
    found = await floor.incident(incident.id)
    assert found.target is not None
    assert found.target.label == "Deployment shop/api"


async def test_several_workloads_are_offered_as_candidates(floor: Floor) -> None:
    floor.cluster.deployment("shop", "web", labels={"tier": "shop"})
    floor.cluster.service("shop", "front", selector={"app": "web"})
    incident = await floor.alert({"alertname": "HighErrorRate", "namespace": "shop", "service": "front"})
    await floor.run(Stage.INVESTIGATE)
    found = await floor.incident(incident.id)
    assert found.target is not None
    assert found.target.name == "web"


async def test_an_unreachable_cluster_is_shown_and_asked_again(floor: Floor) -> None:
    incident = await floor.alert()
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.INVESTIGATE)
    found = await _evidence(floor, incident.id)
    assert found["target"].status is EvidenceStatus.FAILED
    assert found["target"].problem
    assert (await floor.entries("incident:evidence:collected"))[-1].outcome == "unreachable"
    assert await floor.owed() == {"investigate": 1}
    floor.server.faults.clear()
    floor.advance(21)
    await floor.prepare(conclude=True)
    assert (await floor.proposal()).state == "pending"
    assert len(await floor.entries("incident:evidence:collected")) == 2


async def test_a_cluster_that_stays_away_ends_the_asking_and_the_card_says_so(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(investigate, "GIVE_UP_AFTER", 2)
    incident = await floor.alert()
    floor.server.faults.set("*", "*", status=503)
    for _ in range(2):
        await floor.run(Stage.INVESTIGATE)
        floor.advance(21)
    assert await floor.owed() == {"propose": 1}
    assert len(await floor.entries("incident:evidence:collected")) == 1, "the same failure is written once"
    await floor.run(Stage.PROPOSE)
    assert (await floor.incident(incident.id)).target_note


async def test_a_token_that_ran_out_is_shown_and_the_look_made_again_once_it_is_renewed(floor: Floor) -> None:
    """Nobody has looked by then: what is on the card is about us, not about the workload."""
    incident = await floor.alert()
    right, floor.server.access.bot_token = floor.server.access.bot_token, "of-yesterday"
    await floor.run(Stage.INVESTIGATE)
    assert "(401)" in (await _evidence(floor, incident.id))["target"].problem
    assert (await floor.entries("incident:evidence:collected"))[-1].outcome == "unreachable"
    assert await floor.owed() == {"investigate": 1}
    floor.server.access.bot_token = right
    floor.advance(21)
    await floor.prepare(conclude=True)
    assert (await floor.proposal()).state == "pending"


async def test_a_missing_right_is_shown_and_not_asked_again(floor: Floor) -> None:
    floor.server.deny("get", "deployments")
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    found = await _evidence(floor, incident.id)
    assert "fettle-read" in found["target"].problem
    assert "investigate" not in await floor.owed()


async def test_a_collector_that_fails_costs_only_itself(floor: Floor) -> None:
    floor.server.deny("list", "events")
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    found = await _evidence(floor, incident.id)
    assert found["pods"].status is EvidenceStatus.OK
    assert found["events"].status is EvidenceStatus.FAILED
    assert await floor.owed() == {"propose": 1, "investigate": 1}


async def test_what_was_not_answered_is_asked_again_and_not_for_ever(floor: Floor) -> None:
    """A change that wasn't read forbids a restart: one answer that was lost must not cost the proposal."""
    floor.cluster.crash_loop("shop", "api")
    floor.advance(8)
    floor.server.deny("list", "replicasets")
    await floor.alert()
    await floor.prepare()
    assert (await floor.proposal()).action == "none"
    floor.server.allow("list", "replicasets")
    floor.advance(21)
    await floor.prepare()
    assert (await floor.proposal()).action == "restart"
    assert "investigate" not in await floor.owed()
    floor.server.deny("list", "events")
    incident = await floor.alert({**LABELS, "alertname": "KubePodNotReady"})
    for _ in range(8):
        await floor.prepare()
        floor.advance(200)
    assert "investigate" not in await floor.owed(), incident.ref


async def test_a_collector_that_hangs_is_cut_off(floor: Floor) -> None:
    floor.configure(EVIDENCE_TIMEOUT=timedelta(seconds=0.3))
    floor.server.faults.hang("list", "events")
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    assert (await _evidence(floor, incident.id))["events"].problem == "No answer within 0.3 s."


async def test_what_is_in_is_shown_while_a_collector_hangs(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    floor.server.faults.hang("list", "events")
    for first in GROWING:
        monkeypatch.setattr("bot.workflow.looking.FIRST_SHOWN", first)
        floor.configure(EVIDENCE_TIMEOUT=timedelta(seconds=first + 3))
        incident = await floor.alert({**LABELS, "alertname": f"After{first:g}"})
        before = incident.investigated_at
        (work,) = await floor.due(Stage.INVESTIGATE)
        looking = asyncio.create_task(investigate.investigate(floor.ctx, work))
        while "pods" not in (early := await _evidence(floor, incident.id)) and not looking.done():  # noqa: ASYNC110 - rows
            await asyncio.sleep(0.1)
        concluded = (await floor.incident(incident.id)).investigated_at != before
        await looking
        if not concluded:
            break
    assert early["pods"].status is EvidenceStatus.OK
    assert "events" not in early
    assert not concluded, "nothing is concluded of a part"
    assert (await _evidence(floor, incident.id))["events"].status is EvidenceStatus.FAILED


async def test_what_is_resolved_is_not_looked_at(floor: Floor) -> None:
    incident = await floor.alert()
    await floor.clear(incident.id)
    before = len(floor.server.requests)
    await floor.run(Stage.INVESTIGATE)
    assert len(floor.server.requests) == before
    assert await floor.owed() == {}


async def test_a_choice_made_while_it_looks_is_kept(floor: Floor) -> None:
    """The look that began before the choice must not overwrite it."""
    floor.cluster.deployment("shop", "web", replicas=1)
    floor.advance(60)
    incident = await floor.alert()
    (work,) = await floor.due(Stage.INVESTIGATE)
    seen, labels = await floor.store.read(investigate._load, incident.id)
    assert seen is not None
    (found,) = [one async for one in look(floor.ctx, seen, labels)]
    assert (await floor.verbs.choose_target(incident.id, "Deployment/shop/web", await floor.person("kim"))).ok
    await floor.store.transact(investigate._save, work, seen, found, floor.now())
    await floor.prepare()
    chosen = (await floor.incident(incident.id)).target
    assert chosen is not None
    assert chosen.name == "web"
    assert (await floor.proposal()).target.name == "web"


async def test_a_target_once_found_stays(floor: Floor) -> None:
    incident, first = await floor.alerted()
    floor.change(lambda obj: obj["metadata"]["labels"].update(app="other"))
    await floor.alert({**LABELS})
    assert (await floor.incident(incident.id)).target == first.target
    assert first.target.key == API.key


@pytest.mark.parametrize(
    "labels",
    [{"node": "fettle-sandbox-node-1"}, {"namespace": "shop", "job_name": "nightly"}],
    ids=["a node", "a job"],
)
async def test_what_is_never_restarted_is_looked_into_and_refused_for_good(
    floor: Floor, labels: dict[str, str]
) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/job:1"}]}}
    floor.cluster.apply(
        {
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "nightly", "namespace": "shop"},
            "spec": {"template": template},
        }
    )  # fmt: skip
    incident = await floor.alert({"alertname": "KubeNodeNotReady", **labels})
    await floor.run(Stage.INVESTIGATE)
    target = (await floor.incident(incident.id)).target
    assert target is not None
    assert target.kind in {"Node", "Job"}
    assert (await _evidence(floor, incident.id))["events"].status is not EvidenceStatus.FAILED
    await floor.prepare()
    assert await floor.owed() == {}, "nothing of it passes by itself"
    record = await floor.proposal()
    assert (record.state, record.action) == ("recorded", "none")
    assert record.text.refusal
    asked = await floor.verbs.request_again(record.id, await floor.person("bo"))
    assert not asked.ok, "there is nothing that could be offered"


async def test_a_cluster_that_drops_once_the_target_is_found_counts_as_unreachable(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of the target a moment before is an answer of then; nothing else of the cluster's is one now."""
    incident = await floor.alert()
    faults, seen = floor.server.faults, list[str]()

    def take(verb: str, resource: str, _namespace: str = "") -> Fault | None:
        seen.append(resource)
        return Fault(verb, resource, None, status=503) if len(seen) > 1 else None

    monkeypatch.setattr(faults, "take", take)
    await floor.run(Stage.INVESTIGATE)
    found = await _evidence(floor, incident.id)
    assert found["workload"].status is EvidenceStatus.OK
    assert found["pods"].status is EvidenceStatus.FAILED
    assert (await floor.entries("incident:evidence:collected"))[-1].outcome == "unreachable"
    assert "investigate" in await floor.owed()


async def test_rights_that_are_missing_are_no_cluster_that_is_away(floor: Floor) -> None:
    await floor.alert()
    floor.server.deny("list", "*")
    floor.server.deny("get", "nodes")
    await floor.run(Stage.INVESTIGATE)
    assert (await floor.entries("incident:evidence:collected"))[-1].outcome == "collected"


async def test_claims_of_a_deployment_that_cant_start_are_looked_at(floor: Floor) -> None:
    floor.cluster.apply(
        {
            "kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "cache", "namespace": "shop"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "gone"},
        }
    )  # fmt: skip
    made = floor.cluster.deployment("shop", "api", replicas=3)
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}}]
    floor.cluster.apply(made)
    floor.advance(8)
    for name in ("KubePodNotReady", "KubePodCrashLooping", "KubeDeploymentReplicasMismatch", "SomethingElse"):
        incident = await floor.alert({**LABELS, "alertname": name})
        await floor.run(Stage.INVESTIGATE)
        found = await _evidence(floor, incident.id)
        assert [row["claim"] for row in found["volumes"].data["volumes"]] == ["cache"], name
        floor.advance(60)


async def test_a_long_log_is_owed_as_one_file_however_often_somebody_looks(floor: Floor) -> None:
    floor.cluster.crash_loop("shop", "api", pods=2)
    for previous in (True, False):
        floor.cluster.set_logs("shop", "api", [f"ERROR {number}" for number in range(50)], previous=previous)
    floor.advance(8)
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    key = f"file:{incident.id}:1:logs"
    assert [found for found, _ in await floor.messages("file:")] == [key]
    await floor.store.transact(due.owe, Stage.INVESTIGATE, incident.id, floor.now())
    await floor.run(Stage.INVESTIGATE)
    assert [found for found, _ in await floor.messages("file:")] == [key]
