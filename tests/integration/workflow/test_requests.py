"""What people ask for by command or button: everything has an answer and an entry, nothing acts."""

from datetime import datetime

import pytest

from bot.domain.errors import NotFoundError
from bot.domain.incident import IncidentState
from bot.domain.owed import MessageKind, Priority, Stage
from bot.domain.severity import Severity
from bot.storage import digests, evidence, incidents, outbox, people
from bot.storage.db import Tx
from bot.workflow import owing

from .floor import API, LABELS, LEASE, Floor


async def test_restart_without_an_incident_declares_a_sev4_one_with_a_card(floor: Floor) -> None:
    answer = await floor.verbs.restart(await floor.person("bo"), "shop/api")
    incident = await floor.incident(answer.incident_id)
    assert (incident.title, incident.severity) == ("Restart requested", Severity.SEV4)
    assert incident.declared_by == (await floor.person("bo")).id
    assert [key for key, _ in await floor.messages("card:")] == [f"card:{incident.id}"]
    assert await floor.owed() == {"investigate": 1, "propose": 1}
    assert not floor.patches()


async def test_restart_joins_the_open_incident_on_the_target(floor: Floor) -> None:
    incident, pending = await floor.alerted()
    answer = await floor.verbs.restart(await floor.person("bo"), "shop/api")
    assert answer.incident_id == incident.id
    assert await floor.count("incidents") == 1
    entry = (await floor.entries("command:request:accepted"))[-1]
    assert (entry.actor_name, entry.detail) == ("bo", {"asked": "restart shop/api"})
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).id == pending.id


async def test_restart_twice_is_one_incident_and_one_proposal(floor: Floor) -> None:
    first, _ = await floor.restart_asked()
    second, _ = await floor.restart_asked(by="kim")
    assert first.incident_id == second.incident_id
    assert await floor.count("proposals") == 1


async def test_restart_while_one_is_in_flight_is_refused(floor: Floor) -> None:
    execution = await floor.executed()
    answer = await floor.verbs.restart(await floor.person("kim"), "shop/api")
    assert answer.text == f"INC-{execution.incident_id} already has an action in flight on shop/api."
    assert not answer.ok


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("shop/nothing", "There is no workload shop/nothing. In shop there are: shop/api."),
        (
            "empty/api",
            "There is no workload empty/api. I see none at all in empty: perhaps there is no such namespace.",
        ),
        ("api", "“api” names no workload. Write namespace/name, for example shop/api."),
        ("", "“” names no workload."),
        ("shop/api please", "names no workload"),
        ("pod/shop/api", "A pod doesn't fit here; only Deployment, StatefulSet, DaemonSet."),
        ("sts/shop/api", "The cluster doesn't have it"),
        ("sh op/../api", "names no workload"),
        ("../api", "is no name that Kubernetes accepts"),
    ],
)
async def test_what_can_not_be_restarted_is_answered_with_what_can_be_done(floor: Floor, text: str, words: str) -> None:
    answer = await floor.verbs.restart(await floor.person("bo"), text)
    assert not answer.ok
    assert words in answer.text
    entry = (await floor.entries("command:request:refused"))[-1]
    assert entry.detail == {"asked": f"restart {text}", "reason": answer.text}
    assert await floor.count("incidents") == 0


async def test_an_ambiguous_name_is_answered_with_both(floor: Floor) -> None:
    floor.cluster.statefulset("shop", "api", replicas=1)
    answer = await floor.verbs.restart(await floor.person("bo"), "shop/api")
    assert answer.text == ("shop/api is 2 workloads. Say which: deployment/api -n shop or statefulset/api -n shop.")
    assert (await floor.verbs.restart(await floor.person("bo"), "deployment/api -n shop")).ok


async def test_a_silent_cluster_is_answered_with_a_sentence(floor: Floor) -> None:
    floor.server.faults.set("*", "*", status=403)
    answer = await floor.verbs.restart(await floor.person("bo"), "shop/api")
    assert not answer.ok
    assert answer.text


async def test_declaring_gives_a_card_and_looks_at_the_service(floor: Floor) -> None:
    answer = await floor.verbs.declare(await floor.person("kim"), "Checkout is slow", Severity.SEV2, "shop", "api")
    incident = await floor.incident(answer.incident_id)
    assert (incident.title, incident.severity) == ("Checkout is slow", Severity.SEV2)
    assert incident.target is not None
    assert incident.target.key == API.key
    assert await floor.owed() == {"investigate": 1}
    await floor.prepare()
    found = {one.source for one in await floor.store.read(evidence.of, incident.id)}
    assert {"pods", "workload", "changes", "logs", "events"} <= found
    assert await floor.count("proposals") == 0, "nobody asked for one"


async def test_declaring_without_a_service_needs_no_cluster(floor: Floor) -> None:
    floor.server.faults.set("*", "*", status=403)
    answer = await floor.verbs.declare(await floor.person("kim"), "Something is odd", Severity.SEV3, "", "")
    assert answer.ok
    assert (await floor.incident(answer.incident_id)).target is None
    assert await floor.owed() == {}


