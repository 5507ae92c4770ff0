"""The crash-looping pods of one workload are evicted one after another: each asked for once, to the first no."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.kube.writes import FIELD_MANAGER
from bot.mitigations import evict_set
from bot.slack.cards import card
from bot.workflow import recover

from .floor import Floor
from .test_evict import evictions

WEB = "shop/web"


@pytest.fixture
def crashing(floor: Floor) -> Floor:
    """Four of twelve pods crash again and again, of which three may be away at once."""
    floor.cluster.deployment("shop", "web", replicas=12, image="registry.example/web:1")
    floor.advance(60)
    floor.cluster.crash_loop("shop", "web", pods=4)
    floor.advance(120)
    floor.configure(ALLOWED_ACTIONS=(Action.EVICT,))
    return floor


def pods(floor: Floor) -> dict[str, str]:
    found = floor.cluster.pods("shop", "web")
    return {
        one["metadata"]["name"]: one["metadata"]["uid"] for one in found if "deletionTimestamp" not in one["metadata"]
    }


def sent(floor: Floor) -> list[Any]:
    """Every eviction that was asked for, dry runs left out."""
    return [one for one in floor.server.requests if one.path.endswith("/eviction") and "dryRun" not in one.query]


async def asked(floor: Floor, pod: str = "crashing") -> Proposal:
    answer = await floor.verbs.act(await floor.person("bo"), Action.EVICT, WEB, {"pod": pod})
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


def chosen(proposal: Proposal) -> list[str]:
    return [one["name"] for one in proposal.params["pods"]]


async def approved(floor: Floor) -> Proposal:
    proposal = await asked(floor)
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    return proposal


async def shown(floor: Floor) -> str:
    incident = (await floor.execution()).incident_id
    return str(card(await floor.store.read(card_view, incident, Look(), floor.now())).blocks)


async def test_what_is_shown_names_each_pod_and_no_more_than_a_quarter(crashing: Floor) -> None:
    before = pods(crashing)
    proposal = await asked(crashing)
    names = chosen(proposal)
    assert len(names) == 3
    assert all(one["uid"] == before[one["name"]] for one in proposal.params["pods"])
    assert proposal.text.headline == "Evict 3 crash-looping pods of Deployment shop/web"
    assert proposal.text.facts.startswith("3 of 12 pods")
    assert "4 are crash-looping, and a quarter at most goes at once" in proposal.text.facts
    assert [line.split()[1] for line in proposal.text.diff.splitlines()] == names
    assert ", ".join(names) in proposal.text.consequence
    assert evictions(crashing) == []


async def test_they_go_one_after_another_each_claimed_by_itself_and_pass_together(crashing: Floor) -> None:
    proposal = await approved(crashing)
    names, before = chosen(proposal), pods(crashing)
    assert evictions(crashing) == [201], "the next is asked for only after all guards were asked again"
    waits = await crashing.execution()
    assert waits.state is ExecutionState.PENDING
    assert waits.outcome == f"1 of 3 pods evicted, {names[1]}, {names[2]} next"
    assert waits.outcome in await shown(crashing)
    await crashing.run(Stage.EXECUTE)
    await crashing.run(Stage.EXECUTE)
    assert (await crashing.execution()).state is ExecutionState.SUCCEEDED
    assert evictions(crashing) == [201] * 3
    gone = [
        one.name for one in crashing.server.requests if one.path.endswith("/eviction") and "dryRun" not in one.query
    ]
    assert gone == names
    assert len(await crashing.entries("execution:part:done")) == 2
    assert len(await crashing.entries("execution:intent:committed")) == 3
    verdict = await crashing.verdict()
    assert verdict.verdict is Verdict.PASS, verdict.checks
    assert verdict.checks[0].measured.startswith("gone, ")
    assert before.keys() - pods(crashing).keys() == set(names[1:])


async def test_each_has_its_uid_as_precondition(crashing: Floor) -> None:
    proposal = await approved(crashing)
    await crashing.run(Stage.EXECUTE)
    await crashing.run(Stage.EXECUTE)
    for record, pod in zip(sent(crashing), proposal.params["pods"], strict=True):
        assert f'"uid":"{pod["uid"]}"' in record.body.replace(" ", "")
        assert record.query["fieldManager"] == FIELD_MANAGER


async def test_a_replacement_that_crashes_fails_them_all(crashing: Floor) -> None:
    await approved(crashing)
    await crashing.run(Stage.EXECUTE)
    crashing.cluster.break_next("shop", "web", "crash")
    await crashing.run(Stage.EXECUTE)
    verdict = await crashing.verdict(step=30)
    assert verdict.verdict is Verdict.FAIL


async def test_one_that_never_gets_ready_is_no_pass_of_the_others(crashing: Floor) -> None:
    """The first two stand already when the third is looked at: they count once, and never for it."""
    await approved(crashing)
    await crashing.run(Stage.EXECUTE)
    crashing.advance(60)
    crashing.cluster.break_next("shop", "web", "not-ready")
    await crashing.run(Stage.EXECUTE)
    verdict = await crashing.verdict(step=30)
    assert verdict.verdict is Verdict.FAIL
    assert "isn't ready" in verdict.checks[0].measured


async def test_one_alone_is_an_eviction_like_any_other(floor: Floor) -> None:
    floor.cluster.deployment("shop", "web", replicas=12, image="registry.example/web:1")
    floor.advance(60)
    (ill,) = floor.cluster.crash_loop("shop", "web")
    floor.advance(120)
    floor.configure(ALLOWED_ACTIONS=(Action.EVICT,))
    proposal = await asked(floor, "crash-looping")
    assert dict(proposal.params) == {"pod": ill, "uid": pods(floor)[ill]}
    floor.cluster.heal("shop", "web")
    floor.advance(3600)
    assert "No pod of shop/web is crash-looping" in (await asked(floor)).text.refusal


# -- what it waits for and what stops it -----------------------------------------------------------


def budget(floor: Floor, least: int) -> None:
    spec: dict[str, Any] = {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}
    meta = {"name": "guard", "namespace": "shop"}
    floor.cluster.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    floor.advance(2)


async def test_a_budgets_no_is_asked_again_for_the_same_pod_alone(crashing: Floor) -> None:
    """What crashes isn't healthy and may go; a healthy one that falls ill meanwhile holds the others back."""
    budget(crashing, 8)
    names = chosen(await approved(crashing))
    ill = crashing.cluster.strike("shop", "web", "not-ready", pods=3)
    assert not set(ill) & set(names)
    crashing.advance(2)
    await crashing.run(Stage.EXECUTE)
    held = await crashing.execution()
    assert held.state is ExecutionState.PENDING
    assert held.outcome.startswith("1 of 3 pods are evicted. The disruption budget guard needs 8"), held.outcome
    assert held.outcome in await shown(crashing)
    crashing.advance(10)
    await crashing.run(Stage.EXECUTE)
    assert len(await crashing.entries("execution:state:waiting")) == 1, "told once, not each time"
    crashing.cluster.heal("shop", "web")
    for _ in range(3):
        crashing.advance(10)
        await crashing.run(Stage.EXECUTE)
    assert (await crashing.execution()).state is ExecutionState.SUCCEEDED
    asked_for = sent(crashing)
    assert [one.name for one in asked_for if one.status == 201] == names
    assert {one.name for one in asked_for if one.status == 429} == {names[1]}


