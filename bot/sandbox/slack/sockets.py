"""Socket Mode: tickets, connections, envelopes and their acks, redelivery of events.

A payload goes to one connection, whichever's turn it is; the ack counts by envelope id on any
connection. An interaction is never sent again, an event is (at once, after 1 min, after 5 min).
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.patience import stretched
from bot.sandbox.slack.faults import SocketFaults
from bot.sandbox.slack.models import Json

log = logging.getLogger(__name__)

ACK_SECONDS = 3.0
TICKET_SECONDS = 60.0
MOST_CONNECTIONS = 10
PING_SECONDS = 10.0
CLOSE_SECONDS = 0.5  # how long a closing handshake is waited for
DISCONNECT_GRACE = 1.0
EVENT_RETRIES = (0.0, 60.0, 300.0)


@dataclass
class Ack:
    """The client's answer to an envelope."""

    ms: float
    payload: Json | None


@dataclass
class Envelope:
    """A payload on its way; `answer` is set by the first ack in time."""

    id: str
    body: Json
    sent_at: float
    answer: asyncio.Future[Ack] = field(repr=False)


class Sockets:
    """All Socket Mode connections of the one app."""

    def __init__(self, app_id: str, faults: SocketFaults) -> None:
        self.app_id = app_id
        self.faults = faults
        self.ack_seconds = stretched(ACK_SECONDS)
        self.event_retries: tuple[float, ...] = EVENT_RETRIES
        self.ping_seconds = PING_SECONDS
        self.late_acks: list[str] = []
        self.unknown_acks: list[str] = []
        self.sent: list[Json] = []
        self._connections: list[web.WebSocketResponse] = []
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, Envelope] = {}
        self._over: set[str] = set()
        self._turn = 0
        self._connected = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- connections --------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._connections)

    async def wait_connected(self, count: int = 1, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - callers name the limit
        """Wait until at least `count` connections are open; TimeoutError otherwise."""
        async with asyncio.timeout(stretched(timeout)):
            while self.connections < count:
                self._connected.clear()
                await self._connected.wait()

    def new_ticket(self) -> str:
        """A ticket for one handshake within a minute."""
        ticket = secrets.token_urlsafe(16)
        stale, self.faults.stale = self.faults.stale > 0, max(0, self.faults.stale - 1)
        self._tickets[ticket] = time.monotonic() + (0.0 if stale else TICKET_SECONDS)
        return ticket

    def expire_tickets(self) -> None:
        """Forget every ticket not yet used."""
        self._tickets.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket route /link?ticket=...; a bad ticket gets no handshake."""
        if self.faults.refuse > 0:
            self.faults.refuse -= 1
            return web.Response(status=503, text="refused")
        expiry = self._tickets.pop(request.query.get("ticket", ""), None)
        if expiry is None or expiry <= time.monotonic():
            return web.Response(status=403, text="ticket unknown, used or expired")
        socket = web.WebSocketResponse(autoping=False, max_msg_size=0, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        if len(self._connections) + self.faults.ghosts >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        if isinstance(request.transport, asyncio.Transport):
            self._transports[socket] = request.transport
        await self._serve(socket)
        return socket

    async def _serve(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._connections) + self.faults.ghosts + 1,
                "connection_info": {"app_id": self.app_id},
                "debug_info": {
                    "host": "applink-sandbox",
                    "build_number": 1,
                    "approximate_connection_time": 18060,
                },
            }
        )
        self._connections.append(socket)
        self._connected.set()
        pings = asyncio.create_task(self._ping(socket))
        try:
            await self._read(socket)
        finally:
            pings.cancel()
            self._forget(socket)

    def _forget(self, socket: web.WebSocketResponse) -> None:
        self._transports.pop(socket, None)
        if socket in self._connections:
            self._connections.remove(socket)

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        while True:
            await asyncio.sleep(self.ping_seconds)
            try:
                await socket.ping(b"Ping from applink-sandbox")
            except ConnectionError:
                return  # the reading side notices too and forgets the connection

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                if self.faults.answer_pings:
                    await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._take_ack(message.data)

    def _take_ack(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            log.warning("the app sent something that is no JSON over Socket Mode")
            return
        envelope_id = str(said.get("envelope_id", "")) if isinstance(said, dict) else ""
        envelope = self._waiting.pop(envelope_id, None)
        if envelope is None:
            known = envelope_id in self._over
            (self.late_acks if known else self.unknown_acks).append(envelope_id)
            return
        self._over.add(envelope_id)
        payload = said.get("payload")
        took = (time.monotonic() - envelope.sent_at) * 1000
        if not envelope.answer.done():
            envelope.answer.set_result(Ack(took, payload if isinstance(payload, dict) else None))

    # -- sending ------------------------------------------------------------------------------

    async def deliver(self, kind: str, payload: Json, *, accepts_payload: bool = False) -> Ack | str:
        """Send an interaction or slash command once; its ack, or the error a person would see.

        Errors are "dispatch_failed" (nobody is connected) and "operation_timed_out".
        """
        twice = self.faults.duplicates > 0
        if twice:
            self.faults.duplicates -= 1
        envelope = await self._send(kind, payload, accepts_payload=accepts_payload)
        if envelope is None:
            return "dispatch_failed"
        if twice:
            await self._send(kind, payload, accepts_payload=accepts_payload)
        return await self._wait(envelope) or "operation_timed_out"

    def deliver_event(self, payload: Json) -> None:
        """Send an event in the background, again while it is not acked."""
        self._in_background(self._deliver_event(payload))

    async def _deliver_event(self, payload: Json) -> None:
        copies = 1
        if self.faults.duplicates > 0:
            self.faults.duplicates -= 1
            copies = 2
        for attempt, delay in enumerate((None, *self.event_retries)):
            if delay:
                await asyncio.sleep(delay)
            extra = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            sent = [await self._send("events_api", payload, extra=extra) for _ in range(copies)]
            copies = 1
            envelope = sent[0]
            if envelope is not None and await self._wait(envelope) is not None:
                return

    async def _wait(self, envelope: Envelope) -> Ack | None:
        try:
            async with asyncio.timeout(self.ack_seconds):
                return await envelope.answer
        except TimeoutError:
            self._waiting.pop(envelope.id, None)
            self._over.add(envelope.id)
            return None

    async def _send(
        self,
        kind: str,
        payload: Json,
        *,
        accepts_payload: bool = False,
        extra: Json | None = None,
    ) -> Envelope | None:
        body: Json = {
            "envelope_id": _uuid(),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_payload,
            **(extra or {}),
        }
        while len(self._connections) + self.faults.ghosts:
            self._turn += 1
            turn = self._turn % (len(self._connections) + self.faults.ghosts)
            answer: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
            envelope = Envelope(body["envelope_id"], body, time.monotonic(), answer)
            if turn >= len(self._connections):
                return envelope  # a ghost took it
            socket = self._connections[turn]
            self._waiting[envelope.id] = envelope
            try:
                await socket.send_json(body)
            except ConnectionError:
                self._waiting.pop(envelope.id, None)
                self._forget(socket)
                continue
            self.sent.append(body)
            del self.sent[:-1000]
            return envelope
        return None

    # -- orders -------------------------------------------------------------------------------

    async def disconnect(self, reason: str) -> int:
        """Send a disconnect message everywhere; all but "warning" are followed by a close.

        The close comes a second later, so that a client that reacts has already moved.
        """
        sockets = list(self._connections)
        for socket in sockets:
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}})
            if reason != "warning":
                self._in_background(self._close_later(socket))
        return len(sockets)

    @staticmethod
    async def _close_later(socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(DISCONNECT_GRACE)
        await socket.close()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def abort_all(self) -> int:
        """Reset every connection without a closing handshake."""
        transports = list(self._transports.values())
        for transport in transports:
            transport.abort()
        return len(transports)

    async def close(self) -> None:
        """Stop redelivering and close every connection."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        closing = [socket.close() for socket in self._connections]
        await asyncio.gather(*closing, return_exceptions=True)


def _uuid() -> str:
    raw = secrets.token_hex(16)
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
