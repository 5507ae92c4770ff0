"""Several steps under one approval: each begins after the one before passed, and after anything else none does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.execution import Execution, ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.incident import IncidentState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.rules import Match, Policy, PolicyRule
from bot.domain.verification import Verdict
from bot.integrations.artifacts_folder import Folder
from bot.integrations.sources import Sources
from bot.jobs import STAGES
from bot.playbooks.shelf import Shelf
from bot.restored import void
from bot.sandbox.kubernetes import stand_in
from bot.storage import artifacts, executions, proposals
from bot.storage.copies import Replaced

from .floor import Floor
from .test_own_rights import guarded, may

DUMP, EVICT = Action.THREAD_DUMP, Action.EVICT
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


async def prepared(floor: Floor, folder: Path, *, silent: bool = False) -> Floor:
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART, DUMP, Action.HEAP_DUMP, EVICT))
    floor.switch(sources=Sources(artifacts=Folder(folder / "dumps", 1 << 30)))
    for pod in floor.cluster.pods("shop", "api"):
        await stand_in.start(floor.server.containers, pod, silent=silent)
    return floor


async def asked(floor: Floor, action: Action = DUMP, then: tuple[Action, ...] = (EVICT,)) -> Proposal:
    answer = await floor.verbs.act(await floor.person("bo"), action, "shop/api", {}, [(one, {}) for one in then])
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def dumped(floor: Floor) -> Proposal:
    """Approved, and the first step carried out."""
    proposal = await asked(floor)
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    answer = await floor.approve(proposal)
    assert answer.ok, answer.text
    await floor.run(Stage.EXECUTE)
    return proposal


async def between(floor: Floor) -> Proposal:
    """The first step has passed, the second waits for its claim."""
    proposal = await dumped(floor)
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert (await floor.execution()).state is ExecutionState.PENDING
    return proposal


def evictions(floor: Floor) -> list[Any]:
    return [one for one in floor.server.requests if one.resource == "pods/eviction" and "dryRun" not in one.query]


async def runs(floor: Floor, proposal: Proposal) -> list[Execution]:
    return await floor.store.read(executions.by_proposal, proposal.id)


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


async def forbidden(floor: Floor) -> None:
    floor.server.deny("create", "pods/eviction", "shop")
    floor.ctx.cluster.shared.forget()


async def denied(floor: Floor) -> None:
    rule = PolicyRule("no-evictions", Match(actions=("evict",)), deny="not in this quarter")
    floor.configure(POLICY=Policy(rules=(rule,)))


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
