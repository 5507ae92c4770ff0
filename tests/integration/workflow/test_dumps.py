"""A dump from the command to the file: proposed, approved, brought once, told, watched, deleted when its time is up."""
# ruff: noqa: ASYNC240 - a test looks at a few files of its own

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.execution import ExecutionState
from bot.domain.incident import IncidentState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.integrations.artifacts_folder import Folder
from bot.integrations.sources import Sources
from bot.mitigations import catalog, heap_dump
from bot.mitigations.verb import Bringing
from bot.storage import artifacts
from bot.workflow import brought
from tests.integration import jvm

from .floor import Floor

pytestmark = [jvm.needs_jdk, pytest.mark.jdk]
BOTH = (Action.RESTART, Action.THREAD_DUMP, Action.HEAP_DUMP)


@pytest.fixture
async def dumping(floor: Floor, program: Path, tmp_path: Path) -> Floor:
    """A JVM in each pod's place that is asked, dumps allowed, and a folder for them."""
    floor.configure(ALLOWED_ACTIONS=BOTH)
    floor.switch(sources=Sources(artifacts=Folder(tmp_path / "dumps", 1 << 30)))
    for pod in floor.cluster.pods("shop", "api"):
        await jvm.started(floor.server, pod, *jvm.argv(program, mib=4))
    return floor


async def asked(floor: Floor, action: Action = Action.HEAP_DUMP, **wanted: str) -> Proposal:
    answer = await floor.verbs.act(await floor.person("bo"), action, "shop/api", wanted)
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def done(floor: Floor, action: Action = Action.HEAP_DUMP) -> Proposal:
    proposal = await asked(floor, action)
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    return proposal


async def kept(floor: Floor) -> list[Any]:
    return await floor.store.read(artifacts.left)


def ran(floor: Floor, word: str) -> list[tuple[str, ...]]:
    return [argv for argv in floor.server.executing.ran if word in " ".join(argv)]


async def test_nothing_runs_before_an_approval_and_what_runs_is_what_was_stored(dumping: Floor) -> None:
    proposal = await asked(dumping)
    pod = proposal.params["pod"]
    assert proposal.text.headline == f"Take a heap dump of pod {pod} (Deployment shop/api)"
    assert "stands still" in proposal.text.consequence
    assert dumping.server.executing.ran == []
    assert (await dumping.approve(proposal)).ok
    await dumping.run(Stage.EXECUTE)
    execution = await dumping.execution()
    assert execution.state is ExecutionState.SUCCEEDED, execution.outcome
    assert execution.request is not None
    stored = execution.request.body["commands"]
    fixed = {word for argv in stored.values() for word in argv if "{" not in word or "\n" in word}
    for argv in dumping.server.executing.ran:
        for word in argv:
            filled = word.isdecimal() or execution.uid in word or word.startswith(("/", "skip="))
            assert word in fixed or filled, word
    (entry,) = await dumping.entries("execution:intent:committed")
    assert entry.detail is not None
    assert entry.detail["request"]["body"]["commands"] == stored
    assert dumping.patches() == []


async def test_the_file_is_kept_told_and_the_container_watched(dumping: Floor) -> None:
    await done(dumping)
    (one,) = await kept(dumping)
    data = Path(one.kept.link).read_bytes()
    assert hashlib.sha256(data).hexdigest() == one.kept.sha256
    assert jvm.MARK in data
    ((_, params),) = await dumping.messages("artifact")
    assert one.kept.link in params
    assert "fettle artifacts get 1" in params
    found = await dumping.verdict()
    assert found.verdict is Verdict.PASS
    assert [(row.name, str(row.state)) for row in found.checks] == [("dump", "good"), ("container", "good")]
    assert (await dumping.incident(one.incident_id)).state is IncidentState.RESOLVED
    assert [entry.tag for entry in await dumping.entries("artifact:")] == ["artifact:file:kept"]


async def test_a_dump_helps_nothing_and_nothing_rests_for_it(dumping: Floor) -> None:
    """Of an incident that still fires it leaves everything to the next step, which needn't wait for an effect."""
    dumping.configure(COOLDOWN=timedelta(minutes=10), TARGET_HOURLY=1)
    incident = await dumping.alert()
    await dumping.prepare()
    await done(dumping, Action.THREAD_DUMP)
    assert (await dumping.verdict()).verdict is Verdict.PASS
    assert (await dumping.incident(incident.id)).state is IncidentState.ACKNOWLEDGED
    _, proposal = await dumping.restart_asked()
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert (await dumping.approve(proposal)).ok
    await dumping.run(Stage.EXECUTE)
    await dumping.verdict()
    after = await asked(dumping, Action.THREAD_DUMP)
    assert after.state is ProposalState.PENDING, after.text.refusal


async def test_a_container_that_the_pause_restarted_fails_the_verdict(dumping: Floor) -> None:
    await done(dumping)
    dumping.cluster.crash_loop("shop", "api", pods=3)
    found = await dumping.verdict()
    assert found.verdict is Verdict.FAIL
    assert "liveness probe" in found.checks[1].measured
    assert not (await dumping.owed()).get("propose")


async def test_a_dump_that_fails_keeps_nothing_and_ends_nothing(dumping: Floor) -> None:
    proposal = await asked(dumping)
    assert (await dumping.approve(proposal)).ok
    dumping.server.executing.cuts = [1 << 60, 1]
    await dumping.run(Stage.EXECUTE)
    execution = await dumping.execution()
    assert execution.state is ExecutionState.FAILED
    assert "No heap dump was kept" in execution.outcome
    assert await kept(dumping) == []
    assert dumping.patches() == []
    assert len(ran(dumping, "GC.heap_dump")) == 1


