"""How an incident ends: by its alerts, by a verdict, or by a person; never while something is in flight."""

from datetime import timedelta

import pytest

from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.severity import Severity
from bot.domain.verification import Verdict
from bot.workflow.close import minutes

from .floor import LABELS, Floor


async def carried_out(floor: Floor, *, broken: bool = False) -> int:
    """An alert's restart, applied and being verified; the incident."""
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    if broken:
        floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    return incident.id


async def test_cleared_alerts_close_and_withdraw_what_waits(floor: Floor) -> None:
    incident, proposal = await floor.alerted()
    assert await floor.clear(incident.id)
    found = await floor.incident(incident.id)
    assert (found.state, found.resolution) == (IncidentState.RESOLVED, "alerts_cleared")
    stored = await floor.proposal_now(proposal)
    assert (stored.state, stored.reason) == (ProposalState.SUPERSEDED, "all alerts resolved")
    assert await floor.owed() == {"look_back": 1}
    ((_, params),) = await floor.messages("resolved:")
    assert "all alerts cleared" in params
    assert not (await floor.approve(proposal)).ok


async def test_some_alerts_cleared_close_nothing(floor: Floor) -> None:
    incident = await floor.alert(count=2)
    floor._firing[incident.id] = floor._firing[incident.id][:1]
    assert not await floor.clear(incident.id)
    assert (await floor.incident(incident.id)).alerts_firing == 1


async def test_alerts_that_clear_between_approval_and_execution_wait_for_the_verdict(floor: Floor) -> None:
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    assert not await floor.clear(incident.id)
    await floor.run(Stage.EXECUTE)
    assert not await floor.clear(incident.id)
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert (await floor.incident(incident.id)).resolution == "alerts_cleared"


async def test_alerts_that_clear_while_it_is_verified_close_on_pass(floor: Floor) -> None:
    number = await carried_out(floor)
    assert not await floor.clear(number)
    assert (await floor.incident(number)).state is IncidentState.MITIGATING
    await floor.verdict()
    assert (await floor.incident(number)).state is IncidentState.RESOLVED


async def test_and_not_on_fail(floor: Floor) -> None:
    number = await carried_out(floor, broken=True)
    assert not await floor.clear(number)
    assert (await floor.verdict()).verdict is Verdict.FAIL
    assert (await floor.incident(number)).state is IncidentState.ACKNOWLEDGED


async def test_a_pass_while_alerts_fire_mitigates_and_their_end_closes(floor: Floor) -> None:
    number = await carried_out(floor)
    await floor.verdict()
    assert (await floor.incident(number)).state is IncidentState.MITIGATED
    assert await floor.clear(number)
    assert (await floor.incident(number)).resolution == "alerts_cleared"


async def test_what_failed_before_it_was_sent_does_not_keep_cleared_alerts_open(floor: Floor) -> None:
    """Nothing was done, so there is no verdict to wait for."""
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    assert not await floor.clear(incident.id)
    await floor.freeze()
    await floor.run(Stage.EXECUTE)
    found = await floor.incident(incident.id)
    assert (found.state, found.resolution) == (IncidentState.RESOLVED, "alerts_cleared")
    assert "propose" not in await floor.owed()


async def test_a_request_closes_on_pass(floor: Floor) -> None:
    execution = await floor.executed()
    await floor.verdict()
    found = await floor.incident(execution.incident_id)
    assert (found.state, found.resolution) == (IncidentState.RESOLVED, "verified")


async def test_a_declared_incident_is_closed_by_a_person_alone(floor: Floor) -> None:
    answer = await floor.verbs.declare(await floor.person("kim"), "slow shop", Severity.SEV3, "shop", "api")
    await floor.prepare()
    await floor.restart_asked()
    proposal = await floor.proposal()
    assert proposal.incident_id == answer.incident_id
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    await floor.verdict()
    assert (await floor.incident(answer.incident_id)).state is IncidentState.MITIGATED
    assert (await floor.verbs.resolve(answer.incident_id, await floor.person("kim"), "")).ok


async def test_a_person_closes_with_a_reason_while_alerts_fire_and_not_without(floor: Floor) -> None:
    incident, _ = await floor.alerted(count=2)
    kim = await floor.person("kim")
    answer = await floor.verbs.resolve(incident.id, kim, "  ")
    assert answer.text == f"2 alerts of {incident.ref} are still firing. Give a reason to resolve it anyway."
    assert (await floor.entries("command:request:refused"))[-1].actor_name == "kim"
    assert (await floor.verbs.resolve(incident.id, kim, "known, ticket 7")).ok
    found = await floor.incident(incident.id)
    assert (found.resolution, found.reason) == ("person", "known, ticket 7")
    ((_, params),) = await floor.messages("resolved:")
    assert "by a person: known, ticket 7" in params


