"""A rollout that hangs on an image gets one that is there: proposed, approved, confirmed, done, verified, undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.integrations.registries import Registries
from bot.integrations.sources import Sources
from bot.sandbox.registry import ImageRegistry
from bot.settings_registries import registries

from .floor import API, Floor

ALL = (Action.RESTART, Action.ROLLBACK, Action.SET_IMAGE)


@pytest.fixture
async def images(floor: Floor) -> AsyncIterator[ImageRegistry]:
    """A registry with 1.4.0 to 1.4.2, from which shop/api has its image since an hour."""
    made = ImageRegistry()
    await made.start()
    floor.cluster.world.lacks = made.lacks
    for number, tag in enumerate(("1.4.0", "1.4.1", "1.4.2")):
        made.push("shop/api", tag, datetime.now(UTC) - timedelta(days=9 - number))
    listed = Registries(registries(f"{made.host} insecure"))
    floor.switch(sources=Sources(registries=listed))
    floor.configure(ALLOWED_ACTIONS=ALL)
    roll(floor, made, "1.4.1")
    floor.advance(3600)
    yield made
    await listed.close()
    await made.stop()


def roll(floor: Floor, images: ImageRegistry, tag: str) -> None:
    name = f"{images.host}/shop/api:{tag}"
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=name))
    floor.advance(30)


def hangs(images: ImageRegistry, tag: str = "1.4.2") -> Finding:
    """What the finding of an image that can't be pulled says, in short."""
    params = {"container": "api", "image": f"{images.host}/shop/api:{tag}"}
    back = Suggestion("rollback", {}, "rev 2 runs with an image that is there")
    by_hand = f"kubectl -n shop set image deployment/api api={params['image']}"
    first = Suggestion("set_image", params, f"{tag} exists: the newest stable one of 1.4 at or below it", by_hand)
    return Finding(
        Cause.IMAGE_PULL, "1 pod can't pull api:1.4.3.", Confidence.HIGH, (Cite("pods", "ImagePullBackOff"),),
        suggestions=(first, back),
    )  # fmt: skip


async def proposed(floor: Floor, images: ImageRegistry, tag: str = "1.4.2") -> Proposal:
    roll(floor, images, "1.4.3")
    await floor.alert({"alertname": "KubeContainerWaiting", "namespace": "shop", "deployment": "api"})
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(hangs(images, tag))
    await floor.run(Stage.PROPOSE)
    return await floor.proposal()


def image(floor: Floor) -> str:
    return str(floor.workload()["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_rollout_that_hangs_gets_the_nearest_tag_and_passes(floor: Floor, images: ImageRegistry) -> None:
    """What was truly found leads there too: the registry is asked by the evidence, and again by the proposal."""
    roll(floor, images, "1.4.3")
    await floor.alert({"alertname": "KubeContainerWaiting", "namespace": "shop", "deployment": "api"})
    await floor.prepare()
    proposal = await floor.proposal()
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "set_image")
    assert proposal.text.headline == "Set the image of Deployment shop/api to api:1.4.2"
    assert f"tag 1.4.2 is {proposal.params['digest'][:19]}, 7 days old" in proposal.text.facts
    assert "1.4.2 (sha256:" in proposal.text.rationale
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert image(floor) == f"{images.host}/shop/api:1.4.2@{proposal.params['digest']}"
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [one.name for one in found.checks if one.required] == ["rollout", "restarts"]
    assert len(floor.patches()) == 1


async def test_a_tag_that_moves_between_approval_and_act_stops_it(floor: Floor, images: ImageRegistry) -> None:
    proposal = await proposed(floor, images)
    assert (await floor.approve(proposal)).ok
    images.push("shop/api", "1.4.2")
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert "was approved. Nothing was done." in execution.outcome
    assert not floor.patches()
    await floor.run(Stage.PROPOSE)
    again = await floor.proposal()
    assert (again.state, again.action) == (ProposalState.PENDING, "set_image")
    assert again.params["digest"] != proposal.params["digest"], "it is shown with the digest that it has now"


async def test_a_registry_that_is_silent_at_the_act_stops_it_and_it_is_asked_anew(
    floor: Floor, images: ImageRegistry
) -> None:
    proposal = await proposed(floor, images)
    assert (await floor.approve(proposal)).ok
    images.refuses = 503
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not floor.patches()
    assert (await floor.owed()).get("propose") == 1


async def test_where_the_tag_is_gone_by_then_the_way_back_is_proposed_and_both_is_said(
    floor: Floor, images: ImageRegistry
) -> None:
    for tag in ("1.4.0", "1.4.2"):
        images.remove("shop/api", tag)
    proposal = await proposed(floor, images)
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "rollback")
    assert "Rev 2 runs with an image that is there. A change of image would come first. Tag 1.4.2 isn't in" in (
        proposal.text.rationale
    )


@pytest.mark.parametrize("listed", [None, "registry.example"])
async def test_where_no_registry_can_be_asked_that_is_said_and_the_way_back_is_proposed(
    floor: Floor, images: ImageRegistry, listed: str | None
) -> None:
    floor.switch(sources=Sources(registries=Registries(registries(listed)) if listed else None))
    proposal = await proposed(floor, images)
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "rollback")
    assert ("isn't listed in REGISTRIES" if listed else "REGISTRIES is empty") in proposal.text.rationale


async def test_without_a_way_back_the_card_says_why_and_what_to_do_by_hand(floor: Floor, images: ImageRegistry) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.SET_IMAGE,))
    images.refuses = 503
    proposal = await proposed(floor, images)
    assert (proposal.state, proposal.action) == (ProposalState.RECORDED, "set_image")
    assert "answers 503 for now" in proposal.text.refusal
    assert proposal.text.by_hand.startswith("kubectl -n shop set image deployment/api api=")
    assert (await floor.owed()).get("propose") == 1, "it is looked at again: that passes"


