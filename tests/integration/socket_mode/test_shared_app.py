"""Another program with the same app-level token is noticed, and noticed to be gone, without losing a press."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer
from bot.slack import socket_mode
from bot.slack.client import SlackClient
from bot.slack.socket_mode import SocketMode
from tests.patience import PATIENT, until


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    slack = SlackServer()
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
async def sockets(server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SocketMode]:
    """Fettle's two connections, with minutes as tenths of a second."""
    for name, seconds in (("LOOK_EVERY", 0.05), ("RECOUNT_AFTER", 0.3), ("RECOUNT_AGAIN", 0.5)):
        monkeypatch.setattr(socket_mode, name, seconds)

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0SANDBOX", bot_token=server.bot_token)

    app = AsyncApp(name="test", client=AsyncWebClient(server.bot_token, base_url=server.api_url), authorize=authorize)
    app.command("/incident")(_ack)
    made = SocketMode(app, server.app_token, lambda: datetime.now(UTC))
    yield made
    await made.close()


async def _ack(ack: Any) -> None:
    await ack()


async def test_alone_nothing_is_said(server: SlackServer, sockets: SocketMode) -> None:
    with structlog.testing.capture_logs() as logs:
        sockets.start()
        await server.wait_connected(2)
        await until(lambda: sockets._announced == 2)
        await asyncio.sleep(0.5)
    assert (await sockets.health()).others == 0
    assert logs == []


async def test_another_program_that_stays_is_told_once_and_so_is_its_end(
    server: SlackServer, sockets: SocketMode
) -> None:
    server.faults.ghosts(1)
    with structlog.testing.capture_logs() as logs:
        sockets.start()
        await until(lambda: bool(logs))
        await asyncio.sleep(0.8)
        assert (await sockets.health()).others == 1
        assert [one["log_level"] for one in logs] == ["warning"], "it is said once, however often it is counted"
        assert "Slack counts 1 connection of this app besides Fettle's" in logs[0]["event"]
        server.faults.clear()
        await until(lambda: len(logs) == 2)
    assert logs[1]["event"] == "no other program is connected with Fettle's app any more"
    assert (await sockets.health()).connected == 2


async def test_a_killed_ones_connection_that_goes_away_is_never_called_another_programs(
    server: SlackServer, sockets: SocketMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "RECOUNT_AFTER", 3600.0)
    server.faults.ghosts(1)
    with structlog.testing.capture_logs() as logs:
        sockets.start()
        await until(lambda: sockets._others == 1)
        server.faults.clear()
        monkeypatch.setattr(socket_mode, "RECOUNT_AFTER", 0.3)
        await until(lambda: sockets._others == 0)
    assert logs == []


async def test_the_new_connection_is_up_before_the_old_one_ends(server: SlackServer, sockets: SocketMode) -> None:
    sockets.start()
    await server.wait_connected(2)
    seen = []
    for _ in range(4):
        again = asyncio.create_task(sockets._recount())
        while not again.done():
            seen.append(server.sockets.connections)
            await asyncio.sleep(0)
        await again
        assert (await server.slash("U0ANA", "C0ONCALL", "/incident")).error is None
    assert (min(seen), max(seen)) == (2, 3)


async def test_a_count_that_nobody_answers_leaves_the_connections_as_they_are(
    server: SlackServer, sockets: SocketMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "GREETED_WITHIN", 0.2)
    sockets.start()
    await server.wait_connected(2)
    server.faults.error("apps.connections.open", "internal_error")
    before = list(sockets._connections)
    await sockets._recount()
    assert sockets._connections == before
    assert (await sockets.health()).connected == 2


async def test_a_greeting_of_a_moment_counts_and_leaves_nothing_behind(server: SlackServer) -> None:
    server.faults.ghosts(2)
    client = await SlackClient.connect(server.bot_token, server.api_url, PATIENT)
    greeting = await client.greeting(server.app_token)
    await client.close()
    assert (greeting.connections, greeting.app_id) == (3, server.workspace.app_id)
    await until(lambda: server.sockets.connections == 0)


async def test_a_connection_whose_close_is_never_answered_leaves_nothing_behind(
    server: SlackServer, sockets: SocketMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client lets go of its sockets and tasks only after Slack's answer to the close."""
    monkeypatch.setattr(socket_mode, "CLOSE_WITHIN", 0.1)
    sockets.start()
    await until(lambda: sockets._announced == 2)
    clients: list[Any] = [one.handler.client for one in sockets._connections if one.handler is not None]
    for transport in server.sockets._transports.values():
        transport.pause_reading()
    with structlog.testing.capture_logs() as logs:
        await sockets.close()
    assert [one["event"] for one in logs] == ["a Slack connection didn't close in time"] * 2
    assert [client.aiohttp_client_session.closed for client in clients] == [True, True]
    await until(lambda: all(client.message_processor.done() for client in clients))
    await until(lambda: all(client.message_receiver.done() for client in clients))
    await until(lambda: all(client.current_session_monitor.done() for client in clients))


async def test_a_connection_that_ends_while_it_is_made_is_let_go(
    sockets: SocketMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little time there is for it: an open answer of Slack's would be found as garbage, some time later."""
    monkeypatch.setattr(socket_mode, "CLOSE_WITHIN", 0.0)
    for _ in range(20):
        sockets._closed = False
        sockets.start()
        clients: list[Any] = [one.handler.client for one in sockets._connections if one.handler is not None]
        await until(lambda: any(one.current_session is not None for one in clients))  # noqa: B023 - called at once
        await sockets.close()
        opened = [one.current_session for one in clients if one.current_session is not None]
        assert [one._response.connection for one in opened] == [None] * len(opened)