async def test_any_other_429_ends_it(crashing: Floor) -> None:
    await approved(crashing)
    crashing.server.faults.set("create", "pods/eviction", status=429, times=1)
    await crashing.run(Stage.EXECUTE)
    assert (await crashing.execution()).state is ExecutionState.FAILED


@pytest.mark.parametrize("how", ["freeze", "taken away", "right", "too many"])
async def test_what_comes_against_it_between_two_pods_stops_it_and_names_the_others(crashing: Floor, how: str) -> None:
    names = chosen(await approved(crashing))
    if how == "freeze":
        await crashing.freeze()
    elif how == "taken away":
        crashing.configure(ALLOWED_ACTIONS=())
    elif how == "right":
        crashing.server.deny("create", "pods/eviction", "shop")
        crashing.ctx.cluster.shared.forget()
    else:
        crashing.change(lambda obj: obj["spec"].update(replicas=4), "web")
        crashing.advance(5)
    await crashing.run(Stage.EXECUTE)
    stopped = await crashing.execution()
    assert stopped.state is ExecutionState.FAILED
    assert stopped.outcome.startswith(f"stopped after 1 of 3 pods, not {names[1]}, {names[2]}: ")
    assert "Nothing was done" not in stopped.outcome
    assert evictions(crashing) == [201]
    text = await shown(crashing)
    assert "Only a part of it was done." in text
    assert "It was not applied" not in text


