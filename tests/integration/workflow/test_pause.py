"""A rollout is held and let go again: proposed, approved, carried out, verified, undone, and never twice."""

from __future__ import annotations

import json

import pytest

from bot.domain.execution import EXECUTION_ID, ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.domain.verification import Verdict

from .floor import API, Floor

NEW = "registry.example/shop/api:1.5"
SECRET = "hunter2-never-kept"


def roll(floor: Floor, image: str = NEW, behaviour: str = "not-ready") -> None:
    """A rollout that stops half-way, since its pods don't get ready."""
    floor.cluster.break_next("shop", "api", behaviour)
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=image))
    floor.advance(30)


async def asked(floor: Floor, action: Action, by: str = "bo") -> Proposal:
    floor.configure(ALLOWED_ACTIONS=(Action.PAUSE, Action.RESUME))
    answer = await floor.verbs.act(await floor.person(by), action, API.ref)
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def done(floor: Floor, action: Action) -> Proposal:
    proposal = await asked(floor, action)
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    return proposal


def new_pods(floor: Floor) -> int:
    return sum(one["spec"]["containers"][0]["image"] == NEW for one in floor.cluster.pods("shop", "api"))


async def test_a_rollout_is_held_where_it_is_and_passes(floor: Floor) -> None:
    roll(floor)
    before = floor.workload()["spec"]
    proposal = await asked(floor, Action.PAUSE)
    assert proposal.text.headline == "Pause the rollout of Deployment shop/api"
    assert proposal.text.facts == "1/3 updated, 3 ready · dry run ok"
    assert "Holds the rollout of shop/api where it is: 2 pods keep the older template." in proposal.text.consequence
    assert proposal.text.diff == "+ paused: True"
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    after = floor.workload()
    assert after["spec"].pop("paused") is True
    assert after["spec"] == before
    assert after["metadata"]["annotations"][EXECUTION_ID] == (await floor.execution()).uid
    floor.cluster.heal("shop", "api")  # its pod gets ready, and still nothing goes on
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [one.name for one in found.checks if one.required] == ["paused"]
    assert new_pods(floor) == 1
    assert len(floor.patches()) == 1


async def test_resuming_says_what_starts_and_is_verified_as_a_rollout(floor: Floor) -> None:
    roll(floor)
    await done(floor, Action.PAUSE)
    assert (await floor.verdict()).verdict is Verdict.PASS
    floor.cluster.heal("shop", "api")
    floor.advance(30)
    proposal = await asked(floor, Action.RESUME)
    assert proposal.text.facts.startswith("starts to roll out image api:1.4.1 → 1.5 · 1/3 updated")
    assert proposal.text.diff == "image api:1.4.1 → 1.5"
    assert proposal.text.consequence == (
        "Starts to roll out what waits since rev 1: image api:1.4.1 → 1.5, on 2 pods, 25 % at a time."
    )
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert not floor.workload()["spec"].get("paused")
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [one.name for one in found.checks if one.required] == ["rollout", "restarts"]
    assert new_pods(floor) == 3


async def test_what_was_changed_while_it_was_paused_is_what_resuming_starts(floor: Floor) -> None:
    """No revision holds that template yet; its pods are known all the same once there are any."""
    floor.change(lambda obj: obj["spec"].update(paused=True))
    environment = [{"name": "DB", "value": SECRET}]
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=NEW, env=environment))
    floor.advance(30)
    proposal = await done(floor, Action.RESUME)
    assert proposal.text.diff.splitlines() == ["image api:1.4.1 → 1.5", "env + DB"]
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert new_pods(floor) == 3
    told = [proposal.text, dict(proposal.params), (await floor.execution()).request]
    assert SECRET not in repr(told) + json.dumps([one.detail for one in await floor.entries()])


async def test_where_nothing_waits_that_is_said(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(paused=True))
    floor.advance(30)
    proposal = await done(floor, Action.RESUME)
    assert proposal.text.consequence.startswith("Nothing waits at shop/api")
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_a_restart_that_waits_is_said(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(paused=True))
    note = {"kubectl.kubernetes.io/restartedAt": "2026-11-20T03:00:00Z"}
    floor.change(lambda obj: obj["spec"]["template"]["metadata"].update(annotations=note))
    floor.advance(30)
    proposal = await asked(floor, Action.RESUME)
    assert proposal.text.facts.startswith("starts to roll out a restart · ")


