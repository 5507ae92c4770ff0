"""Several steps under one approval: each begins after the one before passed, and after anything else none does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.incident import IncidentState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from bot.jobs import STAGES
from bot.storage import artifacts

from .floor import Floor
from .stepping import DUMP, EVICT, asked, between, denied, dumped, evictions, forbidden, prepared, runs


@pytest.fixture
async def dumping(floor: Floor, tmp_path: Path) -> Floor:
    """A stand-in for a JVM in each pod, dumps and evictions allowed, and a folder for what is kept."""
    return await prepared(floor, tmp_path)


async def test_the_second_step_begins_once_the_first_has_passed(dumping: Floor) -> None:
    proposal = await dumped(dumping)
    pod = proposal.params["pod"]
    assert [step.params["pod"] for step in proposal.steps] == [pod, pod]
    assert len(await runs(dumping, proposal)) == 1
    assert not await dumping.run(Stage.EXECUTE), "its verdict isn't given"
    assert (await dumping.verdict()).verdict is Verdict.PASS
    assert evictions(dumping) == []
    await dumping.run(Stage.EXECUTE)
    assert (await dumping.verdict()).verdict is Verdict.PASS
    assert pod not in dumping.runs()
    first, second = await runs(dumping, proposal)
    assert (first.action, second.action) == ("thread_dump", "evict")
    assert first.approved_at == second.approved_at
    assert first.uid != second.uid
    assert len(evictions(dumping)) == 1
    assert len(await dumping.store.read(artifacts.left)) == 1
    assert await dumping.count("proposals") == await dumping.count("approvals") == 1
    assert (await dumping.incident(proposal.incident_id)).state is IncidentState.RESOLVED
    told = [entry.tag for entry in await dumping.entries() if entry.tag.startswith(("execution:", "verification:v"))]
    once = ["execution:intent:committed", "execution:state:succeeded", "verification:verdict:given"]
    assert told == [*once, "execution:step:begun", *once]
    steps = [entry.detail["step"] for entry in await dumping.entries("execution:intent") if entry.detail]
    assert steps == ["1 of 2", "2 of 2"]


async def test_three_steps_go_one_after_the_other(dumping: Floor) -> None:
    proposal = await asked(dumping, DUMP, (Action.HEAP_DUMP, EVICT))
    assert (await dumping.approve(proposal)).ok
    for _ in range(3):
        await dumping.run(Stage.EXECUTE)
        assert (await dumping.verdict()).verdict is Verdict.PASS
    assert [run.action for run in await runs(dumping, proposal)] == ["thread_dump", "heap_dump", "evict"]
    assert not await dumping.run(Stage.EXECUTE)


async def test_a_dump_that_fails_leaves_the_pod_and_what_is_left_takes_an_approval_of_its_own(
    floor: Floor, tmp_path: Path
) -> None:
    await prepared(floor, tmp_path, silent=True)
    proposal = await dumped(floor)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert await floor.store.read(artifacts.left) == []
    await floor.run(Stage.PROPOSE)
    rest = await floor.proposal()
    assert (rest.action, rest.state, rest.steps) == ("evict", ProposalState.PENDING, ())
    assert rest.params["pod"] == proposal.params["pod"]
    assert "The thread dump failed" in rest.text.rationale
    assert rest.text.rationale.endswith("This goes on without it.")
    await floor.run(Stage.EXECUTE)
    assert evictions(floor) == []
    stopped = await floor.proposal_now(proposal)
    assert "doesn't respond" in stopped.stopped
    assert not (await floor.approve(stopped, by="li")).ok, "the old approval is used up"
    assert (await floor.approve(rest, by="li")).ok
    await floor.run(Stage.EXECUTE)
    assert len(evictions(floor)) == 1
    ((_, told),) = await floor.messages("steps:")
    assert "It takes a new approval" in told


async def test_a_verdict_that_is_no_pass_ends_it(dumping: Floor) -> None:
    proposal = await dumped(dumping)
    dumping.cluster.crash_loop("shop", "api", pods=3)
    assert (await dumping.verdict()).verdict is Verdict.FAIL
    await dumping.run(Stage.EXECUTE)
    assert evictions(dumping) == []
    await dumping.run(Stage.PROPOSE)
    rest = await dumping.proposal()
    assert rest.action == "evict"
    assert "The verdict on the thread dump is FAIL" in rest.text.rationale
    assert "FAIL" in (await dumping.proposal_now(proposal)).stopped


async def test_what_could_not_be_measured_ends_it(dumping: Floor) -> None:
    proposal = await dumped(dumping)
    dumping.server.deny("get", "pods", "shop")
    assert (await dumping.verdict(step=30)).verdict is Verdict.INCONCLUSIVE
    dumping.server.allow("get", "pods", "shop")
    await dumping.run(Stage.EXECUTE)
    assert evictions(dumping) == []
    assert "INCONCLUSIVE" in (await dumping.proposal_now(proposal)).stopped


async def frozen(floor: Floor) -> None:
    await floor.freeze()


async def revoked(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0LI",))


async def not_allowed(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(DUMP,))


async def expired(floor: Floor) -> None:
    floor.advance(16 * 60)


async def changed(floor: Floor) -> None:
    floor.change(lambda it: it["spec"]["template"]["spec"]["containers"][0].update(image="registry.example/api:2"))


async def replaced(floor: Floor) -> None:
    pod = (await floor.proposal()).params["pod"]
    floor.cluster.delete("Pod", "shop", pod)
    floor.advance(5)


async def limited(floor: Floor) -> None:
    floor.configure(HOURLY=1)


Meanwhile = Callable[[Floor], Awaitable[None]]


@pytest.mark.parametrize(
    ("meanwhile", "words"),
    [
        pytest.param(frozen, "frozen", id="frozen"),
        pytest.param(revoked, "may not approve", id="the approver is none any more"),
        pytest.param(not_allowed, "ALLOWED_ACTIONS", id="the action isn't allowed any more"),
        pytest.param(expired, "expired", id="the approval has ended"),
        pytest.param(changed, "changed", id="the template was changed"),
        pytest.param(replaced, "isn't there any more", id="the pod was replaced"),
        pytest.param(forbidden, "fettle-evict", id="the right is gone"),
        pytest.param(denied, "no-evictions", id="a rule denies it"),
        pytest.param(limited, "an hour", id="the hour is used up"),
    ],
)
async def test_what_happens_between_the_steps_ends_it(dumping: Floor, meanwhile: Meanwhile, words: str) -> None:
    """The dump is kept, the pod stays, and the card says which step wasn't done and why."""
    proposal = await between(dumping)
    await meanwhile(dumping)
    dumping.server.requests.clear()
    await dumping.run(Stage.EXECUTE)
    run = await dumping.execution()
    assert (run.action, run.state) == ("evict", ExecutionState.FAILED), run.outcome
    assert words in run.outcome
    assert all(one.status >= 300 for one in evictions(dumping))
    stopped = await dumping.proposal_now(proposal)
    assert words in stopped.stopped
    assert len(await dumping.store.read(artifacts.left)) == 1
    assert await dumping.count("executions") == 2
    (entry,) = await dumping.entries("proposal:steps:stopped")
    assert entry.detail is not None
    assert entry.detail["not_done"] == [proposal.steps[1].text.headline]
    await dumping.freeze(on=False)
    await dumping.run(Stage.PROPOSE)
    rest = await dumping.proposal()
    assert (rest.id > proposal.id, rest.action, rest.steps) == (True, "evict", ())
    assert rest.state in {ProposalState.PENDING, ProposalState.RECORDED}
    await dumping.run(Stage.EXECUTE)
    assert await dumping.count("executions") == 2


