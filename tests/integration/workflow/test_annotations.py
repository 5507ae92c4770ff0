"""What a team writes on its workload or namespace narrows what Fettle does: when proposed, approved and executed."""

from pathlib import Path

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.playbooks.shelf import Shelf
from bot.storage import due

from .floor import Floor

WHERE = {False: "Deployment shop/api", True: "namespace shop"}
BOTH = pytest.mark.parametrize("space", [False, True], ids=["workload", "namespace"])


@BOTH
async def test_a_denied_verb_is_recorded_with_the_annotation_and_has_no_button(floor: Floor, space: bool) -> None:
    floor.annotate("deny", "rollback,restart", namespace=space)
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal == f"The annotation fettle/deny of {WHERE[space]} takes restart away from me."
    assert await floor.last_rules("proposal:state:recorded") == ["annotation"]


async def test_another_verb_that_is_denied_takes_nothing_away(floor: Floor) -> None:
    floor.annotate("deny", "rollback,scale")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.PENDING
    assert (await floor.approve(proposal)).ok


@BOTH
async def test_what_is_denied_after_the_card_is_refused_at_the_press(floor: Floor, space: bool) -> None:
    _, proposal = await floor.alerted()
    floor.annotate("deny", "restart", namespace=space)
    answer = await floor.approve(proposal)
    assert answer.text == f"The annotation fettle/deny of {WHERE[space]} takes restart away from me."
    assert await floor.last_rules("proposal:approval:refused") == ["annotation"]
    floor.annotate("deny", None, namespace=space)
    assert (await floor.approve(proposal)).ok, "it is read anew each time"


@BOTH
async def test_what_is_denied_after_the_press_is_not_executed(floor: Floor, space: bool) -> None:
    await floor.approved()
    floor.annotate("deny", "all", namespace=space)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert f"The annotation fettle/deny of {WHERE[space]} takes restart away from me." in execution.outcome
    assert await floor.last_rules("execution:claim:refused") == ["annotation"]
    assert not floor.patches()


async def test_a_person_who_asks_is_told_of_it_like_an_alert(floor: Floor) -> None:
    floor.annotate("deny", "restart")
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED


async def test_an_annotation_that_can_not_be_understood_denies_until_it_is_corrected(floor: Floor) -> None:
    floor.annotate("deny", "restrat")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert "says “restrat”: did you mean restart?" in proposal.text.refusal
    floor.annotate("deny", "scale")
    assert (await floor.verbs.request_again(proposal.id, await floor.person("ana"))).ok
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_a_namespace_that_may_not_be_read_denies_and_names_the_right(floor: Floor) -> None:
    floor.server.deny("get", "namespaces", "shop")
    await floor.ctx.cluster.uid()
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert "namespaces" in proposal.text.refusal
    assert "unreadable" in await floor.last_rules("proposal:state:recorded")


async def test_only_those_whom_every_list_names_may_approve(floor: Floor) -> None:
    floor.annotate("approvers", "U0LI,U0SAM,U0KIM")
    _, proposal = await floor.alerted()
    assert proposal.approvers == ("U0LI", "U0SAM"), "Sam is one of the group, Kim is nobody's"
    assert "fettle/approvers of Deployment shop/api narrows who may approve" in proposal.text.warnings
    for name in ("ana", "kim"):
        assert not (await floor.approve(proposal, by=name)).ok
    assert (await floor.approve(proposal, by="sam")).ok


async def test_approvers_are_taken_away_up_to_the_press(floor: Floor) -> None:
    _, proposal = await floor.alerted()
    floor.annotate("approvers", "U0LI")
    answer = await floor.approve(proposal, by="ana")
    assert answer.text.startswith(
        "@ana, only those whom the annotation fettle/approvers of Deployment shop/api names may approve a restart in "
        "shop."
    )
    assert (await floor.approve(proposal, by="li")).ok


async def test_an_approval_of_somebody_who_was_taken_away_is_not_executed(floor: Floor) -> None:
    await floor.approved()
    floor.annotate("approvers", "U0LI")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).told.startswith("not applied: Who approved this may not approve")
    assert not floor.patches()


async def test_where_nobody_is_left_the_card_says_so_and_nobody_may(floor: Floor) -> None:
    floor.annotate("approvers", "U0LI")
    floor.annotate("approvers", "U0ANA", namespace=True)
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal == (
        "Nobody may approve this, because nobody is named by APPROVERS and by the annotation fettle/approvers of "
        "Deployment shop/api and by the annotation fettle/approvers of namespace shop alike."
    )


async def test_an_annotation_gives_no_right_to_whom_the_settings_do_not_name(floor: Floor) -> None:
    floor.annotate("approvers", "U0KIM")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    floor.configure(APPROVERS=())
    _, proposal = await floor.restart_asked()
    assert not (await floor.approve(proposal, by="kim")).ok


def _playbook(floor: Floor, folder: Path) -> None:
    text = (
        "name: mine\ntitle: mine\nmatch: {alerts: [Other]}\nevidence: [pods]\nrouting: {channels: [C0OTHER, C0SHOP]}\n"
    )
    (folder / "mine.yaml").write_text(text)
    floor.switch(playbooks=Shelf(folder))


async def test_a_channel_that_some_playbook_names_gets_the_line_that_leads_to_the_card(
    floor: Floor, tmp_path: Path
) -> None:
    (tmp_path / "books").mkdir()
    _playbook(floor, tmp_path / "books")
    floor.annotate("channel", "C0SHOP", namespace=True)
    incident = await floor.alert()
    for _ in range(2):
        await floor.prepare()
        await floor.store.transact(due.owe, Stage.INVESTIGATE, incident.id, floor.now())
    assert [key for key, _ in await floor.messages("pointer:")] == [f"pointer:{incident.id}:C0SHOP"]
    assert (await floor.incident(incident.id)).channel == "C0ONCALL", "the card stays where it is"
    (entry,) = await floor.entries("incident:routing:annotated")
    assert (entry.outcome, entry.detail) == ("told", {"channel": "C0SHOP", "of": "namespace shop"})


@pytest.mark.parametrize("value", ["C0SHOP", "#shop"], ids=["named by nobody", "no id"])
async def test_any_other_channel_is_told_in_the_thread_and_ignored(floor: Floor, value: str) -> None:
    floor.annotate("channel", value)
    await floor.alert()
    await floor.prepare()
    assert await floor.messages("pointer:") == []
    said = [str(params) for key, params in await floor.messages("thread:") if key.endswith(":channel")]
    assert len(said) == 1
    assert "The annotation fettle/channel of Deployment shop/api" in said[0]
    assert "it is ignored." in said[0]
    assert [one.outcome for one in await floor.entries("incident:routing:annotated")] == ["ignored"]
