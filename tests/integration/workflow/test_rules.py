"""Rules of ``POLICY`` hold at the proposal, at the press and at the claim; windows hold up what they are for."""

from datetime import timedelta

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.severity import Severity
from bot.settings_policy import policy
from bot.storage import incidents, people

from .floor import Floor

PROD = "match: {actions: [restart], environments: [prod]}"


def rule(floor: Floor, text: str, **more: str) -> None:
    """One rule, or more of the policy as YAML."""
    parts = {"rules": f"[{{name: prod-restart, {text}}}]", **more} if text else more
    floor.configure(POLICY=policy("\n".join(f"{key}: {value}" for key, value in parts.items())))


async def test_a_rule_that_denies_is_recorded_with_its_name_and_has_no_button(floor: Floor) -> None:
    rule(floor, "deny: Ask the shop team")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal == "The policy prod-restart denies restart in shop: Ask the shop team."
    assert await floor.last_rules("proposal:state:recorded") == ["policy"]


async def test_a_rule_that_came_after_the_card_denies_the_press(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    rule(floor, "deny: Not now")
    assert (await floor.approve(proposal)).text == "The policy prod-restart denies restart in shop: Not now."
    assert await floor.last_rules("proposal:approval:refused") == ["policy"]


async def test_a_rule_that_came_after_the_press_denies_the_claim(floor: Floor) -> None:
    await floor.approved()
    rule(floor, "deny: Not now")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).told == "not applied: The policy prod-restart denies restart in shop: Not now."
    assert not floor.patches()


@pytest.mark.parametrize(
    ("label", "environments", "state"),
    [
        ("prod", "{label: env}", ProposalState.RECORDED),
        ("test", "{label: env}", ProposalState.PENDING),
        (None, "{label: env}", ProposalState.RECORDED),
        ("test", "{label: env, namespaces: {prod: [shop]}}", ProposalState.RECORDED),
        ("prod", "{namespaces: {prod: [pay], test: ['*']}}", ProposalState.PENDING),
    ],
    ids=["label", "another label", "no label counts as each", "the mapping wins", "mapped elsewhere"],
)
async def test_the_environment_is_told_by_the_namespace(
    floor: Floor, label: str | None, environments: str, state: ProposalState
) -> None:
    labels = {"env": label} if label else {}
    floor.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}})
    rule(floor, f"{PROD}, deny: no", environments=environments)
    _, proposal = await floor.alerted()
    assert proposal.state is state


async def test_a_rule_follows_the_incident_s_severity_up_to_the_press(floor: Floor) -> None:
    rule(floor, "match: {severities: [SEV1]}, deny: Only by hand")
    incident, proposal = await floor.alerted()
    assert proposal.state is ProposalState.PENDING
    await floor.store.transact(incidents.update, incident.id, floor.now(), severity=Severity.SEV1)
    assert not (await floor.approve(proposal)).ok


async def test_only_those_of_the_rule_may_approve_and_the_refusal_names_it(floor: Floor) -> None:
    """As the card is drawn in the design: group by its handle, people by their names, the policy by its own."""
    await floor.store.transact(people.name_groups, {"S0SRE": "sre-oncall"})
    for name in ("sam", "ana"):
        await floor.person(name)
    rule(floor, "approvers: [S0SRE]")
    _, proposal = await floor.alerted()
    assert proposal.approvers == ("S0SRE",)
    assert proposal.text.policy == "Needs 1 of @sre-oncall · policy prod-restart"
    assert proposal.text.rules == ("prod-restart",)
    answer = await floor.approve(proposal, by="bo")
    said = "@bo, only @sre-oncall may approve a restart in shop (policy prod-restart). Ask @sam."
    assert answer.text == said
    assert not (await floor.approve(proposal, by="ana")).ok, "APPROVERS alone isn't enough"
    assert (await floor.approve(proposal, by="sam")).ok


async def test_a_rule_gives_no_right_to_whom_the_settings_do_not_name(floor: Floor) -> None:
    rule(floor, "approvers: [U0KIM]")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal == (
        "Nobody may approve this, because nobody is named by APPROVERS and by the policy prod-restart alike."
    )


async def test_an_approval_of_somebody_whom_a_later_rule_leaves_out_is_not_executed(floor: Floor) -> None:
    await floor.approved()
    rule(floor, "approvers: [U0LI]")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).told.startswith("not applied: Who approved this may not approve")
    assert not floor.patches()