async def test_a_later_step_has_as_long_again_as_the_first(dumping: Floor) -> None:
    proposal = await asked(dumping)
    assert (await dumping.approve(proposal)).ok
    dumping.advance(14 * 60)
    await dumping.run(Stage.EXECUTE)
    assert (await dumping.verdict()).verdict is Verdict.PASS
    dumping.advance(14 * 60)
    await dumping.run(Stage.EXECUTE)
    assert len(evictions(dumping)) == 1


async def test_an_approval_is_good_for_an_hour_whatever_the_setting_and_the_steps_before(dumping: Floor) -> None:
    dumping.configure(APPROVAL_TTL=timedelta(minutes=50))
    proposal = await asked(dumping)
    assert (await dumping.approve(proposal)).ok
    dumping.advance(49 * 60)
    await dumping.run(Stage.EXECUTE)
    assert (await dumping.verdict()).verdict is Verdict.PASS
    dumping.advance(12 * 60)
    await dumping.run(Stage.EXECUTE)
    assert "expired" in (await dumping.execution()).outcome
    assert evictions(dumping) == []
    assert "expired" in (await dumping.proposal_now(proposal)).stopped


async def test_alerts_that_cleared_while_it_was_dumped_leave_nothing_to_do(dumping: Floor) -> None:
    incident = await dumping.alert()
    await dumping.prepare()
    proposal = await dumped(dumping)
    assert proposal.incident_id == incident.id
    await dumping.clear(incident.id)
    assert (await dumping.verdict()).verdict is Verdict.PASS
    assert not await dumping.run(Stage.EXECUTE)
    assert evictions(dumping) == []
    assert (await dumping.incident(incident.id)).state is IncidentState.RESOLVED
    assert "resolved" in (await dumping.proposal_now(proposal)).stopped


