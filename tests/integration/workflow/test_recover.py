"""After a lost answer or a dead process: read back by the annotation, settle, never send again."""

from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.execution import Execution, ExecutionState, Standing
from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.slack.cards import card
from bot.workflow import recover, settle

from .floor import Floor

READ_BACK = 2 + 5 + 10
"""Settings' request timeout, the margin, and some seconds."""


async def lost(floor: Floor, *, carried_out: bool) -> Execution:
    """A write whose answer never came."""
    await floor.approved()
    if carried_out:
        floor.server.faults.drop_after("patch", "deployments")
    else:
        floor.server.faults.set("patch", "deployments", status=500, times=1)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.RUNNING
    assert execution.in_flight
    return execution


async def shown(floor: Floor) -> str:
    """What the card says now."""
    incident = await floor.newest("incidents")
    return str(card(await floor.store.read(card_view, incident.id, Look(), floor.now())).blocks)


async def test_what_was_carried_out_is_found_and_verified(floor: Floor) -> None:
    execution = await lost(floor, carried_out=True)
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert (settled.state, settled.outcome) == (ExecutionState.SUCCEEDED, "applied (read back)")
    assert settled.generation == floor.workload()["metadata"]["generation"]
    assert (await floor.verdict()).verdict == "pass"
    assert len(floor.patches()) == 1, "recovery reads, it never sends"
    assert settled.uid == execution.uid


async def test_while_no_answer_is_there_the_card_says_so_and_that_nothing_is_sent_again(floor: Floor) -> None:
    execution = await lost(floor, carried_out=False)
    assert execution.standing is Standing.UNANSWERED
    told = await shown(floor)
    assert "not known yet: The API server answered 500 to a write; it may have been carried out." in told
    assert "It is looked up, not sent again." in told
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    assert "not known yet" not in await shown(floor)


async def test_it_is_not_read_back_before_the_request_can_no_longer_arrive(floor: Floor) -> None:
    await lost(floor, carried_out=True)
    floor.advance(6)
    assert await floor.run(Stage.RECOVER) == 0
    floor.advance(2)
    assert await floor.run(Stage.RECOVER) == 1


async def test_what_was_not_carried_out_is_failed_and_offered_afresh(floor: Floor) -> None:
    execution = await lost(floor, carried_out=False)
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert (settled.state, settled.outcome) == (ExecutionState.FAILED, recover.ABSENT)
    incident = await floor.incident(execution.incident_id)
    assert incident.state is IncidentState.ACKNOWLEDGED
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert (fresh.id != execution.proposal_id, fresh.state) == (True, ProposalState.PENDING)
    assert len(floor.patches()) == 1, "the attempt itself; recovery sends nothing"


async def test_a_hanging_api_server_is_read_back_too(floor: Floor) -> None:
    await floor.approved()
    floor.server.faults.hang("patch", "deployments", times=1)
    cluster = floor.ctx.cluster

    def impatient(point: str) -> None:
        if point == "before:write":
            cluster.timeout = 0.5

    cluster.crash_point, limit = impatient, cluster.timeout
    await floor.run(Stage.EXECUTE)
    cluster.timeout = limit
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    assert (await floor.execution()).outcome == recover.ABSENT


async def test_a_target_that_moved_on_leaves_the_outcome_unknown(floor: Floor) -> None:
    execution = await lost(floor, carried_out=False)
    floor.change(lambda obj: obj["spec"].update(replicas=5))
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert settled.state is ExecutionState.UNKNOWN
    assert settled.outcome.endswith("A person has to look.")
    incident = await floor.incident(execution.incident_id)
    assert (incident.state, incident.open) == (IncidentState.ACKNOWLEDGED, True)
    assert "propose" not in await floor.owed(), "nothing is offered while nobody knows"
    assert await floor.count("verifications") == 0


async def test_the_target_of_an_unknown_outcome_is_free_for_a_person(floor: Floor) -> None:
    await lost(floor, carried_out=False)
    floor.change(lambda obj: obj["spec"].update(replicas=5))
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    floor.advance(60)
    _, fresh = await floor.restart_asked()
    assert fresh.state is ProposalState.PENDING


async def test_a_target_that_is_gone_leaves_the_outcome_unknown(floor: Floor) -> None:
    await lost(floor, carried_out=True)
    floor.cluster.delete("Deployment", "shop", "api")
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert settled.state is ExecutionState.UNKNOWN
    assert settled.outcome.startswith("the target is gone")


async def test_an_unreachable_cluster_is_asked_again_and_then_the_outcome_is_unknown(floor: Floor) -> None:
    await lost(floor, carried_out=True)
    floor.server.faults.set("get", "deployments", status=503)
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    assert await floor.run(Stage.RECOVER) == 0, "not before ten seconds have passed"
    floor.advance(600)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert settled.state is ExecutionState.UNKNOWN
    assert settled.outcome.startswith("the outcome could not be read for 10 min: ")


async def test_a_cluster_that_comes_back_in_time_is_read(floor: Floor) -> None:
    await lost(floor, carried_out=True)
    floor.server.faults.set("get", "deployments", status=503)
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    floor.server.faults.clear()
    floor.advance(11)
    await floor.run(Stage.RECOVER)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED


async def test_rights_to_read_that_were_taken_leave_it_unknown(floor: Floor) -> None:
    await lost(floor, carried_out=True)
    floor.server.deny("get", "deployments")
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert settled.state is ExecutionState.UNKNOWN
    assert settled.outcome.startswith("the outcome can't be read back: ")


async def test_what_was_settled_is_not_read_back(floor: Floor) -> None:
    execution = await floor.executed()
    from bot.storage import due  # noqa: PLC0415

    await floor.store.transact(due.owe, Stage.RECOVER, execution.id, floor.now())
    before = len(floor.server.requests)
    await floor.run(Stage.RECOVER)
    assert len(floor.server.requests) == before
    assert "recover" not in await floor.owed()
    assert len(await floor.entries("execution:state")) == 1


async def test_answer_and_read_back_at_once_settle_once(floor: Floor) -> None:
    """The slow answer arrives while recovery has settled already: the second changes nothing."""
    await lost(floor, carried_out=True)
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    late = await floor.execution()
    await settle.settle(floor.ctx, late, settle.untouched("late"))
    assert await floor.execution() == late
    assert len(await floor.entries("execution:state")) == 1


@pytest.mark.parametrize("carried_out", [True, False])
async def test_whatever_is_run_again_nothing_is_sent_again(floor: Floor, carried_out: bool) -> None:
    await lost(floor, carried_out=carried_out)
    work: list[Any] = []
    floor.advance(READ_BACK)
    work += await floor.due(Stage.RECOVER)
    for _ in range(3):
        await recover.recover(floor.ctx, work[0])
    assert len(floor.patches()) == 1
    assert len(await floor.entries("execution:state")) == 1


async def test_an_unknown_outcome_never_closes_the_incident_by_itself(floor: Floor) -> None:
    """All alerts clear while nobody knows whether the restart happened: a person looks."""
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    floor.server.faults.set("patch", "deployments", status=500, times=1)
    await floor.run(Stage.EXECUTE)
    assert not await floor.clear(incident.id)
    floor.change(lambda obj: obj["spec"].update(replicas=5))
    floor.advance(READ_BACK)
    await floor.run(Stage.RECOVER)
    assert (await floor.execution()).state is ExecutionState.UNKNOWN
    assert (await floor.incident(incident.id)).state is IncidentState.ACKNOWLEDGED
