"""What was refused or missed for a passing reason comes again, by itself or by a button; never silently not at all."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.alert import Alert, AlertStatus, fingerprint_of
from bot.domain.evidence import EvidenceStatus
from bot.domain.execution import ExecutionState
from bot.domain.incident import Incident, IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from bot.sandbox.kubernetes.world import Pace
from bot.storage import evidence
from bot.workflow import offering

from .floor import LABELS, Floor


async def _joins(floor: Floor, pod: str = "api-9", started: float = 0.0) -> None:
    """One more alert of the same group."""
    one = {**LABELS, "pod": pod}
    since = floor.now() - timedelta(seconds=started)
    await floor._receive((Alert(fingerprint_of(one), AlertStatus.FIRING, one, {}, since),), LABELS)


async def _passed(floor: Floor) -> Incident:
    """An alert, its restart, PASS, and the alert still fires."""
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.PASS
    return await floor.incident(incident.id)


async def test_what_a_cluster_away_refused_is_proposed_when_it_answers_again(floor: Floor) -> None:
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude()
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.RECORDED
    assert await floor.owed() == {"propose": 1}
    floor.server.faults.clear()
    floor.advance(21)
    await floor.prepare()
    assert (await floor.proposal()).state is ProposalState.PENDING
    assert "propose" not in await floor.owed()


async def test_what_the_freeze_refused_is_proposed_when_it_is_lifted(floor: Floor) -> None:
    await floor.freeze()
    _, record = await floor.alerted()
    assert record.state is ProposalState.RECORDED
    await floor.freeze(on=False)
    floor.advance(21)
    await floor.prepare()
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_a_request_during_a_rollout_is_offered_when_it_ended_and_keeps_its_requester(floor: Floor) -> None:
    def edit(obj: Any) -> None:
        obj["spec"]["template"]["metadata"].setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "now"

    floor.cluster.world.pace = Pace(ready_after=10.0)  # longer than evidence takes to be collected
    floor.change(edit)
    _, record = await floor.restart_asked()
    assert record.state is ProposalState.RECORDED
    floor.advance(60)
    await floor.prepare()
    offered = await floor.proposal()
    assert (offered.state, offered.requested_by) == (ProposalState.PENDING, record.requested_by)


async def test_the_same_refusal_is_written_once_and_asked_for_less_and_less_often(floor: Floor) -> None:
    await floor.freeze()
    await floor.alerted()
    waits = []
    for _ in range(7):
        (work,) = await floor.store.read(_owed_at)
        waits.append(round((work - floor.now()).total_seconds()))
        floor.advance(waits[-1] + 1)
        await floor.run(Stage.PROPOSE)
    assert waits == [20, 40, 80, 160, 300, 300, 300]
    assert await floor.count("proposals") == 1
    assert len(await floor.entries("proposal:state:recorded")) == 1


def _owed_at(tx: Any) -> list[Any]:
    from bot.storage.fields import from_text  # noqa: PLC0415

    return [from_text(row[0]) for row in tx.execute("SELECT due_at FROM due WHERE stage = 'propose'").fetchall()]


async def test_what_is_refused_for_good_is_not_asked_again(floor: Floor) -> None:
    floor.configure(ALLOWED_NAMESPACES=())
    await floor.freeze()
    await floor.alerted()
    assert "propose" not in await floor.owed()


async def test_looking_again_ends_with_the_incident(floor: Floor) -> None:
    await floor.freeze()
    incident, _ = await floor.alerted()
    assert await floor.owed() == {"propose": 1}
    assert await floor.clear(incident.id)
    assert "propose" not in await floor.owed()


async def test_a_record_of_an_alert_claims_no_person(floor: Floor) -> None:
    """What is found is the reason, and each reason against is one whole sentence."""
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude()
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.PROPOSE)
    text = (await floor.proposal()).text
    assert text.rationale == "A process that is stuck starts anew."
    assert text.refusal.endswith(".")
    assert "whether I may restart" not in text.refusal, "the rights of what wasn't read are no reason of their own"


async def test_a_target_that_is_gone_is_one_reason(floor: Floor) -> None:
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude()
    floor.cluster.delete("Deployment", "shop", "api")
    floor.advance(20)
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).text.refusal == (
        "The target isn't in the cluster any more. Nothing can be done to it."
    )


async def test_what_was_not_applied_may_be_requested_again(floor: Floor) -> None:
    await floor.approved()
    floor.server.faults.set("patch", "deployments", status=403)
    await floor.run(Stage.EXECUTE)
    floor.server.faults.clear()
    failed = await floor.execution()
    assert failed.state is ExecutionState.FAILED
    assert (await floor.verbs.request_again(failed.proposal_id, await floor.person("bo"))).ok
    await floor.prepare()
    assert (await floor.proposal()).state is ProposalState.PENDING
    assert (await floor.proposal()).id > failed.proposal_id


async def test_a_record_that_nothing_fits_offers_nothing_again(floor: Floor) -> None:
    _, record = await floor.alerted(labels={**LABELS, "alertname": "KubeQuotaFullyUsed"})
    assert record.action == offering.NOTHING
    answer = await floor.verbs.request_again(record.id, await floor.person("bo"))
    assert not answer.ok
    assert answer.text == "Nothing was proposed there that could be offered again. The card says why."


async def test_evidence_that_failed_is_collected_again(floor: Floor) -> None:
    """The workload was known, then the cluster dropped: not one collector got an answer."""
    answer = await floor.verbs.restart(await floor.person("bo"), "shop/api")
    incident = await floor.incident(answer.incident_id)
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.INVESTIGATE)
    found = await floor.store.read(evidence.of, incident.id)
    assert {one.status for one in found} == {EvidenceStatus.FAILED}
    floor.server.faults.clear()
    floor.advance(21)
    await floor.prepare()
    found = await floor.store.read(evidence.of, incident.id)
    assert EvidenceStatus.FAILED not in {one.status for one in found}
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_a_look_that_succeeds_takes_the_failed_ones_line_away(floor: Floor) -> None:
    incident = await floor.alert()
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.INVESTIGATE)
    floor.server.faults.clear()
    floor.advance(21)
    await floor.run(Stage.INVESTIGATE)
    found = await floor.store.read(evidence.of, incident.id)
    assert "target" not in {one.source for one in found}
    assert {"pods", "changes", "logs", "events"} <= {one.source for one in found}


async def test_a_new_alert_starts_another_investigation_after_giving_up(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.workflow.investigate.GIVE_UP_AFTER", 2)
    floor.server.faults.set("*", "*", status=503)
    incident = await floor.alert()
    for _ in range(2):
        await floor.run(Stage.INVESTIGATE)
        floor.advance(21)
    await floor.run(Stage.PROPOSE)
    assert "investigate" not in await floor.owed()
    floor.server.faults.clear()
    await _joins(floor)
    assert "investigate" in await floor.owed()
    floor.advance(6)
    await floor.prepare(conclude=True)
    assert (await floor.proposal()).incident_id == incident.id
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_an_alert_that_joins_a_good_look_asks_the_cluster_nothing(floor: Floor) -> None:
    await floor.alerted()
    await _joins(floor)
    assert "investigate" not in await floor.owed()


async def test_an_alert_that_begins_after_a_pass_hands_the_incident_back(floor: Floor) -> None:
    incident = await _passed(floor)
    assert incident.state is IncidentState.MITIGATED
    floor.advance(900)
    await _joins(floor)
    assert (await floor.incident(incident.id)).state is IncidentState.ACKNOWLEDGED
    entry = (await floor.entries("incident:state:acknowledged"))[-1]
    assert entry.actor == "alertmanager"
    await floor.prepare(conclude=True)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_an_alert_of_before_the_restart_that_arrives_late_leaves_the_pass(floor: Floor) -> None:
    """Alertmanager tells of a group's further alerts minutes later: they are what the restart is to end."""
    incident = await _passed(floor)
    await _joins(floor, started=600)
    assert (await floor.incident(incident.id)).state is IncidentState.MITIGATED


async def test_a_workload_of_another_name_is_found_when_the_incident_reopens(floor: Floor) -> None:
    """The group says the namespace alone; what fires the second time is another workload."""
    floor.cluster.deployment("shop", "web", replicas=2)
    floor.advance(3600)
    labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "severity": "critical"}

    def named(name: str) -> str:
        return str(floor.cluster.pods("shop", name)[0]["metadata"]["name"])

    first = await floor.alert({**labels, "pod": named("api")})
    await floor.prepare()
    found = await floor.incident(first.id)
    assert found.target is not None
    assert found.target.name == "api"
    assert await floor.clear(first.id)
    floor.advance(300)
    one = {**labels, "pod": named("web")}
    group = {**labels, "pod": named("api")}
    await floor._receive((Alert(fingerprint_of(one), AlertStatus.FIRING, one, {}, floor.now()),), group)
    await floor.prepare()
    again = await floor.incident(first.id)
    assert again.open
    assert again.target is not None
    assert again.target.name == "web"
