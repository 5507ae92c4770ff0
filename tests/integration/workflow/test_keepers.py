"""What Git or a chart keeps: no rollback is offered unless settings say so, and what is taken back is a fail."""

from __future__ import annotations

import copy
from typing import Any

from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from tests.integration.workflow.floor import Floor
from tests.integration.workflow.test_rollback import image, proposed

ARGO = {"argocd.argoproj.io/instance": "shop-api"}


def kept(floor: Floor) -> None:
    floor.change(lambda obj: obj["metadata"].setdefault("labels", {}).update(ARGO))


async def test_a_rollback_of_what_git_keeps_is_not_offered_and_the_card_says_where_it_belongs(floor: Floor) -> None:
    kept(floor)
    proposal = await proposed(floor)
    assert proposal.state is ProposalState.RECORDED
    assert "Argo CD (Application shop-api) keeps shop/api" in proposal.text.refusal
    assert "Revert it in Git." in proposal.text.refusal


async def test_one_that_git_takes_back_fails_by_its_name_and_nothing_is_undone(floor: Floor) -> None:
    kept(floor)
    floor.configure(OVERRIDE_OWNERS=("shop",))
    proposal = await proposed(floor)
    assert proposal.state is ProposalState.PENDING
    assert any("may take the change back" in line for line in proposal.text.warnings)
    template = copy.deepcopy(floor.workload()["spec"]["template"])
    assert (await floor.approve(proposal)).ok
    floor.cluster.heal("shop", "api")
    await floor.run(Stage.EXECUTE)
    assert image(floor).endswith(":1.4.1")
    floor.change(lambda obj: obj["spec"].update(template=template))
    found = await floor.verdict()
    assert found.verdict is Verdict.FAIL
    assert any("reverted by Argo CD (Application shop-api)" in check.measured for check in found.checks)
    assert not (await floor.owed()).get("propose"), "what was taken back needs no undo"


async def test_a_restart_warns_and_fails_when_its_mark_is_taken_away(floor: Floor) -> None:
    kept(floor)
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART,))
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.PENDING
    assert any("may take the change back" in line for line in proposal.text.warnings)
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)

    def synced(obj: dict[str, Any]) -> None:
        obj["spec"]["template"]["metadata"].pop("annotations", None)

    floor.change(synced)
    found = await floor.verdict()
    assert found.verdict is Verdict.FAIL
    assert any("reverted by Argo CD" in check.measured for check in found.checks)
