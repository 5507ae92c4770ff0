"""Breaking the glass: by whom, for what, how loud, once, and what never gives way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.jobs import Jobs
from bot.settings_policy import policy
from bot.storage import people
from tests.chance import EVERY

from .floor import Floor

WHY = "nobody can pay"
WINDOW = "windows: [{name: night, weekly: daily 00:00 - 00:00, zone: UTC}]\n"
GLASS = "break_glass: [U0LEA, S0LEADS]\n"
RULE = "rules: [{name: no-shop, deny: Never}]\n"


def ruled(floor: Floor, text: str = WINDOW + GLASS, **more: Any) -> None:
    floor.configure(POLICY=policy(text), **more)


async def held(floor: Floor) -> Proposal:
    """What a window holds up, proposed for an alert."""
    ruled(floor)
    return (await floor.alerted())[1]


async def broken(floor: Floor, proposal: Proposal, by: str = "lea", why: str = WHY) -> Any:
    return await floor.verbs.break_glass(proposal.id, await floor.person(by), why)


async def opened(floor: Floor) -> Proposal:
    """The proposal that came of a broken glass."""
    answer = await broken(floor, await held(floor))
    assert answer.ok, answer.text
    await floor.run(Stage.PROPOSE)
    return await floor.proposal()


async def test_what_a_window_holds_up_can_be_broken_for_and_says_so_where_it_is_refused(floor: Floor) -> None:
    proposal = await held(floor)
    assert (proposal.state, proposal.text.breakable) == (ProposalState.RECORDED, True)
    assert proposal.text.refusal.endswith(
        "It can be overridden by those of break_glass: Break glass, on the card, or /incident break-glass."
    )


async def test_without_anybody_who_may_there_is_no_button_and_the_refusal_says_so(floor: Floor) -> None:
    ruled(floor, WINDOW)
    _, proposal = await floor.alerted()
    assert not proposal.text.breakable
    assert proposal.text.refusal.endswith("Nobody may break the glass (POLICY names nobody in break_glass).")
    answer = await broken(floor, proposal)
    assert answer.text == "Nobody may break the glass: POLICY names nobody in break_glass."


async def test_it_makes_a_proposal_of_that_person_s_that_needs_another_one_s_approval(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0LEA", "U0ANA"))
    proposal = await opened(floor)
    lea = await floor.person("lea")
    assert (proposal.state, proposal.requested_by) == (ProposalState.PENDING, lea.id)
    assert any(one.startswith("Glass broken: The freeze window night") for one in proposal.text.warnings)
    assert not (await floor.approve(proposal, by="lea")).ok, "no second pair of eyes less"
    assert (await floor.approve(proposal, by="ana")).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED
    assert len(floor.patches()) == 1


async def test_the_channel_and_the_thread_are_told_who_what_and_why(floor: Floor) -> None:
    proposal = await opened(floor)
    ((key, params),) = await floor.messages("glass:")
    assert key.startswith(f"thread:{proposal.incident_id}:glass:")
    assert '"broadcast":true' in params
    assert '"mentions":["U0LEA"]' in params
    assert "broke the glass for: Restart Deployment shop/api. Reason: “nobody can pay”." in params
    assert "It overrides: The freeze window night (daily 00:00 - 00:00, UTC) is on without an end: " in params
    assert "/incident break-glass" not in params, "what is done need not be explained"


async def test_it_stands_in_the_audit_from_the_breaking_to_the_intent(floor: Floor) -> None:
    proposal = await opened(floor)
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    lea = (await floor.person("lea")).id
    entry = (await floor.entries("proposal:glass:broken"))[-1]
    assert entry.detail is not None
    assert (entry.actor, entry.outcome) == (lea, "broken")
    assert (entry.detail["reason"], entry.detail["rules"]) == (WHY, ["window"])
    for tag in ("proposal:approval:granted", "execution:intent:committed"):
        detail = (await floor.entries(tag))[-1].detail
        assert detail is not None
        assert detail["glass"] == lea


async def test_a_member_of_a_group_of_break_glass_may(floor: Floor) -> None:
    await floor.store.transact(people.set_group, "S0LEADS", ("U0MAX",), floor.now())
    assert (await broken(floor, await held(floor), by="max")).ok


async def test_who_is_not_named_may_not_and_is_told_whom_to_ask(floor: Floor) -> None:
    await floor.store.transact(people.name_groups, {"S0LEADS": "leads"})
    await floor.store.transact(people.set_group, "S0LEADS", ("U0MAX",), floor.now())
    for name in ("max", "lea"):
        await floor.person(name)
    proposal = await held(floor)
    answer = await broken(floor, proposal, by="ana")
    assert answer.text == "@ana, only @lea and @leads may break the glass (break_glass of POLICY). Ask @lea or @max."
    assert await floor.last_rules("proposal:glass:refused") == ["approver"]
    assert (await floor.proposal_now(proposal)).state is ProposalState.RECORDED
    assert not await floor.messages("glass:")


@pytest.mark.parametrize("kind", ["restricted", "stranger", "bot", "deleted"])
async def test_nobody_but_living_members_may(floor: Floor, kind: str) -> None:
    proposal = await held(floor)
    answer = await floor.verbs.break_glass(proposal.id, await floor.person("lea", **{kind: True}), WHY)
    assert not answer.ok
    assert await floor.last_rules("proposal:glass:refused") == ["identity"]


async def test_a_group_that_was_read_too_long_ago_denies_and_is_read_again_while_something_is_held_up(
    floor: Floor,
) -> None:
    async def members(_: str) -> tuple[str, ...]:
        return ("U0MAX",)

    await floor.store.transact(people.set_group, "S0LEADS", ("U0MAX",), floor.now())
    proposal = await held(floor)
    floor.advance(181)
    answer = await broken(floor, proposal, by="max")
    assert "I can't tell whether you may break the glass" in answer.text
    await Jobs(floor.ctx, members).refresh_groups()
    assert (await broken(floor, proposal, by="max")).ok


@pytest.mark.parametrize("why", ["", "   "])
async def test_it_needs_a_reason(floor: Floor, why: str) -> None:
    proposal = await held(floor)
    assert (await broken(floor, proposal, why=why)).text.startswith("Write why")
    assert not await floor.messages("glass:")


async def test_one_breaking_is_good_for_one_proposal(floor: Floor) -> None:
    before = await held(floor)
    assert (await broken(floor, before)).ok
    again = await broken(floor, before)
    assert "isn't held up any more" in again.text
    await floor.run(Stage.PROPOSE)
    proposal = await floor.proposal()
    floor.advance(16 * 60)
    await floor.run(Stage.EXPIRE)
    assert (await floor.verbs.request_again(proposal.id, await floor.person("ana"))).ok
    await floor.run(Stage.PROPOSE)
    newest = await floor.proposal()
    assert newest.id != proposal.id
    assert newest.state is ProposalState.RECORDED, "it is held up again"
    assert "The freeze window night" in newest.text.refusal


async def test_of_two_who_break_it_at_once_one_does(floor: Floor) -> None:
    ruled(floor)
    times = 20 if EVERY else 5
    for _ in range(times):
        _, proposal = await floor.restart_asked()
        answers = await asyncio.gather(*(broken(floor, proposal, by=by) for by in ("lea", "lea", "lea")))
        assert sorted(answer.ok for answer in answers) == [False, False, True]
        await floor.run(Stage.PROPOSE)
        floor.advance(16 * 60)
        await floor.run(Stage.EXPIRE)
    assert len(await floor.messages("glass:")) == times


async def test_it_is_good_for_as_long_as_an_approval_and_no_longer(floor: Floor) -> None:
    """What keeps the proposal back for hours must not let it through the window then."""
    assert (await broken(floor, await held(floor))).ok
    floor.server.deny("patch", "deployments", "shop")
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.RECORDED
    floor.server.allow("patch", "deployments", "shop")
    floor.advance(16 * 60)
    await floor.run(Stage.PROPOSE)
    assert "The freeze window night" in (await floor.proposal()).text.refusal


NEVER = {
    "kill switch": lambda f: f.freeze(),
    "action": lambda f: f.configure(ALLOWED_ACTIONS=()),
    "namespace": lambda f: f.configure(ALLOWED_NAMESPACES=("pay",)),
    "own namespace": lambda f: f.configure(OWN_NAMESPACE="shop"),
    "rule": lambda f: ruled(f, WINDOW + GLASS + RULE),
    "annotation": lambda f: f.annotate("deny", "restart"),
    "paused": lambda f: f.change(lambda manifest: manifest["spec"].update(paused=True)),
}


@pytest.mark.parametrize("what", NEVER)
async def test_what_never_gives_way(floor: Floor, what: str) -> None:
    """Neither when the glass is broken, nor for the proposal that came of it."""
    proposal = await held(floor)
    if (waited := NEVER[what](floor)) is not None:
        await waited
    answer = await broken(floor, proposal)
    assert answer.text.startswith("Breaking the glass doesn't override this: "), answer.text
    assert not await floor.messages("glass:")


@pytest.mark.parametrize("what", NEVER)
async def test_what_never_gives_way_at_the_press_and_at_the_claim(floor: Floor, what: str) -> None:
    first = await opened(floor)
    assert (await floor.approve(first)).ok
    if (waited := NEVER[what](floor)) is not None:
        await waited
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not floor.patches()


async def test_what_changed_since_the_card_is_as_stale_as_ever(floor: Floor) -> None:
    proposal = await opened(floor)
    floor.change(lambda manifest: manifest["spec"].update(replicas=5))
    assert not (await floor.approve(proposal)).ok
    assert (await floor.proposal_now(proposal)).state is ProposalState.SUPERSEDED


async def test_the_breaker_stands(floor: Floor) -> None:
    """Two that didn't help are no rate: somebody has to look, and says so with the kill switch."""
    ruled(floor, GLASS, BREAKER=1)
    await floor.approved()
    floor.cluster.break_next("shop", "api", "oom")
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.FAIL
    floor.cluster.heal("shop", "api")
    floor.advance(30)
    _, proposal = await floor.restart_asked()
    assert (proposal.state, proposal.text.breakable) == (ProposalState.RECORDED, False)
    assert "Breaking the glass doesn't override this: " in (await broken(floor, proposal)).text


