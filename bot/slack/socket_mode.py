"""Socket Mode connections with a watchdog: how presses and commands arrive, without a public address.

Two connections in one process close the hole in which Slack's client closes the old socket before it opens the next.
The client retries one ticket for ever and never renews it, so a connection that isn't alive for 30 s is thrown away
and built anew. Slack greets each connection with how many the app has: more than ours are another program's, which
takes presses away. This module refuses to look into envelopes; Bolt does that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from bot.secret_file import Secret, text
from bot.slack.sharing import shared

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0
DEAD_AFTER = 30.0
CLOSE_WITHIN = 3.0
PING_EVERY = 5.0
RECOUNT_AFTER = 60.0
"""Seconds after which connections that aren't ours are counted again, before they are called another program's.

Slack counts a connection whose client was killed, or ours of before a reconnect, for a little longer.
"""
RECOUNT_AGAIN = 600.0
"""The same while another program is there.

While there is none nothing is counted again before Slack makes us reconnect, every few hours: a press that is on its
way to a connection when it is renewed may be lost, and only where presses are lost anyway is that a fair price.
"""
GREETED_WITHIN = 10.0


@dataclass
class Connection:
    """One place that holds a connection, through however many handlers it takes."""

    number: int
    handler: AsyncSocketModeHandler | None = None
    connecting: asyncio.Task[None] | None = None
    dead_since: float | None = None
    rebuilt: int = 0
    greeted: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Health:
    """``connected`` of ``wanted`` are up; ``ping_age`` is the oldest pong in seconds, None before the first.

    ``announced`` is the newest ``hello.num_connections``, ``others`` how many of those were not ours, ``counted_ago``
    the seconds since it was heard.
    """

    connected: int
    wanted: int
    rebuilt: int
    ping_age: float | None
    announced: int
    others: int = 0
    counted_ago: float = 0.0


@dataclass
class SocketMode:
    """The connections of one app. ``start`` returns at once; connecting goes on in the background."""

    app: AsyncApp
    app_token: str | Secret
    clock: Callable[[], datetime]
    wanted: int = 2
    _connections: list[Connection] = field(default_factory=list)
    _watchdog: asyncio.Task[None] | None = None
    _spare: Connection | None = None
    _announced: int = 0
    _others: int = 0
    _others_since: float | None = None
    _counted: float = 0.0
    _warned: bool = False
    _closed: bool = False

    def start(self) -> None:
        """Opens the connections and the watchdog in the running loop."""
        self._connections = [Connection(number) for number in range(self.wanted)]
        for connection in self._connections:
            self._open(connection)
        self._watchdog = asyncio.create_task(self._watch(), name="socket-mode-watchdog")

    def _open(self, connection: Connection) -> None:
        quiet = logging.getLogger("slack_sdk.socket_mode")
        handler = AsyncSocketModeHandler(self.app, text(self.app_token), logger=quiet, ping_interval=PING_EVERY)
        handler.client.message_listeners.append(partial(self._hello, connection))
        connection.handler = handler
        # connect() never returns while the token or the network is bad: it must not be awaited here.
        connection.connecting = asyncio.create_task(_connect(handler), name=f"socket-mode-{connection.number}")

    async def _hello(
        self, connection: Connection, _client: object, message: dict[str, object], _raw: str | None
    ) -> None:
        if message.get("type") != "hello":
            return
        number = message.get("num_connections")
        self._announced = number if isinstance(number, int) else 0
        known = [*self._connections, *([self._spare] if self._spare is not None else [])]
        ours = [one.handler for one in known if one.handler is not None]
        alive = sum([await handler.client.is_connected() for handler in ours])
        self._others = max(0, self._announced - alive)
        self._counted = time.monotonic()
        self._tell(alive)
        connection.greeted.set()

    def _tell(self, ours: int) -> None:
        """Says it once when another program has stayed, and once when it has gone."""
        if not self._others:
            if self._warned:
                log.info("no other program is connected with Fettle's app any more")
            self._others_since, self._warned = None, False
            return
        self._others_since = self._others_since or self._counted
        if not self._warned and self._counted - self._others_since >= RECOUNT_AFTER:
            self._warned = True
            log.warning(shared(self._others, ours), announced=self._announced)

    async def _watch(self) -> None:
        while not self._closed:
            await asyncio.sleep(LOOK_EVERY)
            for connection in self._connections:
                try:
                    await self._look(connection)
                except Exception:  # the loop's edge: whatever a dying connection raises, the next look must come
                    log.exception("a look at a Slack connection failed; it is looked at again")
            pause = RECOUNT_AGAIN if self._warned else RECOUNT_AFTER
            if self._others and time.monotonic() - self._counted >= pause:
                await self._recount()

    async def _recount(self) -> None:
        """Renews a connection to hear the number again; the new one is up before the old one ends."""
        old = self._connections[0]
        self._spare = Connection(old.number, rebuilt=old.rebuilt)
        self._open(self._spare)
        try:
            async with asyncio.timeout(GREETED_WITHIN):
                await self._spare.greeted.wait()
        except TimeoutError:
            self._counted = time.monotonic()  # no word: asked again at the next turn
            old = self._spare
        else:
            self._connections[0] = self._spare
        self._spare = None
        try:
            await _close(old)
        except Exception:  # the loop's edge, as above
            log.exception("a Slack connection that was replaced didn't close")

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
        ago = time.monotonic() - self._counted if self._counted else 0.0
        return Health(sum(alive), self.wanted, rebuilt, age, self._announced, self._others, ago)

    async def close(self) -> None:
        """Takes no more envelopes; each connection gets a moment to close."""
        self._closed = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        closing = (_close(one) for one in (*self._connections, self._spare) if one is not None)
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
    finally:
        await _let_go(handler)


async def _let_go(handler: AsyncSocketModeHandler) -> None:
    """Ends what the client ends only after Slack answered the close: its tasks, and the session with its sockets."""
    client = handler.client
    for task in (client.message_processor, client.current_session_monitor, client.message_receiver):
        if task is not None:
            task.cancel()
    await client.aiohttp_client_session.close()
    if client.current_session is not None:  # its socket is closed by now; without this its connection stays open
        await client.current_session.close()
