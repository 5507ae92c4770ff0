"""A secret in a file may be replaced while Fettle runs: each system is shown the new one, over real HTTP."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web

from alerts import auth
from bot import log as logs
from bot.domain.errors import ForbiddenError, RejectedError, SlackUnavailableError, UnavailableError
from bot.domain.page import Page, PageEvent
from bot.domain.redaction import know, redact
from bot.domain.severity import Severity
from bot.integrations.oci import OciRegistry
from bot.integrations.pagerduty import PagerDuty
from bot.integrations.sources import Sources
from bot.sandbox.slack.server import SlackServer
from bot.settings import Settings, load
from bot.slack.client import SlackClient
from tests.patience import PATIENT

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
BASE = {"SLACK_BOT_TOKEN": "xoxb-1-abc", "SLACK_APP_TOKEN": "xapp-1-abc", "KUBECONFIG": "/k"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="here"'}
ASKED: dict[str, Callable[[Sources], Any]] = {
    "PROMETHEUS": lambda of: of.prometheus.instant("up", NOW, within=PATIENT),  # type: ignore[union-attr]
    "ALERTMANAGER": lambda of: of.alertmanager.alerts(within=PATIENT),  # type: ignore[union-attr]
    "LOKI": lambda of: of.loki.instant("sum(x)", NOW, within=PATIENT),  # type: ignore[union-attr]
}


@dataclass
class Guarded:
    """A system that lets in one Authorization header, or one routing key, and says 401 or 400 to others."""

    url: str = ""
    wanted: str = ""
    shown: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Prometheus, Alertmanager and Loki in one."""
        self.shown.append(request.headers.get("Authorization", ""))
        if self.shown[-1] != self.wanted:
            return web.json_response({"status": "error", "error": "who are you"}, status=401, headers=CHALLENGE)
        if request.path.startswith("/api/v2"):
            return web.json_response([])
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})

    async def take(self, request: web.Request) -> web.Response:
        """PagerDuty."""
        self.shown.append((await request.json())["routing_key"])
        fine = self.shown[-1] == self.wanted
        return web.json_response({"message": "Invalid routing key"} if not fine else {}, status=202 if fine else 400)


