"""A proposal waits as long as APPROVAL_TTL says, and can be asked for again."""

from datetime import timedelta

import pytest

from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, ProposalState
from bot.storage import due
from bot.workflow import decide

from .floor import Floor

TTL = 15 * 60


async def test_a_press_after_the_time_expires_it_and_offers_it_again(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.advance(TTL)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert answer.proposal_id == proposal.id, "the answer can carry Request again"
    assert (await floor.proposal_now(proposal)).state is ProposalState.EXPIRED
    assert await floor.last_rules("proposal:approval:refused") == ["expired"]
    assert len(await floor.entries("proposal:state:expired")) == 1
    assert await floor.count("executions") == 0


async def test_the_job_expires_it_at_its_time_and_not_before(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.advance(TTL - 5)
    assert await floor.run(Stage.EXPIRE) == 0
    floor.advance(6)
    assert await floor.run(Stage.EXPIRE) == 1
    assert (await floor.proposal_now(proposal)).state is ProposalState.EXPIRED
    assert await floor.run(Stage.EXPIRE) == 0
    late = await floor.approve(proposal)
    assert late.text == "This proposal has expired. Press Request again on the card for a fresh one."
    assert late.proposal_id == proposal.id


async def test_a_row_that_is_due_too_early_waits(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    await floor.store.transact(due.owe, Stage.EXPIRE, proposal.id, floor.now())
    assert await floor.run(Stage.EXPIRE) == 1
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING
    assert "expire" in await floor.owed()


async def test_expiring_what_was_decided_changes_nothing(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    later = floor.now() + timedelta(hours=1)
    (work,) = await floor.store.transact(due.claim, later, Stage.EXPIRE, timedelta(seconds=60), 5)
    assert (await floor.approve(proposal)).ok
    await decide.expire(floor.ctx, work)
    assert (await floor.proposal_now(proposal)).state is ProposalState.APPROVED
    assert not await floor.entries("proposal:state:expired")


async def test_request_again_keeps_the_requester_and_says_who_pressed(floor: Floor) -> None:
    """Else an approver could launder a request of their own."""
    _, proposal = await floor.restart_asked(by="ana")
    floor.advance(TTL)
    await floor.run(Stage.EXPIRE)
    answer = await floor.verbs.request_again(proposal.id, await floor.person("li"))
    assert answer.ok
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert fresh.state is ProposalState.PENDING
    assert fresh.requested_by == (await floor.person("ana")).id
    assert (await floor.entries("proposal:state:requested"))[-1].actor_name == "li"
    assert not (await floor.approve(fresh, by="ana")).ok
    assert (await floor.approve(fresh, by="li")).ok


async def test_an_alerts_proposal_asked_for_again_stays_the_alerts(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    await floor.verbs.deny(proposal.id, await floor.person("ana"), "not yet")
    assert (await floor.verbs.request_again(proposal.id, await floor.person("ana"))).ok
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert (fresh.id > proposal.id, fresh.requested_by) == (True, SYSTEM)


async def test_what_still_waits_can_not_be_asked_for_again(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    answer = await floor.verbs.request_again(proposal.id, await floor.person("li"))
    assert answer.text == "There is a current proposal on the card."
    assert (await floor.entries("proposal:approval:refused"))[-1].outcome == "refused"


async def test_an_old_message_can_not_bring_a_second_proposal(floor: Floor) -> None:
    _, old = await floor.restart_asked()
    floor.advance(TTL)
    await floor.run(Stage.EXPIRE)
    await floor.restart_asked()
    answer = await floor.verbs.request_again(old.id, await floor.person("li"))
    assert answer.text == "There is a current proposal on the card."


async def test_nothing_is_asked_for_again_while_it_is_carried_out(floor: Floor) -> None:
    _, old = await floor.restart_asked()
    floor.advance(TTL)
    await floor.run(Stage.EXPIRE)
    _, new = await floor.restart_asked()
    assert (await floor.approve(new)).ok
    answer = await floor.verbs.request_again(old.id, await floor.person("li"))
    assert not answer.ok
    assert "in flight" in answer.text


async def test_for_a_resolved_incident_nothing_is_asked_for_again(floor: Floor) -> None:
    asked, proposal = await floor.restart_asked()
    await floor.verbs.resolve(asked.incident_id, await floor.person("bo"), "")
    answer = await floor.verbs.request_again(proposal.id, await floor.person("li"))
    assert answer.text == f"INC-{asked.incident_id} is resolved; nothing is proposed for it."
    assert (await floor.entries("proposal:approval:refused"))[-1].actor_name == "li"


async def test_a_request_beside_a_proposal_past_its_time_brings_one_that_can_be_pressed(floor: Floor) -> None:
    """The expiry's tick may be late; what can't be approved any more isn't a current proposal."""
    _, proposal = await floor.restart_asked()
    floor.advance(TTL + 1)
    _, fresh = await floor.restart_asked()
    assert fresh.id != proposal.id
    assert (await floor.approve(fresh)).ok


@pytest.mark.parametrize("seconds", [0, 60])
async def test_self_approval_is_judged_by_the_settings_at_the_press(floor: Floor, seconds: int) -> None:
    floor.configure(SELF_APPROVE=(Action.RESTART,))
    _, proposal = await floor.restart_asked(by="ana")
    floor.advance(seconds)
    floor.configure(SELF_APPROVE=())
    assert not (await floor.approve(proposal, by="ana")).ok
