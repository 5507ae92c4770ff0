"""One bot's workflow without its edges, for laws about stages: the store, the API server and the clock are real."""
# ruff: noqa: D102 - the methods of the floor do what their names say

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.alert import Alert, AlertGroup, AlertStatus, fingerprint_of, unbound
from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.audit import AuditEntry
from bot.domain.execution import Execution
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.incident import Incident
from bot.domain.owed import DueWork, Stage
from bot.domain.person import SlackPerson
from bot.domain.proposal import Proposal, canonical
from bot.domain.target import Target
from bot.domain.verification import Verification
from bot.jobs import STAGES
from bot.sandbox.kubernetes.server import ClusterServer
from bot.settings import Settings, load
from bot.storage import audit, due, executions, findings, freeze, incidents, proposals, verifications
from bot.storage.db import Lane, Store, Tx
from bot.workflow import intake
from bot.workflow.context import Context
from bot.workflow.verbs import Workflow

LEASE = timedelta(seconds=60)
API = Target("Deployment", "shop", "api")
LABELS: Mapping[str, str] = {
    "alertname": "KubePodCrashLooping",
    "namespace": "shop",
    "deployment": "api",
    "severity": "critical",
}

BASE: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": "xoxb-test-1",
    "SLACK_APP_TOKEN": "xapp-test-1",
    "SLACK_CHANNEL_ID": "C0ONCALL",
    "ALLOWED_NAMESPACES": "shop",
    "ALLOWED_ACTIONS": "restart",
    "APPROVERS": "U0ANA,U0LI,S0SRE",
    "COOLDOWN": "0s",  # what counts is another test's subject
    "TARGET_HOURLY": "1000",
    "HOURLY": "10000",
    "AT_ONCE": "1000",
    "BREAKER": "0",
    "VERIFY_SOAK": "5s",
    "VERIFY_SOAK_CRASHLOOP": "10s",
    "KUBE_TIMEOUT": "2s",
    "EVIDENCE_TIMEOUT": "300s",  # whatever answers is waited for
    "CLUSTER_NAME": "eu-1",
}

STUCK = Finding(
    Cause.CRASH_LOOP,
    "A process is stuck.",
    Confidence.MEDIUM,
    (Cite("logs", "it says nothing any more"),),
    suggestions=(Suggestion("restart", {}, "a process that is stuck starts anew"),),
)
"""What leads to the proposal of a restart where a law is about what comes after it."""

ROOMS: Mapping[str, Any] = {
    "incidents": incidents,
    "proposals": proposals,
    "executions": executions,
    "verifications": verifications,
}


def settings_in(folder: Path, **changes: str) -> Settings:
    """The settings of a careful team, with its data in ``folder``."""
    environ = {**BASE, "KUBECONFIG": str(folder / "kubeconfig"), "DATA_DIR": str(folder), **changes}
    return load(environ, env_file=folder / "none.env", yaml_file=folder / "none.yaml")


