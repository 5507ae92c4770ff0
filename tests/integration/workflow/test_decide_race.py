"""Two people, one button: one wins, the other is told, and the cluster sees one write."""

import asyncio

from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState

from .floor import Floor


async def test_of_two_approvals_at_once_one_wins_and_the_loser_is_told_by_whom(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    ana, li = await floor.person("ana"), await floor.person("li")
    answers = await asyncio.gather(floor.verbs.approve(proposal.id, ana), floor.verbs.approve(proposal.id, li))
    assert sorted(answer.ok for answer in answers) == [False, True]
    loser = next(answer for answer in answers if not answer.ok)
    winner = (await floor.entries("proposal:approval:granted"))[0]
    assert loser.text in {f"Already approved by @{winner.actor_name} {s} s ago." for s in (0, 1, 2)}


async def test_both_presses_of_a_race_are_in_the_audit_and_one_write_reaches_the_cluster(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    people = [await floor.person(name) for name in ("ana", "li", "sam")]
    await asyncio.gather(*(floor.verbs.approve(proposal.id, person) for person in people))
    await asyncio.gather(floor.run(Stage.EXECUTE), floor.run(Stage.EXECUTE))
    assert len(await floor.entries("proposal:approval:granted")) == 1
    refused = await floor.entries("proposal:approval:refused")
    assert len(refused) == 2
    assert {entry.actor for entry in refused} | {(await floor.entries("proposal:approval:granted"))[0].actor} == {
        person.id for person in people
    }
    assert await floor.count("executions") == 1
    assert len(floor.patches()) == 1


async def test_approval_and_rejection_at_once_leave_one_decision(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    ana, li = await floor.person("ana"), await floor.person("li")
    yes, no = await asyncio.gather(
        floor.verbs.approve(proposal.id, ana), floor.verbs.deny(proposal.id, li, "deploy in an hour")
    )
    assert yes.ok is not no.ok
    state = (await floor.proposal_now(proposal)).state
    assert state is (ProposalState.APPROVED if yes.ok else ProposalState.DENIED)
    assert await floor.count("executions") == (1 if yes.ok else 0)


async def test_a_second_press_later_says_how_long_ago(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    assert (await floor.approve(proposal)).ok
    floor.advance(180)
    answer = await floor.approve(proposal, by="li")
    assert answer.text == "Already approved by @ana 3 min ago."


async def test_a_press_on_what_was_rejected_says_by_whom(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    await floor.verbs.deny(proposal.id, await floor.person("li"), "no")
    answer = await floor.approve(proposal)
    assert answer.text.startswith("Already rejected by @li ")
    again = await floor.verbs.deny(proposal.id, await floor.person("ana"), "no")
    assert again.text.startswith("Already rejected by @li ")


async def test_a_press_on_what_was_withdrawn_says_why(floor: Floor) -> None:
    answer, proposal = await floor.restart_asked()
    assert (await floor.verbs.resolve(answer.incident_id, await floor.person("bo"), "")).ok
    late = await floor.approve(proposal)
    assert late.text == ("This proposal was withdrawn: the incident was resolved. The card shows what stands now.")


async def test_a_press_on_what_was_only_shown_says_so(floor: Floor) -> None:
    floor.configure(MODE="observe")
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED
    answer = await floor.approve(proposal)
    assert answer.text == "This was only shown; policy does not allow it. The card says why."


async def test_whoever_was_erased_is_named_as_somebody(floor: Floor) -> None:
    from bot.storage import people  # noqa: PLC0415

    _, proposal = await floor.restart_asked()
    assert (await floor.approve(proposal)).ok
    await floor.store.transact(people.erase, "U0ANA")
    answer = await floor.approve(proposal, by="li")
    assert answer.text.startswith("Already approved by somebody ")


async def test_two_of_two_approvals_are_needed_where_the_quorum_is_two(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    await floor.store.transact(lambda tx: tx.execute("UPDATE proposals SET quorum = 2") and None)
    assert (await floor.approve(proposal)).text == "Your approval counts: 1 of 2."
    assert await floor.count("executions") == 0
    assert (await floor.approve(proposal, by="li")).ok
    assert await floor.count("executions") == 1


async def test_one_person_counts_once(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    await floor.store.transact(lambda tx: tx.execute("UPDATE proposals SET quorum = 2") and None)
    await floor.approve(proposal)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert len(await floor.entries("proposal:approval:granted")) == 1
    assert len(await floor.entries("proposal:approval:refused")) == 1
    assert await floor.count("executions") == 0
