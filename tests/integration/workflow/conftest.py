"""The stages against a real store and a real API server over its socket; the clock is a value that a test moves."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditEntry
from bot.domain.execution import Execution
from bot.domain.incident import Incident
from bot.domain.owed import DueWork, Stage
from bot.domain.person import SlackPerson
from bot.domain.proposal import Proposal
from bot.domain.verification import Verification
from bot.jobs import STAGES
from bot.kube.client import Cluster
from bot.sandbox.kubernetes.server import ClusterServer
from bot.settings import Settings, load
from bot.storage import audit, due, executions, incidents, people, proposals, verifications
from bot.storage.db import Store, Tx
from bot.workflow import targets
from bot.workflow.context import Context
from bot.workflow.verbs import Workflow

LEASE = timedelta(seconds=60)


class Floor:
    """One bot's workflow without its edges: what a person asks goes in by verbs, what is owed is run on demand."""

    def __init__(self, ctx: Context, server: ClusterServer) -> None:
        self.ctx = ctx
        self.server = server
        self.cluster = server.cluster
        self.verbs = Workflow(ctx)
        self._offset = timedelta()

    @property
    def store(self) -> Store:
        return self.ctx.store

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Time passes for the bot and for the cluster alike."""
        self._offset += timedelta(seconds=seconds)
        self.cluster.advance(seconds)

    def configure(self, **changes: Any) -> None:
        """Another setting from now on."""
        settings = self.ctx.settings.model_copy(update=changes)
        self.ctx = replace(self.ctx, settings=settings)
        self.verbs = Workflow(self.ctx)

    async def person(self, name: str, **facts: bool) -> Principal:
        return await self.verbs.principal(SlackPerson(f"U0{name.upper()}", name, **facts))

    async def due(self, stage: Stage) -> list[DueWork]:
        return await self.store.transact(due.claim, self.now(), stage, LEASE, 50)

    async def run(self, stage: Stage) -> int:
        """Runs what is due of one stage; the number of rows."""
        works = await self.due(stage)
        for work in works:
            await STAGES[stage](self.ctx, work)
        return len(works)

    async def prepare(self) -> None:
        """Investigates and proposes whatever is owed."""
        await self.run(Stage.INVESTIGATE)
        await self.run(Stage.PROPOSE)

    async def verdict(self, step: float = 1.0, looks: int = 120) -> Verification:
        """Measures until there is a verdict, letting time pass between looks."""
        for _ in range(looks):
            self.advance(step)
            await self.cluster.settle(timeout=2)
            await self.run(Stage.VERIFY)
            newest = await self.newest(verifications)
            if newest is not None and newest.verdict != "measuring":
                return newest
        raise AssertionError("no verdict came")

    async def newest(self, room: Any) -> Any:
        """The newest row of proposals, executions or verifications."""
        table = {proposals: "proposals", executions: "executions", verifications: "verifications"}[room]

        def last(tx: Tx) -> Any:
            row = tx.execute(f"SELECT max(id) FROM {table}").fetchone()
            return room.get(tx, row[0]) if row[0] else None

        return await self.store.read(last)

    async def incident(self, incident_id: int) -> Incident:
        return await self.store.read(incidents.get, incident_id)

    async def proposal(self) -> Proposal:
        found: Proposal = await self.newest(proposals)
        return found

    async def execution(self) -> Execution:
        found: Execution = await self.newest(executions)
        return found

    async def entries(self, prefix: str = "") -> list[AuditEntry]:
        return await self.store.read(audit.entries, tag_prefix=prefix or None)

    async def tags(self) -> list[str]:
        return [entry.tag for entry in await self.entries()]

    def patches(self) -> list[Any]:
        """The writes that reached the cluster, dry runs left out."""
        return [
            one for one in self.server.requests if one.method == "PATCH" and "dryRun" not in str(one.query)
        ]

    async def restart_asked(self, by: str = "ana", what: str = "shop/api") -> tuple[Answer, Proposal]:
        """``/restart`` and its proposal."""
        answer = await self.verbs.restart(await self.person(by), what)
        assert answer.ok, answer.text
        await self.prepare()
        return answer, await self.proposal()


BASE: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": "xoxb-test-1",
    "SLACK_APP_TOKEN": "xapp-test-1",
    "SLACK_CHANNEL_ID": "C0ONCALL",
    "ALLOWED_NAMESPACES": "shop",
    "ALLOWED_ACTIONS": "restart",
    "APPROVERS": "U0ANA,U0LI,S0SRE",
    "VERIFY_SOAK": "5s",
    "VERIFY_SOAK_CRASHLOOP": "10s",
    "KUBE_TIMEOUT": "2s",
    "CLUSTER_NAME": "eu-1",
}


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def build(**changes: str) -> Settings:
        environ = {**BASE, "KUBECONFIG": str(tmp_path / "kubeconfig"), "DATA_DIR": str(tmp_path), **changes}
        return load(environ, env_file=tmp_path / "none.env", yaml_file=tmp_path / "none.yaml")

    return build


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    server = ClusterServer(name="fettle-sandbox", ready_after=0.2)
    await server.start()
    server.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    server.cluster.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.1")
    await server.cluster.settle(timeout=10)
    server.cluster.advance(3600)  # the template is older than any failure that a test makes
    yield server
    await server.stop()


@pytest.fixture
async def floor(
    sqlite_store: Store, server: ClusterServer, settings: Callable[..., Settings], tmp_path: Path
) -> AsyncIterator[Floor]:
    (tmp_path / "kubeconfig").write_text(server.kubeconfig("bot"))
    cluster = await Cluster.connect(str(tmp_path / "kubeconfig"), None, 2.0, "fettle/test")
    floor: Floor

    def clock() -> datetime:
        return floor.now()

    floor = Floor(Context(sqlite_store, cluster, settings(), clock, "C0ONCALL"), server)
    floor._offset = timedelta(seconds=3600)
    await sqlite_store.transact(people.set_group, "S0SRE", ("U0ANA", "U0LI"), floor.now())
    yield floor
    await cluster.close()


__all__ = ["Floor", "targets"]