async def test_a_pod_that_was_replaced_before_the_press_is_not_dumped(dumping: Floor) -> None:
    proposal = await asked(dumping)
    assert (await dumping.approve(proposal)).ok
    dumping.cluster.crash_loop("shop", "api", pods=3)
    dumping.advance(5)
    dumping.cluster.heal("shop", "api")
    dumping.advance(600)
    pods = {pod["metadata"]["name"]: pod for pod in dumping.cluster.pods("shop", "api")}
    assert pods[proposal.params["pod"]]["status"]["containerStatuses"][0]["ready"], "it runs, and is another container"
    await dumping.run(Stage.EXECUTE)
    execution = await dumping.execution()
    assert execution.state is ExecutionState.FAILED
    assert "was restarted" in execution.outcome
    assert dumping.server.executing.ran == []


async def test_what_is_refused_runs_nothing(dumping: Floor) -> None:
    """A frozen bot, a stranger, a right that is missing, an action that isn't allowed: nothing reaches a container."""
    proposal = await asked(dumping)
    await dumping.freeze()
    assert not (await dumping.approve(proposal)).ok
    await dumping.freeze(on=False)
    assert not (await dumping.approve(proposal, by="eve")).ok
    dumping.server.deny("create", "pods/exec", "shop")
    dumping.ctx.cluster.shared.forget()
    refused = await dumping.approve(proposal)
    assert "fettle-exec" in refused.text
    dumping.server.allow("create", "pods/exec", "shop")
    dumping.configure(ALLOWED_ACTIONS=(Action.RESTART,))
    assert not (await dumping.approve(proposal)).ok
    assert dumping.server.executing.ran == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"pod": "api-none"}, "has no pod api-none"),
        ({"pod": "a;b"}, "is no name of a pod"),
        ({"container": "x"}, "no container x"),
    ],
)
async def test_a_pod_or_container_that_is_not_there_is_told(dumping: Floor, wanted: dict[str, str], words: str) -> None:
    answer = await dumping.verbs.act(await dumping.person("bo"), Action.HEAP_DUMP, "shop/api", wanted)
    said = answer.text
    if answer.ok:
        await dumping.prepare()
        said = (await dumping.proposal()).text.refusal
    assert words in said


async def died(floor: Floor, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The process ends while it brings a dump: before anything is kept, or when it is kept and not yet recorded."""
    real = heap_dump.MITIGATION.bringing
    assert real is not None

    async def bring(*args: Any) -> Any:
        if after:
            await real.bring(*args)
        raise asyncio.CancelledError

    mitigation = heap_dump.MITIGATION
    crashing = Bringing(real.kind, real.takes, bring, real.recall)
    monkeypatch.setitem(catalog.CATALOG, Action.HEAP_DUMP, replace(mitigation, bringing=crashing))  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await done(floor)


async def test_a_crash_after_it_was_kept_is_settled_by_what_the_store_holds(
    dumping: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await died(dumping, monkeypatch, after=True)
    assert await kept(dumping) == []
    dumping.advance(60)
    assert await dumping.run(Stage.RECOVER) == 0, "a process that lives may still be at it"
    dumping.advance(16 * 60)
    assert await dumping.run(Stage.RECOVER) == 1
    execution = await dumping.execution()
    assert execution.state is ExecutionState.SUCCEEDED
    assert "found in the store" in execution.outcome
    (one,) = await kept(dumping)
    assert one.execution_id == execution.id
    assert len(ran(dumping, "GC.heap_dump")) == 1


async def test_a_crash_before_it_was_kept_is_unknown_and_nothing_is_repeated(
    dumping: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await died(dumping, monkeypatch, after=False)
    dumping.advance(16 * 60)
    await dumping.run(Stage.RECOVER)
    execution = await dumping.execution()
    assert execution.state is ExecutionState.UNKNOWN
    assert "rm -f" in execution.outcome
    assert dumping.server.executing.ran == []
    assert await kept(dumping) == []


async def test_a_file_is_deleted_when_its_time_is_over_and_nothing_else_is(dumping: Floor) -> None:
    await done(dumping)
    (one,) = await kept(dumping)
    other = Path(one.kept.link).with_name("somebody-elses.hprof")
    other.write_bytes(b"x")
    dumping.advance(6 * 86_400)
    assert await brought.expire(dumping.ctx) == 0
    dumping.advance(86_400)
    assert await brought.expire(dumping.ctx) == 1
    assert not Path(one.kept.link).exists()
    assert other.exists()
    assert await kept(dumping) == []
    assert (await dumping.tags()).count("artifact:file:deleted") == 1
    assert await brought.expire(dumping.ctx) == 0


async def test_a_file_that_cannot_be_deleted_is_told_once_and_tried_again(dumping: Floor, tmp_path: Path) -> None:
    await done(dumping)
    (one,) = await kept(dumping)
    dumping.advance(8 * 86_400)
    here = dumping.ctx.sources
    dumping.switch(sources=Sources(artifacts=Folder(tmp_path / "elsewhere", 1 << 30)))
    for _ in range(3):
        assert await brought.expire(dumping.ctx) == 0
        dumping.advance(7 * 3600)
    assert (await dumping.tags()).count("artifact:file:left") == 1
    assert Path(one.kept.link).exists()
    dumping.switch(sources=here)
    assert await brought.expire(dumping.ctx) == 1