async def test_a_failure_is_undone_by_what_ran_before(floor: Floor, images: ImageRegistry) -> None:
    proposal = await proposed(floor, images)
    before = floor.workload()["spec"]["template"]
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    floor.advance(5)
    floor.cluster.crash_loop("shop", "api", pods=3)
    assert (await floor.verdict(step=5)).verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert (undo.state, undo.action, undo.requested_by) == (ProposalState.PENDING, "rollback", SYSTEM)
    assert undo.text.headline == "Roll back Deployment shop/api to rev 3 (api:1.4.3)"
    assert (await floor.approve(undo)).ok
    await floor.run(Stage.EXECUTE)
    assert floor.workload()["spec"]["template"] == before
    assert len(floor.patches()) == 2


async def test_a_rollout_that_moves_refuses_it_until_it_is_over(floor: Floor, images: ImageRegistry) -> None:
    floor.cluster.break_next("shop", "api", "slow")
    name = f"{images.host}/shop/api:1.4.2"
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image=name))
    answer = await floor.verbs.act(await floor.person("bo"), Action.SET_IMAGE, API.ref, {"tag": "1.4.0"})
    assert answer.ok
    await floor.prepare()
    record = await floor.proposal()
    assert record.state is ProposalState.RECORDED
    assert "is rolling out already" in record.text.refusal


async def test_a_rollout_that_moves_on_after_the_approval_refuses_the_act(floor: Floor, images: ImageRegistry) -> None:
    """The tag is pushed meanwhile and the pods start: what was approved isn't needed any more."""
    proposal = await proposed(floor, images)
    assert (await floor.approve(proposal)).ok
    images.push("shop/api", "1.4.3")
    floor.cluster.break_next("shop", "api", "slow")
    for pod in floor.cluster.pods("shop", "api"):
        if "1.4.3" in pod["spec"]["containers"][0]["image"]:
            floor.cluster.delete("Pod", "shop", pod["metadata"]["name"])
    floor.advance(0.2)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert str(Rule.ROLLING_OUT) in await floor.last_rules("execution:claim:refused")
    assert not floor.patches()


async def test_a_paused_workload_refuses_it(floor: Floor, images: ImageRegistry) -> None:
    floor.change(lambda obj: obj["spec"].update(paused=True))
    proposal = await proposed(floor, images)
    assert proposal.action == "set_image"
    assert proposal.state is ProposalState.RECORDED
    assert "is paused, so a change of image would do nothing" in proposal.text.refusal


async def test_a_person_names_the_tag(floor: Floor, images: ImageRegistry) -> None:
    roll(floor, images, "1.4.3")
    answer = await floor.verbs.act(await floor.person("bo"), Action.SET_IMAGE, API.ref, {"tag": "1.4.0"})
    assert answer.text.startswith("A change of image of shop/api is being proposed on the card of INC-")
    await floor.prepare()
    proposal = await floor.proposal()
    assert proposal.text.headline == "Set the image of Deployment shop/api to api:1.4.0"
    assert (await floor.incident(proposal.incident_id)).title == "Change of image requested"


async def test_another_tag_than_the_proposed_one_is_a_new_proposal_of_the_same_container(
    floor: Floor, images: ImageRegistry
) -> None:
    first = await proposed(floor, images)
    assert (await floor.verbs.change(first.id, await floor.person("li"), "1.4.0")).ok
    await floor.run(Stage.PROPOSE)
    second = await floor.proposal()
    assert (second.params["tag"], second.params["container"]) == ("1.4.0", "api")
    assert second.params["image"].startswith(f"{images.host}/shop/api:1.4.0@sha256:")
    assert not (await floor.verbs.change(second.id, await floor.person("li"), "evil.example/x:1")).ok


@pytest.mark.parametrize(
    "wanted",
    [{"tag": "evil.example/x:1"}, {"tag": "a b"}, {"tag": "1.4.0", "container": "../x"}, {"tag": "1", "more": "x"}],
)
async def test_what_is_no_tag_is_refused_at_once(floor: Floor, images: ImageRegistry, wanted: dict[str, str]) -> None:
    answer = await floor.verbs.act(await floor.person("bo"), Action.SET_IMAGE, API.ref, wanted)
    assert not answer.ok
    assert not images.asked
    assert not (await floor.owed()).get("propose")


async def test_an_answer_that_was_lost_is_settled_by_the_mark(floor: Floor, images: ImageRegistry) -> None:
    proposal = await proposed(floor, images)
    assert (await floor.approve(proposal)).ok
    floor.server.faults.drop_after("patch", "deployments")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    execution = await floor.execution()
    assert (execution.state, execution.outcome) == (ExecutionState.SUCCEEDED, "applied (read back)")
    assert len(floor.patches()) == 1


async def test_a_target_that_changes_before_the_press_voids_it(floor: Floor, images: ImageRegistry) -> None:
    proposal = await proposed(floor, images)
    roll(floor, images, "1.4.4")
    answer = await floor.approve(proposal)
    assert "The target changed since this was proposed (rev 3 → 4)" in answer.text
    assert not floor.patches()


async def test_frozen_nothing_is_sent(floor: Floor, images: ImageRegistry) -> None:
    proposal = await proposed(floor, images)
    assert (await floor.approve(proposal)).ok
    await floor.freeze()
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not floor.patches()


async def test_without_the_right_the_role_is_named(floor: Floor, images: ImageRegistry) -> None:
    floor.server.access.deny("patch", "deployments", "shop")
    proposal: Any = await proposed(floor, images)
    assert proposal.state is ProposalState.RECORDED
    assert "Apply the role fettle-patch in shop" in proposal.text.refusal
