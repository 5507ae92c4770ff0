"""A rollout that crashes is gone back on: proposed, approved, carried out, verified, and undone if it doesn't help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.domain.verification import Verdict

from .floor import API, Floor

HIDDEN = "hunter2-never-kept"
BAD = Finding(
    Cause.BAD_ROLLOUT,
    "The rollout crashes at start.",
    Confidence.HIGH,
    (Cite("changes", "image api:1.4.1 → 1.5"),),
    suggestions=(Suggestion("rollback", {}, "rev 1 worked"),),
)


def rolled_out(floor: Floor, image: str = "registry.example/shop/api:1.5", behaviour: str = "crash") -> None:
    """A rollout whose pods behave so; an old value of the environment goes with it."""
    floor.cluster.break_next("shop", "api", behaviour)
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=image))
    floor.advance(30)


async def proposed(floor: Floor, **allowed: Any) -> Proposal:
    floor.configure(ALLOWED_ACTIONS=tuple(allowed.get("actions", (Action.RESTART, Action.ROLLBACK))))
    floor.change(
        lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(env=[{"name": "DB", "value": HIDDEN}])
    )
    floor.advance(600)
    rolled_out(floor)
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(BAD)
    await floor.run(Stage.PROPOSE)
    return await floor.proposal()


def image(floor: Floor) -> str:
    return str(floor.workload()["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_rollout_that_crashes_is_rolled_back_and_passes(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "rollback")
    assert proposal.text.headline == "Roll back Deployment shop/api to rev 2 (api:1.4.1)"
    assert "image api:1.5 → 1.4.1" in proposal.text.diff
    assert (await floor.approve(proposal)).ok
    floor.cluster.heal("shop", "api")
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.SUCCEEDED
    assert image(floor) == "registry.example/shop/api:1.4.1"
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [one.name for one in found.checks if one.required] == ["rollout", "restarts"]
    assert len(floor.patches()) == 1


async def test_what_runs_from_before_is_kept(floor: Floor) -> None:
    """The old template is taken exactly, so pods that still run well aren't replaced."""
    proposal = await proposed(floor)
    before = {one["metadata"]["uid"] for one in floor.cluster.pods("shop", "api")}
    assert (await floor.approve(proposal)).ok
    floor.cluster.heal("shop", "api")
    await floor.run(Stage.EXECUTE)
    await floor.verdict()
    kept = before & {one["metadata"]["uid"] for one in floor.cluster.pods("shop", "api")}
    assert kept, "a rollout that never got ready leaves old pods, which stay"


async def test_a_rollout_under_way_is_no_reason_against_it(floor: Floor) -> None:
    proposal = await proposed(floor)
    state = floor.workload()["status"]
    assert state.get("updatedReplicas", 0) < 3
    assert proposal.state is ProposalState.PENDING


async def test_where_it_is_not_allowed_it_is_advice(floor: Floor) -> None:
    proposal = await proposed(floor, actions=(Action.RESTART,))
    assert (proposal.state, proposal.action) == (ProposalState.RECORDED, "none")
    assert proposal.text.refusal == "What helps here is rollback. ALLOWED_ACTIONS doesn't name it."


