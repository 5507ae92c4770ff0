"""Incidents, proposals, executions, verifications, evidence, people: what goes in comes out, moves are guarded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from bot.domain.approval import Verb
from bot.domain.errors import IllegalTransitionError, IntegrityError, NotFoundError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.execution import EXECUTION, STANDINGS, ExecutionEvent, ExecutionState, Standing, WriteRequest
from bot.domain.incident import Incident, IncidentEvent, IncidentState
from bot.domain.owed import MessageKind, Priority
from bot.domain.proposal import PROPOSAL, SYSTEM, Proposal, ProposalEvent, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, Verdict, VerdictEvent, Verification
from bot.storage import (
    audit,
    digests,
    evidence,
    executions,
    freeze,
    incidents,
    outbox,
    people,
    proposals,
    purge,
    verifications,
)
from bot.storage.db import Store, Tx
from bot.storage.fields import to_text

NOW = datetime(2026, 11, 21, 3, 14, 15, 926535, tzinfo=UTC)
SECOND = timedelta(seconds=1)
API = Target("Deployment", "shop", "api", "u-1")
TEXT = ProposalText("Restart Deployment shop/api", "Restarted shop/api", warnings=("one replica",))
REQUEST = WriteRequest("PATCH", "/apis/apps/v1/x", "application/json-patch+json", [{"op": "test"}], {"a": "b"}, "e-1")


def incident(tx: Tx, key: str = "k", **more: Any) -> Incident:
    values: dict[str, Any] = {
        "title": "KubePodCrashLooping in shop", "alertname": "KubePodCrashLooping", "namespace": "shop",
        "severity": Severity.SEV2, "now": NOW, "channel": "C1",
    }  # fmt: skip
    return incidents.add(tx, key=key, **(values | more))


def proposal(tx: Tx, incident_id: int = 1, **more: Any) -> Proposal:
    values: dict[str, Any] = {
        "action": "restart", "target": API, "params": {"a": [1]}, "digest": "d", "state": ProposalState.PENDING,
        "text": TEXT, "requested_by": SYSTEM, "now": NOW, "expires_at": NOW + 900 * SECOND, "quorum": 1,
        "approvers": ("U1", "S1"), "baseline": {"restarts": 3},
    }  # fmt: skip
    return proposals.add(tx, incident_id, **(values | more))


async def test_an_incident_comes_back_as_it_was_put(store: Store) -> None:
    made = await store.transact(
        incident, target=API, candidates=(replace(API, name="db"),), declared_by="person:1", foreign_cluster="east",
        alerts_firing=2,
    )  # fmt: skip
    assert await store.read(incidents.get, made.id) == made
    assert (made.state, made.severity, made.target, made.opened_at, made.declared_by) == (
        IncidentState.TRIGGERED, Severity.SEV2, API, NOW, "person:1",
    )  # fmt: skip
    assert made.candidates == (replace(API, name="db"),)
    assert (made.alerts_firing, made.foreign_cluster, made.episodes) == (2, "east", 1)
    with pytest.raises(NotFoundError, match="INC-9"):
        await store.read(incidents.get, 9)


async def test_one_open_incident_a_key_however_it_is_asked_for(store: Store) -> None:
    first = await store.transact(incident)
    with pytest.raises(IntegrityError):
        await store.transact(incident)
    assert await store.read(incidents.find_open_by_key, "k") == first
    done = await store.transact(
        incidents.move, first.id, IncidentEvent.RESOLVE, NOW + SECOND, resolution="person", reason="fixed"
    )
    assert (done.state, done.resolved_at, done.resolution, done.open) == (
        IncidentState.RESOLVED, NOW + SECOND, "person", False,
    )  # fmt: skip
    assert await store.read(incidents.find_open_by_key, "k") is None
    assert await store.read(incidents.latest_by_key, "k") == done
    second = await store.transact(incident)
    assert await store.read(incidents.latest_by_key, "k") == second
    assert await store.read(incidents.latest_by_key, "other") is None
    assert (await store.read(incidents.counts))[IncidentState.RESOLVED] == 1


async def test_reopening_begins_an_episode_and_clears_what_closed_it(store: Store) -> None:
    made = await store.transact(incident)
    await store.transact(incidents.move, made.id, IncidentEvent.ACKNOWLEDGE, NOW, acknowledged_by="person:1")
    await store.transact(incidents.move, made.id, IncidentEvent.RESOLVE, NOW, resolution="person")
    again = await store.transact(incidents.move, made.id, IncidentEvent.REOPEN, NOW + SECOND, flaps=1)
    assert (again.state, again.episodes, again.episode_at, again.opened_at, again.flaps) == (
        IncidentState.TRIGGERED, 2, NOW + SECOND, NOW, 1,
    )  # fmt: skip
    assert (again.resolved_at, again.resolution, again.acknowledged_by) == (None, "", "")


async def test_an_incident_moves_by_its_table_alone(store: Store) -> None:
    made = await store.transact(incident)
    with pytest.raises(IllegalTransitionError):
        await store.transact(incidents.move, made.id, IncidentEvent.PASS, NOW)
    with pytest.raises(IllegalTransitionError):
        await store.transact(incidents.update, made.id, NOW, state="resolved")
    with pytest.raises(NotFoundError):
        await store.transact(incidents.update, 9, NOW, title="x")
    with pytest.raises(KeyError):
        await store.transact(incidents.update, made.id, NOW, colour="red")
    assert await store.read(incidents.get, made.id) == made


async def test_incidents_are_found_by_target_and_listed_worst_first(store: Store) -> None:
    one = await store.transact(incident, "one", target=API, severity=Severity.SEV3)
    two = await store.transact(incident, "two")
    assert await store.read(incidents.related, two) == []
    two = await store.transact(incidents.update, two.id, NOW + SECOND, target=replace(API, uid=""), investigated_at=NOW)
    assert two.updated_at == NOW + SECOND
    assert await store.read(incidents.open_on_target, API.key) == two
    assert await store.read(incidents.related, one) == [two]
    three = await store.transact(incident, "three")
    await store.transact(incidents.move, three.id, IncidentEvent.RESOLVE, NOW)
    assert [found.id for found in await store.read(incidents.list_open)] == [two.id, one.id]
    assert [found.id for found in await store.read(incidents.list_recent, 2)] == [three.id, two.id]
    cleared = await store.transact(incidents.update, two.id, NOW, target=None)
    assert (cleared.target, await store.read(incidents.open_on_target, API.key)) == (None, one)


async def test_evidence_is_the_newest_answer_of_each_source(store: Store) -> None:
    old = Evidence("pods", EvidenceStatus.FAILED, "no answer", NOW, problem="timeout")
    new = Evidence("pods", EvidenceStatus.OK, "5 of 6 ready", NOW + SECOND, {"pods": [{"name": "a"}]})
    events = Evidence("events", EvidenceStatus.EMPTY, "none", NOW)
    for item in (old, events, new):
        await store.transact(evidence.put, 1, item)
    assert await store.read(evidence.of, 1) == [events, new]
    assert await store.read(evidence.of, 2) == []


async def test_a_proposal_comes_back_as_it_was_put(store: Store) -> None:
    made = await store.transact(proposal)
    assert (made.text, made.target, made.params, made.approvers, made.baseline, made.state) == (
        TEXT, API, {"a": [1]}, ("U1", "S1"), {"restarts": 3}, ProposalState.PENDING,
    )  # fmt: skip
    assert await store.read(proposals.get, made.id) == made
    recorded = await store.transact(proposal, state=ProposalState.RECORDED, expires_at=None, incident_id=2)
    assert await store.read(proposals.of_incident, 2) == [recorded]
    assert await store.read(proposals.pending) == [made]
    assert await store.read(proposals.pending_for_target, API.key) == [made]
    assert await store.read(proposals.pending_for_target, "other") == []
    with pytest.raises(NotFoundError):
        await store.read(proposals.get, 9)


async def test_of_two_who_press_one_is_first_and_the_other_told(store: Store) -> None:
    made = await store.transact(proposal)
    won = await store.transact(proposals.settle, made.id, ProposalEvent.APPROVE, NOW + SECOND, "person:1", "go")
    assert won is not None
    assert (won.state, won.decided_by, won.decided_at, won.reason) == (
        ProposalState.APPROVED, "person:1", NOW + SECOND, "go",
    )  # fmt: skip
    for event in ProposalEvent:
        assert await store.transact(proposals.settle, made.id, event, NOW, "person:2") is None


@pytest.mark.parametrize(("late", "granted"), [(timedelta(0), False), (-SECOND, True), (SECOND, False)])
async def test_an_approval_counts_only_before_the_expiry(store: Store, late: timedelta, granted: bool) -> None:
    made = await store.transact(proposal)
    assert made.expires_at is not None
    won = await store.transact(proposals.settle, made.id, ProposalEvent.APPROVE, made.expires_at + late, "person:1")
    assert (won is not None) is granted


async def test_a_recorded_proposal_can_be_superseded_and_nothing_else(store: Store) -> None:
    made = await store.transact(proposal, state=ProposalState.RECORDED, expires_at=None)
    for event in (ProposalEvent.APPROVE, ProposalEvent.DENY, ProposalEvent.EXPIRE):
        assert await store.transact(proposals.settle, made.id, event, NOW) is None
    gone = await store.transact(proposals.settle, made.id, ProposalEvent.SUPERSEDE, NOW)
    assert gone is not None
    assert gone.state is ProposalState.SUPERSEDED


def test_an_event_of_a_proposal_leads_to_one_state() -> None:
    for event in ProposalEvent:
        assert len({PROPOSAL.next(source, event) for source in PROPOSAL.sources(event)}) == 1


async def test_a_person_says_one_thing_to_a_proposal(store: Store) -> None:
    assert await store.transact(proposals.add_approval, 1, "person:1", Verb.APPROVED, "go", NOW)
    assert not await store.transact(proposals.add_approval, 1, "person:1", Verb.DENIED, "no", NOW)
    assert await store.transact(proposals.add_approval, 1, "person:2", Verb.DENIED, "no", NOW)
    said = await store.read(proposals.approvals, 1)
    assert [(line.principal, line.verb, line.reason, line.at) for line in said] == [
        ("person:1", Verb.APPROVED, "go", NOW),
        ("person:2", Verb.DENIED, "no", NOW),
    ]


async def execution(store: Store, uid: str = "e-1", target: Target = API) -> int:
    made = await store.transact(proposal, target=target)
    added = await store.transact(executions.add, uid=uid, proposal=made, approved_by="person:1", now=NOW)
    assert added is not None
    return added.id


async def test_a_target_has_one_execution_in_flight_until_it_is_released(store: Store) -> None:
    first = await execution(store)
    second = await store.transact(proposal)
    other = {"uid": "e-2", "proposal": second, "approved_by": "person:1", "now": NOW}
    assert await store.transact(executions.add, **other) is None
    found = await store.read(executions.in_flight_on, API.key)
    assert found is not None
    assert found.id == first
    await store.transact(executions.release, first)
    assert await store.read(executions.in_flight_on, API.key) is None
    assert await store.transact(executions.add, **other) is not None


async def test_a_proposal_has_one_execution(store: Store) -> None:
    number = await execution(store)
    made = (await store.read(executions.get, number)).proposal_id
    await store.transact(executions.release, number)
    again = await store.transact(
        executions.add, uid="e-2", proposal=await store.read(proposals.get, made), approved_by="person:1", now=NOW
    )
    assert again is None
    assert [one.id for one in await store.read(executions.by_proposal, made)] == [number]


async def test_an_execution_keeps_the_exact_request_from_claim_to_settled(store: Store) -> None:
    number = await execution(store)
    claimed = await store.transact(executions.claim, number, REQUEST, {"restarts": 4}, NOW + SECOND)
    assert (claimed.state, claimed.request, claimed.baseline, claimed.intent_at) == (
        ExecutionState.RUNNING, REQUEST, {"restarts": 4}, NOW + SECOND,
    )  # fmt: skip
    assert await store.read(executions.running) == [claimed]
    with pytest.raises(IllegalTransitionError):
        await store.transact(executions.claim, number, REQUEST, {}, NOW)
    done = await store.transact(executions.settle, number, ExecutionEvent.SUCCEED, NOW + 2 * SECOND, "patched", 2**40)
    assert (done.state, done.outcome, done.generation, done.settled_at) == (
        ExecutionState.SUCCEEDED, "patched", 2**40, NOW + 2 * SECOND,
    )  # fmt: skip
    assert await store.read(executions.in_flight_on, API.key) == done
    assert await store.read(executions.of_incident, 1) == [done]
    with pytest.raises(IllegalTransitionError):
        await store.transact(executions.settle, number, ExecutionEvent.FAIL, NOW, "late")


@pytest.mark.parametrize("standing", sorted(Standing))
async def test_what_is_known_of_an_execution_fits_its_state(store: Store, standing: Standing) -> None:
    """By a table, as the state itself is: what succeeded can't be partly done."""
    for uid, event in (("e-1", ExecutionEvent.SUCCEED), ("e-2", ExecutionEvent.FAIL), ("e-3", ExecutionEvent.LOSE)):
        number = await execution(store, uid, replace(API, name=uid))
        await store.transact(executions.claim, number, REQUEST, {}, NOW)
        ended = partial(executions.settle, execution_id=number, event=event, now=NOW, outcome="x", standing=standing)
        if standing in STANDINGS[EXECUTION.next(ExecutionState.RUNNING, event)]:
            assert (await store.transact(ended)).standing is standing
        else:
            with pytest.raises(IllegalTransitionError):
                await store.transact(ended)
            assert (await store.read(executions.get, number)).state is ExecutionState.RUNNING


