"""A dump by a debug container from the command to the file: allowed by name alone, shown before, what stays is told."""
# ruff: noqa: ASYNC240 - a test looks at a file of its own

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.integrations.artifacts_folder import Folder
from bot.integrations.sources import Sources
from bot.mitigations import debug_container
from bot.slack.cards import card
from bot.storage import artifacts
from tests.integration import jvm

from .floor import Floor

pytestmark = [jvm.needs_jdk, pytest.mark.jdk]
IMAGE = f"registry.example/tools/jdk@sha256:{'a' * 64}"


@pytest.fixture
async def debugging(floor: Floor, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """A JVM in each pod's place that is asked, as a user that the pods name, and an image for debug containers."""
    monkeypatch.setattr(debug_container, "LOOKS_EVERY", 0.05)
    floor.change(lambda obj: obj["spec"]["template"]["spec"].update(securityContext={"runAsUser": 10001}))
    floor.advance(600)
    floor.configure(ALLOWED_ACTIONS=(Action.DEBUG_THREAD_DUMP,))
    store = Folder(tmp_path / "dumps", 1 << 30)
    floor.switch(sources=Sources(artifacts=store, debug_images={"jvm": IMAGE}))
    for pod in floor.cluster.pods("shop", "api"):
        await jvm.started(floor.server, pod, *jvm.argv(program, mib=4))
    return floor


async def asked(floor: Floor) -> Proposal:
    answer = await floor.verbs.act(await floor.person("bo"), Action.DEBUG_THREAD_DUMP, "shop/api", {})
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


def added(floor: Floor) -> list[Any]:
    return [one for pod in floor.cluster.pods("shop", "api") for one in pod["spec"].get("ephemeralContainers", [])]


async def test_it_is_shown_approved_done_verified_and_told(debugging: Floor) -> None:
    proposal = await asked(debugging)
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    pod = proposal.params["pod"]
    headline = f"Add a debug container to pod {pod} (Deployment shop/api) and take a thread dump"
    assert proposal.text.headline == headline
    assert "irreversible" in proposal.text.consequence
    assert IMAGE in proposal.text.diff
    assert "can't be taken out" in proposal.text.undo
    assert added(debugging) == []
    assert debugging.server.executing.ran == []
    assert (await debugging.approve(proposal)).ok
    await debugging.run(Stage.EXECUTE)
    execution = await debugging.execution()
    assert execution.state is ExecutionState.SUCCEEDED, execution.outcome
    (one,) = await debugging.store.read(artifacts.left)
    assert b"Full thread dump" in Path(one.kept.link).read_bytes()
    (entry,) = await debugging.entries("execution:intent:committed")
    assert entry.detail is not None
    (stored,) = entry.detail["request"]["body"]["debug"]["patch"]["spec"]["ephemeralContainers"]
    (made,) = added(debugging)
    assert {key: made[key] for key in stored} == stored
    assert (await debugging.verdict()).verdict is Verdict.PASS


async def test_nothing_allows_it_but_its_own_name(debugging: Floor) -> None:
    debugging.configure(ALLOWED_ACTIONS=(Action.THREAD_DUMP, Action.HEAP_DUMP, Action.DEBUG_HEAP_DUMP))
    assert (await asked(debugging)).state is ProposalState.RECORDED
    assert await debugging.last_rules("proposal:state:recorded") == [Rule.ACTION]


async def test_an_image_that_cant_be_pulled_is_a_failure_that_says_what_stays(
    debugging: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debugging.cluster.world, "lacks", lambda image: "tools" in image)
    proposal = await asked(debugging)
    assert (await debugging.approve(proposal)).ok
    await debugging.run(Stage.EXECUTE)
    execution = await debugging.execution()
    assert execution.state is ExecutionState.FAILED
    assert execution.outcome.startswith("stopped after adding the debug container fettle-")
    assert "ErrImagePull" in execution.outcome
    view = await debugging.store.read(card_view, execution.incident_id, Look(), debugging.now())
    assert "Only a part of it was done." in str(card(view).blocks)
    assert debugging.server.executing.ran == []
    assert await debugging.run(Stage.EXECUTE) == 0
    assert len(added(debugging)) == 1


async def test_what_is_against_it_adds_nothing(debugging: Floor) -> None:
    proposal = await asked(debugging)
    assert (await debugging.approve(proposal)).ok
    debugging.switch(sources=Sources(artifacts=debugging.ctx.sources.artifacts))
    await debugging.run(Stage.EXECUTE)
    outcome = (await debugging.execution()).outcome
    assert outcome.startswith("DEBUG_IMAGES doesn't name the image any more")
    debugging.server.deny("patch", "pods/ephemeralcontainers", "shop")
    debugging.ctx.cluster.shared.forget()
    debugging.switch(sources=Sources(artifacts=debugging.ctx.sources.artifacts, debug_images={"jvm": IMAGE}))
    refused = await asked(debugging)
    assert refused.state is ProposalState.RECORDED
    assert "fettle-debug" in refused.text.refusal
    assert added(debugging) == []