class Floor:
    """What a person asks goes in by verbs, what is owed is run on demand, the clock is a value that a test moves."""

    def __init__(self, ctx: Context, server: ClusterServer, offset: float = 3600.0) -> None:
        self.server = server
        self.cluster = server.cluster
        self._offset = timedelta(seconds=offset)
        self.time: Callable[[], datetime] = lambda: datetime.now(UTC) + self._offset
        self._firing: dict[int, tuple[Alert, ...]] = {}
        self.ctx = replace(ctx, clock=self.now)
        self.verbs = Workflow(self.ctx)

    @property
    def store(self) -> Store:
        return self.ctx.store

    def now(self) -> datetime:
        return self.time()

    def advance(self, seconds: float) -> None:
        """Time passes for the bot and for the cluster alike."""
        self._offset += timedelta(seconds=seconds)
        self.cluster.advance(seconds)
        self.ctx.cluster.shared.forget()  # answers that serve for seconds are older than that now

    def configure(self, **changes: Any) -> None:
        """Another setting from now on."""
        self.switch(settings=self.ctx.settings.model_copy(update=changes))

    def switch(self, **changes: Any) -> None:
        """Another context from now on: what a restarted process would have."""
        self.ctx = replace(self.ctx, **changes)
        self.verbs = Workflow(self.ctx)

    # -- people ------------------------------------------------------------------------------------

    async def person(self, name: str, **facts: bool) -> Principal:
        return await self.verbs.principal(SlackPerson(f"U0{name.upper()}", name, **facts))

    async def restart_asked(self, by: str = "bo", what: str = "shop/api") -> tuple[Answer, Proposal]:
        """``/restart`` and its proposal."""
        answer = await self.verbs.restart(await self.person(by), what)
        assert answer.ok, answer.text
        await self.prepare()
        return answer, await self.proposal()

    async def approve(self, proposal: Proposal, by: str = "ana") -> Answer:
        return await self.verbs.approve(proposal.id, await self.person(by))

    async def approved(self) -> Execution:
        """A request of Bo's, approved by Ana and not begun."""
        _, proposal = await self.restart_asked()
        answer = await self.approve(proposal)
        assert answer.ok, answer.text
        return await self.execution()

    async def executed(self) -> Execution:
        """The same, carried out."""
        await self.approved()
        await self.run(Stage.EXECUTE)
        return await self.execution()

    # -- alerts ------------------------------------------------------------------------------------

    async def alert(
        self,
        labels: Mapping[str, str] = LABELS,
        *,
        started: float = 60.0,
        count: int = 1,
        cluster: str = "",
        at: datetime | None = None,
        sender: str = "",
    ) -> Incident:
        """Firing alerts of one group, taken in; they started ``started`` seconds ago or ``at``. Their incident.

        With ``sender`` they came with the token of that name, which doesn't speak for them.
        """
        since = at or self.now() - timedelta(seconds=started)
        named = {**labels, "cluster": cluster} if cluster else dict(labels)
        each = [{**named, "pod": f"api-{i}"} if count > 1 else named for i in range(count)]
        marks = [unbound(sender, fingerprint_of(one)) if sender else fingerprint_of(one) for one in each]
        firing = tuple(Alert(mark, AlertStatus.FIRING, one, {}, since) for mark, one in zip(marks, each, strict=True))
        receipt = await self._receive(firing, named)
        self._firing[receipt.incidents[0]] = firing
        return await self.incident(receipt.incidents[0])

    async def clear(self, incident_id: int) -> bool:
        """All its alerts resolve; True if that closed it."""
        ended = tuple(
            replace(one, status=AlertStatus.RESOLVED, ends_at=self.now()) for one in self._firing[incident_id]
        )
        await self._receive(ended, ended[0].labels)
        return not (await self.incident(incident_id)).open

    async def _receive(self, alerts: tuple[Alert, ...], labels: Mapping[str, str]) -> intake.Receipt:
        group = AlertGroup(f"{{}}:{canonical(dict(labels))}", alerts)
        rules = intake.IntakeRules.of(self.ctx.settings, self.ctx.channel, self.ctx.playbooks)
        return await self.store.transact(intake.receive, group, self.now(), rules, lane=Lane.INTAKE)

    async def alerted(self, *, conclude: bool = True, **options: Any) -> tuple[Incident, Proposal]:
        """An alert and what is proposed for it: a restart, concluded beforehand, or what is truly found."""
        incident = await self.alert(**options)
        await self.prepare(conclude=conclude)
        return await self.incident(incident.id), await self.proposal()

    # -- work --------------------------------------------------------------------------------------

    async def due(self, stage: Stage) -> list[DueWork]:
        return await self.store.transact(due.claim, self.now(), stage, LEASE, 50)

    async def owed(self) -> dict[str, int]:
        """Rows owed by stage, those of the future included."""
        return await self.store.read(due.counts)

    async def run(self, stage: Stage) -> int:
        """Runs what is due of one stage; the number of rows."""
        works = await self.due(stage)
        for work in works:
            await STAGES[stage](self.ctx, work)
        return len(works)

    async def prepare(self, *, conclude: bool = False) -> None:
        """Investigates and proposes whatever is owed; ``conclude`` puts STUCK in the place of what was found."""
        await self.run(Stage.INVESTIGATE)
        if conclude:
            await self.conclude()
        await self.run(Stage.PROPOSE)

    async def conclude(self, *found: Finding) -> None:
        """This is what the looks at all open incidents found."""

        def put(tx: Tx) -> None:
            for incident in incidents.list_open(tx):
                findings.put(tx, incident.id, found or (STUCK,), self.now())

        await self.store.transact(put)

    async def verdict(self, step: float = 1.0, looks: int = 200) -> Verification:
        """Measures until there is a verdict, letting time pass between looks."""
        for _ in range(looks):
            self.advance(step)
            await self.run(Stage.VERIFY)
            newest = await self.verification()
            if newest is not None and newest.verdict != "measuring":
                return newest
        raise AssertionError(f"no verdict came: {await self.verification()}")

    async def freeze(self, on: bool = True, reason: str = "change window") -> int:
        return await self.store.transact(freeze.set_frozen, on, "cli:root", reason, self.now())

    # -- looking -----------------------------------------------------------------------------------

    async def newest(self, table: str) -> Any:
        """The newest row of a table, None if it is empty."""

        def last(tx: Tx) -> Any:
            row = tx.execute(f"SELECT max(id) FROM {table}").fetchone()  # noqa: S608 - a test names the table
            return ROOMS[table].get(tx, row[0]) if row[0] else None

        return await self.store.read(last)

    async def count(self, table: str) -> int:
        def number(tx: Tx) -> int:
            return int(tx.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - the same

        return await self.store.read(number)

    async def incident(self, incident_id: int) -> Incident:
        return await self.store.read(incidents.get, incident_id)

    async def proposal(self) -> Proposal:
        found: Proposal = await self.newest("proposals")
        return found

    async def execution(self) -> Execution:
        found: Execution = await self.newest("executions")
        return found

    async def verification(self) -> Verification:
        found: Verification = await self.newest("verifications")
        return found

    async def proposal_now(self, proposal: Proposal) -> Proposal:
        """The same proposal as it stands now."""
        return await self.store.read(proposals.get, proposal.id)

    async def entries(self, prefix: str = "") -> list[AuditEntry]:
        return await self.store.read(audit.entries, tag_prefix=prefix or None)

    async def tags(self) -> list[str]:
        return [entry.tag for entry in await self.entries()]

    async def last_rules(self, tag: str) -> list[str]:
        """The rules that the newest entry of a tag names."""
        entry = (await self.entries(tag))[-1]
        assert entry.detail is not None
        return list(entry.detail["rules"])

    async def messages(self, like: str = "") -> list[tuple[str, Any]]:
        """(key, params) of messages owed, oldest first."""

        def rows(tx: Tx) -> list[tuple[str, Any]]:
            found = tx.execute("SELECT key, params FROM outbox WHERE key LIKE ? ORDER BY id", (f"%{like}%",))
            return [(row[0], row[1]) for row in found.fetchall()]

        return await self.store.read(rows)

    def patches(self) -> list[Any]:
        """The writes that reached the API server, dry runs left out."""
        return [one for one in self.server.requests if one.method == "PATCH" and "dryRun" not in one.query]

    def workload(self, name: str = "api", kind: str = "Deployment", namespace: str = "shop") -> Any:
        found = self.cluster.get(kind, namespace, name)
        assert found is not None
        return found

    def annotate(self, key: str, value: str | None, *, namespace: bool = False) -> None:
        """A team writes ``fettle/KEY`` on its workload, or on its namespace; None takes it away."""
        where = ("Namespace", "", "shop") if namespace else ("Deployment", "shop", "api")
        self.cluster.annotate(*where, {f"fettle/{key}": value})

    def runs(self, name: str = "api") -> list[str]:
        """The pods of a workload that run, in the order of their names."""
        return sorted(pod["metadata"]["name"] for pod in self.cluster.pods("shop", name))

    def change(self, edit: Callable[[Any], None], name: str = "api", kind: str = "Deployment") -> None:
        """Somebody edits a workload's manifest."""
        manifest = self.workload(name, kind)
        edit(manifest)
        kept = {key: manifest[key] for key in ("apiVersion", "kind", "spec")}
        meta = {key: value for key, value in manifest["metadata"].items() if key in {"name", "namespace", "labels"}}
        owners = manifest["metadata"].get("ownerReferences")
        if owners:
            meta["ownerReferences"] = owners
        self.cluster.apply({**kept, "metadata": meta})
