"""A running Slack sandbox, a real Bolt app over real sockets, a client as the bot uses it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer
from tests.patience import PATIENT

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    slack = SlackServer()
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=PATIENT)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield http


@pytest.fixture
def client(server: SlackServer, session: aiohttp.ClientSession) -> AsyncWebClient:
    """The unmodified client without retries, so that each law is about one call."""
    return AsyncWebClient(server.bot_token, base_url=server.api_url, session=session, retry_handlers=[])


class Bolt:
    """A Bolt app connected over Socket Mode."""

    def __init__(self, server: SlackServer, client: AsyncWebClient) -> None:
        async def authorize(**_: Any) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id="T0SANDBOX",
                bot_token=server.bot_token,
                bot_user_id="U0FETTLE",
                bot_id="B0FETTLE",
            )

        self.server = server
        self.app = AsyncApp(name="test", client=client, authorize=authorize)
        self.handlers: list[AsyncSocketModeHandler] = []

    async def connect(self, ping_interval: float = 5) -> AsyncSocketModeHandler:
        """One more Socket Mode connection; returns once the server counts it."""
        wanted = self.server.sockets.connections + 1
        handler = AsyncSocketModeHandler(self.app, self.server.app_token, ping_interval=ping_interval)
        self.handlers.append(handler)
        await handler.connect_async()
        await self.server.wait_connected(wanted)
        return handler

    async def close(self) -> None:
        """Close every connection."""
        for handler in self.handlers:
            with contextlib.suppress(aiohttp.ClientError):
                await handler.close_async()


@pytest.fixture
async def bolt(server: SlackServer, client: AsyncWebClient) -> AsyncIterator[Bolt]:
    running = Bolt(server, client)
    yield running
    await running.close()