async def test_acknowledging_says_who_and_once(floor: Floor) -> None:
    incident = await floor.alert()
    kim = await floor.person("kim")
    assert (await floor.verbs.acknowledge(incident.id, kim)).text == f"{incident.ref} is acknowledged by you."
    found = await floor.incident(incident.id)
    assert (found.state, found.acknowledged_by) == (IncidentState.ACKNOWLEDGED, kim.id)
    again = await floor.verbs.acknowledge(incident.id, await floor.person("li"))
    assert (again.ok, again.text) == (False, f"{incident.ref} is already acknowledged.")
    assert (await floor.entries("command:request:refused"))[-1].actor_name == "li"


async def test_choosing_a_target_pins_it_and_proposes(floor: Floor) -> None:
    incident = await floor.alert({"alertname": "KubePodCrashLooping", "namespace": "shop"})
    await floor.prepare()
    answer = await floor.verbs.choose_target(incident.id, API.key, await floor.person("kim"))
    assert answer.text == f"{incident.ref} is about Deployment shop/api; looking at it now."
    await floor.prepare(conclude=True)
    found = await floor.incident(incident.id)
    assert found.target is not None
    assert found.target.label == "Deployment shop/api"
    assert found.target.uid
    assert (await floor.proposal()).state == "pending"
    assert (await floor.entries("incident:target:chosen"))[-1].actor_name == "kim"


async def test_choosing_another_target_withdraws_at_once_what_waited_for_the_first_one(floor: Floor) -> None:
    """It isn't what the incident is about: nobody may approve it while the other is looked at."""
    incident = await floor.alert()
    await floor.prepare(conclude=True)
    first = await floor.proposal()
    assert first.state == "pending"
    floor.cluster.deployment("shop", "web")
    assert (await floor.verbs.choose_target(incident.id, "Deployment/shop/web", await floor.person("kim"))).ok
    assert (await floor.proposal()).state == "superseded"
    answer = await floor.approve(first)
    assert not answer.ok


async def test_a_target_chosen_while_the_request_is_still_looked_at_is_proposed_too(floor: Floor) -> None:
    """The row that was owed without a proposal is owed with one now."""
    declared = await floor.verbs.declare(await floor.person("kim"), "odd", Severity.SEV3, "shop", "api")
    await floor.verbs.choose_target(declared.incident_id, API.key, await floor.person("kim"))
    await floor.run(Stage.INVESTIGATE)
    assert await floor.owed() == {"propose": 1}


@pytest.mark.parametrize("key", ["Deployment/shop/nothing", "Pod/shop/api-1", "nonsense", "Deployment/../api"])
async def test_a_target_that_can_not_be_read_is_not_chosen(floor: Floor, key: str) -> None:
    incident = await floor.alert({"alertname": "X", "namespace": "shop"})
    answer = await floor.verbs.choose_target(incident.id, key, await floor.person("kim"))
    assert not answer.ok
    assert answer.text
    assert (await floor.incident(incident.id)).target is None
    assert (await floor.entries("command:request:refused"))[-1].incident_id == incident.id


async def test_for_a_resolved_incident_no_target_is_chosen(floor: Floor) -> None:
    incident = await floor.alert()
    await floor.clear(incident.id)
    answer = await floor.verbs.choose_target(incident.id, API.key, await floor.person("kim"))
    assert answer.text == f"{incident.ref} is already resolved."
    assert (await floor.entries("command:request:refused"))[-1].actor_name == "kim"


async def test_a_line_of_the_digest_is_opened_as_a_card_and_looked_at(floor: Floor) -> None:
    incident = await floor.alert({**LABELS, "severity": "info"})
    assert incident.digest_id is not None
    assert await floor.owed() == {}
    assert [key for key, _ in await floor.messages("card:")] == []
    assert (await floor.verbs.open_card(incident.id, await floor.person("kim"))).ok
    found = await floor.incident(incident.id)
    assert found.digest_id is None
    assert [key for key, _ in await floor.messages("card:")] == [f"card:{incident.id}"]
    await floor.prepare(conclude=True)
    assert (await floor.proposal()).state == "pending"
    again = await floor.verbs.open_card(incident.id, await floor.person("kim"))
    assert again.ok
    assert len(await floor.entries("command:request:accepted")) == 1


async def test_a_resolved_line_of_the_digest_opens_without_a_look(floor: Floor) -> None:
    incident = await floor.alert({**LABELS, "severity": "info"})
    await floor.clear(incident.id)
    assert (await floor.verbs.open_card(incident.id, await floor.person("kim"))).ok
    assert await floor.owed() == {}


async def test_what_stands_in_the_digest_owes_neither_thread_nor_evidence(floor: Floor) -> None:
    incident = await floor.alert({**LABELS, "severity": "info"})
    await floor.store.transact(owing.thread, incident, "x", "hello", floor.now())
    await floor.store.transact(owing.evidence, incident, floor.now())
    assert {key.split(":")[0] for key, _ in await floor.messages()} == {"digest"}