async def test_what_failed_is_no_longer_in_flight_and_what_is_unknown_is(store: Store) -> None:
    failed, lost = await execution(store), await execution(store, "e-2", replace(API, name="db"))
    await store.transact(executions.settle, failed, ExecutionEvent.FAIL, NOW, "refused")
    await store.transact(executions.claim, lost, REQUEST, {}, NOW)
    await store.transact(executions.settle, lost, ExecutionEvent.LOSE, NOW, "no answer")
    assert await store.read(executions.in_flight_on, API.key) is None
    assert await store.read(executions.in_flight_on, "Deployment/shop/db") is not None
    with pytest.raises(NotFoundError):
        await store.read(executions.get, 9)


def begin(tx: Tx, execution_id: int | None, **more: Any) -> Verification:
    values: dict[str, Any] = {
        "execution": executions.get(tx, execution_id) if execution_id else None, "incident_id": 1, "target": API,
        "deadline": NOW + 60 * SECOND, "soak": 10, "now": NOW, "generation": 7, "execution_uid": "e-1",
        "baseline": {"restarts": 3},
    }  # fmt: skip
    return verifications.start(tx, **(values | more))


CHECK = Check("rollout", CheckState.GOOD, "6 ready", "6 ready", NOW, final=True)


async def test_what_was_sent_counts_with_its_verdict_and_what_was_refused_does_not(store: Store) -> None:
    number = await execution(store)
    assert await store.read(executions.sent_since, NOW) == []
    await store.transact(executions.claim, number, REQUEST, {}, NOW + SECOND)
    assert await store.read(executions.sent_since, NOW) == [(API.key, NOW + SECOND, "", "restart")]
    assert await store.read(executions.sent_since, NOW, but=number) == []
    assert await store.read(executions.sent_since, NOW + 2 * SECOND) == []
    assert await store.read(executions.count_in_flight) == 1
    assert await store.read(executions.count_in_flight, but=number) == 0
    first = await store.transact(begin, number)
    await store.transact(verifications.settle, first.id, VerdictEvent.FAIL, (CHECK,), {}, NOW + SECOND, "why")
    assert await store.read(executions.sent_since, NOW) == [(API.key, NOW + SECOND, "fail", "restart")]
    assert await store.read(verifications.since, NOW) == [(1, Verdict.FAIL, NOW + SECOND)]
    assert await store.read(verifications.since, NOW + 2 * SECOND) == []
    await store.transact(executions.settle, number, ExecutionEvent.FAIL, NOW + SECOND, "refused")
    assert await store.read(executions.sent_since, NOW) == []