@pytest.mark.parametrize(("action", "is_paused"), [(Action.PAUSE, True), (Action.RESUME, False)])
async def test_what_is_so_already_is_refused(floor: Floor, action: Action, is_paused: bool) -> None:
    floor.change(lambda obj: obj["spec"].update(paused=is_paused))
    floor.advance(30)
    record = await asked(floor, action)
    assert record.state is ProposalState.RECORDED
    assert ("is paused already" if is_paused else "isn't paused; there is nothing to resume") in record.text.refusal


async def test_only_deployments_have_it(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.PAUSE,))
    spec = {
        "serviceName": "db", "replicas": 1, "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1"}]}},
    }  # fmt: skip
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "shop"}}
    floor.cluster.apply({**made, "spec": spec})
    answer = await floor.verbs.act(await floor.person("bo"), Action.PAUSE, "statefulset/db -n shop")
    assert not answer.ok
    assert not (await floor.owed()).get("propose")


async def test_somebody_s_own_pause_before_the_press_voids_it(floor: Floor) -> None:
    roll(floor)
    proposal = await asked(floor, Action.PAUSE)
    floor.change(lambda obj: obj["spec"].update(paused=True))
    answer = await floor.approve(proposal)
    assert "The target changed since this was proposed" in answer.text
    assert not floor.patches()


async def test_a_template_that_changes_before_the_press_voids_the_resume(floor: Floor) -> None:
    """Another change would roll out than the one that was shown."""
    roll(floor)
    floor.change(lambda obj: obj["spec"].update(paused=True))
    floor.advance(5)
    proposal = await asked(floor, Action.RESUME)
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="registry.example/x:1"))
    assert not (await floor.approve(proposal)).ok
    assert not floor.patches()


async def test_a_resume_that_fails_is_undone_by_the_pause(floor: Floor) -> None:
    roll(floor)
    floor.change(lambda obj: obj["spec"].update(paused=True))
    floor.advance(5)
    await done(floor, Action.RESUME)
    assert (await floor.verdict(step=30)).verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert (undo.action, undo.state, undo.requested_by) == ("pause", ProposalState.PENDING, SYSTEM)
    assert (await floor.approve(undo)).ok
    await floor.run(Stage.EXECUTE)
    assert floor.workload()["spec"]["paused"] is True


async def test_somebody_resumes_it_during_the_soak(floor: Floor) -> None:
    roll(floor)
    await done(floor, Action.PAUSE)
    floor.advance(2)
    await floor.run(Stage.VERIFY)
    floor.change(lambda obj: obj["spec"].pop("paused"))
    assert (await floor.verdict()).verdict is Verdict.SUPERSEDED


@pytest.mark.parametrize("action", [Action.PAUSE, Action.RESUME])
async def test_an_answer_that_was_lost_is_settled_by_the_mark(floor: Floor, action: Action) -> None:
    if action is Action.RESUME:
        floor.change(lambda obj: obj["spec"].update(paused=True))
    proposal = await asked(floor, action)
    assert (await floor.approve(proposal)).ok
    floor.server.faults.drop_after("patch", "deployments")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    execution = await floor.execution()
    assert (execution.state, execution.outcome) == (ExecutionState.SUCCEEDED, "applied (read back)")
    assert len(floor.patches()) == 1


@pytest.mark.parametrize("action", [Action.PAUSE, Action.RESUME])
async def test_frozen_nothing_is_sent(floor: Floor, action: Action) -> None:
    if action is Action.RESUME:
        floor.change(lambda obj: obj["spec"].update(paused=True))
    proposal = await asked(floor, action)
    assert (await floor.approve(proposal)).ok
    await floor.freeze()
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not floor.patches()


async def test_more_than_a_workload_is_refused_at_once(floor: Floor) -> None:
    answer = await floor.verbs.act(await floor.person("bo"), Action.PAUSE, API.ref, {"more": "forever"})
    assert not answer.ok
    assert answer.text == "A pause takes the workload and nothing else."


async def test_without_the_right_the_role_is_named(floor: Floor) -> None:
    floor.server.access.deny("patch", "deployments", "shop")
    record = await asked(floor, Action.PAUSE)
    assert record.state is ProposalState.RECORDED
    assert "Apply the role fettle-patch in shop" in record.text.refusal
