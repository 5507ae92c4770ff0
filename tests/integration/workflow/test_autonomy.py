"""What a playbook lets Fettle do without an approval: announced, delayed, stopped by anybody, and never more."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.finding import Confidence
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.jobs import STAGES
from bot.playbooks.shelf import Shelf
from bot.slack.cards import card
from bot.storage import due, executions, outbox
from bot.storage.db import Tx
from tests.invariants import Left, hold

from .floor import LEASE, STUCK, Floor

SURE = replace(STUCK, confidence=Confidence.HIGH)
NAME = "fettle:playbook:pod-crash-looping"


@pytest.fixture
def alone(floor: Floor, tmp_path: Path) -> Floor:
    """A team that lets a restart be done without an approval, once an hour and after a minute."""
    floor.configure(BREAKER=2, AUTONOMY_ACTIONS=(Action.RESTART,))
    _playbook(floor, tmp_path, "none: {hourly: 1}")
    return floor


def _playbook(floor: Floor, folder: Path, approval: str) -> None:
    place = folder / f"playbooks-{len(list(folder.iterdir()))}"
    place.mkdir()
    (place / "pod-crash-looping.yaml").write_text(
        "name: pod-crash-looping\ntitle: Ours\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods]\n"
        f"findings: {{crash_loop: [restart]}}\napproval: {{{approval}}}\n"
    )
    floor.switch(playbooks=Shelf(place))


async def _proposed(floor: Floor, confidence: Confidence = Confidence.HIGH) -> tuple[Incident, Proposal]:
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(replace(SURE, confidence=confidence))
    await floor.run(Stage.PROPOSE)
    return incident, await floor.proposal()


async def _slack_takes_all(floor: Floor) -> None:
    def take(tx: Tx) -> None:
        for row in outbox.claim(tx, floor.now(), LEASE, 50):
            outbox.sent(tx, row, floor.now(), "C0ONCALL", f"{row.id}.1")

    for _ in range(3):  # threads wait for their card
        await floor.store.transact(take)


async def _announced(floor: Floor) -> tuple[Incident, Proposal]:
    """Proposed, and its thread was told, so that the delay runs."""
    incident, proposal = await _proposed(floor)
    await _slack_takes_all(floor)
    floor.advance(3)
    assert await floor.run(Stage.ACT_ALONE) == 1
    return incident, proposal


async def _later(floor: Floor, seconds: float = 61) -> None:
    floor.advance(seconds)
    await floor.run(Stage.ACT_ALONE)


async def _drawn(floor: Floor, incident: Incident) -> str:
    view = await floor.store.read(card_view, incident.id, Look(), floor.now())
    return json.dumps(card(view).blocks, ensure_ascii=False)


async def _nothing_done(floor: Floor) -> None:
    await floor.run(Stage.EXECUTE)
    assert await floor.count("executions") == 0
    assert not floor.patches()


async def test_it_acts_after_the_delay_and_says_before_and_after_by_whose_word(alone: Floor) -> None:
    incident, proposal = await _announced(alone)
    ((_, told),) = await alone.messages(f"alone:{proposal.id}")
    assert "the playbook pod-crash-looping lets me do this without an approval. I begin 60 s after" in told
    drawn = await _drawn(alone, incident)
    assert "*Without an approval*, from" in drawn
    assert "proposal_stop" in drawn
    alone.advance(58)
    assert await alone.run(Stage.ACT_ALONE) == 0
    await _later(alone, 4)
    assert (await alone.proposal_now(proposal)).decided_by == NAME
    await alone.run(Stage.EXECUTE)
    assert len(alone.patches()) == 1
    assert "approved by playbook pod-crash-looping" in await _drawn(alone, incident)
    (granted,) = await alone.entries("proposal:approval:granted")
    assert (granted.actor, (granted.detail or {})["playbook"]) == (NAME, "pod-crash-looping")
    alone.cluster.heal("shop", "api")
    await alone.verdict()
    hold(Left(f"sqlite:///{alone.ctx.settings.DATA_DIR}/fettle.db", alone.server, now=alone.now()))


async def test_without_a_message_in_the_thread_nothing_is_done(alone: Floor) -> None:
    """Slack is away: nobody was told, so nobody could have stopped it; the delay begins with the message."""
    _, proposal = await _proposed(alone)
    for _ in range(5):
        await _later(alone)
    await _nothing_done(alone)
    await _slack_takes_all(alone)
    await _later(alone, 3)
    await _later(alone, 50)
    await _nothing_done(alone)
    await _later(alone, 11)
    assert (await alone.proposal_now(proposal)).state is ProposalState.APPROVED


async def test_anybody_may_stop_it_and_then_it_waits_for_people(alone: Floor) -> None:
    incident, proposal = await _announced(alone)
    guest = await alone.person("guest", restricted=True)
    assert "guests may not" in (await alone.verbs.stop(proposal.id, guest)).text
    assert (await alone.verbs.stop(proposal.id, await alone.person("bo"))).ok
    await _later(alone)
    await _nothing_done(alone)
    assert "proposal_stop" not in await _drawn(alone, incident)
    (entry,) = await alone.entries("proposal:autonomy:stopped")
    assert entry.actor == (await alone.person("bo")).id
    again = await alone.verbs.stop(proposal.id, await alone.person("bo"))
    assert (again.ok, "nothing to stop" in again.text) == (False, True)
    assert (await alone.approve(proposal)).ok


async def test_who_stopped_it_is_not_asked_again_in_this_incident(alone: Floor) -> None:
    incident, proposal = await _announced(alone)
    await alone.verbs.stop(proposal.id, await alone.person("bo"))
    alone.change(lambda one: one["spec"]["template"]["spec"]["containers"][0].update(image="registry.example/x:2"))
    alone.advance(600)
    await alone.store.transact(due.owe, Stage.PROPOSE, incident.id, alone.now())
    await alone.run(Stage.PROPOSE)
    newer = await alone.proposal()
    assert newer.id != proposal.id
    assert "act_alone" not in await alone.owed()
    assert "Somebody stopped me in this incident" in " ".join(newer.text.warnings)


@pytest.mark.parametrize("first", ["approve", "deny"])
async def test_a_person_who_decides_meanwhile_comes_first(alone: Floor, first: str) -> None:
    _, proposal = await _announced(alone)
    ana = await alone.person("ana")
    if first == "approve":
        assert (await alone.verbs.approve(proposal.id, ana)).ok
    else:
        assert (await alone.verbs.deny(proposal.id, ana, "not now")).ok
    assert "act_alone" not in await alone.owed()
    await _later(alone)
    assert (await alone.proposal_now(proposal)).decided_by == ana.id
    assert await alone.count("executions") == (first == "approve")


async def _freeze(floor: Floor, _: Path) -> None:
    await floor.freeze()


async def _observe(floor: Floor, _: Path) -> None:
    floor.configure(MODE="observe")


async def _unset(floor: Floor, _: Path) -> None:
    floor.configure(AUTONOMY_ACTIONS=())


async def _no_approvers(floor: Floor, _: Path) -> None:
    floor.configure(APPROVERS=())


async def _no_breaker(floor: Floor, _: Path) -> None:
    floor.configure(BREAKER=0)


async def _people_again(floor: Floor, folder: Path) -> None:
    _playbook(floor, folder, "expires: 10m")


async def _less_sure(floor: Floor, _: Path) -> None:
    await floor.conclude(STUCK)


async def _annotate(floor: Floor, _: Path) -> None:
    floor.annotate("approvers", "U0ANA")


async def _deny(floor: Floor, _: Path) -> None:
    floor.annotate("deny", "restart", namespace=True)


async def _acted(floor: Floor, _: Path) -> None:
    """The playbook approved another one within the hour."""

    def approve(tx: Tx) -> None:
        tx.execute("UPDATE executions SET approved_by = ?", (NAME,))

    floor.server.cluster.deployment("shop", "web", replicas=1, image="registry.example/shop/web:1")
    floor.advance(30)
    _, other = await floor.restart_asked(what="shop/web")
    assert (await floor.approve(other)).ok
    await floor.run(Stage.EXECUTE)
    await floor.store.transact(approve)


async def _broken(floor: Floor, _: Path) -> None:
    floor.configure(BREAKER=1)
    floor.server.cluster.deployment("shop", "web", replicas=1, image="registry.example/shop/web:1")
    floor.advance(30)
    _, other = await floor.restart_asked(what="shop/web")
    assert (await floor.approve(other)).ok
    floor.cluster.break_next("shop", "web", "oom")
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.FAIL


Change = Callable[[Floor, Path], Awaitable[None]]


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        (_freeze, Rule.FROZEN, "Writes are frozen"),
        (_observe, Rule.MODE, "only observe"),
        (_unset, Rule.AUTONOMY, "AUTONOMY_ACTIONS doesn't name restart"),
        (_no_approvers, Rule.AUTONOMY, "APPROVERS is empty"),
        (_no_breaker, Rule.AUTONOMY, "BREAKER is 0"),
        (_people_again, Rule.AUTONOMY, "doesn't let me act without an approval"),
        (_less_sure, Rule.AUTONOMY, "confidence is medium"),
        (_annotate, Rule.AUTONOMY, "fettle/approvers of Deployment shop/api wants people asked"),
        (_deny, Rule.ANNOTATION, "takes restart away"),
        (_acted, Rule.RATE, "acted by itself once within an hour, 1 allowed"),
        (_broken, Rule.BREAKER, "didn't help"),
    ],
)
async def test_what_is_against_it_when_the_delay_is_over_leaves_it_to_people(
    alone: Floor, tmp_path: Path, change: Change, rule: Rule, words: str
) -> None:
    _, proposal = await _announced(alone)
    await change(alone, tmp_path)
    patches, before = len(alone.patches()), await alone.count("executions")
    await _later(alone)
    await alone.run(Stage.EXECUTE)
    assert (await alone.proposal_now(proposal)).state is ProposalState.PENDING
    assert await alone.count("executions") == before
    assert len(alone.patches()) == patches
    (entry,) = await alone.entries("proposal:autonomy:refused")
    assert rule in (entry.detail or {})["rules"]
    ((_, told),) = await alone.messages(f"left:{proposal.id}")
    assert words in told
    assert "It waits for an approval." in told
    assert "act_alone" not in await alone.owed()


async def test_a_target_that_changed_is_offered_to_people_afresh(alone: Floor) -> None:
    _, proposal = await _announced(alone)
    alone.change(lambda one: one["spec"]["template"]["spec"]["containers"][0].update(image="registry.example/x:2"))
    alone.advance(600)
    await _later(alone)
    assert (await alone.proposal_now(proposal)).state is ProposalState.SUPERSEDED
    await alone.run(Stage.PROPOSE)
    await _later(alone)
    await _nothing_done(alone)
    assert "act_alone" not in await alone.owed(), "what is offered again isn't done without a person"


async def test_a_proposal_that_expired_is_not_done(alone: Floor) -> None:
    _, proposal = await _announced(alone)
    await _later(alone, 1000)
    assert (await alone.proposal_now(proposal)).state is ProposalState.EXPIRED
    await _nothing_done(alone)


async def test_a_cluster_that_is_silent_is_asked_once_more(alone: Floor) -> None:
    _, proposal = await _announced(alone)
    alone.server.faults.set("get", "deployments", status=500, times=20)
    await _later(alone)
    assert (await alone.proposal_now(proposal)).state is ProposalState.PENDING
    alone.server.faults.clear()
    await _later(alone, 11)
    assert (await alone.proposal_now(proposal)).state is ProposalState.APPROVED


async def _prepared(floor: Floor, folder: Path, case: str) -> Any:
    """What is no case for it from the start; the text of the warning."""
    if case == "not sure":
        await _proposed(floor, Confidence.MEDIUM)
        return "only high is enough"
    if case == "no setting":
        floor.configure(AUTONOMY_ACTIONS=())
        await _proposed(floor)
        return "AUTONOMY_ACTIONS doesn't name restart"
    if case == "nobody":
        floor.configure(APPROVERS=())
        await _proposed(floor)
        return "APPROVERS is empty"
    if case == "too short":
        floor.configure(APPROVAL_TTL=timedelta(seconds=60))
        await _proposed(floor)
        return "expires before the delay is over"
    if case == "observe":
        floor.configure(MODE="observe")
        await _proposed(floor)
        return ""
    if case == "playbook":
        _playbook(floor, folder, "expires: 10m")
        await _proposed(floor)
        return ""
    await floor.restart_asked()
    return ""


@pytest.mark.parametrize("case", ["not sure", "no setting", "nobody", "too short", "observe", "playbook", "a person"])
async def test_by_default_and_in_doubt_people_are_asked(alone: Floor, tmp_path: Path, case: str) -> None:
    wanted = await _prepared(alone, tmp_path, case)
    proposal = await alone.proposal()
    assert wanted in " ".join(proposal.text.warnings)
    assert await alone.messages("alone:") == []
    assert "act_alone" not in await alone.owed()


async def test_what_is_undone_needs_a_person(alone: Floor) -> None:
    """The same stage asked of a proposal that isn't an alert's: nothing."""
    _, proposal = await alone.restart_asked()
    assert proposal.requested_by != SYSTEM
    terms = {"playbook": "pod-crash-looping", "delay": 60, "told": True}
    await alone.store.transact(due.owe, Stage.ACT_ALONE, proposal.id, alone.now(), terms)
    await alone.run(Stage.ACT_ALONE)
    assert (await alone.proposal_now(proposal)).state is ProposalState.PENDING
    assert await alone.last_rules("proposal:autonomy:refused") == [Rule.AUTONOMY]


async def test_every_look_run_twice_is_one_effect(alone: Floor) -> None:
    _, proposal = await _proposed(alone)
    await _slack_takes_all(alone)
    for seconds in (3, 61, 0):
        alone.advance(seconds)
        for stage in (Stage.ACT_ALONE, Stage.EXECUTE):
            for work in await alone.due(stage):
                await STAGES[stage](alone.ctx, work)
                await STAGES[stage](alone.ctx, work)
    assert (await alone.proposal_now(proposal)).state is ProposalState.APPROVED
    assert len(alone.patches()) == 1
    assert len(await alone.entries("proposal:approval:granted")) == 1


async def test_two_who_hold_one_claim_act_once(alone: Floor) -> None:
    """A process died after its approval was committed: whoever claims the row next finds it decided."""
    await _announced(alone)
    alone.advance(61)
    (work,) = await alone.due(Stage.ACT_ALONE)
    alone.advance(LEASE.total_seconds() + 1)
    (later,) = await alone.due(Stage.ACT_ALONE)
    for one in (later, work):
        await STAGES[Stage.ACT_ALONE](alone.ctx, one)
    assert await alone.count("executions") == 1


@pytest.mark.parametrize("change", [_unset, _people_again, _freeze, _less_sure])
async def test_the_claim_asks_the_same_again(alone: Floor, tmp_path: Path, change: Change) -> None:
    await _announced(alone)
    await _later(alone)
    await change(alone, tmp_path)
    await alone.run(Stage.EXECUTE)
    found = await alone.store.read(executions.get, 1)
    assert found.state is ExecutionState.FAILED
    assert not alone.patches()