async def test_an_execution_has_one_current_verification(store: Store) -> None:
    number = await execution(store)
    first = await store.transact(begin, number)
    await store.transact(verifications.settle, first.id, VerdictEvent.FAIL, (CHECK,), {"ready": 5}, NOW + SECOND, "why")
    second = await store.transact(begin, number)
    third = await store.transact(begin, number)
    assert await store.read(verifications.current_of, number) == third
    assert await store.read(verifications.latest_of_incident, 1) == third
    old = await store.read(verifications.get, first.id)
    assert (old.verdict, old.current, old.settled_at, old.note, old.checks) == (
        Verdict.SUPERSEDED, False, NOW + SECOND, "why", (CHECK,),
    )  # fmt: skip
    assert (await store.read(verifications.get, second.id)).settled_at == NOW
    assert await store.read(verifications.open_ones) == [third]


async def test_measurements_without_an_execution_stand_beside_each_other(store: Store) -> None:
    one, two = [await store.transact(begin, None, generation=None) for _ in range(2)]
    assert (one.current, two.current, one.execution_id) == (True, True, 0)
    assert await store.read(verifications.open_ones) == [one, two]
    assert await store.read(verifications.current_of, 5) is None
    assert await store.read(verifications.latest_of_incident, 5) is None
    with pytest.raises(NotFoundError):
        await store.read(verifications.get, 9)


