"""A heap profile of a Go program from the command to the file: proposed, approved, asked once, kept, told, verified."""
# ruff: noqa: ASYNC240 - a test looks at a file of its own

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.execution import ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.integrations.artifacts_folder import Folder
from bot.integrations.sources import Sources
from bot.mitigations.pprof import ANNOTATION
from bot.storage import artifacts

from .floor import Floor

PROFILE = (Path(__file__).parents[2] / "captures" / "go" / "heap.pb.gz").read_bytes()


@pytest.fixture
async def asked(floor: Floor, tmp_path: Path) -> AsyncIterator[list[str]]:
    """The addresses that were asked of the pods of shop/api, whose template says where their pprof listens."""
    found: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        found.append(request.path_qs)
        return web.Response(body=PROFILE)

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    floor.change(
        lambda obj: obj["spec"]["template"].setdefault("metadata", {}).update(annotations={ANNOTATION: "6060"})
    )
    floor.advance(600)
    for pod in floor.cluster.pods("shop", "api"):
        floor.server.proxying.listening[(pod["metadata"]["name"], 6060)] = runner.addresses[0][1]
    floor.configure(ALLOWED_ACTIONS=(Action.HEAP_PROFILE,))
    floor.switch(sources=Sources(artifacts=Folder(tmp_path / "dumps", 1 << 30)))
    yield found
    await runner.cleanup()


async def proposed(floor: Floor) -> Proposal:
    answer = await floor.verbs.act(await floor.person("bo"), Action.HEAP_PROFILE, "shop/api", {})
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def test_it_is_asked_once_after_the_approval_and_kept(floor: Floor, asked: list[str]) -> None:
    proposal = await proposed(floor)
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert proposal.text.headline == f"Take a heap profile of pod {proposal.params['pod']} (Deployment shop/api)"
    assert "port 6060, /debug/pprof/heap" in proposal.text.facts
    assert asked == []
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.SUCCEEDED, execution.outcome
    assert asked == ["/debug/pprof/heap"]
    (sent,) = (one for one in floor.server.requests if one.resource == "pods/proxy")
    assert sent.user_agent.endswith(f" {execution.uid}"), "the cluster's audit log joins ours"
    (one,) = await floor.store.read(artifacts.left)
    assert Path(one.kept.link).read_bytes() == PROFILE
    assert one.kind == "heap profile"
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_a_right_that_is_missing_is_named_and_nothing_is_asked(floor: Floor, asked: list[str]) -> None:
    floor.server.deny("get", "pods/proxy", "shop")
    refused = await proposed(floor)
    assert refused.state is ProposalState.RECORDED
    assert "fettle-pprof" in refused.text.refusal
    assert asked == []


async def test_pods_that_say_nothing_of_pprof_are_told(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.HEAP_PROFILE,))
    refused = await proposed(floor)
    assert refused.state is ProposalState.RECORDED
    assert 'put the annotation fettle/pprof: "6060"' in refused.text.refusal
