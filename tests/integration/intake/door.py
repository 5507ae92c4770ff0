"""The intake behind its own socket, with the store's tables to look at and a clock that a test moves."""
# ruff: noqa: D102 - the methods of the door do what their names say

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from starlette.types import ASGIApp

from alerts import payload, webhook
from bot.domain.audit import AuditEntry
from bot.domain.incident import Incident
from bot.health import Health
from bot.kube.client import Cluster
from bot.servers import Servers
from bot.settings import Settings, load
from bot.storage import audit, incidents
from bot.storage.db import Store, Tx
from bot.workflow.context import Context
from bot.workflow.intake import IntakeRules, Receipt, receive

CHANNEL = "C0ONCALL"
START = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
BASE = {
    "SLACK_BOT_TOKEN": "xoxb-test-1",
    "SLACK_APP_TOKEN": "xapp-test-1",
    "SLACK_CHANNEL_ID": CHANNEL,
    "KUBECONFIG": "kubeconfig",
    "LISTEN_PORT": "0",
    "METRICS_PORT": "0",
}
AWAY = """
apiVersion: v1
kind: Config
current-context: away
contexts: [{name: away, context: {cluster: away, user: away}}]
clusters: [{name: away, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: away, user: {token: sha256~away-secret}}]
"""


def settings_for(**changes: str) -> Settings:
    """Settings as a process reads them, without any file."""
    return load({**BASE, **changes}, env_file=Path("no.env"), yaml_file=Path("no.yaml"))


def at(minutes: float) -> str:
    """A time as senders write it, minutes from the tests' start."""
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def alert(
    name: str = "KubePodCrashLooping", *, start: float | None = 0, end: float | None = None, **labels: str
) -> Any:
    """One alert as Alertmanager sends it; with ``end`` it is resolved."""
    body: dict[str, Any] = {
        "status": "firing" if end is None else "resolved",
        "labels": {"alertname": name, "namespace": "shop", "severity": "critical", **labels},
        "annotations": {"summary": f"{name} in shop"},
        "endsAt": "0001-01-01T00:00:00Z" if end is None else at(end),
    }
    if start is not None:
        body["startsAt"] = at(start)
    return body


def group(*alerts: Any, key: str = '{}:{alertname="KubePodCrashLooping"}', **more: Any) -> dict[str, Any]:
    """An Alertmanager notification."""
    return {"receiver": "fettle", "version": "4", "groupKey": key, "alerts": list(alerts), **more}


@dataclass
class Counter:
    """Rows of the store, as a test looks at them."""

    store: Store

    async def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        def look(tx: Tx) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in tx.execute(sql, params).fetchall()]

        return await self.store.read(look)

    async def incidents(self) -> list[Incident]:
        def look(tx: Tx) -> list[Incident]:
            return sorted(incidents.list_recent(tx, 1000), key=lambda one: one.id)

        return await self.store.read(look)

    async def incident(self) -> Incident:
        found = await self.incidents()
        assert len(found) == 1
        return found[0]

    async def entries(self, tag: str = "") -> list[AuditEntry]:
        return await self.store.read(audit.entries, limit=10_000, tag_prefix=tag)

    async def owed(self) -> set[str]:
        """Keys of the messages that wait."""
        return {row[0] for row in await self.rows("SELECT key FROM outbox WHERE version > sent_version")}

    async def stages(self) -> set[tuple[str, int]]:
        return {(row[0], row[1]) for row in await self.rows("SELECT stage, subject FROM due")}

    async def states(self) -> dict[str, list[str]]:
        """Fingerprint -> the states of its episodes, oldest first."""
        found: dict[str, list[str]] = {}
        for fingerprint, status in await self.rows("SELECT fingerprint, status FROM alerts ORDER BY starts_at"):
            found.setdefault(fingerprint, []).append(status)
        return found


@dataclass
class Desk(Counter):
    """Intake without HTTP: bodies in, receipts out, at a time that the test says."""

    rules: IntakeRules = field(default_factory=lambda: IntakeRules(CHANNEL, "eu-1"))
    now: datetime = START

    async def take(self, body: Any, minutes: float | None = None) -> Receipt:
        if minutes is not None:
            self.now = START + timedelta(minutes=minutes)
        return await self.store.transact(receive, payload.parse(json.dumps(body).encode()), self.now, self.rules)

    async def sent(self) -> None:
        await sent_all(self.store)

    async def worked(self) -> None:
        """Whatever stage was owed has run."""
        await self.store.transact(lambda tx: tx.execute("DELETE FROM due"))


@dataclass
class Door(Counter):
    """The two listeners, in front of a store."""

    settings: Settings
    health: Health
    servers: Servers
    http: aiohttp.ClientSession
    intake: ASGIApp
    now: datetime = START

    @property
    def url(self) -> str:
        return f"{self.servers.intake_url}/webhooks/alertmanager"

    async def post(self, body: Any, path: str = "/webhooks/alertmanager", **headers: str) -> tuple[int, Any]:
        """Status and JSON of the answer; ``body`` may be bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        url = self.servers.intake_url + path
        async with self.http.post(url, data=io.BytesIO(data), headers=kind, allow_redirects=False) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str, *, inner: bool = False) -> tuple[int, str]:
        url = (self.servers.metrics_url if inner else self.servers.intake_url) + path
        async with self.http.get(url, allow_redirects=False) as answer:
            return answer.status, await answer.text()


async def no_slack() -> dict[str, Any]:
    """Slack can't be reached."""
    return {"connected": 0, "wanted": 1, "rebuilt": 2, "ping_age_seconds": None}


async def opened(store: Store, folder: Path, **changes: str) -> tuple[Door, Cluster]:
    """A door on a store; its cluster can't be reached."""
    settings = settings_for(**changes)
    (folder / "kubeconfig").write_text(AWAY)
    cluster = await Cluster.connect(str(folder / "kubeconfig"), None, 0.5, "fettle/test")
    door: Door

    def clock() -> datetime:
        return door.now

    health = Health(Context(store, cluster, settings, clock, CHANNEL), no_slack)
    intake = webhook.application(store, settings, IntakeRules.of(settings, CHANNEL), clock, health)
    servers = Servers(settings)
    door = Door(store, settings, health, servers, aiohttp.ClientSession(), intake)
    await servers.start(intake, health.application())
    return door, cluster


def lines(path: Path) -> Sequence[bytes]:
    """The bodies of one case, in the order in which they came."""
    return path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]


async def sent_all(store: Store) -> None:
    """Slack has everything: what was owed stands there, with a ts."""

    def send(tx: Tx) -> None:
        tx.execute(
            "UPDATE outbox SET sent_version = version, posted_channel = channel, "
            "posted_ts = CASE WHEN posted_ts = '' THEN '1.' || id ELSE posted_ts END"
        )

    await store.transact(send)