async def test_looks_are_kept_until_the_verdict_and_not_after(store: Store) -> None:
    made = await store.transact(begin, None)
    assert await store.transact(verifications.measure, made.id, (CHECK,), {"ready": 6}, NOW, NOW)
    assert (await store.read(verifications.get, made.id)).rolled_out_at == NOW
    assert await store.transact(verifications.measure, made.id, (CHECK,), {"ready": 6}, None, NOW)
    assert (await store.read(verifications.get, made.id)).rolled_out_at is None, "the soak begins anew"
    assert await store.transact(verifications.measure, made.id, (CHECK,), {"ready": 6}, NOW, NOW)
    looked = await store.read(verifications.get, made.id)
    assert (looked.checks, looked.progress, looked.rolled_out_at) == ((CHECK,), {"ready": 6}, NOW)
    done = await store.transact(verifications.settle, made.id, VerdictEvent.PASS, (CHECK,), {"ready": 6}, NOW, "ok")
    assert (done.verdict, done.note, done.settled_at) == (Verdict.PASS, "ok", NOW)
    assert not await store.transact(verifications.measure, made.id, (), {}, None, NOW)
    with pytest.raises(IllegalTransitionError):
        await store.transact(verifications.settle, made.id, VerdictEvent.FAIL, (), {}, NOW)


