"""One pod of a workload is evicted: which, how often at once, what it waits for, and what is never asked twice."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.slack.cards import card
from bot.storage.db import Tx
from bot.workflow import settle

from .floor import API, Floor


def stuck(pod: str) -> Finding:
    return Finding(
        Cause.CRASH_LOOP,
        "One of its pods crashes again and again.",
        Confidence.HIGH,
        (Cite("pods", pod),),
        suggestions=(Suggestion("evict", {"pod": pod}, "its siblings of the same template run"),),
    )


def pods(floor: Floor, name: str = "api") -> dict[str, str]:
    """Name -> uid of those that don't end."""
    found = floor.cluster.pods("shop", name)
    return {
        one["metadata"]["name"]: one["metadata"]["uid"] for one in found if "deletionTimestamp" not in one["metadata"]
    }


def budget(floor: Floor, least: int, **labels: str) -> None:
    spec: dict[str, Any] = {"minAvailable": least, "selector": {"matchLabels": labels or {"app": "api"}}}
    meta = {"name": "guard", "namespace": "shop"}
    floor.cluster.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    floor.advance(2)


def short(floor: Floor) -> str:
    """One pod is ill, so that the budget needs all the others; the name of one of those."""
    (ill,) = floor.cluster.strike("shop", "api", "not-ready")
    budget(floor, 2)
    return min(name for name in pods(floor) if name != ill)


HELD = "The disruption budget guard needs 2 healthy pods and has 2 currently (429)."


def evictions(floor: Floor) -> list[int]:
    """The status of every eviction that was asked for, dry runs left out."""
    asked = (one for one in floor.server.requests if one.path.endswith("/eviction") and "dryRun" not in one.query)
    return [one.status for one in asked]


async def asked(floor: Floor, pod: str = "", what: str = API.ref) -> Proposal:
    floor.configure(ALLOWED_ACTIONS=(Action.EVICT,))
    answer = await floor.verbs.act(await floor.person("bo"), Action.EVICT, what, {"pod": pod} if pod else {})
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def approved(floor: Floor, proposal: Proposal) -> None:
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)


async def test_what_a_finding_names_is_evicted_and_passes(floor: Floor) -> None:
    (ill,) = floor.cluster.strike("shop", "api", "crash")
    floor.advance(30)
    before = pods(floor)
    floor.configure(ALLOWED_ACTIONS=(Action.EVICT,))
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(stuck(ill))
    await floor.run(Stage.PROPOSE)
    proposal = await floor.proposal()
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "evict"), proposal.text.refusal
    assert proposal.text.headline == f"Evict pod {ill} of Deployment shop/api"
    assert proposal.text.undo.startswith("An eviction can't be undone")
    assert dict(proposal.params) == {"pod": ill, "uid": before[ill]}
    await approved(floor, proposal)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    verdict = await floor.verdict()
    assert verdict.verdict is Verdict.PASS
    assert [one.name for one in verdict.checks if one.required] == ["replacement", "restarts"]
    assert before.keys() - pods(floor).keys() == {ill}
    assert evictions(floor) == [201]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_other_kinds_replace_theirs_too(floor: Floor, kind: str) -> None:
    """A StatefulSet's new pod has the old one's name: the uid tells them apart."""
    if kind == "StatefulSet":
        floor.cluster.statefulset("shop", "store", replicas=2, image="registry.example/store:1")
    else:
        floor.cluster.daemonset("shop", "store", image="registry.example/store:1")
    floor.advance(120)
    before = pods(floor, "store")
    name = min(before)
    await approved(floor, await asked(floor, name, f"{kind}/shop/store"))
    assert (await floor.verdict()).verdict is Verdict.PASS
    after = pods(floor, "store")
    assert len(after) == len(before)
    assert before[name] not in after.values()
    assert (name in after) is (kind == "StatefulSet")


async def test_a_replacement_that_crashes_fails_and_nothing_undoes_it(floor: Floor) -> None:
    proposal = await asked(floor, min(pods(floor)))
    floor.cluster.break_next("shop", "api", "crash")
    await approved(floor, proposal)
    assert (await floor.verdict(step=30)).verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    assert await floor.count("proposals") == 1


async def test_a_replacement_that_is_late_is_no_success(floor: Floor) -> None:
    proposal = await asked(floor, min(pods(floor)))
    floor.cluster.break_next("shop", "api", "not-ready")
    await approved(floor, proposal)
    verdict = await floor.verdict(step=30)
    assert verdict.verdict is Verdict.FAIL
    assert "isn't ready" in verdict.checks[0].measured


async def test_a_pod_that_is_well_beside_it_doesnt_count(floor: Floor) -> None:
    """Only what wasn't there before takes the place."""
    proposal = await asked(floor, min(pods(floor)))
    floor.cluster.break_next("shop", "api", "not-ready")
    await approved(floor, proposal)
    floor.advance(60)
    await floor.run(Stage.VERIFY)
    verification = await floor.verification()
    assert verification.verdict is Verdict.MEASURING
    assert verification.rolled_out_at is None


