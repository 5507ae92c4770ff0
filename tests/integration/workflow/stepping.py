"""What tests of several steps under one approval begin with: a JVM's stand-in in each pod, asked, dumped, between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.domain.execution import Execution, ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.rules import Match, Policy, PolicyRule
from bot.domain.verification import Verdict
from bot.integrations.artifacts_folder import Folder
from bot.integrations.sources import Sources
from bot.sandbox.kubernetes import stand_in
from bot.storage import executions

from .floor import Floor

DUMP, EVICT = Action.THREAD_DUMP, Action.EVICT


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


async def forbidden(floor: Floor) -> None:
    floor.server.deny("create", "pods/eviction", "shop")
    floor.ctx.cluster.shared.forget()


async def denied(floor: Floor) -> None:
    rule = PolicyRule("no-evictions", Match(actions=("evict",)), deny="not in this quarter")
    floor.configure(POLICY=Policy(rules=(rule,)))