async def test_a_person_is_met_once_and_renamed_in_place(store: Store) -> None:
    assert await store.transact(people.person_for, "U1", "Ana", NOW) == "person:1"
    assert await store.transact(people.person_for, "U2", "Bo", NOW) == "person:2"
    assert await store.transact(people.person_for, "U1", "Ana Maria", NOW) == "person:1"
    assert await store.transact(people.person_for, "U1", "", NOW) == "person:1"
    assert await store.read(people.names, ["person:1", "person:2", "fettle", "person:x", "person:9"]) == {
        "person:1": ("U1", "Ana Maria"),
        "person:2": ("U2", "Bo"),
    }
    assert await store.read(people.slack_id_of, "person:2") == "U2"
    assert await store.read(people.names, ["fettle"]) == {}
    assert [entry.tag for entry in await store.read(audit.entries)] == ["person:identity:seen"] * 2


async def test_a_group_keeps_its_last_good_reading_when_the_next_fails(store: Store) -> None:
    await store.transact(people.group_failed, "S2", "missing_scope", NOW)
    await store.transact(people.set_group, "S1", ["U2", "U1", "U2"], NOW)
    await store.transact(people.set_group, "S1", ["U3", "U1"], NOW + SECOND)
    await store.transact(people.group_failed, "S1", "ratelimited", NOW + 9 * SECOND)
    assert await store.read(people.groups) == {
        "S1": (("U1", "U3"), NOW + SECOND, "ratelimited"),
        "S2": ((), None, "missing_scope"),
    }
    await store.transact(people.set_group, "S1", [], NOW + 10 * SECOND)
    assert (await store.read(people.groups))["S1"] == ((), NOW + 10 * SECOND, "")


async def test_erasing_forgets_the_words_of_that_person_alone(store: Store) -> None:
    ana = await store.transact(people.person_for, "U1", "Ana", NOW)
    made = await store.transact(proposal)
    await store.transact(proposals.settle, made.id, ProposalEvent.DENY, NOW, ana, "because")
    await store.transact(proposals.add_approval, made.id, ana, Verb.DENIED, "because", NOW)
    await store.transact(proposals.add_approval, made.id, "person:2", Verb.DENIED, "stays", NOW)
    await store.transact(freeze.set_frozen, True, ana, "drill", NOW)  # noqa: FBT003 - the switch
    assert await store.transact(people.erase, "U1") == 5
    assert (await store.read(proposals.get, made.id)).reason == ""
    assert [line.reason for line in await store.read(proposals.approvals, made.id)] == ["", "stays"]
    assert (await store.read(freeze.state))[:3] == (True, ana, "")
    assert await store.transact(people.erase, "U1") == 0
    assert await store.read(audit.verify_chain) == []


async def test_erasing_empties_messages_that_went_out_and_keeps_those_that_are_owed(store: Store) -> None:
    await store.transact(people.person_for, "U1", "Ana", NOW)
    for number, user in ((1, "U1"), (2, "U2"), (3, "U1")):
        params = {"user": user, "text": "no"}
        await store.transact(
            outbox.owe, MessageKind.EPHEMERAL, 0, "C1", Priority.PRESS, NOW, key=f"e:{number}", params=params
        )
    for row in await store.transact(outbox.claim, NOW, 9 * SECOND, 2):
        await store.transact(outbox.sent, row, NOW)
    assert await store.transact(people.erase, "U1") == 2

    def params_of(tx: Tx) -> list[str]:
        return [row[0] for row in tx.execute("SELECT params FROM outbox ORDER BY id")]

    assert await store.read(params_of) == [
        "{}", '{"text":"no","user":"U2"}', '{"text":"no","user":"U1"}',
    ]  # fmt: skip