async def test_a_change_of_somebody_else_supersedes_the_verdict(floor: Floor) -> None:
    await approved(floor, await asked(floor, min(pods(floor))))
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="registry.example/x:2"))
    assert (await floor.verdict()).verdict is Verdict.SUPERSEDED


# -- what it waits for -----------------------------------------------------------------------------


async def test_a_budget_that_holds_is_waited_for_and_shown(floor: Floor) -> None:
    proposal = await asked(floor, short(floor))
    assert proposal.state is ProposalState.PENDING
    assert "I wait for it, until the approval ends." in proposal.text.warnings[0]
    await approved(floor, proposal)
    waiting = await floor.execution()
    assert (waiting.state, waiting.outcome, waiting.in_flight) == (
        ExecutionState.PENDING, HELD, True,
    )  # fmt: skip
    for _ in range(3):
        floor.advance(10)
        assert await floor.run(Stage.EXECUTE) == 1
    assert evictions(floor) == [429] * 4
    assert len(await floor.entries("execution:state:waiting")) == 1, "told once, not each time"
    floor.cluster.heal("shop", "api")
    floor.advance(20)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert evictions(floor) == [429] * 4 + [201]
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_what_was_read_of_an_attempt_that_was_held_back_settles_no_other(floor: Floor) -> None:
    """A process stalls with the budget's no, and a look at that attempt ends when the next one is on its way."""
    proposal = await asked(floor, short(floor))
    floor.server.faults.set("create", "pods/eviction", status=500, times=2)
    await approved(floor, proposal)
    first = await floor.execution()
    assert first.state is ExecutionState.RUNNING
    floor.advance(20)
    (slow,) = await floor.due(Stage.RECOVER)
    await settle.hold(floor.ctx, first, HELD)
    floor.advance(10)
    await floor.run(Stage.EXECUTE)
    assert evictions(floor) == [500, 500]
    await settle.settle(floor.ctx, first, settle.untouched("it runs as before"), slow)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    assert "recover" in await floor.owed()


async def test_while_it_is_asked_again_the_card_says_what_it_waits_for_and_isnt_drawn_for_nothing(floor: Floor) -> None:
    """An attempt every ten seconds, for as long as an approval: Slack takes fifty edits a minute, of all cards."""

    def owed(tx: Tx) -> int:
        return int(tx.execute("SELECT version FROM outbox WHERE key = 'card:1'").fetchone()[0])

    await approved(floor, await asked(floor, short(floor)))
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).outcome == HELD
    before = await floor.store.read(owed)
    for _ in range(2):
        floor.advance(10)
        floor.server.faults.hang("create", "pods/eviction", seconds=0.5, times=1)
        attempt = asyncio.create_task(floor.run(Stage.EXECUTE))
        while (await floor.execution()).state is not ExecutionState.RUNNING:
            await asyncio.wait({attempt}, timeout=0.01)
        text = json.dumps(card(await floor.store.read(card_view, 1, Look(), floor.now())).blocks, ensure_ascii=False)
        assert f"waiting: {HELD[:30]}" in text
        assert "running" not in text
        assert await attempt == 1
        assert await floor.store.read(owed) == before


async def test_it_waits_until_the_approvals_end_and_no_longer(floor: Floor) -> None:
    await approved(floor, await asked(floor, short(floor)))
    floor.advance(floor.ctx.settings.APPROVAL_TTL.total_seconds())
    await floor.run(Stage.EXECUTE)
    ended = await floor.execution()
    assert ended.state is ExecutionState.FAILED
    assert "This proposal expired" in ended.outcome
    assert f"What it waited for: {HELD}" in ended.outcome
    assert evictions(floor) == [429]


@pytest.mark.parametrize("how", ["freeze", "taken away"])
async def test_what_comes_against_it_while_it_waits_stops_it(floor: Floor, how: str) -> None:
    await approved(floor, await asked(floor, short(floor)))
    if how == "freeze":
        await floor.freeze()
    else:
        floor.configure(ALLOWED_ACTIONS=())
    floor.cluster.heal("shop", "api")
    floor.advance(20)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert evictions(floor) == [429]


@pytest.mark.parametrize("carried_out", [True, False])
async def test_an_answer_that_never_came_is_read_back_and_never_asked_again(floor: Floor, carried_out: bool) -> None:
    await_pod = min(pods(floor))
    proposal = await asked(floor, await_pod)
    if carried_out:
        floor.server.faults.drop_after("create", "pods/eviction")
    else:
        floor.server.faults.set("create", "pods/eviction", status=503, times=1)
    await approved(floor, proposal)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(17)
    assert await floor.run(Stage.EXECUTE) == 0
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert settled.state is (ExecutionState.SUCCEEDED if carried_out else ExecutionState.FAILED)
    assert len(evictions(floor)) == 1
    assert (await_pod not in pods(floor)) is carried_out


