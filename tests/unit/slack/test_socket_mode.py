"""The watchdog of the connections outlives whatever a dying connection raises."""
# ruff: noqa: D102 - the methods of the broken handler do what their names say

import asyncio
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot.slack import socket_mode
from bot.slack.socket_mode import Connection, SocketMode
from tests.patience import until


class Broken:
    """A handler whose connection is dead and can't be closed; also its client, and the session of that."""

    message_processor = current_session_monitor = message_receiver = None

    def __init__(self) -> None:
        self.client = self.aiohttp_client_session = self
        self.let_go = False

    async def is_connected(self) -> bool:
        return False

    async def close_async(self) -> None:
        raise aiohttp.ClientConnectionError("reset")

    async def close(self) -> None:
        self.let_go = True


async def test_a_close_that_fails_costs_neither_the_watchdog_nor_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket_mode, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(socket_mode, "DEAD_AFTER", 0.0)
    opened: list[int] = []
    handlers: list[Any] = []

    def reopen(_: SocketMode, connection: Connection) -> None:
        opened.append(connection.number)
        handlers.append(Broken())
        connection.handler = handlers[-1]

    monkeypatch.setattr(SocketMode, "_open", reopen)
    app: Any = None
    sockets = SocketMode(app, "xapp-test", lambda: datetime.now(UTC))
    sockets.start()
    await until(lambda: len(opened) >= 6)
    await sockets.close()
    seen = len(opened)
    await asyncio.sleep(0.05)
    assert all(one.let_go for one in handlers)
    assert len(opened) == seen, "nothing is opened after the close"