@asynccontextmanager
async def guarded() -> AsyncIterator[Guarded]:
    made = Guarded()
    app = web.Application()
    app.router.add_post("/v2/enqueue", made.take)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def replaced(file: Path, text: str) -> None:
    """As Kubernetes and Vault do: another file takes its name."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


def settings(file: Path, name: str, text: str, **more: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    environ = {**BASE, f"{name}_FILE": str(file), **more}
    environ.pop(name, None)
    return load(environ, file.parent / "no.env", file.parent / "no.yaml")


@pytest.mark.parametrize("source", ASKED)
async def test_a_token_that_was_replaced_is_shown_after_a_refusal(source: str, tmp_path: Path) -> None:
    async with guarded() as server:
        made = settings(tmp_path / "token", f"{source}_TOKEN", "first\n", **{f"{source}_URL": server.url})
        sources = Sources.of(made)
        server.wanted = "Bearer first"
        await ASKED[source](sources)
        replaced(tmp_path / "token", "second\n")
        server.wanted = "Bearer second"
        await ASKED[source](sources)
        assert server.shown == ["Bearer first", "Bearer first", "Bearer second"]
        await sources.close()


@pytest.mark.parametrize("source", ASKED)
async def test_the_look_that_comes_every_few_seconds_needs_no_refusal(source: str, tmp_path: Path) -> None:
    async with guarded() as server:
        made = settings(tmp_path / "pair", f"{source}_BASIC", "me:first", **{f"{source}_URL": server.url})
        sources = Sources.of(made)
        replaced(tmp_path / "pair", "me:second")
        made.look_at_files()
        server.wanted = f"Basic {base64.b64encode(b'me:second').decode()}"
        await ASKED[source](sources)
        assert server.shown == [server.wanted]
        await sources.close()


async def test_a_refusal_with_the_same_token_is_asked_once_and_said(tmp_path: Path) -> None:
    async with guarded() as server:
        made = settings(tmp_path / "token", "PROMETHEUS_TOKEN", "first", PROMETHEUS_URL=server.url)
        sources = Sources.of(made)
        server.wanted = "Bearer another"
        with pytest.raises(ForbiddenError, match="look at PROMETHEUS_TOKEN"):
            await ASKED["PROMETHEUS"](sources)
        assert server.shown == ["Bearer first"]
        await sources.close()


@pytest.mark.parametrize("text", ["", "two words", "\udcff"], ids=["empty", "no token", "no text"])
async def test_a_file_that_cannot_be_used_leaves_the_old_value_and_is_said_once(text: str, tmp_path: Path) -> None:
    made = settings(tmp_path / "token", "LOKI_TOKEN", "first")
    secret = made.secret("LOKI_TOKEN")
    (tmp_path / "token").write_text(text, encoding="utf-8", errors="surrogateescape")
    with structlog.testing.capture_logs() as said:
        assert [secret.look(whatever=True) for _ in range(3)] == [False] * 3
    assert [(one["setting"], one["log_level"]) for one in said] == [("LOKI_TOKEN", "warning")]
    assert secret.value.get_secret_value() == "first"
    (tmp_path / "token").unlink()
    assert not secret.look()
    (tmp_path / "token").write_text("second", encoding="utf-8")
    assert secret.look()
    assert secret.value.get_secret_value() == "second"


async def test_a_file_that_is_touched_or_written_in_place_is_read_again(tmp_path: Path) -> None:
    made = settings(tmp_path / "token", "LOKI_TOKEN", "first")
    secret = made.secret("LOKI_TOKEN")
    assert not secret.look()
    (tmp_path / "token").write_text("other", encoding="utf-8")
    os.utime(tmp_path / "token", (1, 1))
    assert secret.look()
    assert not secret.look()


async def test_pagerduty_gets_the_key_of_the_file(tmp_path: Path) -> None:
    first, second = "1" * 32, "2" * 32
    page = Page(PageEvent.RESOLVE, "fettle:1", "x", Severity.SEV2, "shop/api", NOW)
    async with guarded() as server:
        made = settings(tmp_path / "keys", "PAGERDUTY_SERVICES", f"shop={first}", PAGERDUTY_URL=server.url)
        pager = PagerDuty(made.PAGERDUTY_URL, made.secret("PAGERDUTY_SERVICES"))
        server.wanted = second
        with pytest.raises(RejectedError, match="look at its routing key"):
            await pager.send("shop", page, within=PATIENT)
        replaced(tmp_path / "keys", f"shop={second},pay={first}")
        with pytest.raises(UnavailableError, match="its key was replaced meanwhile"):
            await pager.send("shop", page, within=PATIENT)
        await pager.send("shop", page, within=PATIENT)
        assert server.shown == [first, first, second]
        assert pager.services == ("shop", "pay")
        await pager.close()


async def test_slack_is_shown_the_bot_token_of_the_file(tmp_path: Path) -> None:
    async with running(SlackServer()) as server:
        made = settings(tmp_path / "bot", "SLACK_BOT_TOKEN", "xoxb-old-1")
        slack = await SlackClient.connect(made.secret("SLACK_BOT_TOKEN"), server.api_url, timeout=PATIENT)
        with pytest.raises(ForbiddenError, match="copy it anew"):
            await slack.whoami()
        replaced(tmp_path / "bot", server.bot_token)
        assert (await slack.whoami()).user_id == server.workspace.bot_user_id
        await slack.close()


@asynccontextmanager
async def running(server: SlackServer) -> AsyncIterator[SlackServer]:
    await server.start()
    yield server
    await server.stop()


async def test_a_sender_with_the_new_webhook_token_is_let_in_and_the_old_one_no_longer(tmp_path: Path) -> None:
    made = settings(tmp_path / "tokens", "WEBHOOK_TOKENS", "token-first")
    guard = auth.Guard(made)
    assert await guard.admitted("Bearer token-first", "10.0.0.1")
    replaced(tmp_path / "tokens", "token-second")
    both = await asyncio.gather(*(guard.admitted("Bearer token-second", "10.0.0.1") for _ in range(5)))
    assert None not in both, "those that come together wait for the same look"
    assert not await guard.admitted("Bearer token-first", "10.0.0.1")
    assert not await guard.admitted("", "10.0.0.1")


async def test_what_was_read_again_is_hidden_in_logs_too(tmp_path: Path) -> None:
    made = settings(tmp_path / "token", "LOKI_TOKEN", "first-secret-word")
    replaced(tmp_path / "token", "plain-looking-second")
    made.look_at_files()
    assert redact("sent plain-looking-second") == "sent [hidden]"
    line = logs.Redaction(())(None, "", {"event": "sent plain-looking-second to Loki"})
    assert line["event"] == "sent [hidden] to Loki"
    know([])


async def test_a_secret_without_a_file_is_never_looked_for() -> None:
    made = load({**BASE, "LOKI_TOKEN": "abc"}, "no.env", "no.yaml")
    assert not made.follows
    assert made.secret("LOKI_TOKEN").value.get_secret_value() == "abc"
    assert not made.secret("LOKI_TOKEN").look(whatever=True)


async def test_what_is_not_slack_is_said_as_ever(tmp_path: Path) -> None:
    async with running(SlackServer()) as server:
        made = settings(tmp_path / "bot", "SLACK_BOT_TOKEN", "xoxb-old-1")
        slack = await SlackClient.connect(made.secret("SLACK_BOT_TOKEN"), f"{server.url}/nowhere/", timeout=PATIENT)
        with pytest.raises(SlackUnavailableError, match="isn't Slack"):
            await slack.whoami()
        await slack.close()


@pytest.mark.parametrize("way", ["token", "password"])
async def test_a_registry_is_shown_what_its_file_holds_now(way: str, tmp_path: Path) -> None:
    async with guarded() as server:
        host = server.url.removeprefix("http://")
        file = tmp_path / "held"
        file.write_text("first\n", encoding="utf-8")
        user = "user=me " if way == "password" else ""
        made = load({**BASE, "REGISTRIES": f"{host} {user}{way}_file={file} insecure=true"}, "no.env", "no.yaml")
        assert made.follows
        registry = OciRegistry(made.REGISTRIES[0])
        shown = {word: _authorization(way, word) for word in ("first", "second")}
        server.wanted = shown["first"]
        await registry.check(within=PATIENT)
        replaced(file, "second\n")
        server.wanted = shown["second"]
        await registry.check(within=PATIENT)
        assert [one for one in server.shown if one] == [shown["first"], shown["first"], shown["second"]]
        assert made.replaced() == [f"REGISTRIES ({host} {way}_file)"]
        await registry.close()


def _authorization(way: str, word: str) -> str:
    return f"Bearer {word}" if way == "token" else f"Basic {base64.b64encode(f'me:{word}'.encode()).decode()}"