async def test_a_rollback_that_fails_is_undone_with_an_approval_of_its_own(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert (await floor.approve(proposal)).ok
    floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    floor.cluster.crash_loop("shop", "api", pods=3)
    found = await floor.verdict(step=5)
    assert found.verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert (undo.state, undo.requested_by) == (ProposalState.PENDING, SYSTEM)
    assert undo.text.headline == "Roll back Deployment shop/api to rev 3 (api:1.5)"
    assert undo.text.rationale == "What was done failed its verification; this undoes it."
    assert (await floor.approve(undo)).ok
    await floor.run(Stage.EXECUTE)
    assert image(floor) == "registry.example/shop/api:1.5"
    assert len(floor.patches()) == 2


async def test_an_undo_that_fails_is_not_undone_again(floor: Floor) -> None:
    await test_a_rollback_that_fails_is_undone_with_an_approval_of_its_own(floor)
    assert (await floor.verdict(step=10)).verdict is Verdict.FAIL
    assert not (await floor.owed()).get("propose")


async def test_a_target_that_changes_before_the_press_voids_it(floor: Floor) -> None:
    proposal = await proposed(floor)
    rolled_out(floor, "registry.example/shop/api:1.6")
    answer = await floor.approve(proposal)
    assert "The target changed since this was proposed (rev 3 → 4)" in answer.text
    assert not floor.patches()


async def test_a_revision_that_is_gone_by_then_is_not_applied_and_asked_anew(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert (await floor.approve(proposal)).ok
    floor.cluster.delete("ReplicaSet", "shop", str(proposal.params["name"]))
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert "isn't there any more" in execution.outcome
    assert not floor.patches()
    assert (await floor.owed()).get("propose") == 1


async def test_an_answer_that_was_lost_is_settled_by_the_mark(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert (await floor.approve(proposal)).ok
    floor.server.faults.drop_after("patch", "deployments")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    execution = await floor.execution()
    assert (execution.state, execution.outcome) == (ExecutionState.SUCCEEDED, "applied (read back)")
    assert len(floor.patches()) == 1


async def test_no_value_of_the_environment_is_kept_anywhere(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert HIDDEN in json.dumps(floor.workload()), "the cluster has it"
    execution = await floor.execution()
    told = [proposal.text.diff, dict(proposal.params), execution.request, [one.detail for one in await floor.entries()]]
    assert HIDDEN not in repr(told)


async def test_a_person_asks_for_a_revision_by_its_number(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.ROLLBACK,))
    rolled_out(floor, behaviour="ok")
    answer = await floor.verbs.act(await floor.person("bo"), Action.ROLLBACK, API.ref, {"revision": "1"})
    assert answer.ok, answer.text
    await floor.prepare()
    proposal = await floor.proposal()
    assert proposal.text.headline == "Roll back Deployment shop/api to rev 1 (api:1.4.1)"
    assert (await floor.incident(proposal.incident_id)).title == "Rollback requested"
    answer = await floor.verbs.act(await floor.person("bo"), Action.ROLLBACK, API.ref, {"revision": "9"})
    await floor.prepare()
    assert "has no rev 9 any more" in (await floor.proposal()).text.refusal


@pytest.mark.parametrize("odd", ["41;rm -rf /", "<!channel>", "latest please", "4" * 300, "ghp_" + "a" * 400])
async def test_what_is_no_revision_is_refused_at_once_and_not_repeated(floor: Floor, odd: str) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.ROLLBACK,))
    rolled_out(floor, behaviour="ok")
    answer = await floor.verbs.act(await floor.person("bo"), Action.ROLLBACK, API.ref, {"revision": odd})
    assert not answer.ok
    assert answer.text.startswith("What follows the workload is no revision.")
    assert odd not in repr([one.detail for one in await floor.entries()]) + answer.text


async def test_what_was_refused_is_asked_again_for_the_same_revision(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART,))
    rolled_out(floor, "registry.example/shop/api:1.5", behaviour="ok")
    rolled_out(floor, "registry.example/shop/api:1.6", behaviour="ok")
    assert (await floor.verbs.act(await floor.person("bo"), Action.ROLLBACK, API.ref, {"revision": "1"})).ok
    await floor.prepare()
    record = await floor.proposal()
    assert record.state is ProposalState.RECORDED
    floor.configure(ALLOWED_ACTIONS=(Action.ROLLBACK,))
    assert (await floor.verbs.request_again(record.id, await floor.person("bo"))).ok
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).text.headline == "Roll back Deployment shop/api to rev 1 (api:1.4.1)"


async def test_an_undo_that_was_refused_is_asked_again_as_an_undo(floor: Floor) -> None:
    proposal = await proposed(floor)
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    floor.cluster.crash_loop("shop", "api", pods=3)
    assert (await floor.verdict(step=5)).verdict is Verdict.FAIL
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART,))
    await floor.run(Stage.PROPOSE)
    record = await floor.proposal()
    assert record.state is ProposalState.RECORDED
    floor.configure(ALLOWED_ACTIONS=(Action.ROLLBACK,))
    assert (await floor.verbs.request_again(record.id, await floor.person("bo"))).ok
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert undo.text.headline == "Roll back Deployment shop/api to rev 3 (api:1.5)"
    assert undo.text.rationale == "What was done failed its verification; this undoes it."


async def test_what_was_asked_of_one_workload_is_not_asked_of_the_next(floor: Floor) -> None:
    """A refused request is looked at again; when another workload is chosen it was never about that one."""
    floor.configure(ALLOWED_ACTIONS=(Action.ROLLBACK,))
    rolled_out(floor, behaviour="ok")
    floor.cluster.deployment("shop", "web", image="registry.example/shop/web:1")
    floor.advance(30)
    for number in (2, 3):
        floor.change(
            lambda obj, at=number: obj["spec"]["template"]["spec"]["containers"][0].update(image=f"w:{at}"), "web"
        )
        floor.advance(30)
    await floor.freeze()
    asked = await floor.verbs.act(await floor.person("bo"), Action.ROLLBACK, API.ref, {"revision": "1"})
    await floor.prepare()
    assert (await floor.proposal()).state is ProposalState.RECORDED
    assert (await floor.verbs.choose_target(asked.incident_id, "Deployment/shop/web", await floor.person("ana"))).ok
    await floor.freeze(on=False)
    await floor.prepare()
    assert (await floor.proposal()).requested_by == SYSTEM