async def test_a_press_that_comes_again_approves_nothing_again(dumping: Floor) -> None:
    proposal = await between(dumping)
    again = await dumping.approve(await dumping.proposal_now(proposal), by="li")
    assert "Already approved" in again.text
    await dumping.run(Stage.EXECUTE)
    assert "Already approved" in (await dumping.approve(proposal)).text
    await dumping.verdict()
    await dumping.run(Stage.EXECUTE)
    assert len(evictions(dumping)) == 1


async def test_work_that_comes_twice_begins_a_step_once(dumping: Floor) -> None:
    await dumped(dumping)
    for _ in range(20):
        dumping.advance(1)
        works = await dumping.due(Stage.VERIFY)
        for work in [*works, *works]:
            await STAGES[Stage.VERIFY](dumping.ctx, work)
    works = await dumping.due(Stage.EXECUTE)
    assert len(works) == 1
    for work in [*works, *works]:
        await STAGES[Stage.EXECUTE](dumping.ctx, work)
    assert len(evictions(dumping)) == 1
    assert await dumping.count("executions") == 2


async def test_measuring_the_first_step_again_begins_nothing(dumping: Floor) -> None:
    proposal = await between(dumping)
    answer = await dumping.verbs.measure_again(proposal.incident_id, await dumping.person("bo"))
    assert not answer.ok
    assert "being done right now" in answer.text


async def test_anybody_may_stop_what_is_left_and_strangers_may_not(dumping: Floor) -> None:
    proposal = await dumped(dumping)
    assert not (await dumping.verbs.stop(proposal.id, await dumping.person("eve", restricted=True))).ok
    answer = await dumping.verbs.stop(proposal.id, await dumping.person("bo"))
    assert answer.ok
    assert "Not done: Evict pod" in answer.text
    assert not (await dumping.verbs.stop(proposal.id, await dumping.person("bo"))).ok
    assert (await dumping.verdict()).verdict is Verdict.PASS
    assert not await dumping.run(Stage.EXECUTE)
    assert evictions(dumping) == []
    (entry,) = await dumping.entries("proposal:steps:stopped")
    assert entry.actor_name == "bo"
    await dumping.run(Stage.PROPOSE)
    assert ((await dumping.proposal()).action, (await dumping.proposal()).state) == ("evict", ProposalState.PENDING)


async def test_a_step_that_waits_for_its_claim_is_stopped_and_one_that_runs_is_not(dumping: Floor) -> None:
    proposal = await between(dumping)
    assert (await dumping.verbs.stop(proposal.id, await dumping.person("bo"))).ok
    await dumping.run(Stage.EXECUTE)
    assert "a person stopped it" in (await dumping.execution()).outcome
    assert evictions(dumping) == []
    await dumping.run(Stage.PROPOSE)
    rest = await dumping.proposal()
    assert (await dumping.approve(rest)).ok
    await dumping.run(Stage.EXECUTE)
    late = await dumping.verbs.stop(rest.id, await dumping.person("bo"))
    assert not late.ok
