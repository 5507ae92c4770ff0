"""What was done before counts at the proposal, at the press and at the claim; what was refused doesn't."""

from datetime import timedelta

from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from bot.sandbox.kubernetes.server import ClusterServer
from bot.storage import executions

from .floor import API, Floor

TEN = timedelta(minutes=10)


async def test_a_target_rests_after_an_action_and_is_looked_at_again(floor: Floor) -> None:
    floor.configure(COOLDOWN=TEN)
    await floor.executed()
    await floor.verdict()
    floor.advance(60)
    answer = await floor.verbs.restart(await floor.person("bo"), API.ref)
    assert answer.ok
    await floor.prepare()
    refused = await floor.proposal()
    assert refused.state is ProposalState.RECORDED
    assert "it rests until" in refused.text.refusal
    for _ in range(12):
        floor.advance(60)
        await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_what_failed_needs_no_rest(floor: Floor) -> None:
    """Whoever is on call sees FAIL and goes on; waiting would show nothing new."""
    floor.configure(COOLDOWN=TEN)
    await floor.approved()
    floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.FAIL
    floor.cluster.heal("shop", "api")
    floor.advance(30)
    await floor.restart_asked()
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_the_press_and_the_claim_count_as_well(floor: Floor, server: ClusterServer) -> None:
    """Three proposals stood before any was carried out; the limit holds all the same."""
    floor.configure(AT_ONCE=1)
    server.cluster.deployment("shop", "web", replicas=1, image="registry.example/shop/web:1")
    floor.advance(600)
    _, first = await floor.restart_asked()
    _, second = await floor.restart_asked(what="shop/web")
    assert (await floor.approve(first)).ok
    answer = await floor.approve(second)
    assert not answer.ok
    assert answer.text == "1 action is in flight already, 1 at once are allowed. I look again when one is measured."
    assert (await floor.last_rules("proposal:approval:refused")) == [Rule.RATE]
    floor.configure(AT_ONCE=2)
    assert (await floor.approve(second)).ok
    floor.configure(AT_ONCE=1)
    await floor.run(Stage.EXECUTE)
    refused = await floor.store.read(executions.get, 1)
    assert (refused.state, "1 at once are allowed" in refused.outcome) == (ExecutionState.FAILED, True)
    assert len(floor.patches()) == 1


async def test_what_did_not_help_twice_stops_it_until_a_person_says_otherwise(floor: Floor) -> None:
    floor.configure(BREAKER=2)
    for _ in range(2):
        await floor.approved()
        floor.cluster.break_next("shop", "api", "oom")
        await floor.run(Stage.EXECUTE)
        assert (await floor.verdict()).verdict is Verdict.FAIL
        floor.cluster.heal("shop", "api")
        floor.advance(60)
    await floor.restart_asked()
    refused = await floor.proposal()
    assert refused.state is ProposalState.RECORDED
    assert "didn't help" in refused.text.refusal
    assert await floor.last_rules("proposal:state:recorded") == [Rule.BREAKER]
    await floor.freeze(on=True)
    await floor.freeze(on=False, reason="looked at it")
    floor.advance(30)
    await floor.restart_asked()
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_what_the_cluster_refused_is_no_action(floor: Floor) -> None:
    floor.configure(COOLDOWN=TEN)
    await floor.approved()
    floor.server.faults.set("patch", "deployments", status=422, times=1)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert (execution.state, execution.intent_at is not None) == (ExecutionState.FAILED, True)
    floor.advance(30)
    await floor.restart_asked()
    assert (await floor.proposal()).state is ProposalState.PENDING