async def test_any_other_429_is_no_reason_to_ask_again_by_itself(floor: Floor) -> None:
    proposal = await asked(floor, min(pods(floor)))
    floor.server.faults.set("create", "pods/eviction", status=429, times=1)
    await approved(floor, proposal)
    assert (await floor.execution()).state is ExecutionState.FAILED
    floor.advance(60)
    assert await floor.run(Stage.EXECUTE) == 0


async def test_pods_that_end_already_are_waited_for(floor: Floor) -> None:
    name, other, *_ = sorted(pods(floor))
    proposal = await asked(floor, name)
    floor.cluster.delete("Pod", "shop", other)
    assert (await floor.approve(proposal)).ok is False
    floor.advance(60)
    assert (await floor.approve(await floor.proposal_now(proposal))).ok
    floor.cluster.delete("Pod", "shop", next(one for one in pods(floor) if one != name))
    await floor.run(Stage.EXECUTE)
    held = await floor.execution()
    assert held.state is ExecutionState.PENDING
    assert held.outcome == "1 pod of shop/api is ending already, and of 3 at most 1 may at once. I wait for that."
    floor.advance(60)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED


async def test_what_fires_elsewhere_on_the_same_budget_is_waited_for(floor: Floor) -> None:
    floor.cluster.deployment("shop", "web", replicas=2, image="registry.example/shop/web:1")
    floor.advance(60)
    meta = {"name": "all", "namespace": "shop"}
    every = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta}
    floor.cluster.apply({**every, "spec": {"minAvailable": 1, "selector": {}}})
    floor.advance(2)
    other = await floor.alert({"alertname": "KubePodNotReady", "namespace": "shop", "deployment": "web"})
    await floor.run(Stage.INVESTIGATE)
    proposal = await asked(floor, min(pods(floor)))
    assert proposal.state is ProposalState.RECORDED
    assert f"{other.ref} fires on shop/web, on the same disruption budget as shop/api" in proposal.text.refusal
    assert await floor.last_rules("proposal:state:recorded") == [Rule.BUDGET]
    await floor.clear(other.id)
    floor.advance(30)
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING, "it is looked at again by itself"


# -- what is refused -------------------------------------------------------------------------------


async def test_a_pod_that_was_replaced_since_isnt_hit_by_its_name(floor: Floor) -> None:
    floor.cluster.statefulset("shop", "store", replicas=2, image="registry.example/store:1")
    floor.advance(120)
    proposal = await asked(floor, "store-1", "sts/shop/store")
    assert (await floor.approve(proposal)).ok
    floor.cluster.delete("Pod", "shop", "store-1")
    floor.advance(120)
    newer = pods(floor, "store")["store-1"]
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert pods(floor, "store")["store-1"] == newer


async def test_a_missing_right_is_named_and_nothing_is_offered(floor: Floor) -> None:
    floor.server.deny("create", "pods/eviction", "shop")
    proposal = await asked(floor, min(pods(floor)))
    assert proposal.state is ProposalState.RECORDED
    assert "I may not evict pods in shop. Apply the role fettle-evict in shop" in proposal.text.refusal


async def test_what_isnt_allowed_is_refused(floor: Floor) -> None:
    answer = await floor.verbs.act(await floor.person("bo"), Action.EVICT, API.ref, {"pod": min(pods(floor))})
    assert answer.ok
    await floor.prepare()
    assert await floor.last_rules("proposal:state:recorded") == [Rule.ACTION]


@pytest.mark.parametrize("state", ["paused", "rolling out"])
async def test_what_is_under_way_is_no_reason_against_one_pod(floor: Floor, state: str) -> None:
    if state == "paused":
        floor.change(lambda obj: obj["spec"].update(paused=True))
    else:
        floor.cluster.break_next("shop", "api", "not-ready")
        floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="x:2"))
    floor.advance(20)
    proposal = await asked(floor, min(pods(floor)))
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal


async def test_two_presses_make_one_eviction(floor: Floor) -> None:
    proposal = await asked(floor, min(pods(floor)))
    first, second = await floor.approve(proposal), await floor.approve(proposal, by="li")
    assert [first.ok, second.ok] == [True, False]
    await floor.run(Stage.EXECUTE)
    floor.advance(60)
    await floor.run(Stage.EXECUTE)
    assert evictions(floor) == [201]


async def test_what_waits_counts_as_nothing_sent(floor: Floor) -> None:
    """The rates count what was done; a budget's no was nothing."""
    floor.configure(COOLDOWN=timedelta(minutes=10))
    await approved(floor, await asked(floor, short(floor)))
    floor.cluster.heal("shop", "api")
    floor.advance(20)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
