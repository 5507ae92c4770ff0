"""Claim, act, settle: everything is checked again at the claim, and one request is sent once."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.execution import EXECUTION_ID, RESTARTED_AT, ExecutionState
from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState, canonical, sha256
from bot.policy import guardrails
from bot.storage import executions, freeze, people
from bot.storage.db import Store
from bot.workflow import execute, recover

from .floor import Floor


async def test_what_the_server_received_is_what_was_stored(floor: Floor) -> None:
    execution = await floor.executed()
    (sent,) = floor.patches()
    assert execution.request is not None
    assert json.loads(sent.body) == execution.request.body
    assert sent.path == execution.request.path == "/apis/apps/v1/namespaces/shop/deployments/api"
    assert sent.query == {"fieldManager": "fettle"}
    assert sent.user_agent == f"fettle/test {execution.uid}"
    entry = (await floor.entries("execution:intent:committed"))[-1]
    assert entry.detail is not None
    assert entry.detail["request_digest"] == sha256(canonical(json.loads(sent.body)))
    assert entry.detail["approved_digest"] == (await floor.proposal()).digest
    assert entry.detail["approved_by"] == (await floor.person("ana")).id


async def test_the_template_carries_the_time_of_approval_and_the_execution(floor: Floor) -> None:
    execution = await floor.executed()
    annotations = floor.workload()["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {
        RESTARTED_AT: execution.approved_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        EXECUTION_ID: execution.uid,
    }
    managers = {entry["manager"] for entry in floor.workload()["metadata"]["managedFields"]}
    assert "fettle" in managers
    assert execution.generation == floor.workload()["metadata"]["generation"]


async def test_annotations_of_others_stay(floor: Floor) -> None:
    def annotated(obj: Any) -> None:
        obj["spec"]["template"]["metadata"]["annotations"] = {"prometheus.io/scrape": "true"}

    floor.change(annotated)
    floor.advance(3600)
    await floor.executed()
    annotations = floor.workload()["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    assert EXECUTION_ID in annotations


async def test_the_intent_is_committed_before_anything_is_sent(floor: Floor) -> None:
    seen: list[tuple[str, int]] = []
    floor.ctx.cluster.crash_point = lambda point: seen.append((point, len(floor.patches())))
    await floor.approved()
    running: list[Any] = []

    def look(point: str) -> None:
        if point == "before:write":
            running.extend(floor.store.read_now(executions.running))

    floor.ctx.cluster.crash_point = look
    await floor.run(Stage.EXECUTE)
    assert [run.state for run in running] == [ExecutionState.RUNNING]
    assert running[0].request is not None
    assert len(floor.patches()) == 1


async def test_the_same_row_run_twice_sends_once(floor: Floor) -> None:
    await floor.approved()
    (work,) = await floor.due(Stage.EXECUTE)
    await asyncio.gather(execute.execute(floor.ctx, work), execute.execute(floor.ctx, work))
    await execute.execute(floor.ctx, work)
    assert len(floor.patches()) == 1
    assert len(await floor.entries("execution:state:succeeded")) == 1
    assert await floor.count("verifications") == 1


async def _refused(floor: Floor, rule: str) -> None:
    """Nothing was sent, the execution is settled, a person looks."""
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED, execution
    assert execution.told.startswith("not applied: ")
    assert not execution.in_flight
    assert rule in await floor.last_rules("execution:claim:refused")
    assert not floor.patches()
    assert (await floor.incident(execution.incident_id)).state is IncidentState.ACKNOWLEDGED


async def test_a_freeze_between_approval_and_claim_stops_it(floor: Floor) -> None:
    await floor.approved()
    await floor.freeze(reason="payday")
    await _refused(floor, "frozen")
    assert "payday" in (await floor.execution()).outcome


async def test_an_approval_older_than_its_time_is_not_carried_out(floor: Floor) -> None:
    floor.configure(APPROVAL_TTL=timedelta(minutes=5))
    await floor.approved()
    floor.advance(301)
    await _refused(floor, "expired")


async def test_a_target_that_changed_after_the_approval_is_left_alone(floor: Floor) -> None:
    await floor.approved()
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="shop/api:2"))
    floor.advance(60)
    await _refused(floor, "stale")
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert fresh.state is ProposalState.PENDING
    assert fresh.requested_by == (await floor.person("bo")).id


async def test_a_target_that_is_gone_is_told(floor: Floor) -> None:
    await floor.approved()
    floor.cluster.delete("Deployment", "shop", "api")
    await _refused(floor, "gone")


async def test_settings_that_were_tightened_after_the_approval_count(floor: Floor) -> None:
    await floor.approved()
    floor.configure(ALLOWED_NAMESPACES=())
    await _refused(floor, "namespace")


async def test_an_approver_who_is_none_any_more_when_it_is_carried_out_counts_for_nothing(floor: Floor) -> None:
    await floor.approved()
    floor.configure(APPROVERS=("U0LI",))
    await _refused(floor, "approver")
    assert "ana" not in (await floor.execution()).outcome, "what is kept here has no name: nothing erases it"


async def test_an_approver_by_a_group_that_was_read_long_ago_still_counts(floor: Floor) -> None:
    """The press needed a fresh reading; nothing reads groups while no proposal waits."""
    await floor.store.transact(people.set_group, "S0SRE", ("U0SAM",), floor.now())
    _, proposal = await floor.restart_asked()
    assert (await floor.approve(proposal, by="sam")).ok
    floor.advance(300)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED


async def test_an_approver_who_left_the_group_as_last_read_does_not(floor: Floor) -> None:
    await floor.store.transact(people.set_group, "S0SRE", ("U0SAM",), floor.now())
    _, proposal = await floor.restart_asked()
    assert (await floor.approve(proposal, by="sam")).ok
    await floor.store.transact(people.set_group, "S0SRE", ("U0KIM",), floor.now())
    await _refused(floor, "approver")


async def test_rights_that_were_taken_after_the_approval_count(floor: Floor) -> None:
    await floor.approved()
    floor.server.deny("patch", "deployments")
    await _refused(floor, "rights")


async def test_a_cluster_that_is_silent_at_the_claim_is_asked_again_and_then_it_is_carried_out(floor: Floor) -> None:
    """The approval stands: nothing spoke against it. The wait is told once."""
    await floor.approved()
    floor.server.faults.set("*", "*", status=503)
    for _ in range(3):
        await floor.run(Stage.EXECUTE)
        assert (await floor.execution()).state is ExecutionState.PENDING
        assert await floor.run(Stage.EXECUTE) == 0, "not before some seconds have passed"
        floor.advance(5)
    assert len(await floor.entries("execution:claim:delayed")) == 1
    floor.server.faults.clear()
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert len(floor.patches()) == 1


async def test_a_cluster_that_stays_silent_voids_the_approval_at_its_end_and_says_so(floor: Floor) -> None:
    await floor.approved()
    floor.server.faults.set("get", "deployments", status=503)
    await floor.run(Stage.EXECUTE)
    floor.advance(floor.ctx.settings.APPROVAL_TTL.total_seconds())
    await _refused(floor, "expired")
    assert "unreadable" in await floor.last_rules("execution:claim:refused")
    assert "execute" not in await floor.owed()
    floor.server.faults.clear()
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_a_freeze_ends_the_wait_for_a_silent_cluster(floor: Floor) -> None:
    await floor.approved()
    floor.server.faults.set("get", "deployments", status=503)
    await floor.run(Stage.EXECUTE)
    await floor.freeze()
    floor.advance(5)
    await _refused(floor, "frozen")


async def test_an_api_server_that_takes_seconds_for_each_answer_can_be_acted_on(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What decides is asked at once where the first answer took long, so that it is as old as one call."""
    await floor.approved()
    real = floor.ctx.cluster._call

    waits = iter([4.0])

    async def slow(method: str, path: str, *rest: Any) -> Any:
        seconds = next(waits, 0.4) if path.endswith("/deployments/api") else 0.4
        floor._offset += timedelta(seconds=seconds)  # of the bot's clock alone
        return await real(method, path, *rest)

    monkeypatch.setattr(floor.ctx.cluster, "_call", slow)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED


async def test_what_was_settled_while_it_stalled_is_not_sent_any_more(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still between intent and request, and recovery found nothing and said so: so it must stay."""
    await floor.approved()
    (work,) = await floor.due(Stage.EXECUTE)
    act, reached, go = execute._act, asyncio.Event(), asyncio.Event()

    async def stalled(*args: Any) -> None:
        reached.set()
        await go.wait()
        await act(*args)

    monkeypatch.setattr(execute, "_act", stalled)
    task = asyncio.create_task(execute.execute(floor.ctx, work))
    await reached.wait()
    floor.advance(60)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    go.set()
    await task
    assert not floor.patches()
    assert await floor.execution() == settled
    assert settled.outcome == recover.ABSENT


async def test_what_could_not_be_sent_within_five_seconds_of_its_intent_is_not_sent(floor: Floor) -> None:
    """Later it might arrive after it was read back; nobody has settled it yet, so this does."""
    await floor.approved()
    floor.store.crash_point = lambda point: floor.advance(5) if point == "after:_claim" else None
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert execution.told == "not applied: It could not be sent within 5 s of the check. Nothing was done."
    assert not floor.patches()
    assert "recover" not in await floor.owed()


async def test_facts_older_than_five_seconds_stop_it(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardrails, "MAX_AGE", timedelta(seconds=5))  # as it is; elsewhere a busy machine is forgiven
    await floor.approved()
    (work,) = await floor.due(Stage.EXECUTE)
    from bot.workflow import facts  # noqa: PLC0415

    execution = await floor.execution()
    reading = await facts.gather(floor.ctx, execution.target, execution.action)
    floor.advance(6)
    assert await floor.store.transact(execute._claim, floor.ctx, work, execution.id, reading) is None
    assert (await floor.execution()).state is ExecutionState.PENDING, "they are read again"
    entry = (await floor.entries("execution:claim:delayed"))[-1]
    assert entry.detail is not None
    assert "older than 5 s" in entry.detail["reason"]


async def test_a_proposal_that_is_not_approved_is_never_carried_out(floor: Floor) -> None:
    """The last line: whatever put the execution there."""
    await floor.approved()
    await floor.store.transact(lambda tx: tx.execute("UPDATE proposals SET state = 'denied'") and None)
    await _refused(floor, "settled")


async def test_a_freeze_file_between_claim_and_act_stops_it(floor: Floor, tmp_path: Path) -> None:
    """I8: the freeze is read once more, after the claim."""
    file = tmp_path / "freeze"
    floor.configure(FREEZE_FILE=file)
    await floor.approved()
    floor.store.crash_point = lambda point: file.touch() if point == "after:_claim" else None
    await floor.run(Stage.EXECUTE)
    assert not floor.patches()
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert execution.told == "not applied: Writes are frozen: the FREEZE_FILE exists. Nothing was done."
    assert "recover" not in await floor.owed()


async def test_a_freeze_row_from_the_command_line_between_claim_and_act_stops_it(floor: Floor, sqlite_url: str) -> None:
    await floor.approved()
    counted: list[int] = []

    def freeze_now(point: str) -> None:
        if point != "after:_claim":
            return
        beside = Store.open(sqlite_url, lock=False)
        counted.append(
            beside.transact_now(freeze.set_frozen, on=True, actor="cli:root", reason="stop", now=floor.now())
        )
        beside.close_now()

    floor.store.crash_point = freeze_now
    await floor.run(Stage.EXECUTE)
    assert counted == [1], "it says how many may be on their way"
    assert not floor.patches()
    assert (await floor.execution()).state is ExecutionState.FAILED


ANSWERS = [
    pytest.param(409, "failed", True, id="409 the world changed"),
    pytest.param(422, "failed", True, id="422 a precondition failed"),
    pytest.param(429, "failed", True, id="429 nothing was done, try again"),
    pytest.param(403, "failed", False, id="403 no rights"),
    pytest.param(404, "failed", False, id="404 gone"),
    pytest.param(500, "running", False, id="500 may have been carried out"),
    pytest.param(503, "running", False, id="503 may have been carried out"),
    pytest.param(504, "running", False, id="504 may have been carried out"),
]


@pytest.mark.parametrize(("status", "state", "again"), ANSWERS)
async def test_each_answer_of_the_api_server_has_one_meaning(
    floor: Floor, status: int, state: str, again: bool
) -> None:
    """A refusal settles at once; what may have been carried out is read back later, never sent again."""
    asked = await floor.approved()
    floor.server.faults.set("patch", "deployments", status=status, times=1)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state == state, execution.outcome
    assert len(floor.patches()) == 1
    assert ("propose" in await floor.owed()) is again
    assert ("recover" in await floor.owed()) is (state == "running")
    incident = await floor.incident(asked.incident_id)
    assert incident.state is (IncidentState.ACKNOWLEDGED if state == "failed" else IncidentState.MITIGATING)
    if state == "failed":
        assert execution.told.startswith("not applied: ")
        assert not execution.in_flight


async def test_after_a_refused_write_the_fresh_proposal_can_be_approved_and_passes(floor: Floor) -> None:
    await floor.approved()
    floor.server.faults.set("patch", "deployments", status=409, times=1)
    await floor.run(Stage.EXECUTE)
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert fresh.state is ProposalState.PENDING
    assert (await floor.approve(fresh)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert (await floor.verdict()).verdict == "pass"


async def test_a_request_that_was_not_carried_out_does_not_close_its_incident(floor: Floor) -> None:
    """It has no alerts that could clear: a failure is never shown as resolved."""
    asked = await floor.approved()
    floor.server.faults.set("patch", "deployments", status=403, times=1)
    await floor.run(Stage.EXECUTE)
    assert (await floor.incident(asked.incident_id)).open
