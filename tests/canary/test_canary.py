"""A secret planted wherever Fettle reads turns up nowhere that it writes, over the whole way of an incident.

Looked through are the bytes of every file (the database with its write-ahead log, a copy of it, the log, the audit),
every call to Slack with its uploads, every page that is paged, every request to the cluster, every page over HTTP, and
what each command prints.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random

import aiohttp
import pytest

from bot.sandbox.world import World, WorldOptions

from . import planting
from .outside import Outside, outside
from .places import Canaries

pytestmark = pytest.mark.timeout(540)

PLANTED = {"handlers", "playbooks", "kubeconfig-bot.yaml", "kubeconfig-admin.yaml"}
"""What the test wrote itself."""


class Seen:
    """Everything that came out, by where it came out."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}

    def add(self, where: str, what: str | bytes) -> None:
        """Keeps it."""
        self.parts[where] = self.parts.get(where, b"") + (what if isinstance(what, bytes) else what.encode())

    def folder(self, folder: Path) -> None:
        """The bytes of every file that the bot wrote."""
        for path in sorted(folder.rglob("*")):
            within = path.relative_to(folder)
            if path.is_file() and within.parts[0] not in PLANTED:
                self.add(f"file {within}", path.read_bytes())

    def slack(self, world: World) -> None:
        """What every call to Slack held, uploads too."""
        for call in world.slack_server.calls:
            self.add(f"Slack {call.method}", json.dumps(call.args, ensure_ascii=False, default=str))
        workspace = world.slack_server.workspace
        for one in workspace.files.values():
            self.add("Slack file", one.content or b"")
        for channel in workspace.channels:
            for message in workspace.messages(channel):
                self.add("Slack message", repr(message))

    def cluster(self, world: World) -> None:
        """What the bot asked of the cluster."""
        account = world.cluster_server.access.bot_user
        for one in world.cluster_server.requests:
            if one.user == account:
                self.add(f"cluster {one.verb}", f"{one.path} {one.query} {one.body}")

    def leaks(self, canaries: Canaries) -> dict[str, list[str]]:
        """Where a canary turned up, and which."""
        return {where: found for where, what in self.parts.items() if (found := canaries.found(what))}


@pytest.fixture
async def around() -> AsyncIterator[Outside]:
    async with outside(Canaries(Random("canary"))) as told:  # noqa: S311 - the same secrets again, to look for
        yield told


async def pages(world: World, seen: Seen, canaries: Canaries) -> None:
    """What the doors show, to whoever has a token and to whoever has a wrong one."""
    wrong = {"Authorization": f"Bearer {canaries.core('wrong bearer')}"}
    query = f"?token={canaries.core('query of a request')}"
    async with aiohttp.ClientSession() as session:
        for url in (
            f"{world.bot.url}/healthz", f"{world.bot.url}/readyz", f"{world.bot.url}/nowhere",
            f"{world.bot.status_url}/status", f"{world.bot.status_url}/metrics",
        ):  # fmt: skip
            async with session.get(url + query) as got:
                seen.add(f"page {url.rsplit('/', 1)[1]}", await got.text())
        for body in (b"{", json.dumps({"a": canaries.all("garbage")}).encode()):
            for headers in (wrong, {"Authorization": f"Bearer {world.webhook_token}"}):
                async with session.post(
                    f"{world.bot.url}/webhooks/alertmanager{query}", data=body, headers=headers
                ) as got:
                    seen.add("webhook's answer", await got.text())


async def commands(world: World, seen: Seen, canaries: Canaries) -> None:
    """What each command prints, and the copy that one of them makes."""
    copy = world.folder / "copy.db"
    for words in (
        ("audit", "list", "--limit", "0"), ("audit", "list", "--json", "--limit", "0"), ("audit", "verify"),
        ("audit", "export", "--format", "csv"), ("audit", "export", "--format", "jsonl"), ("doctor",),
        ("doctor", "--json"), ("store", "backup", str(copy)), ("playbooks", "list"), ("run",),
        ("freeze", "on", "--reason", canaries.all("reason to freeze")), ("freeze", "off"),
    ):  # fmt: skip
        code, told = await world.fettle(*words)
        assert "Traceback" not in told
        assert "No such option" not in told, told
        assert "No such command" not in told, told
        seen.add(f"fettle {' '.join(words[:2])} ({code})", told)
    assert copy.is_file()
    assert b"verification:verdict:given" in seen.parts["fettle audit list (0)"], "the way was gone to its end"