async def test_the_kill_switch_is_one_row_and_audited_each_time(store: Store) -> None:
    assert await store.read(freeze.state) == (False, "", "", None)
    number = await execution(store)
    await store.transact(executions.claim, number, REQUEST, {}, NOW)
    assert await store.transact(freeze.set_frozen, True, "cli:ana", "drill", NOW) == 1  # noqa: FBT003 - the switch
    assert await store.read(freeze.state) == (True, "cli:ana", "drill", NOW)
    assert await store.transact(freeze.set_frozen, False, "person:1", "", NOW) == 1  # noqa: FBT003 - the switch
    assert [(entry.tag, entry.actor, entry.outcome, entry.detail) for entry in await store.read(audit.entries)] == [
        ("freeze:state:on", "cli:ana", "on", {"reason": "drill"}),
        ("freeze:state:off", "person:1", "off", None),
    ]


async def test_a_channel_has_one_open_digest_until_it_is_old(store: Store) -> None:
    hour = timedelta(hours=1)
    first = await store.transact(digests.current, "C1", NOW, hour)
    assert await store.transact(digests.current, "C1", NOW + hour - SECOND, hour) == first
    assert await store.transact(digests.current, "C2", NOW, hour) != first
    second = await store.transact(digests.current, "C1", NOW + hour, hour)
    assert second != first
    assert not await store.transact(digests.close, first, NOW)
    assert await store.transact(digests.close, second, NOW)
    assert await store.read(digests.channel_of, second) == "C1"
    assert await store.read(digests.channel_of, 99) == ""


async def test_a_digest_holds_the_incidents_that_say_so(store: Store) -> None:
    number = await store.transact(digests.current, "C1", NOW, SECOND)
    one = await store.transact(incident, "one", digest_id=number)
    two = await store.transact(incident, "two")
    two = await store.transact(incidents.update, two.id, NOW, digest_id=number)
    await store.transact(incident, "three")
    assert await store.read(digests.incidents_in, number) == [one, two]
    assert await store.read(incidents.digest_of, two.id) == number
    assert await store.read(incidents.digest_of, 3) is None
    assert await store.read(incidents.digest_of, 99) is None


async def test_retention_forgets_what_was_resolved_long_ago_and_the_chain_verifies(store: Store) -> None:
    old = await store.transact(incident, "old")
    still = await store.transact(incident, "still open")
    for number in (old.id, still.id):
        await store.transact(evidence.put, number, Evidence("pods", EvidenceStatus.OK, "s", NOW, {"pods": []}))
        await store.transact(_speak, number)
    await store.transact(incidents.move, old.id, IncidentEvent.RESOLVE, NOW)
    changed = await purge.purge(store, NOW + timedelta(days=90), "fettle", NOW + timedelta(days=180))
    assert {name: count for name, count in changed.items() if count} == {
        "evidence": 1, "audit_details": 1, "proposals": 1, "approvals": 1,
    }  # fmt: skip
    *told, noted = await store.read(audit.entries)
    assert [entry.detail for entry in told] == [None, {"reason": "words"}]
    assert (noted.tag, noted.detail) == (
        "system:store:purged",
        {
            "before": to_text(NOW + timedelta(days=90)),
            "rows": {"evidence": 1, "audit_details": 1, "proposals": 1, "approvals": 1},
        },
    )
    assert (await store.read(evidence.of, old.id))[0].data == {}
    assert (await store.read(evidence.of, still.id))[0].summary == "s"
    assert await store.read(audit.verify_chain) == []


def _speak(tx: Tx, incident_id: int) -> None:
    made = proposal(tx, incident_id)
    proposals.settle(tx, made.id, ProposalEvent.DENY, NOW, "person:1", "words")
    proposals.add_approval(tx, made.id, "person:1", Verb.DENIED, "words", NOW)
    note = audit.AuditNote(
        "proposal:approval:denied", "person:1", f"proposal:{made.id}", "denied", incident_id, {"reason": "words"}
    )
    tx.audit(note, NOW)