async def test_nobody_closes_what_is_in_flight_or_being_verified(floor: Floor) -> None:
    incident, proposal = await floor.alerted()
    kim = await floor.person("kim")
    assert (await floor.approve(proposal)).ok
    assert not (await floor.verbs.resolve(incident.id, kim, "now")).ok
    await floor.run(Stage.EXECUTE)
    answer = await floor.verbs.resolve(incident.id, kim, "now")
    assert answer.text.endswith("Resolve it after the verdict.")
    await floor.verdict()
    assert (await floor.verbs.resolve(incident.id, kim, "now")).ok


async def test_after_a_bad_verdict_a_person_closes_with_a_reason_and_not_without(floor: Floor) -> None:
    """Nothing fires any more, but the last thing that was measured was no pass."""
    number = await carried_out(floor, broken=True)
    await floor.clear(number)
    assert (await floor.verdict()).verdict is Verdict.FAIL
    kim = await floor.person("kim")
    answer = await floor.verbs.resolve(number, kim, " ")
    assert answer.text == f"The last verification of INC-{number} ended as fail. Give a reason to resolve it anyway."
    assert (await floor.incident(number)).open
    assert (await floor.verbs.resolve(number, kim, "rolled back by hand")).ok


async def test_a_verdict_of_an_earlier_episode_asks_for_no_reason(floor: Floor) -> None:
    number = await carried_out(floor, broken=True)
    await floor.verdict()
    kim = await floor.person("kim")
    assert (await floor.verbs.resolve(number, kim, "rolled back by hand")).ok
    await floor.clear(number)
    floor.advance(300)
    again = await floor.alert(started=5)
    assert (again.id, again.episodes) == (number, 2)
    floor._firing[number] = floor._firing[number][:0]
    await floor.store.transact(lambda tx: tx.execute("UPDATE incidents SET alerts_firing = 0") and None)
    assert (await floor.verbs.resolve(number, kim, "")).ok


async def test_what_is_closed_is_closed_once(floor: Floor) -> None:
    incident = await floor.alert()
    assert await floor.clear(incident.id)
    answer = await floor.verbs.resolve(incident.id, await floor.person("kim"), "x")
    assert answer.text == f"{incident.ref} is already resolved."
    assert (await floor.entries("command:request:refused"))[-1].actor_name == "kim"
    assert len(await floor.entries("incident:state:resolved")) == 1
    await floor.clear(incident.id)
    assert len(await floor.entries("incident:state:resolved")) == 1


async def test_a_person_keeps_it_open_after_a_pass(floor: Floor) -> None:
    number = await carried_out(floor)
    await floor.verdict()
    assert (await floor.verbs.keep_open(number, await floor.person("kim"))).ok
    found = await floor.incident(number)
    assert (found.state, found.acknowledged_by) == (IncidentState.ACKNOWLEDGED, (await floor.person("kim")).id)
    again = await floor.verbs.keep_open(number, await floor.person("kim"))
    assert again.ok
    await floor.clear(number)
    late = await floor.verbs.keep_open(number, await floor.person("kim"))
    assert late.text == f"{found.ref} is already resolved."


async def test_a_firing_reopens_and_the_next_pass_closes_again(floor: Floor) -> None:
    incident = await floor.alert()
    await floor.clear(incident.id)
    floor.advance(300)
    again, proposal = await floor.alerted(started=5)
    assert (again.id, again.state, again.episodes) == (incident.id, IncidentState.TRIGGERED, 2)
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    await floor.clear(incident.id)
    await floor.verdict()
    assert (await floor.incident(incident.id)).state is IncidentState.RESOLVED


async def test_a_verdict_for_a_closed_incident_changes_nothing_there(floor: Floor) -> None:
    execution = await floor.executed()
    await floor.verdict()
    assert (await floor.verbs.measure_again(execution.incident_id, await floor.person("kim"))).ok
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert len(await floor.entries("incident:state:resolved")) == 1


async def test_two_incidents_on_one_target_end_each_by_itself(floor: Floor) -> None:
    first = await carried_out(floor)
    second = await floor.alert({**LABELS, "alertname": "KubePodNotReady"})
    assert await floor.clear(second.id)
    assert (await floor.incident(first)).open


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (-5, "0 s"), (89, "89 s"), (90, "2 min"), (600, "10 min"), (5399, "90 min"), (5400, "1 h 30 min")],
)
def test_durations_read_as_people_say_them(seconds: int, words: str) -> None:
    assert minutes(timedelta(seconds=seconds)) == words
