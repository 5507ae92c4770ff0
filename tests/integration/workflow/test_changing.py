"""Another value for what was proposed: a new proposal, of whoever changed it, with everything that goes with one."""

from __future__ import annotations

from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.storage import audit, due, proposals
from tests.integration.workflow.floor import Floor
from tests.integration.workflow.test_rollback import proposed


async def test_another_revision_is_a_new_proposal_which_somebody_else_has_to_approve(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0ANA", "U0LI"))
    first = await proposed(floor)
    assert first.params["revision"] == "2"
    assert (await floor.verbs.change(first.id, await floor.person("ana"), "1")).ok
    await floor.run(Stage.PROPOSE)
    second = await floor.proposal()
    assert (second.state, second.params["revision"]) == (ProposalState.PENDING, "1")
    assert (await floor.store.read(proposals.get, first.id)).state is ProposalState.SUPERSEDED
    own = await floor.approve(second, by="ana")
    assert not own.ok
    assert "you requested this rollback yourself" in own.text
    late = await floor.approve(first, by="li")
    assert "withdrawn" in late.text
    assert (await floor.approve(second, by="li")).ok
    entries = await floor.store.read(audit.entries, limit=100, newest=True)
    (entry,) = [one for one in entries if one.tag == "proposal:state:changed"]
    assert (entry.detail or {})["before"] == "2"


async def test_a_value_that_can_not_be_one_leaves_what_stands(floor: Floor) -> None:
    first = await proposed(floor)
    for odd in ("41; rm -rf /", "", "x" * 300):
        answer = await floor.verbs.change(first.id, await floor.person("ana"), odd)
        assert not answer.ok
    assert (await floor.store.read(proposals.get, first.id)).state is ProposalState.PENDING
    assert not (await floor.owed()).get("propose")


async def test_a_revision_that_there_is_not_is_said_on_the_card(floor: Floor) -> None:
    first = await proposed(floor)
    assert (await floor.verbs.change(first.id, await floor.person("ana"), "99")).ok
    await floor.run(Stage.PROPOSE)
    found = await floor.proposal()
    assert found.state is ProposalState.RECORDED
    assert "no rev 99" in found.text.refusal


async def test_of_a_restart_nothing_can_be_changed(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART,))
    _, first = await floor.restart_asked()
    answer = await floor.verbs.change(first.id, await floor.person("ana"), "41")
    assert not answer.ok
    assert "Nothing of a restart can be changed" in answer.text
    assert (await floor.store.read(proposals.get, first.id)).state is ProposalState.PENDING


async def test_what_was_approved_is_not_changed_any_more(floor: Floor) -> None:
    first = await proposed(floor)
    assert (await floor.approve(first)).ok
    answer = await floor.verbs.change(first.id, await floor.person("li"), "1")
    assert not answer.ok
    assert "Already approved by @ana" in answer.text


async def test_what_a_person_asked_for_is_not_taken_away_by_the_next_look(floor: Floor) -> None:
    first = await proposed(floor)
    assert (await floor.verbs.act(await floor.person("bo"), Action.ROLLBACK, first.target.ref, {"revision": "1"})).ok
    await floor.run(Stage.PROPOSE)
    asked = await floor.proposal()
    assert (asked.state, asked.params["revision"]) == (ProposalState.PENDING, "1")
    await floor.store.transact(due.owe, Stage.PROPOSE, first.incident_id, floor.now())
    await floor.run(Stage.PROPOSE)
    now = await floor.proposal()
    assert (now.id, now.state) == (asked.id, ProposalState.PENDING)