async def test_so_many_different_people_have_to_approve_as_the_strictest_rule_says(floor: Floor) -> None:
    rule(floor, "quorum: 2")
    _, proposal = await floor.alerted()
    assert proposal.quorum == 2
    assert (await floor.approve(proposal, by="ana")).text == "Your approval counts: 1 of 2."
    assert not (await floor.approve(proposal, by="ana")).ok
    assert (await floor.approve(proposal, by="li")).ok
    assert (await floor.proposal_now(proposal)).state is ProposalState.APPROVED


async def test_a_quorum_that_came_after_the_card_counts_at_the_press_and_at_the_claim(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    rule(floor, "quorum: 2")
    assert (await floor.approve(proposal, by="ana")).text == "Your approval counts: 1 of 2."
    assert (await floor.approve(proposal, by="li")).ok
    rule(floor, "quorum: 3")
    await floor.run(Stage.EXECUTE)
    said = "not applied: The policy prod-restart wants 3 people now, and 2 approved. Nothing was done."
    assert (await floor.execution()).told == said
    assert not floor.patches()


async def test_nobody_approves_their_own_request_where_a_rule_forbids_it(floor: Floor) -> None:
    floor.configure(SELF_APPROVE=("restart",))
    rule(floor, "self_approval: forbid")
    _, proposal = await floor.restart_asked(by="ana")
    answer = await floor.approve(proposal, by="ana")
    assert answer.text == ("@ana, you requested this restart yourself (policy prod-restart). Ask another approver.")
    assert await floor.last_rules("proposal:approval:refused") == ["self_approval"]
    assert (await floor.approve(proposal, by="li")).ok


async def test_a_proposal_lasts_as_long_as_the_shortest_word(floor: Floor) -> None:
    rule(floor, "expires: 4m")
    _, proposal = await floor.alerted()
    assert proposal.expires_at == proposal.created_at + timedelta(minutes=4)
    rule(floor, "expires: 2m")
    floor.advance(121)
    assert "expired" in (await floor.approve(proposal)).text
    assert (await floor.proposal_now(proposal)).state is ProposalState.EXPIRED


async def test_an_approval_is_good_for_as_long_as_the_rule_says(floor: Floor) -> None:
    await floor.approved()
    rule(floor, "expires: 1m")
    floor.advance(61)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not floor.patches()


async def test_an_approval_that_needs_a_reason_is_asked_for_it_and_keeps_it(floor: Floor) -> None:
    rule(floor, "require_reason: true")
    _, proposal = await floor.alerted()
    assert proposal.text.asks_reason
    ana = await floor.person("ana")
    asked = await floor.verbs.approve(proposal.id, ana)
    assert (asked.ok, asked.asks_reason) == (False, True)
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING
    answer = await floor.verbs.approve(proposal.id, ana, "the fix is in token=hush-hush-hush-hush")
    assert answer.ok
    entry = (await floor.entries("proposal:approval:granted"))[-1]
    assert entry.detail is not None
    assert entry.detail["reason"].startswith("the fix is in")
    assert "hush-hush" not in entry.detail["reason"]
    assert entry.detail["policies"] == "prod-restart"


async def test_a_reason_that_is_wanted_since_the_card_is_asked_for_too(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    rule(floor, "require_reason: true")
    assert (await floor.approve(proposal)).asks_reason
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING


async def test_who_may_not_approve_is_not_asked_for_a_reason(floor: Floor) -> None:
    rule(floor, "require_reason: true")
    _, proposal = await floor.alerted()
    answer = await floor.approve(proposal, by="kim")
    assert not answer.asks_reason
    assert await floor.last_rules("proposal:approval:refused") == ["approver"]


async def test_the_audit_has_by_what_an_approver_was_entitled_and_how_old_that_reading_was(floor: Floor) -> None:
    await floor.store.transact(people.name_groups, {"S0SRE": "sre-oncall"})
    rule(floor, "approvers: [S0SRE, U0LI]")
    _, proposal = await floor.alerted()
    await floor.store.transact(people.set_group, "S0SRE", ("U0SAM",), floor.now())
    floor.advance(70)
    assert (await floor.approve(proposal, by="sam")).ok
    entry = (await floor.entries("proposal:approval:granted"))[-1]
    assert entry.detail is not None
    by_group = [one for one in entry.detail["entitled"] if one["by"] == "S0SRE"]
    assert {one["list"] for one in by_group} == {"policy prod-restart", "APPROVERS", "the proposal"}
    assert {one["handle"] for one in by_group} == {"sre-oncall"}
    assert all(70 <= one["read_seconds_ago"] < 80 for one in by_group)


async def test_the_audit_has_that_an_approver_was_named_by_id(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    assert (await floor.approve(proposal, by="ana")).ok
    entry = (await floor.entries("proposal:approval:granted"))[-1]
    assert entry.detail is not None
    assert entry.detail["entitled"] == [{"list": name, "by": "id"} for name in ("APPROVERS", "the proposal")]


async def test_approvers_are_reminded_once_before_the_end(floor: Floor) -> None:
    rule(floor, "nudge: 5m, approvers: [U0ANA, U0LI], quorum: 2")
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal, by="ana")).ok
    floor.advance(9 * 60)
    assert await floor.run(Stage.NUDGE) == 0
    floor.advance(61)
    assert await floor.run(Stage.NUDGE) == 1
    ((key, params),) = await floor.messages("nudge:")
    assert key == f"thread:{incident.id}:nudge:{proposal.id}"
    assert "Still waiting for 1 approval: Restart Deployment shop/api. It expires in 5 min." in str(params)
    assert "U0LI" in str(params)
    assert (await floor.tags()).count("proposal:state:nudged") == 1
    floor.advance(60)
    assert await floor.run(Stage.NUDGE) == 0


@pytest.mark.parametrize("decided", ["approve", "deny"])
async def test_nobody_is_reminded_of_what_was_decided(floor: Floor, decided: str) -> None:
    rule(floor, "nudge: 5m")
    _, proposal = await floor.alerted()
    ana = await floor.person("ana")
    answer = await (
        floor.verbs.approve(proposal.id, ana) if decided == "approve" else floor.verbs.deny(proposal.id, ana, "no")
    )
    assert answer.ok
    floor.advance(11 * 60)
    assert await floor.run(Stage.NUDGE) == 0
    assert not await floor.messages("nudge:")


ALWAYS = "[{name: night, weekly: daily 00:00 - 00:00, zone: Europe/Berlin, match: {namespaces: [shop]}}]"


async def test_a_window_denies_at_the_proposal_and_is_looked_at_again_until_it_is_over(floor: Floor) -> None:
    rule(floor, "", windows=ALWAYS)
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal.startswith(
        "The freeze window night (daily 00:00 - 00:00, Europe/Berlin) is on without an end"
    )
    assert await floor.last_rules("proposal:state:recorded") == ["window"]
    rule(floor, "", windows="[]")
    floor.advance(301)
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_a_window_of_another_namespace_holds_nothing_up(floor: Floor) -> None:
    rule(floor, "", windows=ALWAYS.replace("shop", "pay"))
    assert (await floor.alerted())[1].state is ProposalState.PENDING


async def test_a_window_that_began_after_the_card_denies_the_press(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    rule(floor, "", windows=ALWAYS)
    answer = await floor.approve(proposal)
    assert answer.text.startswith("The freeze window night")
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING


async def test_a_window_that_began_after_the_press_denies_the_claim(floor: Floor) -> None:
    await floor.approved()
    rule(floor, "", windows=ALWAYS)
    await floor.run(Stage.EXECUTE)
    assert "The freeze window night" in (await floor.execution()).outcome
    assert not floor.patches()


async def test_what_changed_in_the_policy_is_audited_and_told_where_it_widens(floor: Floor) -> None:
    from .test_loaded import details, start, told  # noqa: PLC0415 - its words for a start

    settings = floor.ctx.settings
    texts = ("rules: [{name: a, quorum: 2}]", "rules: [{name: a, quorum: 2}, {name: b, deny: x}]",
             "rules: [{name: b, deny: x}]", "rules: [{name: b, deny: x}]\nbreak_glass: [U0ANA]")  # fmt: skip
    for text in texts:
        await start(floor, settings.model_copy(update={"POLICY": policy(text)}))
    found = [one["widens"] for one in await details(floor, "system:settings:loaded")]
    lost = "POLICY loses rule a: every action: 2 different people"
    assert found == [[], [], [lost], ["POLICY gains break glass: U0ANA"]]
    assert len(await told(floor)) == 2