async def incident(world: World, canaries: Canaries) -> None:
    """Alert, card, evidence, approval, verification, resolved."""
    body = planting.alert(world, canaries)
    assert (await world.alertmanager.send(body)).accepted
    assert (await world.alertmanager.send(planting.poison(canaries))).status in {200, 400}
    card = await world.slack.expect_card("shop/api", buttons=["Approve"])
    await world.slack.expect_thread(card, "three in shop", within=30)
    await card.click("Approve", by="ana")
    await card.expect("approved by @ana", "PASS", buttons=["Resolve"], within=60)
    assert (await world.alertmanager.send(planting.resolved(body))).accepted
    await card.expect("Resolved", within=30)


async def people(world: World, canaries: Canaries) -> None:
    """What people type: a wrong word, a title, a reason."""
    told = canaries.all
    await world.slack.slash("ana", f"/incident {canaries.text('unknown word', 'github')}")
    await world.slack.slash("ana", f"/restart {canaries.text('unknown workload', 'slack')}")
    await world.slack.slash("ana", f"/verify shop/{canaries.text('unknown target', 'github')}")
    await world.slack.slash("ana", "/incident new")
    await world.slack.submit("ana", {"What": f"Orders fail: {canaries.text('title')}"})
    await world.slack.expect_card("Orders fail")
    await world.slack.slash("ana", f"/incident resolve 2 seen {told('reason in a command')}")
    await world.fire("KubePodCrashLooping", "shop/web")
    card = await world.slack.expect_card("shop/web", buttons=["Reject"])
    await card.click("Reject", by="li")
    await world.slack.submit("li", {"Reason": f"No: {told('reason to reject')}"})
    await card.expect("Rejected")


async def failing(world: World, around: Outside, canaries: Canaries) -> None:
    """Every source fails with a secret in its error, and so does a handler; the cluster's errors hold one too."""
    planting.pods(world, canaries, errors=True)
    around.failing = True
    body = planting.alert(world, canaries, "KubeJobFailed")
    body["groupKey"] = f"{body['groupKey']}/failing"
    body["alerts"][0]["fingerprint"] = "c0ffee9876543210"
    assert (await world.alertmanager.send(body)).accepted
    card = await world.slack.expect_card("KubeJobFailed")
    await world.slack.expect_thread(card, "The handler failed", within=30)


async def test_a_planted_secret_turns_up_nowhere(tmp_path: Path, measuring: Mapping[str, str], around: Outside) -> None:
    canaries = around.canaries
    settings = {
        **around.settings(),
        "HANDLERS_DIR": str(planting.handlers(tmp_path / "handlers", canaries)),
        "PLAYBOOKS_DIR": str(planting.playbooks(tmp_path / "playbooks")),
        "LOG_LEVEL": "debug",
    }
    seen = Seen()
    async with World(tmp_path, WorldOptions(settings=settings, extra=measuring)) as world:
        for name, secret in (
            ("bot token", world.slack_server.bot_token), ("app token", world.slack_server.app_token),
            ("webhook token", world.webhook_token), ("cluster token", world.cluster_server.bot_token),
        ):  # fmt: skip
            canaries.cores[name] = secret
        planting.cluster(world, canaries)
        await world.start_bot()
        world.cluster.crash_loop("shop", "api", pods=3)
        planting.pods(world, canaries, errors=False)
        await incident(world, canaries)
        world.cluster.crash_loop("shop", "web", pods=2)
        await people(world, canaries)
        await failing(world, around, canaries)
        await asyncio.sleep(1)
        await pages(world, seen, canaries)
        await commands(world, seen, canaries)
        seen.folder(tmp_path)  # while it runs: the write-ahead log is there
        seen.slack(world)
        seen.cluster(world)
        await world.bot.stop()
        seen.folder(tmp_path)
        requests = list(world.cluster_server.requests)
    seen.add("PagerDuty", "\n".join(around.paged))
    assert not seen.leaks(canaries)
    assert around.paged
    assert {"/prometheus/api/v1/query_range"} <= set(around.asked)
    assert any(path.startswith("/loki/") for path in around.asked)
    told = {where for where in seen.parts if seen.parts[where]}
    assert {"file fettle.db", "file bot.log", "file audit.jsonl", "file copy.db", "Slack chat.postMessage"} <= told
    assert b"[hidden]" in seen.parts["Slack chat.postMessage"]
    assert len(canaries.cores) > 60
    of_the_bot = [one for one in requests if one.user == world.cluster_server.access.bot_user]
    assert len(of_the_bot) > 20
    assert not [one.path for one in of_the_bot if "secrets" in one.path or one.resource == "secrets"]