async def test_a_part_that_was_done_counts_for_the_rates(crashing: Floor) -> None:
    crashing.configure(COOLDOWN=timedelta(minutes=10))
    await approved(crashing)
    await crashing.freeze()
    await crashing.run(Stage.EXECUTE)
    await crashing.freeze(on=False)
    proposal = await asked(crashing)
    assert Rule.COOLDOWN in await crashing.last_rules("proposal:state:recorded"), proposal.text.refusal


async def test_one_that_is_gone_by_itself_is_left_out(crashing: Floor) -> None:
    proposal = await asked(crashing)
    assert (await crashing.approve(proposal)).ok
    crashing.cluster.delete("Pod", "shop", chosen(proposal)[0])
    crashing.advance(60)
    await crashing.run(Stage.EXECUTE)
    await crashing.run(Stage.EXECUTE)
    assert (await crashing.execution()).state is ExecutionState.SUCCEEDED
    assert evictions(crashing) == [201, 201]


# -- after a crash ---------------------------------------------------------------------------------


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("at", [0, 1, 2])
async def test_an_answer_that_never_came_is_read_back_by_the_uids_that_are_gone(
    crashing: Floor, at: int, carried_out: bool
) -> None:
    proposal = await asked(crashing)
    names = chosen(proposal)
    assert (await crashing.approve(proposal)).ok
    for _ in range(at):
        await crashing.run(Stage.EXECUTE)
    if carried_out:
        crashing.server.faults.drop_after("create", "pods/eviction")
    else:
        crashing.server.faults.set("create", "pods/eviction", status=503, times=1)
    await crashing.run(Stage.EXECUTE)
    assert (await crashing.execution()).state is ExecutionState.RUNNING
    crashing.advance(17)
    assert await crashing.run(Stage.EXECUTE) == 0, "nothing goes on before it was read back"
    await crashing.run(Stage.RECOVER)
    settled, gone = await crashing.execution(), at + carried_out
    if gone == 3:
        assert settled.state is ExecutionState.SUCCEEDED
    else:
        assert settled.state is ExecutionState.FAILED
        left = ", ".join(names[gone:])
        said = f"stopped after {gone} of 3 pods, not {left} (read back)" if gone else recover.ABSENT
        assert settled.outcome == said
    assert len(evictions(crashing)) == at + 1
    assert (pods(crashing).keys() & set(names)) == set(names[gone:])


async def test_a_process_that_died_between_two_pods_goes_on_with_all_guards(crashing: Floor) -> None:
    """Nothing was on its way: what is owed is claimed like any other, and what is gone isn't asked for again."""
    names = chosen(await approved(crashing))
    await crashing.freeze()
    crashing.switch()
    await crashing.run(Stage.EXECUTE)
    assert (await crashing.execution()).state is ExecutionState.FAILED
    assert evictions(crashing) == [201]
    assert names[0] not in pods(crashing)


async def test_a_crash_right_after_the_eviction_sends_nothing_twice(
    crashing: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = await asked(crashing)
    assert (await crashing.approve(proposal)).ok
    real = evict_set.send

    async def dies(*args: Any, **kwargs: Any) -> None:
        await real(*args, **kwargs)
        raise asyncio.CancelledError

    monkeypatch.setattr(evict_set, "send", dies)
    with pytest.raises(asyncio.CancelledError):
        await crashing.run(Stage.EXECUTE)
    monkeypatch.undo()
    crashing.advance(60)
    await crashing.run(Stage.RECOVER)
    assert (await crashing.execution()).outcome.startswith("stopped after 1 of 3 pods, not ")
    assert evictions(crashing) == [201]