async def test_a_card_that_stands_is_edited_though_its_incident_is_in_a_digest(floor: Floor) -> None:
    incident = await floor.alert()
    (row,) = await floor.store.transact(outbox.claim, floor.now(), LEASE, 5)
    await floor.store.transact(outbox.sent, row, floor.now(), "C0ONCALL", "1.1")

    await floor.store.transact(_into_digest, incident.id, floor.now())
    (again,) = await floor.store.transact(outbox.claim, floor.now(), LEASE, 5)
    assert (again.kind, again.posted_ts) == (MessageKind.CARD, "1.1")


async def test_the_story_of_an_incident_is_read_from_the_audit(floor: Floor) -> None:
    execution = await floor.executed()
    await floor.verdict()
    incident, offered, rows = await floor.verbs.show(execution.incident_id)
    assert (incident.state, len(offered)) == (IncidentState.RESOLVED, 1)
    told = [(row.who, row.what) for row in rows]
    assert ("bo", "incident declared") in told
    assert ("ana", "approval granted") in told
    assert not {"incident collected", "incident seen"} & {what for _, what in told}
    assert ("fettle", "verdict given") in told
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert any(row.detail == "applied" for row in rows)


async def test_open_incidents_are_listed_worst_first(floor: Floor) -> None:
    mild = await floor.alert({**LABELS, "severity": "warning", "deployment": "web"})
    bad = await floor.alert()
    gone = await floor.alert({**LABELS, "deployment": "x"})
    await floor.clear(gone.id)
    assert [one.id for one in await floor.verbs.list_open()] == [bad.id, mild.id]


async def test_what_does_not_exist_is_not_found(floor: Floor) -> None:
    with pytest.raises(NotFoundError):
        await floor.verbs.show(99)
    with pytest.raises(NotFoundError):
        await floor.verbs.proposal(99)


async def test_a_message_leads_to_its_incident(floor: Floor) -> None:
    incident = await floor.alert()
    (row,) = await floor.store.transact(outbox.claim, floor.now(), LEASE, 5)
    await floor.store.transact(outbox.sent, row, floor.now(), "C0ONCALL", "1.1")
    assert await floor.verbs.incident_at("C0ONCALL", "1.1") == incident.id
    assert await floor.verbs.incident_at("C0ONCALL", "9.9") is None


async def test_what_the_listener_refuses_is_written_down(floor: Floor) -> None:
    answer = await floor.verbs.refused(await floor.person("kim"), "scale shop/api", "not in this version")
    assert (answer.ok, answer.text) == (False, "not in this version")
    entry = (await floor.entries("command:request:refused"))[-1]
    assert (entry.subject, entry.detail) == ("command", {"asked": "scale shop/api", "reason": "not in this version"})


async def test_a_person_is_one_principal_with_their_groups(floor: Floor) -> None:
    first, second = await floor.person("sam"), await floor.person("sam")
    assert first == second
    assert first.groups == ("S0SRE",)
    assert (await floor.person("kim")).groups == ()


def _into_digest(tx: Tx, incident_id: int, now: datetime) -> None:
    number = digests.current(tx, "C0ONCALL", now, LEASE)
    owing.card(tx, incidents.update(tx, incident_id, now, digest_id=number), Priority.NEW_CARD, now)


async def test_declaring_with_a_workload_that_is_not_there_says_so(floor: Floor) -> None:
    answer = await floor.verbs.declare(await floor.person("bo"), "checkout slow", Severity.SEV3, "shop", "apii")
    assert answer.ok
    assert "There is no workload shop/apii." in answer.text
    assert (await floor.incident(answer.incident_id)).target_note.startswith("There is no workload shop/apii.")


async def test_whoever_asked_for_a_restart_can_be_forgotten(floor: Floor) -> None:
    """A title of an older release held the name; that goes too."""
    answer, _ = await floor.restart_asked(by="bo")
    title = "UPDATE incidents SET title = 'Restart requested by @bo'"
    await floor.store.transact(lambda tx: tx.execute(title) and None)
    await floor.store.transact(people.forget, "U0BO", "cli:root", floor.now())
    assert (await floor.incident(answer.incident_id)).title == "Restart requested"


async def test_a_request_of_somebody_unknown_is_audited_without_a_slack_id(floor: Floor) -> None:
    """Slack said nothing of the person: who was met before is named by the principal, others not at all."""
    bo = await floor.person("bo")
    for slack_id in ("U0BO", "U0NEVER"):
        assert not (await floor.verbs.unidentified(slack_id, "press approve", "Slack is away")).ok
    entries = (await floor.entries("command:request:refused"))[-2:]
    assert [entry.actor for entry in entries] == [bo.id, "slack:unknown"]
    assert "U0NEVER" not in str(entries)
