"""Several steps under one approval: what they may be, who approves them, what is proposed where one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.rules import Match, Policy, PolicyRule
from bot.domain.verification import Verdict
from bot.playbooks.shelf import Shelf
from bot.restored import void
from bot.storage import proposals
from bot.storage.copies import Replaced

from .floor import Floor
from .stepping import DUMP, EVICT, asked, between, denied, dumped, evictions, forbidden, prepared
from .test_own_rights import guarded, may

LEAK = Finding(
    Cause.OOM_KILLED,
    "Its memory creeps up.",
    Confidence.HIGH,
    (Cite("pods", "OOMKilled"),),
    detail="leak",
    suggestions=(Suggestion("heap_dump", {}, "it shows what fills the memory"),),
)


@pytest.fixture
async def dumping(floor: Floor, tmp_path: Path) -> Floor:
    """A stand-in for a JVM in each pod, dumps and evictions allowed, and a folder for what is kept."""
    return await prepared(floor, tmp_path)


async def test_the_strictest_word_on_any_step_counts_for_the_approval(dumping: Floor) -> None:
    """Who may approve, how many, with a reason, and whether their own: as for the step that asks most."""
    rule = PolicyRule("careful", Match(actions=("evict",)), approvers=("U0ANA", "U0LI"), quorum=2, require_reason=True)
    dumping.configure(POLICY=Policy(rules=(rule,)), SELF_APPROVE=(DUMP,), APPROVERS=("U0ANA", "U0LI", "U0BO"))
    proposal = await asked(dumping)
    assert proposal.quorum == 2
    assert set(proposal.approvers) == {"U0ANA", "U0LI"}
    assert (await dumping.approve(proposal)).asks_reason
    own = await dumping.verbs.approve(proposal.id, await dumping.person("bo"), "mine")
    assert not own.ok
    first = await dumping.verbs.approve(proposal.id, await dumping.person("ana"), "look")
    assert first.ok
    await dumping.run(Stage.EXECUTE)
    assert dumping.server.executing.ran == []
    assert (await dumping.verbs.approve(proposal.id, await dumping.person("li"), "go")).ok
    await dumping.run(Stage.EXECUTE)
    assert dumping.server.executing.ran


async def test_a_rule_about_a_later_step_that_came_since_counts_at_the_press_and_at_the_first_claim(
    dumping: Floor,
) -> None:
    proposal = await asked(dumping)
    dumping.configure(POLICY=Policy(rules=(PolicyRule("leads", Match(actions=("evict",)), approvers=("U0LI",)),)))
    assert "leads" in (await dumping.approve(proposal)).text
    assert (await dumping.approve(proposal, by="li")).ok
    dumping.configure(POLICY=Policy(rules=(PolicyRule("two", Match(actions=("evict",)), quorum=2),)))
    await dumping.run(Stage.EXECUTE)
    assert "The policy two wants 2 people now" in (await dumping.execution()).outcome
    assert dumping.server.executing.ran == []


async def test_ones_own_request_takes_somebody_else_unless_every_step_may_be_self_approved(dumping: Floor) -> None:
    dumping.configure(SELF_APPROVE=(DUMP,), APPROVERS=("U0BO",))
    proposal = await asked(dumping)
    assert "yourself" in (await dumping.approve(proposal, by="bo")).text
    dumping.configure(SELF_APPROVE=(DUMP, EVICT))
    assert (await dumping.approve(proposal, by="bo")).ok


async def test_every_step_is_asked_of_policy_before_anybody_may_press(dumping: Floor) -> None:
    await forbidden(dumping)
    proposal = await asked(dumping)
    assert proposal.state is ProposalState.RECORDED
    assert "fettle-evict" in proposal.text.refusal
    assert [step.action for step in proposal.steps] == ["thread_dump", "evict"]
    dumping.server.allow("create", "pods/eviction", "shop")
    dumping.ctx.cluster.shared.forget()
    assert (await dumping.verbs.request_again(proposal.id, await dumping.person("bo"))).ok
    await dumping.run(Stage.PROPOSE)
    again = await dumping.proposal()
    assert (again.state, [step.action for step in again.steps]) == (ProposalState.PENDING, ["thread_dump", "evict"])
    await denied(dumping)
    refused = await dumping.approve(again)
    assert "no-evictions" in refused.text


async def test_a_later_step_that_was_refused_is_asked_for_again_without_what_is_done(dumping: Floor) -> None:
    """The right was there when it was asked after, and not when it was used."""
    proposal = await between(dumping)
    dumping.server.faults.set("create", "pods/eviction", status=403, times=1)
    await dumping.run(Stage.EXECUTE)
    run = await dumping.execution()
    assert (run.state, run.step) == (ExecutionState.FAILED, 1)
    assert "(403)" in run.outcome
    assert "the eviction failed" in (await dumping.proposal_now(proposal)).stopped
    assert (await dumping.verbs.request_again(proposal.id, await dumping.person("bo"))).ok
    await dumping.run(Stage.PROPOSE)
    rest = await dumping.proposal()
    assert (rest.action, rest.steps, rest.state) == ("evict", (), ProposalState.PENDING)
    assert rest.requested_by == proposal.requested_by
    assert "this was left" in rest.text.rationale


async def test_an_alert_s_leak_brings_both_steps_and_only_the_first_where_the_second_is_refused(dumping: Floor) -> None:
    incident = await dumping.alert()
    await dumping.run(Stage.INVESTIGATE)
    await dumping.conclude(LEAK)
    await dumping.run(Stage.PROPOSE)
    both = await dumping.proposal()
    assert [step.action for step in both.steps] == ["heap_dump", "evict"]
    assert both.text.policy.endswith("a later step begins within 15 min of the verdict before it, and within 60 min "
                                     "of the approval")  # fmt: skip
    await denied(dumping)
    assert not (await dumping.approve(both)).ok
    await dumping.verbs.request_again(both.id, await dumping.person("bo"))
    await dumping.verbs.deny(both.id, await dumping.person("ana"), "not now")
    await dumping.verbs.request_again(both.id, await dumping.person("bo"))
    await dumping.run(Stage.PROPOSE)
    alone = await dumping.proposal()
    assert (alone.incident_id, alone.action, alone.steps) == (incident.id, "heap_dump", ())
    assert any("no-evictions" in warning for warning in alone.text.warnings)
    dumping.configure(POLICY=Policy(), ALLOWED_ACTIONS=(Action.HEAP_DUMP,))
    await dumping.verbs.deny(alone.id, await dumping.person("ana"), "not now")
    await dumping.verbs.request_again(alone.id, await dumping.person("bo"))
    await dumping.run(Stage.PROPOSE)
    last = await dumping.proposal()
    assert (last.state, last.steps) == (ProposalState.PENDING, ())
    assert "Evict would follow; ALLOWED_ACTIONS doesn't name it." in last.text.rationale


async def test_with_require_rbac_an_approver_has_the_rights_of_every_step_and_has_them_still(dumping: Floor) -> None:
    def rule(*verbs: str, resource: str, group: str = "") -> dict[str, list[str]]:
        return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}

    look = (rule("get", "list", resource="pods"), rule("get", resource="deployments", group="apps"))
    dump, evict = rule("get", "create", resource="pods/exec"), rule("create", resource="pods/eviction")
    guarded(dumping)
    may(dumping, "ana", dump, *look)
    may(dumping, "li", dump, evict, *look)
    proposal = await asked(dumping)
    (told,) = [one for one in proposal.text.warnings if one.startswith("Whoever approves needs")]
    assert "pods/exec" in told
    assert "pods/eviction" in told
    assert "`create pods/eviction`" in (await dumping.approve(proposal)).text
    assert (await dumping.approve(proposal, by="li")).ok
    await dumping.run(Stage.EXECUTE)
    assert (await dumping.verdict()).verdict is Verdict.PASS
    dumping.server.access.people.unbind("of-li")
    may(dumping, "li", dump, *look)
    await dumping.run(Stage.EXECUTE)
    assert "may not `create pods/eviction`" in (await dumping.execution()).outcome
    assert evictions(dumping) == []


async def test_several_steps_take_a_person_whatever_the_playbook_says(dumping: Floor, tmp_path: Path) -> None:
    place = tmp_path / "playbooks"
    place.mkdir()
    (place / "pod-crash-looping.yaml").write_text(
        "name: pod-crash-looping\ntitle: Ours\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods]\n"
        "findings: {oom_killed/leak: [{action: heap_dump, then: [restart]}]}\napproval: {none: {hourly: 1}}\n"
    )
    dumping.switch(playbooks=Shelf(place))
    dumping.configure(BREAKER=2, AUTONOMY_ACTIONS=(Action.HEAP_DUMP, Action.RESTART))
    await dumping.alert()
    await dumping.run(Stage.INVESTIGATE)
    await dumping.conclude(LEAK)
    await dumping.run(Stage.PROPOSE)
    proposal = await dumping.proposal()
    assert [step.action for step in proposal.steps] == ["heap_dump", "restart"]
    assert any("Several steps take a person." in warning for warning in proposal.text.warnings)
    assert not (await dumping.owed()).get("act_alone")
    assert await dumping.messages("alone:") == []


@pytest.mark.parametrize(
    ("action", "then", "words"),
    [
        (EVICT, (DUMP,), "needs an approval of its own"),
        (DUMP, (DUMP,), "stands there twice"),
        (DUMP, (Action.CORDON,), "aren't about the same object"),
        (DUMP, (Action.RESTART, EVICT), "restart changes something"),
    ],
)
async def test_what_can_not_be_steps_of_one_proposal_is_refused(
    dumping: Floor, action: Action, then: tuple[Action, ...], words: str
) -> None:
    bo = await dumping.person("bo")
    answer = await dumping.verbs.act(bo, action, "shop/api", {}, [(one, {}) for one in then])
    assert not answer.ok
    assert words in answer.text
    assert await dumping.count("proposals") == 0


async def test_a_store_that_was_put_back_goes_on_with_nothing(dumping: Floor) -> None:
    proposal = await dumped(dumping)
    await dumping.store.transact(void, Replaced(), "cli:root", dumping.now())
    assert (await dumping.verdict()).verdict is Verdict.PASS
    assert not await dumping.run(Stage.EXECUTE)
    assert evictions(dumping) == []
    assert (await dumping.store.read(proposals.get, proposal.id)).stopped == "store restored"
