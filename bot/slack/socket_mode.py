"""Socket Mode connections with a watchdog: how presses and commands arrive, without a public address.

Two connections in one process close the hole in which Slack's client closes the old socket before it opens the next.
The client retries one ticket for ever and never renews it, so a connection that isn't alive for 30 s is thrown away
and built anew. This module refuses to look into envelopes; Bolt does that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0
DEAD_AFTER = 30.0
CLOSE_WITHIN = 3.0
PING_EVERY = 5.0


@dataclass
class Connection:
    """One place that holds a connection, through however many handlers it takes."""

    number: int
    handler: AsyncSocketModeHandler | None = None
    connecting: asyncio.Task[None] | None = None
    dead_since: float | None = None
    rebuilt: int = 0


@dataclass(frozen=True)
class Health:
    """``connected`` of ``wanted`` are up; ``ping_age`` is the oldest pong in seconds, None before the first.

    ``announced`` is the newest ``hello.num_connections``: more than ours means that another program shares the app.
    """

    connected: int
    wanted: int
    rebuilt: int
    ping_age: float | None
    announced: int


@dataclass
class SocketMode:
    """The connections of one app. ``start`` returns at once; connecting goes on in the background."""

    app: AsyncApp
    app_token: str
    clock: Callable[[], datetime]
    wanted: int = 2
    _connections: list[Connection] = field(default_factory=list)
    _watchdog: asyncio.Task[None] | None = None
    _announced: int = 0
    _closed: bool = False

    def start(self) -> None:
        """Opens the connections and the watchdog in the running loop."""
        self._connections = [Connection(number) for number in range(self.wanted)]
        for connection in self._connections:
            self._open(connection)
        self._watchdog = asyncio.create_task(self._watch(), name="socket-mode-watchdog")

    def _open(self, connection: Connection) -> None:
        quiet = logging.getLogger("slack_sdk.socket_mode")
        handler = AsyncSocketModeHandler(self.app, self.app_token, logger=quiet, ping_interval=PING_EVERY)
        handler.client.message_listeners.append(self._hello)
        connection.handler = handler
        # connect() never returns while the token or the network is bad: it must not be awaited here.
        connection.connecting = asyncio.create_task(_connect(handler), name=f"socket-mode-{connection.number}")

    async def _hello(self, _client: object, message: dict[str, object], _raw: str | None) -> None:
        if message.get("type") == "hello":
            number = message.get("num_connections")
            self._announced = number if isinstance(number, int) else 0

    async def _watch(self) -> None:
        while not self._closed:
            await asyncio.sleep(LOOK_EVERY)
            for connection in self._connections:
                try:
                    await self._look(connection)
                except Exception:  # the loop's edge: whatever a dying connection raises, the next look must come
                    log.exception("a look at a Slack connection failed; it is looked at again")

    async def _look(self, connection: Connection) -> None:
        if connection.handler is not None and await connection.handler.client.is_connected():
            connection.dead_since = None
            return
        now = time.monotonic()
        connection.dead_since = connection.dead_since or now
        if now - connection.dead_since < DEAD_AFTER:
            return
        log.warning("a Slack connection was dead for 30 s; building a new one", connection=connection.number)
        connection.rebuilt += 1
        connection.dead_since = None
        try:
            await _close(connection)
        finally:
            # A close that fails must not cost the next connection; one that ends with us needs none.
            if not self._closed:
                self._open(connection)

    async def health(self) -> Health:
        """How the connections stand now."""
        handlers = [connection.handler for connection in self._connections if connection.handler is not None]
        alive = [await handler.client.is_connected() for handler in handlers]
        pongs = [handler.client.last_ping_pong_time for handler in handlers if handler.client.last_ping_pong_time]
        # The client keeps wall-clock seconds, so the age is taken against our wall clock.
        age = max(0.0, self.clock().timestamp() - min(pongs)) if pongs else None
        rebuilt = sum(connection.rebuilt for connection in self._connections)
        return Health(sum(alive), self.wanted, rebuilt, age, self._announced)

    async def close(self) -> None:
        """Takes no more envelopes; each connection gets a moment to close."""
        self._closed = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        closing = (_close(connection) for connection in self._connections)
        for problem in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(problem, Exception):
                log.info("a Slack connection didn't close cleanly", error=repr(problem))


async def _connect(handler: AsyncSocketModeHandler) -> None:
    await handler.connect_async()


async def _close(connection: Connection) -> None:
    if connection.connecting is not None:
        connection.connecting.cancel()
    handler = connection.handler
    connection.handler = None
    if handler is None:
        return
    try:
        async with asyncio.timeout(CLOSE_WITHIN):
            await handler.close_async()
    except (TimeoutError, OSError, asyncio.CancelledError):
        log.info("a Slack connection didn't close in time", connection=connection.number)