async def test_a_target_s_rest_gives_way(floor: Floor) -> None:
    ruled(floor, GLASS, COOLDOWN=timedelta(minutes=10))
    await floor.executed()
    await floor.verdict()
    floor.advance(60)
    _, proposal = await floor.restart_asked()
    assert (proposal.state, proposal.text.breakable) == (ProposalState.RECORDED, True)
    assert (await broken(floor, proposal)).ok
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert (await floor.approve(fresh)).ok
    await floor.run(Stage.EXECUTE)
    assert len(floor.patches()) == 2


async def test_only_what_was_against_it_then_gives_way(floor: Floor) -> None:
    """The channel was told of a window; an hour's limit that is reached since is another matter."""
    proposal = await opened(floor)
    ruled(floor, WINDOW + GLASS, COOLDOWN=timedelta(minutes=10), HOURLY=1)
    floor.cluster.deployment("shop", "web", replicas=1, image="registry.example/shop/web:1")
    floor.advance(600)
    floor.configure(POLICY=policy(GLASS))
    _, other = await floor.restart_asked(what="shop/web")
    assert (await floor.approve(other)).ok
    await floor.run(Stage.EXECUTE)
    ruled(floor)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert await floor.last_rules("proposal:approval:refused") == ["rate"]


async def test_a_press_that_a_window_refuses_can_be_broken_for_as_well(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    ruled(floor)
    answer = await floor.approve(proposal)
    assert (answer.ok, answer.held) == (False, proposal.id)
    assert (await broken(floor, proposal)).ok
    assert (await floor.proposal_now(proposal)).state is ProposalState.SUPERSEDED
    await floor.run(Stage.PROPOSE)
    assert (await floor.approve(await floor.proposal())).ok


async def test_a_press_that_more_than_a_window_refuses_offers_nothing(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    ruled(floor, WINDOW + GLASS + RULE)
    assert (await floor.approve(proposal)).held == 0


async def test_who_may_break_the_glass_no_more_broke_it_for_nothing(floor: Floor) -> None:
    proposal = await opened(floor)
    assert (await floor.approve(proposal)).ok
    ruled(floor, WINDOW + "break_glass: [U0MAX]")
    await floor.run(Stage.EXECUTE)
    assert "The freeze window night" in (await floor.execution()).outcome
    assert not floor.patches()


async def test_where_nothing_is_held_up_the_glass_stays_whole(floor: Floor) -> None:
    proposal = await held(floor)
    ruled(floor, GLASS)
    answer = await broken(floor, proposal)
    assert answer.text == "Nothing holds this up now: no glass has to be broken. Nothing was done."
    assert not await floor.messages("glass:")


async def test_an_older_proposal_is_no_longer_what_is_held_up(floor: Floor) -> None:
    first = await held(floor)
    await floor.restart_asked()
    assert not (await broken(floor, first)).ok
